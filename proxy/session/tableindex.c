/* SPDX-License-Identifier: Apache-2.0 */
/* Credential, id and user to session: who looks what up, and under which lock. */
#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/session/tablepriv.h"

static struct table_shard *
table_shard_of(struct table_shard *sh, const uint8_t key[16])
{
	return &sh[key[15] % TABLE_SHARDS];
}

/* The reference is taken under the shard's lock, so that a sweep cannot come between. */
static struct session *
table_get(struct table *t, struct table_shard *sh, const uint8_t key[16])
{
	struct session *s = NULL;
	uint32_t *slot;

	sh = table_shard_of(sh, key);
	pthread_mutex_lock(&sh->lock);
	slot = map_find(sh->map, key);
	if (slot != NULL) {
		s = &t->slots[*slot];
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&sh->lock);
	return s;
}

bool
table_index(struct table_shard *sh, const uint8_t key[16], uint32_t slot)
{
	bool fresh = false, done = false;
	uint32_t *v;

	sh = table_shard_of(sh, key);
	pthread_mutex_lock(&sh->lock);
	v = map_put(sh->map, key, MAP_KEPT, 0, &fresh);
	if (v != NULL && (fresh || *v == slot)) {
		*v = slot;
		done = true;
	}
	pthread_mutex_unlock(&sh->lock);
	return done;
}

/* Looked at under the shard's lock, where a key that is there keeps its session in its slot. */
bool
table_claim(struct table *t, const uint8_t key[16], struct session *s,
    const struct session *over, uint64_t now_s)
{
	struct table_shard *sh = table_shard_of(t->creds, key);
	bool fresh = false, done = false;
	uint32_t *v;

	pthread_mutex_lock(&sh->lock);
	v = map_put(sh->map, key, MAP_KEPT, 0, &fresh);
	if (v != NULL && (fresh || &t->slots[*v] == s || &t->slots[*v] == over ||
			     !session_is_live(&t->slots[*v], now_s))) {
		*v = s->slot;
		done = true;
	}
	pthread_mutex_unlock(&sh->lock);
	return done || (v != NULL && !session_is_live(s, now_s));
}

void
table_unindex(struct table_shard *sh, const uint8_t key[16], uint32_t slot)
{
	uint32_t *v;

	sh = table_shard_of(sh, key);
	pthread_mutex_lock(&sh->lock);
	v = map_find(sh->map, key);
	if (v != NULL && *v == slot)
		map_del(sh->map, key);
	pthread_mutex_unlock(&sh->lock);
}

struct session *
table_find(struct table *t, const uint8_t key[SESSION_KEY_LEN])
{
	return table_get(t, t->creds, key);
}

struct session *
table_find_id(struct table *t, const uint8_t id[SESSION_ID_LEN])
{
	return table_get(t, t->ids, id);
}

void
table_unref(struct session *s)
{
	if (s != NULL)
		MUST(atomic_fetch_sub_explicit(&s->refs, 1, memory_order_release) > 0);
}

/* ---- the sessions of a user ---- */

/* Site and user as one key; a length between them, so that no two pairs are alike. And the
 * user alone, whose requests are limited over all sites. */
static void
table_user_key(struct session *s)
{
	uint8_t text[1 + SESSION_SITE_MAX + SESSION_USER_MAX], sum[DIGEST_LEN];

	text[0] = s->site_n;
	memcpy(text + 1, s->site, s->site_n);
	memcpy(text + 1 + s->site_n, s->user, s->user_n);
	digest_sha256(span_of(text, (size_t)1 + s->site_n + s->user_n), sum);
	memcpy(s->user_key, sum, sizeof(s->user_key));
	digest_sha256(session_user(s), sum);
	memcpy(s->person_key, sum, sizeof(s->person_key));
}

void
table_user_link(struct table *t, struct session *s)
{
	struct table_shard *sh;
	uint32_t *first;

	s->user_next = s->user_prev = 0;
	if (s->user_n == 0)
		return;
	table_user_key(s);
	sh = table_shard_of(t->users, s->user_key);
	pthread_mutex_lock(&sh->lock);
	first = map_put(sh->map, s->user_key, MAP_KEPT, 0, NULL);
	if (first != NULL) {
		s->user_next = *first;
		if (*first != 0)
			t->slots[*first - 1].user_prev = s->slot + 1;
		*first = s->slot + 1;
	}
	pthread_mutex_unlock(&sh->lock);
}

void
table_user_unlink(struct table *t, struct session *s)
{
	struct table_shard *sh = table_shard_of(t->users, s->user_key);
	uint32_t *first;

	if (s->user_n == 0)
		return;
	pthread_mutex_lock(&sh->lock);
	first = map_find(sh->map, s->user_key);
	if (s->user_next != 0)
		t->slots[s->user_next - 1].user_prev = s->user_prev;
	if (s->user_prev != 0)
		t->slots[s->user_prev - 1].user_next = s->user_next;
	else if (first != NULL && *first == s->slot + 1 && s->user_next != 0)
		*first = s->user_next;
	else if (first != NULL && *first == s->slot + 1)
		map_del(sh->map, s->user_key);
	pthread_mutex_unlock(&sh->lock);
}

/* Sessions in the list are in their slots: a reap unlinks first, under the same lock. */
struct session *
table_user_surplus(struct table *t, const struct session *s, uint64_t max, uint64_t now_s)
{
	struct table_shard *sh = table_shard_of(t->users, s->user_key);
	struct session *idlest = NULL;
	uint64_t live = 0;
	uint32_t *first;

	if (s->user_n == 0)
		return NULL;
	pthread_mutex_lock(&sh->lock);
	first = map_find(sh->map, s->user_key);
	for (uint32_t at = first == NULL ? 0 : *first; at != 0; at = t->slots[at - 1].user_next) {
		struct session *o = &t->slots[at - 1];

		if (!session_is_live(o, now_s))
			continue;
		live++;
		/* Newest first in the list: of two that are equally idle the older one. */
		if (o->slot != s->slot &&
		    (idlest == NULL || atomic_load(&o->last_s) <= atomic_load(&idlest->last_s)))
			idlest = o;
	}
	if (live <= max)
		idlest = NULL;
	if (idlest != NULL)
		atomic_fetch_add_explicit(&idlest->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&sh->lock);
	return idlest;
}
