/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/session/tablepriv.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "proxy/base/digest.h"
#include "proxy/base/must.h"

enum {
	/* A full table looks at so many slots for ended sessions before a login fails. */
	TABLE_RECLAIM_LOOK = 8192,
	TABLE_RECLAIM = 64,
	/* In refs: the slot is free, or somebody is about to free it. */
	TABLE_CLAIMED = 1 << 30
};

/* ---- making and ending ---- */

static bool
table_shards_init(struct table_shard *sh, uint32_t cap, const uint8_t secret[16])
{
	struct map_opt opt = {.value_size = sizeof(uint32_t)};

	/* Keys spread evenly (they are keyed hashes); twice the mean is never reached. */
	opt.capacity = cap / TABLE_SHARDS * 2 + 64;
	memcpy(opt.secret, secret, sizeof(opt.secret));
	for (int i = 0; i < TABLE_SHARDS; i++) {
		pthread_mutex_init(&sh[i].lock, NULL);
		sh[i].map = map_new(&opt);
		if (sh[i].map == NULL)
			return false;
	}
	return true;
}

struct table *
table_new(const struct table_opt *opt)
{
	struct table *t = calloc(1, sizeof(*t));
	size_t bytes = (size_t)opt->sessions * sizeof(struct session);

	if (t == NULL)
		return NULL;
	t->cap = opt->sessions;
	pthread_mutex_init(&t->lock, NULL);
	t->free = calloc(t->cap, sizeof(*t->free));
	t->slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->slots == MAP_FAILED)
		t->slots = NULL;
	if (t->free == NULL || t->slots == NULL ||
	    !table_shards_init(t->creds, t->cap * 2, opt->secret) ||
	    !table_shards_init(t->ids, t->cap, opt->secret) ||
	    !table_shards_init(t->users, t->cap, opt->secret) ||
	    !table_prelogin_init(t, opt)) {
		table_free(t);
		return NULL;
	}
	return t;
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < TABLE_SHARDS; i++) {
		map_free(t->creds[i].map);
		map_free(t->ids[i].map);
		map_free(t->users[i].map);
	}
	map_free(t->pre);
	map_free(t->sources);
	if (t->slots != NULL)
		munmap(t->slots, (size_t)t->cap * sizeof(struct session));
	free(t->free);
	free(t);
}

/* ---- slots ---- */

static bool
table_slot_get(struct table *t, uint32_t *slot)
{
	bool ok = true;

	pthread_mutex_lock(&t->lock);
	if (t->n_free > 0) {
		*slot = t->free[--t->n_free];
	} else if (t->used_max < t->cap) {
		*slot = t->used_max++;
		atomic_store(&t->slots[*slot].refs, TABLE_CLAIMED);
	} else {
		ok = false;
	}
	pthread_mutex_unlock(&t->lock);
	return ok;
}

/* A slot that nobody else can reach any more. Names are forgotten with it. */
static void
table_slot_put(struct table *t, struct session *s)
{
	uint32_t slot = s->slot;

	if (s->flags & SESSION_ADOPTED)
		atomic_fetch_sub(&t->adopted, 1);
	pthread_mutex_destroy(&s->mutex);
	pthread_mutex_lock(&t->lock);
	atomic_store(&s->state, 0);
	memset(&s->slot, 0, sizeof(*s) - offsetof(struct session, slot));
	t->free[t->n_free++] = slot;
	pthread_mutex_unlock(&t->lock);
}

/* Whoever walks the slots looks at nothing behind `state` while that is 0. */
static void
table_copy(struct session *s, const struct session *from, uint32_t slot)
{
	pthread_mutex_init(&s->mutex, NULL);
	memcpy(&s->slot, &from->slot, sizeof(*s) - offsetof(struct session, slot));
	s->slot = slot;
	s->user_next = s->user_prev = 0;
	atomic_store(&s->last_s, atomic_load(&from->last_s));
	atomic_store(&s->unrecorded, false);
	atomic_store_explicit(&s->state, atomic_load(&from->state), memory_order_release);
	atomic_store(&s->refs, 1);
}

/*
 * Frees a slot that nobody refers to, if its session is past its end (or merely ended,
 * for a full table). The claim keeps other reapers out; it is taken out of all indexes
 * next, so that nobody can take a new reference after that.
 */
