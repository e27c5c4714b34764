/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <limits.h>
#include <string.h>

enum { VERSION = 1, HEAD_LEN = 5, NONCE_LEN = 12, TAG_LEN = 16 };

void
seal_init(struct seal *s)
{
	memset(s, 0, sizeof(*s));
}

void
seal_fini(struct seal *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}

static const struct seal_key *
find_key(const struct seal *s, uint32_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->keys[i].id == id)
			return &s->keys[i];
	return NULL;
}

int
seal_rotate(struct seal *s, uint32_t id, const uint8_t key[SEAL_KEY_LEN])
{
	if (find_key(s, id))
		return -1;
	memmove(&s->keys[1], &s->keys[0], (SEAL_KEYS - 1) * sizeof(s->keys[0]));
	s->keys[0].id = id;
	memcpy(s->keys[0].key, key, SEAL_KEY_LEN);
	if (s->n < SEAL_KEYS)
		s->n++;
	return 0;
}

static void
put_head(uint8_t *out, uint32_t id)
{
	out[0] = VERSION;
	out[1] = (uint8_t)(id >> 24);
	out[2] = (uint8_t)(id >> 16);
	out[3] = (uint8_t)(id >> 8);
	out[4] = (uint8_t)id;
}

/* The head is authenticated in front of the caller's data, by its fixed length. */
static int
start(EVP_CIPHER_CTX *c, const struct seal_key *k, const uint8_t *head, const void *aad,
      size_t aad_n, int enc)
{
	int n;

	if (EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, k->key, head + HEAD_LEN, enc) !=
		1 ||
	    EVP_CipherUpdate(c, NULL, &n, head, HEAD_LEN) != 1)
		return -1;
	if (aad_n && EVP_CipherUpdate(c, NULL, &n, aad, (int)aad_n) != 1)
		return -1;
	return 0;
}

int
seal_put(const struct seal *s, const void *aad, size_t aad_n, const void *in, size_t n,
	 uint8_t *out, size_t cap, size_t *out_n)
{
	uint8_t *body = out + HEAD_LEN + NONCE_LEN;
	EVP_CIPHER_CTX *c;
	int len, err = -1;

	*out_n = 0;
	if (s->n == 0 || n > INT_MAX - SEAL_OVERHEAD || aad_n > INT_MAX ||
	    cap < n + SEAL_OVERHEAD)
		return -1;
	put_head(out, s->keys[0].id);
	c = EVP_CIPHER_CTX_new();
	if (c && RAND_bytes(out + HEAD_LEN, NONCE_LEN) == 1 &&
	    start(c, &s->keys[0], out, aad, aad_n, 1) == 0 &&
	    (n == 0 || EVP_CipherUpdate(c, body, &len, in, (int)n) == 1) &&
	    EVP_CipherFinal_ex(c, body + n, &len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, body + n) == 1)
		err = 0;
	EVP_CIPHER_CTX_free(c);
	if (err == 0)
		*out_n = n + SEAL_OVERHEAD;
	return err;
}

int
seal_get(const struct seal *s, const void *aad, size_t aad_n, const uint8_t *in, size_t n,
	 uint8_t *out, size_t cap, size_t *out_n)
{
	const struct seal_key *k;
	EVP_CIPHER_CTX *c;
	uint8_t tag[TAG_LEN];
	size_t body = n - SEAL_OVERHEAD;
	int len, err = -1;

	*out_n = 0;
	if (n < SEAL_OVERHEAD || n > INT_MAX || aad_n > INT_MAX || cap < body ||
	    in[0] != VERSION)
		return -1;
	k = find_key(s, (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 |
			    (uint32_t)in[3] << 8 | in[4]);
	if (k == NULL)
		return -1;
	memcpy(tag, in + n - TAG_LEN, TAG_LEN);
	c = EVP_CIPHER_CTX_new();
	if (c && start(c, k, in, aad, aad_n, 0) == 0 &&
	    (body == 0 ||
	     EVP_CipherUpdate(c, out, &len, in + HEAD_LEN + NONCE_LEN, (int)body) == 1) &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
	    EVP_CipherFinal_ex(c, out + body, &len) == 1)
		err = 0;
	EVP_CIPHER_CTX_free(c);
	if (err == 0)
		*out_n = body;
	else if (body)
		OPENSSL_cleanse(out, body);
	return err;
}
