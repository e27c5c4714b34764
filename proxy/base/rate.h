/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/rate.h - token buckets by key, in bounded memory.
 *
 * A bucket holds up to `burst` tokens and gains one each `interval` nanoseconds. Only one
 * number is kept per bucket (the time at which it will be full again, as in GCRA), so a
 * bucket that is full equals one that is absent and may be forgotten without loss.
 *
 * The table is a struct map: strangers push out the oldest strangers only. A kept key for
 * which there is no place is let through and counted (rate_unmetered), because a full
 * table must not lock owners out; a stranger for whom there is none is refused.
 *
 * Ownership  rate_new / rate_free.
 * Units      nanoseconds of any clock that does not go back, passed in.
 * Threads    one owner at a time.
 * Not here   the choice of key: callers cut addresses to a network first (ip_truncate),
 *            or one /64 makes 2^64 strangers.
 */
#ifndef WARIFU_BASE_RATE_H
#define WARIFU_BASE_RATE_H

#include "proxy/base/map.h"

struct rate;

struct rate_opt {
	uint64_t interval;  /* ns for one token, > 0 */
	uint32_t burst;	    /* tokens, >= 1; interval * burst stays below 2^62 */
	uint32_t capacity;  /* buckets */
	uint32_t strangers; /* as in struct map_opt */
	uint8_t secret[16];
};

/* NULL when out of memory. */
struct rate *rate_new(const struct rate_opt *opt);
void rate_free(struct rate *r);

/* Takes n tokens (n <= burst) if they are there. If not: false, nothing is taken, and
 * *wait (may be NULL) says in how many ns they would be. */
bool rate_take(struct rate *r, const uint8_t key[MAP_KEY], enum map_kind kind, uint32_t n,
	       uint64_t now, uint64_t *wait);

/* Tokens there now; `burst` for a key that was never seen. */
uint32_t rate_left(const struct rate *r, const uint8_t key[MAP_KEY], uint64_t now);

/* Forgets the key, so its bucket is full again. */
void rate_forget(struct rate *r, const uint8_t key[MAP_KEY]);

/* Drops buckets that are full again, at most `limit` (0 = all); how many. */
uint32_t rate_sweep(struct rate *r, uint64_t now, uint32_t limit);

uint64_t rate_unmetered(const struct rate *r);
uint64_t rate_evicted(const struct rate *r);

#endif
