/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/clientca.h - which client certificates a site asks for and trusts.
 *
 * A session ticket carries a client certificate past the checks that a full handshake
 * makes, so clientca_still_good repeats them (validity period, issuer, revocation) when
 * a ticket comes back; certs/tlsctx answers "no" with a full handshake. The ticket keys
 * depend on clientca_id: another CA file, revocation list or mode makes old tickets void.
 *
 * Ownership  clientca_open copies what it is given.
 * Errors     0 or -1, with a sentence in `why` that names the file and what to do.
 * Threads    read-only after opening; may be shared.
 */
#ifndef WARIFU_CERTS_CLIENTCA_H
#define WARIFU_CERTS_CLIENTCA_H

#include "certs/store.h"

struct ssl_st;
struct ssl_session_st;
struct clientca;

enum { CLIENTCA_ID_LEN = 32 };

enum clientca_mode { CLIENTCA_OFF, CLIENTCA_OPTIONAL, CLIENTCA_REQUIRED };

/* `ca` is PEM with one or more CA certificates; `crl` is PEM or has n == 0. */
int clientca_open(struct clientca **out, enum clientca_mode mode,
		  const struct certs_blob *ca, const struct certs_blob *crl, char *why,
		  size_t cap);

/* From when to when there is a valid revocation list of everybody; ends INT64_MAX: forever. */
struct clientca_lists {
	int64_t from;
	int64_t ends;
};

/* Whether each CA has a list here that it signed: without one, nobody whom it certified gets
 * in. `crl` names the file in the sentence. */
int clientca_lists(const struct clientca *c, const char *crl, struct clientca_lists *out,
		   char *why, size_t cap);

void clientca_close(struct clientca *c);

/* The trust store and the list of CA names that the handshake sends. */
int clientca_apply(const struct clientca *c, struct ssl_ctx_st *ctx);

/* The verification mode on one connection; NULL asks for no certificate. */
void clientca_demand(const struct clientca *c, struct ssl_st *ssl);

/* SHA-256 over mode, CA file and revocation list; zeros for NULL. */
void clientca_id(const struct clientca *c, uint8_t out[CLIENTCA_ID_LEN]);

/* Whether a resumed session's client certificate would pass a full handshake now. */
bool clientca_still_good(const struct clientca *c, const struct ssl_session_st *sess);

#endif