static bool
table_reap(struct table *t, struct session *s, const struct table_sweep *sweep, bool full)
{
	unsigned none = 0;

	if (!atomic_compare_exchange_strong(&s->refs, &none, TABLE_CLAIMED))
		return false;
	if (!(s->flags & SESSION_FORGOTTEN) &&
	    (sweep->now_s < s->expires_s || sweep->now_s < sweep->keep_s) &&
	    !(full && atomic_load(&s->state) == SESSION_ENDED)) {
		(void)atomic_fetch_sub(&s->refs, TABLE_CLAIMED);
		return false;
	}
	session_lock(s);
	for (unsigned i = 0; i < s->n_creds; i++)
		table_unindex(t->creds, s->creds[i].key, s->slot);
	table_unindex(t->ids, s->id, s->slot);
	session_unlock(s);
	table_user_unlink(t, s);
	if (atomic_load_explicit(&s->refs, memory_order_acquire) != TABLE_CLAIMED) {
		/* Somebody came in between; it is at its end for him too. Next time. */
		(void)table_index(t->ids, s->id, s->slot);
		table_user_link(t, s);
		(void)atomic_fetch_sub(&s->refs, TABLE_CLAIMED);
		return false;
	}
	if (sweep->gone != NULL)
		sweep->gone(sweep->arg, s);
	table_slot_put(t, s);
	return true;
}

/* Room in a full table, from sessions that ended by themselves. */
static bool
table_reclaim(struct table *t)
{
	static const struct table_sweep none = {0};
	unsigned done = 0;

	if (atomic_load(&t->keeps))
		return false;
	/* Full: every slot was used once. */
	for (unsigned i = 0; i < TABLE_RECLAIM_LOOK && i < t->cap && done < TABLE_RECLAIM; i++)
		done += table_reap(t, &t->slots[atomic_fetch_add(&t->hand, 1) % t->cap], &none,
		    true);
	return done > 0;
}

/* Half added, and perhaps found already by somebody: its expiry or a full table takes it away. */
static void
table_spoil(struct table *t, struct session *s)
{
	atomic_store(&s->state, SESSION_ENDED);
	for (unsigned i = 0; i < s->n_creds; i++)
		table_unindex(t->creds, s->creds[i].key, s->slot);
	table_unindex(t->ids, s->id, s->slot);
	table_unref(s);
}

int
table_add(struct table *t, const struct session *from, const struct session *over,
    uint64_t now_s, struct session **out)
{
	struct session *s;
	uint32_t slot;
	bool ok;

	if (out != NULL)
		*out = NULL;
	if (!table_slot_get(t, &slot) && !(table_reclaim(t) && table_slot_get(t, &slot)))
		return WF_EFULL;
	s = &t->slots[slot];
	table_copy(s, from, slot);
	if (s->flags & SESSION_ADOPTED)
		atomic_fetch_add(&t->adopted, 1);
	ok = table_index(t->ids, s->id, slot);
	for (unsigned i = 0; i < s->n_creds && ok; i++)
		ok = table_claim(t, s->creds[i].key, s, over, now_s);
	if (!ok) {
		table_spoil(t, s);
		return WF_EEXISTS;
	}
	table_user_link(t, s);
	if (out != NULL)
		*out = s;
	else
		table_unref(s);
	return 0;
}

/* The one whose end comes first, else the oldest of this kind: they stand in the order of
 * their coming. SESSION_CREDS: there is none. */
static unsigned
table_oldest_cred(const struct session *s, uint8_t carrier)
{
	unsigned old = SESSION_CREDS;

	for (unsigned i = 0; i < s->n_creds; i++)
		if (s->creds[i].until_s != 0 &&
		    (old == SESSION_CREDS || s->creds[i].until_s < s->creds[old].until_s))
			old = i;
	for (unsigned i = 0; old == SESSION_CREDS && i < s->n_creds; i++)
		if (s->creds[i].carrier == carrier)
			old = i;
	return old;
}

int
table_add_cred(struct table *t, struct session *s, const struct session_cred *cred)
{
	for (unsigned i = 0; i < s->n_creds; i++)
		if (memcmp(s->creds[i].key, cred->key, SESSION_KEY_LEN) == 0) {
			s->creds[i].until_s = cred->until_s;
			return 0;
		}
	if (s->n_creds == SESSION_CREDS) {
		unsigned old = table_oldest_cred(s, cred->carrier);

		if (old == SESSION_CREDS)
			return WF_EFULL;
		table_drop_cred(t, s, s->creds[old].key);
	}
	if (!table_index(t->creds, cred->key, s->slot))
		return WF_EEXISTS;
	s->creds[s->n_creds++] = *cred;
	return 0;
}

