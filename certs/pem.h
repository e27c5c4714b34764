/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/pem.h - certificates and keys out of PEM bytes, checked; for certs/ only.
 *
 * Ownership  what is returned is the caller's (X509_free, EVP_PKEY_free, ...).
 * Units      seconds since 1970.
 * Errors     0 or -1, with a sentence in `why` that names the file and what to do.
 * Threads    pure.
 */
#ifndef WARIFU_CERTS_PEM_H
#define WARIFU_CERTS_PEM_H

#include "certs/store.h"

struct x509_st;
struct evp_pkey_st;
struct stack_st_X509;
struct x509_store_st;
struct asn1_string_st;

/* A chain whose every certificate was issued by the next one. */
int pem_identity(const struct certs_blob *b, struct x509_st **leaf,
		 struct stack_st_X509 **rest, char *why, size_t cap);

/* As pem_identity, and the first certificate may be used by servers. */
int pem_chain(const struct certs_blob *b, struct x509_st **leaf,
	      struct stack_st_X509 **rest, char *why, size_t cap);

/* A private key without passphrase that belongs to `leaf`. */
int pem_key(const struct certs_blob *b, struct x509_st *leaf, const char *leaf_file,
	    struct evp_pkey_st **key, char *why, size_t cap);

/* Loads a chain and its key into a context, as a server's or a client's. */
int pem_use(const struct certs_pair *p, bool server, struct ssl_ctx_st *ctx, char *why,
	    size_t cap);

/* Adds all certificates to a trust store. */
int pem_trust(const struct certs_blob *b, struct x509_store_st *store, char *why,
	      size_t cap);

/* Adds all revocation lists to a trust store; from then on each certificate of a chain needs
 * one that is valid. */
int pem_crl(const struct certs_blob *b, struct x509_store_st *store, char *why,
	    size_t cap);

/* Whether a certificate is for this host, "*.example", or address in digits. */
bool pem_covers(struct x509_st *leaf, const char *host);

bool pem_is_ip(const char *host);

/* 0 if there is none. */
int64_t pem_seconds(const struct asn1_string_st *t);
int64_t pem_not_before(struct x509_st *x);
int64_t pem_not_after(struct x509_st *x);

/* True if the only certificate names an issuer to be fetched: likely one is missing. */
bool pem_looks_incomplete(struct x509_st *leaf, struct stack_st_X509 *rest);

#endif
