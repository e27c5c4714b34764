/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/pem.h"
#include "certs/why.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { PEM_CHAIN_MAX = 10 };

static BIO *
open_blob(const struct certs_blob *b)
{
	ERR_clear_error();
	return b->p && b->n <= CERTS_FILE_MAX ? BIO_new_mem_buf(b->p, (int)b->n) : NULL;
}

/* At the end of a PEM file OpenSSL reports "no start line": the only good error. */
static bool
at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	if (ERR_GET_LIB(e) != ERR_LIB_PEM || ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error();
	return true;
}

/* Never asks at a terminal: an encrypted key is an error. */
static int
no_passphrase(char *buf, int size, int rw, void *arg)
{
	(void)buf, (void)size, (void)rw;
	*(bool *)arg = true;
	return -1;
}

static int
read_certs(const struct certs_blob *b, STACK_OF(X509) * out, int max, char *why,
	   size_t cap)
{
	BIO *bio = open_blob(b);
	X509 *x;
	int err = -1;

	if (bio == NULL)
		return why_set(why, cap, "%s: empty, or above 1 MiB", b->name);
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_num(out) >= max || sk_X509_push(out, x) <= 0) {
			X509_free(x);
			why_set(why, cap, "%s: more than %d certificates", b->name, max);
			goto out;
		}
	}
	if (!at_end())
		why_ssl(why, cap, "%s: certificate %d is damaged; write the file again",
			b->name, sk_X509_num(out) + 1);
	else if (sk_X509_num(out) == 0)
		why_set(why, cap,
			"%s: no certificate in it; wanted is PEM (-----BEGIN "
			"CERTIFICATE-----)",
			b->name);
	else
		err = 0;
out:
	BIO_free(bio);
	return err;
}

static int
check_order(const char *name, STACK_OF(X509) * all, char *why, size_t cap)
{
	for (int i = 0; i + 1 < sk_X509_num(all); i++) {
		X509 *subject = sk_X509_value(all, i),
		     *issuer = sk_X509_value(all, i + 1);

		if (X509_check_issued(issuer, subject) != X509_V_OK)
			return why_set(
			    why, cap,
			    "%s: certificate %d was not issued by certificate %d; put "
			    "the "
			    "server's first, then each one's issuer, and nothing else",
			    name, i + 1, i + 2);
	}
	return 0;
}

int
pem_identity(const struct certs_blob *b, X509 **leaf, STACK_OF(X509) * *rest, char *why,
	     size_t cap)
{
	STACK_OF(X509) *all = sk_X509_new_null();

	*leaf = NULL;
	*rest = NULL;
	if (all == NULL)
		return why_set(why, cap, "%s: out of memory", b->name);
	if (read_certs(b, all, PEM_CHAIN_MAX, why, cap) < 0 ||
	    check_order(b->name, all, why, cap) < 0) {
		sk_X509_pop_free(all, X509_free);
		return -1;
	}
	*leaf = sk_X509_shift(all);
	*rest = all;
	return 0;
}

int
pem_chain(const struct certs_blob *b, X509 **leaf, STACK_OF(X509) * *rest, char *why,
	  size_t cap)
{
	if (pem_identity(b, leaf, rest, why, cap) < 0)
		return -1;
	if (X509_check_purpose(*leaf, X509_PURPOSE_SSL_SERVER, 0) == 1)
		return 0;
	X509_free(*leaf);
	sk_X509_pop_free(*rest, X509_free);
	*leaf = NULL;
	*rest = NULL;
	return why_set(
	    why, cap,
	    "%s: the first certificate may not be used for servers (key usage); put the "
	    "server's certificate first",
	    b->name);
}