void
table_drop_cred(struct table *t, struct session *s, const uint8_t key[SESSION_KEY_LEN])
{
	uint8_t copy[SESSION_KEY_LEN];

	memcpy(copy, key, sizeof(copy)); /* `key` may point into s */
	for (unsigned i = 0; i < s->n_creds; i++)
		if (memcmp(s->creds[i].key, copy, sizeof(copy)) == 0) {
			table_unindex(t->creds, copy, s->slot);
			s->n_creds--;
			memmove(&s->creds[i], &s->creds[i + 1],
			    (s->n_creds - i) * sizeof(s->creds[0]));
			return;
		}
}

uint32_t
table_adopted(struct table *t)
{
	return atomic_load(&t->adopted);
}

void
table_forget(struct table *t, struct session *s)
{
	if (!table_end(s, SESSION_ENDED))
		return;
	session_lock(s);
	s->flags |= SESSION_FORGOTTEN;
	for (unsigned i = 0; i < s->n_creds; i++)
		table_unindex(t->creds, s->creds[i].key, s->slot);
	table_unindex(t->ids, s->id, s->slot);
	session_unlock(s);
}

bool
table_end(struct session *s, enum session_state how)
{
	unsigned live = SESSION_LIVE;

	return atomic_compare_exchange_strong(&s->state, &live, how);
}

void
table_each(struct table *t, bool (*fn)(void *arg, struct session *s), void *arg)
{
	uint32_t n;

	pthread_mutex_lock(&t->lock);
	n = t->used_max;
	pthread_mutex_unlock(&t->lock);
	for (uint32_t i = 0; i < n; i++) {
		struct session *s;
		uint8_t id[SESSION_ID_LEN];
		bool known, more;

		pthread_mutex_lock(&t->lock);
		known = atomic_load_explicit(&t->slots[i].state, memory_order_acquire) != 0;
		if (known)
			memcpy(id, t->slots[i].id, sizeof(id));
		pthread_mutex_unlock(&t->lock);
		s = known ? table_find_id(t, id) : NULL;
		if (s == NULL)
			continue;
		more = fn(arg, s);
		table_unref(s);
		if (!more)
			return;
	}
}

/* Counts a session that is in its slot and stays there while the table's lock is held. */
static void
table_look(struct table *t, struct session *s, uint64_t now_s)
{
	struct table_census *c = &t->census;

	pthread_mutex_lock(&t->lock);
	if (atomic_load_explicit(&s->state, memory_order_acquire) == SESSION_LIVE &&
	    session_is_live(s, now_s)) {
		session_lock(s);
		c->live++;
		c->adopted += (s->flags & SESSION_ADOPTED) != 0;
		for (unsigned i = 0; i < s->n_contexts; i++) {
			c->accepted += (s->contexts[i].flags & CONTEXT_ACCEPTED) != 0;
			c->challenged += (s->contexts[i].flags & CONTEXT_CHALLENGED) != 0;
		}
		session_unlock(s);
	}
	pthread_mutex_unlock(&t->lock);
}

bool
table_sweep(struct table *t, const struct table_sweep *sweep, struct table_census *census)
{
	uint32_t n;

	pthread_mutex_lock(&t->lock);
	n = t->used_max;
	pthread_mutex_unlock(&t->lock);
	atomic_store(&t->keeps, sweep->now_s < sweep->keep_s);
	for (uint32_t i = 0; i < sweep->look && t->at < n; i++, t->at++) {
		table_look(t, &t->slots[t->at], sweep->now_s);
		(void)table_reap(t, &t->slots[t->at], sweep, false);
	}
	if (t->at < n)
		return false;
	pthread_mutex_lock(&t->pre_lock);
	t->census.prelogin = map_count(t->pre, MAP_STRANGER);
	pthread_mutex_unlock(&t->pre_lock);
	if (census != NULL)
		*census = t->census;
	memset(&t->census, 0, sizeof(t->census));
	t->at = 0;
	return true;
}

uint32_t
table_count(struct table *t)
{
	uint32_t n;

	pthread_mutex_lock(&t->lock);
	n = t->used_max - t->n_free;
	pthread_mutex_unlock(&t->lock);
	return n;
}
