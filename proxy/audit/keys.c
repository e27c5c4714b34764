/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/keys.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

enum {
	KEYS_DATA_LEN = 32,
	KEYS_SALT_LEN = 16,
	KEYS_TAG_LEN = 16,
	KEYS_NONCE_LEN = 12,
	KEYS_NAMES = 8192, /* a power of two */
	KEYS_NAME_LEN = 47
};

/* A key that this process seals with. */
struct keys_live {
	uint64_t id; /* 0 = free place */
	uint64_t uses;
	uint32_t month;
	uint8_t person[KEYS_PERSON_LEN];
	uint8_t key[KEYS_DATA_LEN];
};

/* Who a name is, computed before: a session's requests come in a row. */
struct keys_name {
	uint8_t n; /* 0 = free place */
	uint8_t name[KEYS_NAME_LEN];
	uint8_t person[KEYS_PERSON_LEN];
};

/* A key that was fetched for reading; gone = looked for and not there. */
struct keys_opened {
	uint64_t id;
	bool gone;
	uint8_t key[KEYS_DATA_LEN];
};

struct keys {
	struct mac *mac;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *seal;
	EVP_CIPHER_CTX *open;
	uint64_t seal_id; /* whose key schedule `seal` holds */
	size_t n_live;
	struct keys_live live[KEYS_LIVE_MAX * 2]; /* open addressing, half full at most */
	struct keys_opened opened[KEYS_OPEN_CACHE];
	struct keys_name names[KEYS_NAMES];
};

struct keys *
keys_new(const uint8_t master[KEYS_MASTER_LEN])
{
	struct keys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->mac = mac_new(span_of(master, KEYS_MASTER_LEN));
	k->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	k->seal = EVP_CIPHER_CTX_new();
	k->open = EVP_CIPHER_CTX_new();
	MUST(k->mac != NULL && k->cipher != NULL && k->seal != NULL && k->open != NULL);
	return k;
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	mac_free(k->mac);
	EVP_CIPHER_CTX_free(k->seal);
	EVP_CIPHER_CTX_free(k->open);
	EVP_CIPHER_free(k->cipher);
	digest_wipe(k->live, sizeof(k->live));
	digest_wipe(k->opened, sizeof(k->opened));
	digest_wipe(k->names, sizeof(k->names));
	free(k);
}

void
keys_forget(struct keys *k)
{
	digest_wipe(k->opened, sizeof(k->opened));
}

void
keys_reset(struct keys *k)
{
	digest_wipe(k->live, sizeof(k->live));
	digest_wipe(k->names, sizeof(k->names));
	k->n_live = 0;
	k->seal_id = 0;
}

uint32_t
keys_month(uint64_t time_ns)
{
	struct clock_date d = clock_date((int64_t)(time_ns / CLOCK_SEC));

	return (uint32_t)(d.year * 100 + d.month);
}

void
keys_person(struct keys *k, struct span user, uint8_t person[KEYS_PERSON_LEN])
{
	struct span parts[2] = {span_of("person", 7), user};
	uint8_t full[DIGEST_LEN];

	mac_parts(k->mac, parts, 2, full);
	memcpy(person, full, KEYS_PERSON_LEN);
}

/* ---- one AES-256-GCM operation ---- */

static void
keys_encrypt(EVP_CIPHER_CTX *ctx, const uint8_t nonce[KEYS_NONCE_LEN], struct span aad,
    struct span plain, uint8_t *out)
{
	int n = 0, m = 0;

	MUST(EVP_EncryptInit_ex2(ctx, NULL, NULL, nonce, NULL) == 1);
	MUST(EVP_EncryptUpdate(ctx, NULL, &n, aad.p, (int)aad.n) == 1);
	MUST(EVP_EncryptUpdate(ctx, out, &n, plain.p, (int)plain.n) == 1);
	MUST(EVP_EncryptFinal_ex(ctx, out + n, &m) == 1 && m == 0);
	MUST(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, KEYS_TAG_LEN, out + plain.n) ==
	    1);
}

/* `sealed` is ciphertext and tag. */
static int
keys_decrypt(EVP_CIPHER_CTX *ctx, const uint8_t nonce[KEYS_NONCE_LEN], struct span aad,
    struct span sealed, uint8_t *out)
{
	size_t len = sealed.n - KEYS_TAG_LEN;
	uint8_t tag[KEYS_TAG_LEN];
	int n = 0;

