/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/store.h - certificate chains and private keys, and the choice by server name.
 *
 * A store holds all sites of one snapshot and never changes: a reload builds a new one.
 * The process that meets the network opens no files, so everything is loaded from
 * memory (certs/certfile.h reads files, for the supervisor and for `warifu check`).
 *
 * A site has hosts ("app.example", "*.app.example", "192.0.2.1") and pairs of chain and
 * key, of different key types (ECDSA beside RSA) or for different hosts. Each host is
 * served by the first pair of each key type whose certificate names it; hosts that are
 * served by the same pairs are one *variant* of the site.
 *
 * Errors are what would make every browser fail: key and chain do not match, chain out
 * of order, a host that no certificate names, one host at two sites; and a pair that
 * serves no host. Warnings are what time or taste decide: expired, not yet valid, soon
 * to expire, a chain that looks incomplete.
 *
 * Ownership  certs_open copies all it needs; keys are wiped by certs_close. Pointers
 *            returned by a store live as long as the store.
 * Units      seconds since 1970.
 * Errors     0 or -1, with a sentence in `why` that names the file and what to do.
 * Threads    a store is read-only and may be shared.
 * Not here   contexts and handshakes: certs/tlsctx.h.
 */
#ifndef WARIFU_CERTS_STORE_H
#define WARIFU_CERTS_STORE_H

#include "certs/certfile.h"

struct ssl_ctx_st;
struct certs;

enum { CERTS_PAIRS_MAX = 16, CERTS_WHY = 320 };

/* What certs_pick answers besides a site's index. */
enum { CERTS_NO_NAME = -1, CERTS_UNKNOWN_NAME = -2 };

struct certs_pair {
	struct certs_blob chain; /* PEM: the leaf first, then each one's issuer */
	struct certs_blob key;	 /* PEM, without passphrase */
};

struct certs_site {
	const char *name;
	const char *const *hosts;
	size_t n_hosts;
	const struct certs_pair *pairs;
	size_t n_pairs;
};

struct certs_opt {
	int64_t now;
	int default_site; /* for clients that send no server name; -1: refuse them */
};

struct certs_expiry {
	int64_t not_after;
	size_t site;
	const char *site_name;
	const char *file;
};

int certs_open(struct certs **out, const struct certs_site *sites, size_t n,
	       const struct certs_opt *opt, char *why, size_t cap);

/* Wipes and frees; NULL is allowed. */
void certs_close(struct certs *c);

size_t certs_sites(const struct certs *c);

const char *certs_site_name(const struct certs *c, size_t site);

/* Warning number i in the order found, or NULL past the last. */
const char *certs_warning(const struct certs *c, size_t i);

/* The site for a server name as it came (n == 0: none was sent): an exact host first,
 * then a wildcard of one label; letters folded, one trailing dot dropped. *variant gets
 * the site's variant. */
int certs_pick(const struct certs *c, const uint8_t *sni, size_t n, size_t *variant);

/* How many variants a site has: at least one. */
size_t certs_variants(const struct certs *c, size_t site);

/* Loads the pairs of one variant into a context. */
int certs_use(const struct certs *c, size_t site, size_t variant, struct ssl_ctx_st *ctx,
	      char *why, size_t cap);

/* Number i of all pairs of all sites, false past the last; not_after is the first end in its
 * chain. */
bool certs_expiry_of(const struct certs *c, size_t i, struct certs_expiry *out);

/* How near the end is: 0 more than 30 days, 1 within 30, 2 within 14, 3 within 3, 4 over.
 */
int certs_expiry_level(int64_t not_after, int64_t now);

#endif
