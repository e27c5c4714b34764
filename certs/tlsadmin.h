/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/tlsadmin.h - TLS towards administrators and auditors: one certificate, and a
 * client certificate demanded of everybody.
 *
 * The profile is that of certs/tlsctx.h but for tickets, of which there are none: each
 * connection proves its certificate anew, so that a revoked one is out at once.
 *
 * Ownership  *out is the caller's (tlsadmin_close); files are only read.
 * Units      seconds since 1970.
 * Errors     0 or -1, with a sentence in `why` that names the file and what to do.
 * Threads    pure but for the file system.
 */
#ifndef WARIFU_CERTS_TLSADMIN_H
#define WARIFU_CERTS_TLSADMIN_H

#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;

struct tlsadmin_files {
	const char *chain;     /* PEM */
	const char *key;       /* PEM, readable by its owner alone */
	const char *client_ca; /* PEM: who may issue client certificates */
	const char *crl;       /* PEM: revocation lists of all of them, or NULL */
};

/* From when to when all of the chain holds, and the revocation lists; without lists 0. */
struct tlsadmin_dates {
	int64_t from;
	int64_t ends;
	int64_t crl_from;
	int64_t crl_ends;
};

int tlsadmin_open(struct ssl_ctx_st **out, const struct tlsadmin_files *files,
		  struct tlsadmin_dates *dates, char *why, size_t cap);

/* NULL is allowed. */
void tlsadmin_close(struct ssl_ctx_st *ctx);

#endif
