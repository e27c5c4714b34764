/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/devca.h - certificates made in memory for tests, good and bad ones.
 *
 * Memory is only given back where a test says so; processes are short.
 */
#ifndef WARIFU_TESTS_DEVCA_H
#define WARIFU_TESTS_DEVCA_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certs/store.h"

struct devca {
	X509 *cert;
	EVP_PKEY *key;
};

struct devca_opt {
	const char *name;
	const char *san; /* "DNS:a.example,IP:192.0.2.1", or NULL */
	const char *eku; /* or NULL */
	const char *aia; /* or NULL */
	int rsa_bits;	 /* 0: EC P-256 */
	long from, to;	 /* seconds from now; 0, 0: a year */
	int is_ca;
};

static inline void
devca_must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "devca: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static inline void
devca_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (value == NULL)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	devca_must(e != NULL && X509_add_ext(x, e, -1), value);
	X509_EXTENSION_free(e);
}

/* issuer NULL: signed by itself. */
static inline struct devca
devca_make(const struct devca *issuer, const struct devca_opt *o)
{
	static long serial = 1;
	struct devca d;
	X509_NAME *name;
	X509 *by;

	d.key = o->rsa_bits ? EVP_RSA_gen((unsigned)o->rsa_bits) : EVP_EC_gen("P-256");
	d.cert = X509_new();
	devca_must(d.key != NULL && d.cert != NULL, "key");
	by = issuer ? issuer->cert : d.cert;
	X509_set_version(d.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(d.cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(d.cert), o->from ? o->from : -60);
	X509_gmtime_adj(X509_getm_notAfter(d.cert), o->to ? o->to : 365L * 86400);
	name = X509_get_subject_name(d.cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				   (const unsigned char *)o->name, -1, -1, 0);
	X509_set_issuer_name(d.cert, X509_get_subject_name(by));
	X509_set_pubkey(d.cert, d.key);
	devca_ext(d.cert, by, NID_basic_constraints,
		  o->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	devca_ext(d.cert, by, NID_subject_key_identifier, "hash");
	devca_ext(d.cert, by, NID_subject_alt_name, o->san);
	devca_ext(d.cert, by, NID_ext_key_usage, o->eku);
	devca_ext(d.cert, by, NID_info_access, o->aia);
	devca_must(X509_sign(d.cert, issuer ? issuer->key : d.key, EVP_sha256()) > 0,
		   "sign");
	return d;
}

static inline void
devca_free(struct devca *d)
{
	X509_free(d->cert);
	EVP_PKEY_free(d->key);
}

static inline struct certs_blob
devca_blob(const char *name, BIO *bio)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	void *copy = malloc((size_t)n + 1);

	devca_must(copy != NULL, "memory");
	memcpy(copy, p, (size_t)n);
	BIO_free(bio);
	return (struct certs_blob){name, copy, (size_t)n};
}

static inline struct certs_blob
devca_chain(const char *name, const struct devca *a, const struct devca *b,
	    const struct devca *c)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(bio, a->cert);
	if (b)
		PEM_write_bio_X509(bio, b->cert);
	if (c)
		PEM_write_bio_X509(bio, c->cert);
	return devca_blob(name, bio);
}

static inline struct certs_blob
devca_key(const char *name, const struct devca *d, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(bio, d->key, passphrase ? EVP_aes_256_cbc() : NULL,
				 (const unsigned char *)passphrase,
				 passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
	return devca_blob(name, bio);
}

static inline struct certs_pair
devca_pair(const struct devca *d, const struct devca *mid)
{
	return (struct certs_pair){
	    devca_chain("chain.pem", d, mid, NULL),
	    devca_key("key.pem", d, NULL),
	};
}

static inline void
devca_pair_free(struct certs_pair *p)
{
	certs_file_free(&p->chain);
	certs_file_free(&p->key);
}

#endif
