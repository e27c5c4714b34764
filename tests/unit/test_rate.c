/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/rate.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

enum { MS = 1000000 };

static struct rate *
limiter(uint64_t interval, uint32_t burst, uint32_t capacity, uint32_t strangers)
{
	struct rate_opt opt = {.interval = interval,
			       .burst = burst,
			       .capacity = capacity,
			       .strangers = strangers};
	struct rate *r = rate_new(&opt);

	if (r == NULL)
		abort();
	return r;
}

static bool
take(struct rate *r, uint8_t who, enum map_kind kind, uint64_t now)
{
	uint8_t key[MAP_KEY] = {who};

	return rate_take(r, key, kind, 1, now, NULL);
}

static void
gives_the_burst_and_then_the_rate(void)
{
	struct rate *r = limiter(100 * MS, 5, 10, 0);
	uint64_t t = UINT64_C(1000000) * MS, wait;
	uint8_t key[MAP_KEY] = {1};
	unsigned given = 0;

	CHECK_INT(rate_left(r, key, t), 5);
	for (int i = 0; i < 5; i++)
		CHECK(take(r, 1, MAP_STRANGER, t));
	CHECK_INT(rate_left(r, key, t), 0);
	CHECK(!rate_take(r, key, MAP_STRANGER, 1, t, &wait));
	CHECK_INT(wait, 100 * MS);
	CHECK(!take(r, 1, MAP_STRANGER, t + 100 * MS - 1));
	CHECK(take(r, 1, MAP_STRANGER, t + 100 * MS));
	/* Ten seconds of asking every millisecond: ten a second. */
	for (uint64_t i = 1; i <= 10000; i++)
		given += take(r, 1, MAP_STRANGER, t + (100 + i) * MS);
	CHECK_INT(given, 100);
	rate_free(r);
}

static void
refusals_cost_nothing(void)
{
	struct rate *r = limiter(1000 * MS, 1, 10, 0);

	CHECK(take(r, 1, MAP_STRANGER, 0));
	for (uint64_t i = 0; i < 1000; i++)
		CHECK(!take(r, 1, MAP_STRANGER, i * MS));
	CHECK(take(r, 1, MAP_STRANGER, 1000 * MS));
	rate_free(r);
}

static void
several_tokens_are_taken_whole_or_not_at_all(void)
{
	struct rate *r = limiter(100 * MS, 5, 10, 0);
	uint8_t key[MAP_KEY] = {1};
	uint64_t wait;

	CHECK(rate_take(r, key, MAP_KEPT, 3, 0, &wait));
	CHECK(!rate_take(r, key, MAP_KEPT, 3, 0, &wait));
	CHECK_INT(wait, 100 * MS);
	CHECK_INT(rate_left(r, key, 0), 2);
	CHECK(rate_take(r, key, MAP_KEPT, 2, 0, &wait));
	CHECK(rate_take(r, key, MAP_KEPT, 0, 0, &wait));
	rate_forget(r, key);
	CHECK(rate_take(r, key, MAP_KEPT, 5, 0, &wait));
	rate_free(r);
}

static void
keys_do_not_share_a_bucket(void)
{
	struct rate *r = limiter(1000 * MS, 1, 10, 0);

	CHECK(take(r, 1, MAP_STRANGER, 0) && take(r, 2, MAP_STRANGER, 0));
	CHECK(!take(r, 1, MAP_STRANGER, 0) && !take(r, 2, MAP_STRANGER, 0));
	rate_free(r);
}

static void
a_flood_does_not_refill_an_owners_bucket(void)
{
	struct rate *r = limiter(1000 * MS, 1, 8, 0);

	CHECK(take(r, 200, MAP_KEPT, 0));
	for (uint8_t i = 0; i < 100; i++)
		CHECK(take(r, i, MAP_STRANGER, 1));
	CHECK(!take(r, 200, MAP_KEPT, 2));
	CHECK_INT(rate_evicted(r), 93);
	rate_free(r);
}

static void
a_full_table_lets_owners_pass_and_counts_them(void)
{
	struct rate *r = limiter(1000 * MS, 1, 4, 0);

	for (uint8_t i = 0; i < 4; i++)
		CHECK(take(r, i, MAP_KEPT, 0));
	CHECK(take(r, 9, MAP_KEPT, 0));
	CHECK(!take(r, 10, MAP_STRANGER, 0));
	CHECK_INT(rate_unmetered(r), 1);
	rate_free(r);
}

static void
sweeping_forgets_only_full_buckets(void)
{
	struct rate *r = limiter(100 * MS, 5, 10, 0);
	uint8_t key[MAP_KEY] = {1};

	for (int i = 0; i < 5; i++)
		CHECK(take(r, 1, MAP_STRANGER, 0));
	CHECK(take(r, 2, MAP_KEPT, 0));
	CHECK_INT(rate_sweep(r, 500 * MS, 0), 0);
	CHECK_INT(rate_left(r, key, 499 * MS), 4);
	CHECK_INT(rate_sweep(r, 501 * MS, 1), 1);
	CHECK_INT(rate_sweep(r, 501 * MS, 0), 1);
	CHECK_INT(rate_left(r, key, 501 * MS), 5);
	rate_free(r);
}

int
main(void)
{
	TAP_RUN(gives_the_burst_and_then_the_rate);
	TAP_RUN(refusals_cost_nothing);
	TAP_RUN(several_tokens_are_taken_whole_or_not_at_all);
	TAP_RUN(keys_do_not_share_a_bucket);
	TAP_RUN(a_flood_does_not_refill_an_owners_bucket);
	TAP_RUN(a_full_table_lets_owners_pass_and_counts_them);
	TAP_RUN(sweeping_forgets_only_full_buckets);
	return tap_done();
}
