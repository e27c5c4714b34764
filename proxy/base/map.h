/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/map.h - a bounded table from 16-byte keys to values of one size.
 *
 * Everything is allocated by map_new; afterwards nothing fails for lack of memory and
 * nothing grows. Keys are hashed with SipHash-2-4 under a secret of the caller's, so that
 * a client who chooses keys cannot choose collisions.
 *
 * Each entry is a stranger or kept. Strangers are entries anybody on the net can cause;
 * kept ones belong to somebody who logged in. On a full table the oldest stranger makes
 * room for anybody; nobody makes room for a stranger but a stranger; kept entries leave
 * only by map_del and map_sweep. `strangers` caps their number even on an empty table.
 *
 * Age is the `now` of the last map_put or map_touch. Times may stand still; going back is
 * read as standing still.
 *
 * Ownership  values live inside the map: a pointer is good until the entry is deleted,
 *            evicted or swept; evictions happen only inside map_put.
 * Errors     map_put returns NULL when nothing may be evicted.
 * Threads    one owner at a time; the caller shards or locks.
 */
#ifndef WARIFU_BASE_MAP_H
#define WARIFU_BASE_MAP_H

#include "proxy/base/span.h"

enum { MAP_KEY = 16 };

enum map_kind { MAP_STRANGER, MAP_KEPT };

struct map;

/* Called with each entry that is evicted or swept, before it goes (not by map_del). */
typedef void map_gone_fn(void *arg, const uint8_t key[MAP_KEY], void *value);

struct map_opt {
	uint32_t capacity;  /* entries, 1 to 2^31 - 1 */
	uint32_t strangers; /* at most this many strangers; 0 = capacity */
	size_t value_size;  /* bytes; values are aligned to 8 */
	uint8_t secret[16]; /* random, per process */
	map_gone_fn *gone;  /* may be NULL */
	void *gone_arg;
};

/* NULL when out of memory. */
struct map *map_new(const struct map_opt *opt);
/* Wipes all values. */
void map_free(struct map *m);

/* The value, or NULL. Does not change its age. */
void *map_find(const struct map *m, const uint8_t key[MAP_KEY]);

/* Finds or makes the entry and makes it the youngest. A new value is all zeros and sets
 * *fresh (may be NULL). MAP_KEPT turns a stranger into a kept entry; MAP_STRANGER leaves
 * a kept one kept. */
void *map_put(struct map *m, const uint8_t key[MAP_KEY], enum map_kind kind, uint64_t now,
	      bool *fresh);

/* Makes the entry of this value the youngest of its kind. */
void map_touch(struct map *m, void *value, uint64_t now);

/* Wipes and removes; false when it was not there. */
bool map_del(struct map *m, const uint8_t key[MAP_KEY]);

/* Removes entries of this kind whose age is below `before`, oldest first, at most
 * `limit` of them (0 = all); how many. */
uint32_t map_sweep(struct map *m, enum map_kind kind, uint64_t before, uint32_t limit);

/* Entry number i of 0 .. capacity - 1 in no order, NULL for a free place. For walks: the
 * map may not be changed between two calls, map_del of the entry itself excepted. */
void *map_at(struct map *m, uint32_t i, const uint8_t **key);

uint32_t map_capacity(const struct map *m);
uint32_t map_count(const struct map *m, enum map_kind kind);
/* Entries pushed out since map_new. */
uint64_t map_evicted(const struct map *m);

/* SipHash-2-4 of s under secret, for others who index what a client chooses. */
uint64_t map_hash(const uint8_t secret[16], struct span s);

#endif
