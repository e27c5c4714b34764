/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/session/tablepriv.h - what table.c (slots), tableindex.c (look-ups) and
 * tableprelogin.c share.
 *
 * Threads  any; a shard's lock is held for one look-up, never together with another's.
 */
#ifndef WARIFU_SESSION_TABLEPRIV_H
#define WARIFU_SESSION_TABLEPRIV_H

#include "proxy/base/map.h"
#include "proxy/session/table.h"

enum { TABLE_SHARDS = 64 };

struct table_shard {
	pthread_mutex_t lock;
	struct map *map; /* key -> slot number */
};

struct table {
	struct session *slots; /* mapped; pages are touched only when used */
	uint32_t cap;
	pthread_mutex_t lock; /* of the free list */
	uint32_t *free;
	uint32_t n_free;
	uint32_t used_max; /* slots that were ever used */
	uint32_t at;	   /* where the sweep goes on … */
	struct table_census census; /* … and what it has counted so far */
	atomic_uint adopted;
	atomic_bool keeps; /* adoption is possible: what ended stays known */
	atomic_uint hand;  /* where the search for ended sessions goes on */
	struct table_shard creds[TABLE_SHARDS];
	struct table_shard ids[TABLE_SHARDS];
	struct table_shard users[TABLE_SHARDS]; /* -> slot + 1 of the first of a list */
	pthread_mutex_t pre_lock;
	struct map *pre;     /* key -> struct table_prelogin */
	struct map *sources; /* source -> number of entries */
	uint32_t pre_source;
};

/* Leads the key to the slot. False: it leads to another. */
bool
table_index(struct table_shard *sh, const uint8_t key[16], uint32_t slot);

/*
 * Leads the credential to s; from a session that lives at now_s it is taken only if that is
 * `over`. An s that is over itself takes nothing and has no reason to fail.
 */
bool
table_claim(struct table *t, const uint8_t key[16], struct session *s,
    const struct session *over, uint64_t now_s);

/* Only if the key still leads to this slot: another login may have taken it over. */
void
table_unindex(struct table_shard *sh, const uint8_t key[16], uint32_t slot);

/* Into and out of the list of its user's sessions; one without a user is in none. */
void
table_user_link(struct table *t, struct session *s);
void
table_user_unlink(struct table *t, struct session *s);

/* False: out of memory; table_free releases what is there. */
bool
table_prelogin_init(struct table *t, const struct table_opt *opt);

#endif
