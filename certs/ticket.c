/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/ticket.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LABEL(text) text, sizeof(text) - 1

enum { LABEL_MAX = 24, KEPT = 2 /* intervals whose tickets are read */ };

struct ticket_kept {
	pthread_mutex_t lock;
	struct {
		bool filled;
		uint64_t nr;
		struct ticket_key key;
	} at[KEPT];
};

/* HMAC-SHA-256 over a label and eight bytes of a number. */
static bool
derive(const uint8_t root[TICKET_KEY_LEN], const void *label, size_t n, uint64_t nr,
       uint8_t out[TICKET_KEY_LEN])
{
	uint8_t in[LABEL_MAX + 8];

	if (n > LABEL_MAX)
		return false;
	memcpy(in, label, n);
	for (size_t i = 0; i < 8; i++)
		in[n + i] = (uint8_t)(nr >> (56 - 8 * i));
	return HMAC(EVP_sha256(), root, TICKET_KEY_LEN, in, n + 8, out, NULL) != NULL;
}

static uint64_t
interval_of(const struct ticket *t, int64_t now)
{
	return now < 0 ? 0 : (uint64_t)(now / t->interval);
}

bool
ticket_init(struct ticket *t, const uint8_t secret[TICKET_SECRET_LEN], const void *scope,
	    size_t n, int64_t interval)
{
	memset(t, 0, sizeof(*t));
	t->interval = interval > 0 ? interval : 1;
	t->kept = calloc(1, sizeof(*t->kept));
	return t->kept != NULL && pthread_mutex_init(&t->kept->lock, NULL) == 0 &&
	       HMAC(EVP_sha256(), secret, TICKET_SECRET_LEN, scope, n, t->root, NULL) !=
		   NULL;
}

void
ticket_fini(struct ticket *t)
{
	if (t->kept != NULL)
		OPENSSL_cleanse(t->kept, sizeof(*t->kept));
	free(t->kept);
	OPENSSL_cleanse(t, sizeof(*t));
}

void
ticket_wipe(struct ticket_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

static bool
make(const struct ticket *t, uint64_t nr, struct ticket_key *out)
{
	uint8_t name[TICKET_KEY_LEN];
	bool ok = derive(t->root, LABEL("warifu ticket name"), nr, name) &&
		  derive(t->root, LABEL("warifu ticket aes"), nr, out->aes) &&
		  derive(t->root, LABEL("warifu ticket mac"), nr, out->mac);

	memcpy(out->name, name, TICKET_NAME_LEN);
	return ok;
}

static bool
key_of(const struct ticket *t, uint64_t nr, struct ticket_key *out)
{
	struct ticket_kept *k = t->kept;
	const uint64_t i = nr % KEPT;
	bool ok = true;

	(void)pthread_mutex_lock(&k->lock);
	if (!k->at[i].filled || k->at[i].nr != nr) {
		k->at[i].filled = ok = make(t, nr, &k->at[i].key);
		k->at[i].nr = nr;
	}
	if (ok)
		*out = k->at[i].key;
	(void)pthread_mutex_unlock(&k->lock);
	return ok;
}

bool
ticket_current(const struct ticket *t, int64_t now, struct ticket_key *out)
{
	return key_of(t, interval_of(t, now), out);
}

int
ticket_find(const struct ticket *t, int64_t now, const uint8_t name[TICKET_NAME_LEN],
	    struct ticket_key *out)
{
	uint64_t nr = interval_of(t, now);

	for (int age = 1; age <= KEPT && nr + 2 > (uint64_t)age; age++) {
		if (!key_of(t, nr + 1 - (uint64_t)age, out))
			break;
		if (CRYPTO_memcmp(out->name, name, TICKET_NAME_LEN) == 0)
			return age;
	}
	ticket_wipe(out);
	return 0;
}
