/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/locks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct locks {
	pthread_rwlock_t lock;
	atomic_uint n; /* read without the lock: nearly always 0 */
	struct locks_entry at[LOCKS_MAX];
};

struct locks *
locks_new(void)
{
	struct locks *l = calloc(1, sizeof(*l));

	if (l != NULL)
		pthread_rwlock_init(&l->lock, NULL);
	return l;
}

void
locks_free(struct locks *l)
{
	free(l);
}

static struct locks_entry *
locks_find(struct locks *l, struct span key)
{
	for (unsigned i = 0; i < l->n; i++)
		if (span_eq(span_str(l->at[i].key), key))
			return &l->at[i];
	return NULL;
}

int
locks_set(struct locks *l, struct span key, uint64_t until_s, struct span note)
{
	struct locks_entry *e;
	int err = 0;

	if (key.n >= LOCKS_KEY || memchr(key.p, 0, key.n) != NULL)
		return WF_ERANGE;
	pthread_rwlock_wrlock(&l->lock);
	e = locks_find(l, key);
	if (e == NULL && l->n < LOCKS_MAX)
		e = &l->at[l->n++];
	if (e != NULL) {
		memcpy(e->key, key.p, key.n);
		e->key[key.n] = '\0';
		e->until_s = until_s;
		if (note.n >= LOCKS_NOTE)
			note.n = LOCKS_NOTE - 1;
		if (note.n > 0)
			memcpy(e->note, note.p, note.n);
		e->note[note.n] = '\0';
	} else {
		err = WF_EFULL;
	}
	pthread_rwlock_unlock(&l->lock);
	return err;
}

bool
locks_clear(struct locks *l, struct span key)
{
	struct locks_entry *e;

	pthread_rwlock_wrlock(&l->lock);
	e = locks_find(l, key);
	if (e != NULL)
		*e = l->at[--l->n];
	pthread_rwlock_unlock(&l->lock);
	return e != NULL;
}

static bool
locks_has(struct locks *l, const char *key, uint64_t now_s)
{
	const struct locks_entry *e;
	bool on;

	pthread_rwlock_rdlock(&l->lock);
	e = locks_find(l, span_str(key));
	on = e != NULL && (e->until_s == 0 || now_s < e->until_s);
	pthread_rwlock_unlock(&l->lock);
	return on;
}

bool
locks_class(struct locks *l, struct span site, const char *class_name, uint64_t now_s)
{
	char key[LOCKS_KEY + 80];

	if (atomic_load_explicit(&l->n, memory_order_relaxed) == 0)
		return false;
	snprintf(key, sizeof(key), "lock//%s", class_name);
	if (locks_has(l, key, now_s))
		return true;
	snprintf(key, sizeof(key), "lock/%.*s/%s", (int)site.n, (const char *)site.p,
	    class_name);
	return locks_has(l, key, now_s);
}

bool
locks_bypass(struct locks *l, struct span site, uint64_t now_s)
{
	char key[LOCKS_KEY + 80];

	if (atomic_load_explicit(&l->n, memory_order_relaxed) == 0)
		return false;
	snprintf(key, sizeof(key), "bypass/%.*s", (int)site.n, (const char *)site.p);
	return locks_has(l, key, now_s);
}

unsigned
locks_list(struct locks *l, struct locks_entry *out, unsigned cap, uint64_t now_s)
{
	unsigned n = 0;

	pthread_rwlock_rdlock(&l->lock);
	for (unsigned i = 0; i < l->n && n < cap; i++)
		if (l->at[i].until_s == 0 || now_s < l->at[i].until_s)
			out[n++] = l->at[i];
	pthread_rwlock_unlock(&l->lock);
	return n;
}