int
pem_key(const struct certs_blob *b, X509 *leaf, const char *leaf_file, EVP_PKEY **key,
	char *why, size_t cap)
{
	BIO *bio = open_blob(b);
	bool encrypted = false;
	int err = -1;

	*key = NULL;
	if (bio == NULL)
		return why_set(why, cap, "%s: empty, or above 1 MiB", b->name);
	*key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
	if (encrypted)
		why_set(why, cap,
			"%s: the key has a passphrase; store it without one (openssl "
			"pkey -in ... "
			"-out ...) in a file that only warifu can read",
			b->name);
	else if (*key == NULL)
		why_ssl(why, cap, "%s: no private key could be read; wanted is PEM",
			b->name);
	else if (X509_check_private_key(leaf, *key) != 1)
		why_set(why, cap, "%s: this key does not belong to the certificate in %s",
			b->name, leaf_file);
	else
		err = 0;
	ERR_clear_error();
	BIO_free(bio);
	if (err < 0) {
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	return err;
}

int
pem_trust(const struct certs_blob *b, X509_STORE *store, char *why, size_t cap)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	int err = -1;

	if (all == NULL || read_certs(b, all, 1000, why, cap) < 0)
		goto out;
	for (int i = 0; i < sk_X509_num(all); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(all, i)) != 1) {
			why_ssl(why, cap, "%s: certificate %d is not usable", b->name,
				i + 1);
			goto out;
		}
	}
	err = 0;
out:
	sk_X509_pop_free(all, X509_free);
	return err;
}

int
pem_crl(const struct certs_blob *b, X509_STORE *store, char *why, size_t cap)
{
	BIO *bio = open_blob(b);
	X509_CRL *crl;
	int n = 0, err = -1;

	if (bio == NULL)
		return why_set(why, cap, "%s: empty, or above 1 MiB", b->name);
	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
		int ok = X509_STORE_add_crl(store, crl);

		X509_CRL_free(crl);
		if (ok != 1)
			break;
		n++;
	}
	if (!at_end() || n == 0)
		why_ssl(why, cap, "%s: no revocation list could be read; wanted is PEM",
			b->name);
	else if (X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) ==
		 1)
		err = 0;
	BIO_free(bio);
	return err;
}

bool
pem_is_ip(const char *host)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);

	ERR_clear_error();
	ASN1_OCTET_STRING_free(ip);
	return ip != NULL;
}

/* A wildcard is tried with a label that nobody has a certificate for by name. */
bool
pem_covers(X509 *leaf, const char *host)
{
	const unsigned flags =
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
	char probe[300];

	if (pem_is_ip(host))
		return X509_check_ip_asc(leaf, host, 0) == 1;
	if (strncmp(host, "*.", 2) != 0)
		return X509_check_host(leaf, host, 0, flags, NULL) == 1;
	snprintf(probe, sizeof(probe), "warifu-any-name-0%s", host + 1);
	return X509_check_host(leaf, probe, 0, flags, NULL) == 1;
}

int64_t
pem_seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int64_t
pem_not_before(X509 *x)
{
	return pem_seconds(X509_get0_notBefore(x));
}

int64_t
pem_not_after(X509 *x)
{
	return pem_seconds(X509_get0_notAfter(x));
}

bool
pem_looks_incomplete(X509 *leaf, STACK_OF(X509) * rest)
{
	AUTHORITY_INFO_ACCESS *aia;
	bool found = false;

	if (sk_X509_num(rest) > 0)
		return false;
	aia = X509_get_ext_d2i(leaf, NID_info_access, NULL, NULL);
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(aia); i++) {
		const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(aia, i);

		found |= OBJ_obj2nid(d->method) == NID_ad_ca_issuers;
	}
	AUTHORITY_INFO_ACCESS_free(aia);
	return found;
}

int
pem_use(const struct certs_pair *p, bool server, SSL_CTX *ctx, char *why, size_t cap)
{
	STACK_OF(X509) *rest = NULL;
	EVP_PKEY *key = NULL;
	X509 *leaf = NULL;
	int err = server ? pem_chain(&p->chain, &leaf, &rest, why, cap)
			 : pem_identity(&p->chain, &leaf, &rest, why, cap);

	if (err == 0)
		err = pem_key(&p->key, leaf, p->chain.name, &key, why, cap);
	if (err == 0 && SSL_CTX_use_cert_and_key(ctx, leaf, key, rest, 1) != 1)
		err = why_ssl(why, cap, "%s: not usable as %s certificate", p->chain.name,
			      server ? "server" : "client");
	X509_free(leaf);
	sk_X509_pop_free(rest, X509_free);
	EVP_PKEY_free(key);
	return err;
}