	memcpy(tag, sealed.p + len, KEYS_TAG_LEN);
	MUST(EVP_DecryptInit_ex2(ctx, NULL, NULL, nonce, NULL) == 1);
	MUST(EVP_DecryptUpdate(ctx, NULL, &n, aad.p, (int)aad.n) == 1);
	MUST(EVP_DecryptUpdate(ctx, out, &n, sealed.p, (int)len) == 1);
	MUST(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, KEYS_TAG_LEN, tag) == 1);
	return EVP_DecryptFinal_ex(ctx, out + n, &n) == 1 ? 0 : WF_EVERIFY;
}

static void
keys_nonce(uint64_t counter, uint8_t out[KEYS_NONCE_LEN])
{
	memset(out, 0, KEYS_NONCE_LEN);
	for (unsigned i = 0; i < 8; i++)
		out[KEYS_NONCE_LEN - 1 - i] = (uint8_t)(counter >> (8 * i));
}

/* ---- wrapping ---- */

static void
keys_kek(struct keys *k, const uint8_t salt[KEYS_SALT_LEN], uint8_t kek[DIGEST_LEN])
{
	struct span parts[2] = {span_of("wrap", 5), span_of(salt, KEYS_SALT_LEN)};

	mac_parts(k->mac, parts, 2, kek);
}

/* Whose key it is belongs to the wrapping, so that rows cannot change places. */
static struct span
keys_wrap_aad(const struct keys_row *row, uint8_t buf[KEYS_PERSON_LEN + 4])
{
	memcpy(buf, row->person, KEYS_PERSON_LEN);
	for (unsigned i = 0; i < 4; i++)
		buf[KEYS_PERSON_LEN + i] = (uint8_t)(row->month >> (8 * (3 - i)));
	return span_of(buf, KEYS_PERSON_LEN + 4);
}

static void
keys_wrap(struct keys *k, struct keys_row *row, const uint8_t key[KEYS_DATA_LEN])
{
	uint8_t kek[DIGEST_LEN], nonce[KEYS_NONCE_LEN], aad[KEYS_PERSON_LEN + 4];

	digest_random(row->wrapped, KEYS_SALT_LEN);
	keys_kek(k, row->wrapped, kek);
	keys_nonce(0, nonce);
	MUST(EVP_EncryptInit_ex2(k->open, k->cipher, kek, nonce, NULL) == 1);
	keys_encrypt(k->open, nonce, keys_wrap_aad(row, aad), span_of(key, KEYS_DATA_LEN),
	    row->wrapped + KEYS_SALT_LEN);
	digest_wipe(kek, sizeof(kek));
}

static int
keys_unwrap(struct keys *k, const struct keys_row *row, uint8_t key[KEYS_DATA_LEN])
{
	uint8_t kek[DIGEST_LEN], nonce[KEYS_NONCE_LEN], aad[KEYS_PERSON_LEN + 4];
	struct span sealed =
	    span_of(row->wrapped + KEYS_SALT_LEN, KEYS_WRAPPED_LEN - KEYS_SALT_LEN);
	int err;

	keys_kek(k, row->wrapped, kek);
	keys_nonce(0, nonce);
	MUST(EVP_DecryptInit_ex2(k->open, k->cipher, kek, nonce, NULL) == 1);
	err = keys_decrypt(k->open, nonce, keys_wrap_aad(row, aad), sealed, key);
	digest_wipe(kek, sizeof(kek));
	if (err != 0)
		digest_wipe(key, KEYS_DATA_LEN);
	return err;
}

/* ---- sealing ---- */

/* Names that share a place put each other out, which costs what it did before. */
static struct keys_name *
keys_name_place(struct keys *k, struct span user)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < user.n; i++)
		h = (h ^ user.p[i]) * 16777619u;
	return &k->names[(h ^ h >> 16) % KEYS_NAMES];
}

static void
keys_name_person(struct keys *k, struct span user, uint8_t person[KEYS_PERSON_LEN])
{
	struct keys_name *m;

	if (user.n == 0 || user.n > KEYS_NAME_LEN) {
		keys_person(k, user, person);
		return;
	}
	m = keys_name_place(k, user);
	if (m->n != user.n || memcmp(m->name, user.p, user.n) != 0) {
		keys_person(k, user, m->person);
		memcpy(m->name, user.p, user.n);
		m->n = (uint8_t)user.n;
	}
	memcpy(person, m->person, KEYS_PERSON_LEN);
}

/* The place of (person, month), or the free one where it belongs. person is a MAC and so
 * its own hash. */
static struct keys_live *
keys_live_find(struct keys *k, const uint8_t person[KEYS_PERSON_LEN], uint32_t month)
{
	uint64_t i;

	memcpy(&i, person, sizeof(i));
	for (i += month;; i++) {
		struct keys_live *l = &k->live[i % (KEYS_LIVE_MAX * 2)];

		if (l->id == 0 ||
		    (l->month == month && memcmp(l->person, person, KEYS_PERSON_LEN) == 0))
			return l;
	}
}

