/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/must.h"

struct hasher {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

struct mac {
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;
};

struct hasher *
hasher_new(void)
{
	struct hasher *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	MUST(h->md != NULL && h->ctx != NULL);
	return h;
}

void
hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

void
hasher_parts(struct hasher *h, const struct span *parts, size_t n, uint8_t out[DIGEST_LEN])
{
	MUST(EVP_DigestInit_ex2(h->ctx, h->md, NULL) == 1);
	for (size_t i = 0; i < n; i++)
		if (parts[i].n)
			MUST(EVP_DigestUpdate(h->ctx, parts[i].p, parts[i].n) == 1);
	MUST(EVP_DigestFinal_ex(h->ctx, out, NULL) == 1);
}

struct mac *
mac_new(struct span key)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
	    OSSL_PARAM_construct_end()};
	struct mac *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	MUST(m->mac != NULL);
	m->ctx = EVP_MAC_CTX_new(m->mac);
	MUST(m->ctx != NULL);
	MUST(EVP_MAC_init(m->ctx, key.p, key.n, params) == 1);
	return m;
}

void
mac_free(struct mac *m)
{
	if (m == NULL)
		return;
	EVP_MAC_CTX_free(m->ctx);
	EVP_MAC_free(m->mac);
	free(m);
}

void
mac_parts(struct mac *m, const struct span *parts, size_t n, uint8_t out[DIGEST_LEN])
{
	size_t len = 0;

	MUST(EVP_MAC_init(m->ctx, NULL, 0, NULL) == 1);
	for (size_t i = 0; i < n; i++)
		if (parts[i].n)
			MUST(EVP_MAC_update(m->ctx, parts[i].p, parts[i].n) == 1);
	MUST(EVP_MAC_final(m->ctx, out, &len, DIGEST_LEN) == 1 && len == DIGEST_LEN);
}

void
digest_sha256(struct span s, uint8_t out[DIGEST_LEN])
{
	size_t len = 0;

	MUST(EVP_Q_digest(NULL, "SHA256", NULL, s.n ? s.p : (const void *)"", s.n, out,
		 &len) == 1);
}

bool
digest_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
digest_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

void
digest_random(void *p, size_t n)
{
	MUST(n < 1 << 20);
	MUST(RAND_bytes(p, (int)n) == 1);
}
