/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/clientca.h"
#include "certs/pem.h"
#include "certs/why.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

struct clientca {
	enum clientca_mode mode;
	X509_STORE *store;
	STACK_OF(X509_NAME) * names;
	uint8_t id[CLIENTCA_ID_LEN];
};

static void
put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* Lengths stand in front, so that no two different inputs give the same bytes. */
static int
make_id(struct clientca *c, const struct certs_blob *ca, const struct certs_blob *crl)
{
	EVP_MD_CTX *h = EVP_MD_CTX_new();
	uint8_t head[24];
	int ok;

	put_u64(head, (uint64_t)c->mode);
	put_u64(head + 8, ca->n);
	put_u64(head + 16, crl ? crl->n : 0);
	ok = h != NULL && EVP_DigestInit_ex(h, EVP_sha256(), NULL) == 1 &&
	     EVP_DigestUpdate(h, head, sizeof(head)) == 1 &&
	     EVP_DigestUpdate(h, ca->p, ca->n) == 1 &&
	     (crl == NULL || EVP_DigestUpdate(h, crl->p, crl->n) == 1) &&
	     EVP_DigestFinal_ex(h, c->id, NULL) == 1;

	EVP_MD_CTX_free(h);
	return ok ? 0 : -1;
}

/* The names that the handshake lists; duplicates do no harm. */
static int
list_names(struct clientca *c)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(c->store);

	c->names = sk_X509_NAME_new_null();
	for (int i = 0; c->names && i < sk_X509_OBJECT_num(all); i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
		X509_NAME *name = x ? X509_NAME_dup(X509_get_subject_name(x)) : NULL;

		if (x && (name == NULL || sk_X509_NAME_push(c->names, name) <= 0)) {
			X509_NAME_free(name);
			return -1;
		}
	}
	return c->names ? 0 : -1;
}

int
clientca_open(struct clientca **out, enum clientca_mode mode, const struct certs_blob *ca,
	      const struct certs_blob *crl, char *why, size_t cap)
{
	struct clientca *c = calloc(1, sizeof(*c));
	int err = -1;

	*out = NULL;
	if (c)
		c->store = X509_STORE_new();
	if (c == NULL || c->store == NULL) {
		why_set(why, cap, "out of memory");
		goto out;
	}
	c->mode = mode;
	if (crl && crl->n == 0)
		crl = NULL;
	if (pem_trust(ca, c->store, why, cap) < 0 ||
	    (crl && pem_crl(crl, c->store, why, cap) < 0))
		goto out;
	if (make_id(c, ca, crl) < 0 || list_names(c) < 0) {
		why_ssl(why, cap, "%s: could not be prepared", ca->name);
		goto out;
	}
	*out = c;
	c = NULL;
	err = 0;
out:
	clientca_close(c);
	return err;
}

static int64_t
list_end(const X509_CRL *crl)
{
	const ASN1_TIME *t = X509_CRL_get0_nextUpdate(crl);

	return t ? pem_seconds(t) : INT64_MAX;
}

static const ASN1_OCTET_STRING *
list_key(const X509_CRL *crl)
{
	int at = X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1);

	return at < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
}

/* An authority that changed its key keeps its name, and then has a list for each key. */
static bool
same_signer(const X509_CRL *a, const X509_CRL *b)
{
	const ASN1_OCTET_STRING *x = list_key(a), *y = list_key(b);

	return X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) == 0 &&
	       (x == NULL || y == NULL ? x == y : ASN1_OCTET_STRING_cmp(x, y) == 0);
}

/* The dates of this list, unless there is a later one of the same signer. */
static void
weigh_list(STACK_OF(X509_OBJECT) * all, const X509_CRL *crl, struct clientca_lists *out)
{
	int64_t from = pem_seconds(X509_CRL_get0_lastUpdate(crl)), ends = list_end(crl);

	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509_CRL *other = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));

		if (other != NULL && same_signer(crl, other) && list_end(other) > ends)
			return;
	}
	out->from = from > out->from ? from : out->from;
	out->ends = ends < out->ends ? ends : out->ends;
}

static bool
has_list(STACK_OF(X509_OBJECT) * all, X509 *ca)
{
	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));

		if (crl != NULL &&
		    X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
		    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			return true;
	}
	ERR_clear_error();
	return false;
}

int
clientca_lists(const struct clientca *c, const char *crl, struct clientca_lists *out, char *why,
	       size_t cap)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(c->store);
	char name[160];

	*out = (struct clientca_lists){.ends = INT64_MAX};
	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509_OBJECT *o = sk_X509_OBJECT_value(all, i);
		X509 *ca = X509_OBJECT_get0_X509(o);

		if (X509_OBJECT_get0_X509_CRL(o) != NULL)
			weigh_list(all, X509_OBJECT_get0_X509_CRL(o), out);
		if (ca == NULL || has_list(all, ca))
			continue;
		X509_NAME_oneline(X509_get_subject_name(ca), name, sizeof(name));
		return why_set(why, cap,
			       "%s: no revocation list that %s signed; put one of each "
			       "authority into the file, else none of its clients gets in",
			       crl, name);
	}
	return 0;
}

void
clientca_close(struct clientca *c)
{
	if (c == NULL)
		return;
	X509_STORE_free(c->store);
	sk_X509_NAME_pop_free(c->names, X509_NAME_free);
	free(c);
}

int
clientca_apply(const struct clientca *c, SSL_CTX *ctx)
{
	STACK_OF(X509_NAME) * names;

	if (SSL_CTX_set1_verify_cert_store(ctx, c->store) != 1)
		return -1;
	names = SSL_dup_CA_list(c->names);
	if (names == NULL)
		return -1;
	SSL_CTX_set_client_CA_list(ctx, names);
	return 0;
}

void
clientca_demand(const struct clientca *c, SSL *ssl)
{
	int mode = SSL_VERIFY_NONE;

	if (c && c->mode != CLIENTCA_OFF)
		mode = SSL_VERIFY_PEER;
	if (c && c->mode == CLIENTCA_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_set_verify(ssl, mode, NULL);
}

void
clientca_id(const struct clientca *c, uint8_t out[CLIENTCA_ID_LEN])
{
	if (c)
		memcpy(out, c->id, CLIENTCA_ID_LEN);
	else
		memset(out, 0, CLIENTCA_ID_LEN);
}

bool
clientca_still_good(const struct clientca *c, const SSL_SESSION *sess)
{
	/* OpenSSL's getter takes no const, but changes nothing. */
	union {
		const SSL_SESSION *in;
		SSL_SESSION *out;
	} s = {sess};
	X509 *peer = SSL_SESSION_get0_peer(s.out);
	X509_STORE_CTX *ctx;
	bool good;

	if (c == NULL || c->mode == CLIENTCA_OFF)
		return peer == NULL;
	if (peer == NULL)
		return c->mode != CLIENTCA_REQUIRED;
	ctx = X509_STORE_CTX_new();
	good = ctx && X509_STORE_CTX_init(ctx, c->store, peer, NULL) == 1 &&
	       X509_STORE_CTX_set_default(ctx, "ssl_client") == 1 &&
	       X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return good;
}