static int
keys_live_get(struct keys *k, struct span user, uint32_t month, keys_store_fn *store,
    void *arg, struct keys_live **out)
{
	struct keys_row row = {.month = month};
	struct keys_live *l;
	int err;

	*out = NULL;
	keys_name_person(k, user, row.person);
	l = keys_live_find(k, row.person, month);
	if (l->id == 0) {
		uint8_t key[KEYS_DATA_LEN];

		digest_random(key, sizeof(key));
		keys_wrap(k, &row, key);
		err = store(arg, &row);
		if (err == 0 && k->n_live == KEYS_LIVE_MAX) {
			digest_wipe(k->live, sizeof(k->live));
			k->n_live = 0;
			l = keys_live_find(k, row.person, month);
		}
		if (err == 0) {
			*l = (struct keys_live){.id = row.id, .month = month};
			memcpy(l->person, row.person, KEYS_PERSON_LEN);
			memcpy(l->key, key, KEYS_DATA_LEN);
			k->n_live++;
		}
		digest_wipe(key, sizeof(key));
		if (err != 0)
			return err;
	}
	*out = l;
	return 0;
}

static void
keys_store_be(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

int
keys_seal(struct keys *k, const struct rec_view *v, struct span leaf, keys_store_fn *store,
    void *arg, uint8_t *out, size_t cap, size_t *len)
{
	uint8_t nonce[KEYS_NONCE_LEN];
	size_t total = leaf.n + REC_SEAL_OVERHEAD;
	struct keys_live *l;
	struct span user;
	uint8_t *p;
	int err;

	*len = 0;
	MUST(!v->sealed);
	if (v->personal.n == 0) {
		if (cap < leaf.n)
			return WF_EFULL;
		memcpy(out, leaf.p, leaf.n);
		*len = leaf.n;
		return 0;
	}
	if (total > REC_LEAF_MAX)
		return WF_ERANGE;
	if (cap < total)
		return WF_EFULL;
	(void)rec_find(v->personal, REC_TAG_USER, &user);
	if ((err = keys_live_get(k, user, keys_month(v->head.time), store, arg, &l)) != 0)
		return err;
	if (k->seal_id != l->id) {
		MUST(EVP_EncryptInit_ex2(k->seal, k->cipher, l->key, NULL, NULL) == 1);
		k->seal_id = l->id;
	}
	keys_nonce(++l->uses, nonce);
	memcpy(out, v->bare.p, v->bare.n);
	p = out + v->bare.n;
	keys_store_be(p, REC_TAG_SEALED, 2);
	keys_store_be(p + 2, v->personal.n + REC_SEAL_OVERHEAD, 2);
	keys_store_be(p + 4, l->id, 8);
	keys_store_be(p + 12, l->uses, 8);
	keys_encrypt(k->seal, nonce, v->bare, v->personal, p + 20);
	*len = total;
	return 0;
}

/* ---- opening ---- */

static int
keys_opened_get(struct keys *k, uint64_t id, keys_fetch_fn *fetch, void *arg,
    struct keys_opened **out)
{
	struct keys_opened *o = &k->opened[id % KEYS_OPEN_CACHE];
	struct keys_row row;
	int err;

	*out = o;
	if (o->id == id)
		return o->gone ? WF_ENOTFOUND : 0;
	memset(o, 0, sizeof(*o));
	memset(&row, 0, sizeof(row));
	err = fetch(arg, id, &row);
	if (err == 0)
		err = keys_unwrap(k, &row, o->key);
	if (err == 0 || err == WF_ENOTFOUND) {
		o->id = id;
		o->gone = err != 0;
	}
	return err;
}

int
keys_open(struct keys *k, const struct rec_view *v, keys_fetch_fn *fetch, void *arg,
    uint8_t *out, size_t cap, struct span *fields)
{
	uint8_t nonce[KEYS_NONCE_LEN];
	struct keys_opened *o;
	int err;

	*fields = span_of(NULL, 0);
	if (!v->sealed || v->cipher.n < KEYS_TAG_LEN)
		return WF_ESTATE;
	if (cap < v->cipher.n)
		return WF_EFULL;
	if ((err = keys_opened_get(k, v->key_id, fetch, arg, &o)) != 0)
		return err;
	keys_nonce(v->nonce, nonce);
	MUST(EVP_DecryptInit_ex2(k->open, k->cipher, o->key, nonce, NULL) == 1);
	if ((err = keys_decrypt(k->open, nonce, v->bare, v->cipher, out)) != 0)
		return err;
	*fields = span_of(out, v->cipher.n - KEYS_TAG_LEN);
	return rec_check_fields(*fields, true);
}
