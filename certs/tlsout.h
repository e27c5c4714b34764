/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/tlsout.h - TLS towards backends: a client context that verifies by default.
 *
 * One context per upstream. tlsout_prepare sets what belongs to one connection: the name
 * to send (SNI) and to verify. A host that is an address in digits is verified as an IP
 * address and sends no SNI. Resumption is off: pooled connections live long.
 *
 * Ownership  copies what it is given.
 * Errors     0 or -1, with a sentence in `why` that names the file and what to do.
 * Threads    a tlsout is read-only and may be shared.
 */
#ifndef WARIFU_CERTS_TLSOUT_H
#define WARIFU_CERTS_TLSOUT_H

#include "certs/store.h"

struct ssl_ctx_st;
struct ssl_st;
struct tlsout;

struct tlsout_opt {
	struct certs_blob ca; /* PEM to trust; n == 0: reads tlsout_system_ca() */
	const struct certs_pair *ident; /* our client certificate, or NULL */
	const char *verify_host;	/* to send and to verify */
	bool insecure;			/* no verification at all: the admin wrote so */
	const uint8_t *alpn;		/* wire form; NULL: none */
	size_t alpn_n;
};

/* The file with the system's trusted CAs, for the process that may read files. */
const char *tlsout_system_ca(void);

int tlsout_open(struct tlsout **out, const struct tlsout_opt *opt, char *why, size_t cap);

void tlsout_close(struct tlsout *t);

struct ssl_ctx_st *tlsout_ctx(const struct tlsout *t);

/* For each SSL made from tlsout_ctx, before its handshake. */
int tlsout_prepare(const struct tlsout *t, struct ssl_st *ssl);

/* Why the peer's certificate was not accepted, or "" if it was. */
const char *tlsout_verdict(const struct ssl_st *ssl);

#endif
