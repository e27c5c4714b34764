/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/rate.h"

#include <stdlib.h>

#include "proxy/base/must.h"

/* When the bucket will be full again; in the past: it is full. */
struct rate_bucket {
	uint64_t full_at;
};

struct rate {
	struct map *map;
	uint64_t interval;
	uint64_t span; /* ns that an empty bucket needs: interval * burst */
	uint32_t burst;
	uint64_t unmetered;
};

struct rate *
rate_new(const struct rate_opt *opt)
{
	struct map_opt mo = {.capacity = opt->capacity,
			     .strangers = opt->strangers,
			     .value_size = sizeof(struct rate_bucket)};
	struct rate *r;

	MUST(opt->interval > 0 && opt->burst > 0);
	MUST(opt->interval < (UINT64_C(1) << 62) / opt->burst);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	memcpy(mo.secret, opt->secret, sizeof(mo.secret));
	r->interval = opt->interval;
	r->burst = opt->burst;
	r->span = opt->interval * opt->burst;
	r->map = map_new(&mo);
	if (r->map == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
rate_free(struct rate *r)
{
	if (r == NULL)
		return;
	map_free(r->map);
	free(r);
}

bool
rate_take(struct rate *r, const uint8_t key[MAP_KEY], enum map_kind kind, uint32_t n,
	  uint64_t now, uint64_t *wait)
{
	struct rate_bucket *b;
	uint64_t full_at, short_by;

	MUST(n <= r->burst);
	if (wait != NULL)
		*wait = 0;
	b = map_put(r->map, key, kind, now, NULL);
	if (b == NULL) {
		if (kind == MAP_KEPT) {
			r->unmetered++;
			return true;
		}
		if (wait != NULL)
			*wait = r->interval;
		return false;
	}
	full_at = (b->full_at > now ? b->full_at : now) + n * r->interval;
	if (full_at - now <= r->span) {
		b->full_at = full_at;
		return true;
	}
	short_by = full_at - now - r->span;
	if (wait != NULL)
		*wait = short_by;
	return false;
}

uint32_t
rate_left(const struct rate *r, const uint8_t key[MAP_KEY], uint64_t now)
{
	const struct rate_bucket *b = map_find(r->map, key);

	if (b == NULL || b->full_at <= now)
		return r->burst;
	if (b->full_at - now >= r->span)
		return 0;
	return (uint32_t)((r->span - (b->full_at - now)) / r->interval);
}

void
rate_forget(struct rate *r, const uint8_t key[MAP_KEY])
{
	(void)map_del(r->map, key);
}

/* Whoever was last seen more than a whole refill ago is full, so ages suffice: no bucket
 * has to be looked at that stays. */
uint32_t
rate_sweep(struct rate *r, uint64_t now, uint32_t limit)
{
	uint32_t n;

	if (now < r->span)
		return 0;
	n = map_sweep(r->map, MAP_STRANGER, now - r->span, limit);
	if (limit == 0 || n < limit)
		n += map_sweep(r->map, MAP_KEPT, now - r->span, limit ? limit - n : 0);
	return n;
}

uint64_t
rate_unmetered(const struct rate *r)
{
	return r->unmetered;
}

uint64_t
rate_evicted(const struct rate *r)
{
	return map_evicted(r->map);
}
