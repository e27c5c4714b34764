/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/map.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

struct key {
	uint8_t b[MAP_KEY];
};

static struct key
key(uint32_t n)
{
	struct key k = {{0}};

	memcpy(k.b, &n, sizeof(n));
	return k;
}

static struct map *
table(uint32_t capacity, uint32_t strangers)
{
	struct map_opt opt = {
	    .capacity = capacity, .strangers = strangers, .value_size = 4};
	struct map *m;

	memset(opt.secret, 0x5a, sizeof(opt.secret));
	m = map_new(&opt);
	if (m == NULL)
		abort();
	return m;
}

static uint32_t *
put(struct map *m, uint32_t n, enum map_kind kind, uint64_t now)
{
	struct key k = key(n);
	uint32_t *v = map_put(m, k.b, kind, now, NULL);

	if (v != NULL)
		*v = n;
	return v;
}

static uint32_t *
find(struct map *m, uint32_t n)
{
	struct key k = key(n);
	uint32_t *v = map_find(m, k.b);

	CHECK(v == NULL || *v == n);
	return v;
}

static void
hashes_like_the_papers_example(void)
{
	uint8_t secret[16], in[15];

	for (uint8_t i = 0; i < 16; i++)
		secret[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		in[i] = i;
	CHECK(map_hash(secret, span_of(in, 15)) == UINT64_C(0xa129ca6149be45e5));
	CHECK(map_hash(secret, span_of(in, 0)) == UINT64_C(0x726fdb47dd0e0e31));
}

static void
finds_what_was_put_and_not_what_was_deleted(void)
{
	struct map *m = table(100, 0);
	struct key k = key(7);
	bool fresh;
	uint32_t *v;

	CHECK(find(m, 7) == NULL);
	v = map_put(m, k.b, MAP_KEPT, 1, &fresh);
	CHECK(v != NULL && fresh && *v == 0);
	*v = 7;
	CHECK(find(m, 7) == v);
	CHECK(map_put(m, k.b, MAP_KEPT, 2, &fresh) == v && !fresh && *v == 7);
	CHECK_INT(map_count(m, MAP_KEPT), 1);
	CHECK(map_del(m, k.b));
	CHECK(!map_del(m, k.b));
	CHECK(find(m, 7) == NULL);
	v = map_put(m, k.b, MAP_STRANGER, 3, &fresh);
	CHECK(fresh && *v == 0);
	map_free(m);
}

static void
strangers_evict_the_oldest_stranger_only(void)
{
	struct map *m = table(4, 0);

	CHECK(put(m, 1, MAP_KEPT, 1) && put(m, 2, MAP_STRANGER, 2));
	CHECK(put(m, 3, MAP_STRANGER, 3) && put(m, 4, MAP_KEPT, 4));
	CHECK(put(m, 2, MAP_STRANGER, 5) != NULL); /* 3 is now the oldest stranger */
	CHECK(put(m, 5, MAP_STRANGER, 6) != NULL);
	CHECK(find(m, 3) == NULL && find(m, 1) && find(m, 2) && find(m, 4) && find(m, 5));
	CHECK_INT(map_evicted(m), 1);
	map_free(m);
}

static void
no_flood_of_strangers_moves_a_kept_entry(void)
{
	struct map *m = table(64, 0);

	for (uint32_t i = 0; i < 64; i++)
		CHECK(put(m, i, MAP_KEPT, i) != NULL);
	for (uint32_t i = 0; i < 10000; i++)
		CHECK(put(m, 1000 + i, MAP_STRANGER, 100 + i) == NULL);
	CHECK(put(m, 99, MAP_KEPT, 1) == NULL);
	for (uint32_t i = 0; i < 64; i++)
		CHECK(find(m, i) != NULL);
	CHECK_INT(map_evicted(m), 0);
	map_free(m);
}

static void
kept_entries_push_strangers_out(void)
{
	struct map *m = table(8, 0);

	for (uint32_t i = 0; i < 8; i++)
		CHECK(put(m, i, MAP_STRANGER, i) != NULL);
	for (uint32_t i = 10; i < 18; i++)
		CHECK(put(m, i, MAP_KEPT, i) != NULL);
	CHECK_INT(map_count(m, MAP_STRANGER), 0);
	CHECK_INT(map_count(m, MAP_KEPT), 8);
	map_free(m);
}

static void
strangers_have_a_cap_of_their_own(void)
{
	struct map *m = table(100, 10);

	for (uint32_t i = 0; i < 50; i++)
		CHECK(put(m, i, MAP_STRANGER, i) != NULL);
	CHECK_INT(map_count(m, MAP_STRANGER), 10);
	CHECK(find(m, 39) == NULL && find(m, 40) != NULL);
	for (uint32_t i = 100; i < 190; i++)
		CHECK(put(m, i, MAP_KEPT, i) != NULL);
	CHECK_INT(map_count(m, MAP_STRANGER), 10);
	map_free(m);
}

static void
login_turns_a_stranger_into_a_kept_entry(void)
{
	struct map *m = table(2, 0);
	uint32_t *v = put(m, 1, MAP_STRANGER, 1);

	CHECK(put(m, 1, MAP_KEPT, 2) == v);
	CHECK_INT(map_count(m, MAP_KEPT), 1);
	CHECK_INT(map_count(m, MAP_STRANGER), 0);
	CHECK(put(m, 1, MAP_STRANGER, 3) == v);
	CHECK_INT(map_count(m, MAP_KEPT), 1);
	CHECK(put(m, 2, MAP_STRANGER, 4) && put(m, 3, MAP_STRANGER, 5));
	CHECK(find(m, 1) != NULL && find(m, 2) == NULL);
	map_free(m);
}

static void
sweeping_takes_the_old_ones_of_one_kind(void)
{
	struct map *m = table(20, 0);

	for (uint32_t i = 0; i < 10; i++)
		CHECK(put(m, i, i % 2 ? MAP_KEPT : MAP_STRANGER, i) != NULL);
	map_touch(m, find(m, 0), 100);
	CHECK_INT(map_sweep(m, MAP_STRANGER, 6, 0), 2); /* 2 and 4 */
	CHECK(find(m, 0) && !find(m, 2) && !find(m, 4) && find(m, 6) && find(m, 1));
	CHECK_INT(map_sweep(m, MAP_KEPT, 100, 3), 3);
	CHECK(!find(m, 1) && !find(m, 3) && !find(m, 5) && find(m, 7));
	map_free(m);
}

static void
time_going_back_keeps_the_order(void)
{
	struct map *m = table(3, 0);

	CHECK(put(m, 1, MAP_STRANGER, 100) && put(m, 2, MAP_STRANGER, 50));
	CHECK_INT(map_sweep(m, MAP_STRANGER, 60, 0), 0);
	CHECK_INT(map_sweep(m, MAP_STRANGER, 101, 0), 2);
	map_free(m);
}

static void
note_gone(void *arg, const uint8_t k[MAP_KEY], void *value)
{
	struct key want = key(*(uint32_t *)value);

	CHECK(memcmp(k, want.b, MAP_KEY) == 0);
	(*(unsigned *)arg)++;
}

static void
those_who_go_are_told(void)
{
	unsigned gone = 0;
	struct map_opt opt = {
	    .capacity = 4, .value_size = 4, .gone = note_gone, .gone_arg = &gone};
	struct map *m = map_new(&opt);
	struct key k = key(3);

	for (uint32_t i = 0; i < 6; i++)
		CHECK(put(m, i, MAP_STRANGER, i) != NULL);
	CHECK_INT(gone, 2);
	CHECK(map_del(m, k.b));
	CHECK_INT(gone, 2);
	CHECK_INT(map_sweep(m, MAP_STRANGER, 100, 0), 3);
	CHECK_INT(gone, 5);
	map_free(m);
}

static void
walks_over_every_entry(void)
{
	struct map *m = table(50, 0);
	uint32_t seen = 0, sum = 0;

	for (uint32_t i = 0; i < 30; i++)
		CHECK(put(m, i, MAP_KEPT, i) != NULL);
	for (uint32_t i = 0; i < map_capacity(m); i++) {
		const uint8_t *k;
		uint32_t *v = map_at(m, i, &k);

		if (v == NULL)
			continue;
		seen++;
		sum += *v;
		CHECK(memcmp(k, v, 4) == 0);
	}
	CHECK_INT(seen, 30);
	CHECK_INT(sum, 435);
	CHECK(map_at(m, 50, NULL) == NULL);
	map_free(m);
}

/* A plain array is the judge. */
static void
agrees_with_an_array_over_many_random_steps(void)
{
	enum { KEYS = 64, CAP = 40 };
	struct map *m = table(CAP, 25);
	int kind[KEYS]; /* -1 absent */
	uint64_t age[KEYS] = {0};
	uint32_t x = 12345, wrong = 0;

	memset(kind, 0xff, sizeof(kind));
	for (uint64_t now = 1; now < 60000; now++) {
		uint32_t n, op, strangers = 0, kept = 0, oldest = KEYS;
		struct key k;

		x = x * 1664525 + 1013904223;
		n = x >> 24 & 63;
		op = x >> 16 & 7;
		k = key(n);
		for (uint32_t i = 0; i < KEYS; i++) {
			strangers += kind[i] == MAP_STRANGER;
			kept += kind[i] == MAP_KEPT;
			if (kind[i] == MAP_STRANGER &&
			    (oldest == KEYS || age[i] < age[oldest]))
				oldest = i;
		}
		if (op < 5) {
			enum map_kind want = op < 4 ? MAP_STRANGER : MAP_KEPT;
			bool full = strangers + kept == CAP ||
				    (want == MAP_STRANGER && strangers == 25);
			bool ok = true;

			if (kind[n] < 0 && full) {
				ok = oldest < KEYS;
				if (ok)
					kind[oldest] = -1;
			}
			if (ok) {
				kind[n] = kind[n] == MAP_KEPT ? MAP_KEPT : (int)want;
				age[n] = now;
			}
			wrong += (put(m, n, want, now) != NULL) != ok;
		} else {
			wrong += map_del(m, k.b) != (kind[n] >= 0);
			kind[n] = -1;
		}
		wrong += (find(m, n) != NULL) != (kind[n] >= 0);
	}
	for (uint32_t i = 0; i < KEYS; i++)
		wrong += (find(m, i) != NULL) != (kind[i] >= 0);
	CHECK_INT(wrong, 0);
	map_free(m);
}

int
main(void)
{
	TAP_RUN(hashes_like_the_papers_example);
	TAP_RUN(finds_what_was_put_and_not_what_was_deleted);
	TAP_RUN(strangers_evict_the_oldest_stranger_only);
	TAP_RUN(no_flood_of_strangers_moves_a_kept_entry);
	TAP_RUN(kept_entries_push_strangers_out);
	TAP_RUN(strangers_have_a_cap_of_their_own);
	TAP_RUN(login_turns_a_stranger_into_a_kept_entry);
	TAP_RUN(sweeping_takes_the_old_ones_of_one_kind);
	TAP_RUN(time_going_back_keeps_the_order);
	TAP_RUN(those_who_go_are_told);
	TAP_RUN(walks_over_every_entry);
	TAP_RUN(agrees_with_an_array_over_many_random_steps);
	return tap_done();
}
