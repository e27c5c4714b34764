/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proxy/base/digest.h"
#include "proxy/base/rate.h"

enum { LIMITS_SHARDS = 16, LIMITS_CAPACITY = 8192, LIMITS_SWEEP = 256 };

struct limits_shard {
	pthread_mutex_t lock;
	struct rate *rate[LIMIT_KINDS]; /* NULL: no limit */
	struct map *conns;		/* address -> uint32_t */
};

struct limits {
	atomic_uint swept; /* shards so far */
	struct limits_shard shard[LIMITS_SHARDS];
	struct conf_rate rates[LIMIT_KINDS]; /* of limits_adopt's caller */
	uint8_t secret[16];
};

/* A stranger's requests that get a full record: 20 at once, then one every two seconds. */
static const struct conf_rate limits_record = {.count = 30, .per_ms = 60000, .burst = 20};

static struct rate *
limits_rate(const struct conf_rate *r, const uint8_t secret[16])
{
	struct rate_opt opt = {.capacity = LIMITS_CAPACITY, .strangers = LIMITS_CAPACITY / 2};

	opt.interval = r->per_ms * 1000000u / r->count;
	if (opt.interval == 0)
		opt.interval = 1;
	opt.burst = r->burst == 0 ? 1 : r->burst > 1000000 ? 1000000 : (uint32_t)r->burst;
	memcpy(opt.secret, secret, sizeof(opt.secret));
	return rate_new(&opt);
}

static void
limits_rates(const struct conf_limits *c, struct conf_rate rates[LIMIT_KINDS])
{
	rates[LIMIT_ADDRESS] = c->rate_address;
	rates[LIMIT_SESSION] = c->rate_session;
	rates[LIMIT_USER] = c->rate_user;
	rates[LIMIT_ROUTE] = c->rate_route;
	rates[LIMIT_LOGIN] = c->rate_login;
	rates[LIMIT_RECORD] = limits_record;
	rates[LIMIT_TOSSING] = limits_record;
}

static bool
limits_shard_init(struct limits_shard *s, const struct conf_rate rates[LIMIT_KINDS],
    const uint8_t secret[16])
{
	struct map_opt m = {.capacity = LIMITS_CAPACITY, .value_size = sizeof(uint32_t)};

	pthread_mutex_init(&s->lock, NULL);
	memcpy(m.secret, secret, sizeof(m.secret));
	s->conns = map_new(&m);
	if (s->conns == NULL)
		return false;
	for (int k = 0; k < LIMIT_KINDS; k++) {
		if (rates[k].count == 0)
			continue;
		s->rate[k] = limits_rate(&rates[k], secret);
		if (s->rate[k] == NULL)
			return false;
	}
	return true;
}

struct limits *
limits_new(const struct conf_limits *conf)
{
	struct limits *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	digest_random(l->secret, sizeof(l->secret));
	limits_rates(conf, l->rates);
	for (int i = 0; i < LIMITS_SHARDS; i++)
		if (!limits_shard_init(&l->shard[i], l->rates, l->secret)) {
			limits_free(l);
			return NULL;
		}
	return l;
}

void
limits_free(struct limits *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < LIMITS_SHARDS; i++) {
		for (int k = 0; k < LIMIT_KINDS; k++)
			rate_free(l->shard[i].rate[k]);
		map_free(l->shard[i].conns);
	}
	free(l);
}

static bool
limits_change(struct limits *l, int kind, const struct conf_rate *to)
{
	for (int i = 0; i < LIMITS_SHARDS; i++) {
		struct limits_shard *s = &l->shard[i];
		struct rate *fresh = to->count == 0 ? NULL : limits_rate(to, l->secret);
		struct rate *old = s->rate[kind];

		if (fresh == NULL && to->count != 0)
			return false;
		pthread_mutex_lock(&s->lock);
		s->rate[kind] = fresh;
		pthread_mutex_unlock(&s->lock);
		rate_free(old);
	}
	return true;
}

void
limits_adopt(struct limits *l, const struct conf_limits *conf)
{
	struct conf_rate now[LIMIT_KINDS];

	limits_rates(conf, now);
	for (int k = 0; k < LIMIT_KINDS; k++) {
		const struct conf_rate *a = &now[k], *b = &l->rates[k];

		if (a->count == b->count && a->per_ms == b->per_ms && a->burst == b->burst)
			continue;
		if (limits_change(l, k, a))
			l->rates[k] = *a;
	}
}

static struct limits_shard *
limits_shard_of(struct limits *l, const uint8_t key[MAP_KEY])
{
	unsigned x = 0;

	for (int i = 0; i < MAP_KEY; i++)
		x = x * 31 + key[i];
	return &l->shard[x % LIMITS_SHARDS];
}

bool
limits_take(struct limits *l, enum limit_kind kind, const uint8_t key[MAP_KEY],
    enum map_kind who, uint64_t now, uint64_t *wait)
{
	struct limits_shard *s = limits_shard_of(l, key);
	bool ok;

	*wait = 0;
	pthread_mutex_lock(&s->lock);
	ok = s->rate[kind] == NULL || rate_take(s->rate[kind], key, who, 1, now, wait);
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void
limits_sweep(struct limits *l, uint64_t now)
{
	struct limits_shard *s = &l->shard[atomic_fetch_add(&l->swept, 1) % LIMITS_SHARDS];

	pthread_mutex_lock(&s->lock);
	for (int k = 0; k < LIMIT_KINDS; k++)
		if (s->rate[k] != NULL)
			(void)rate_sweep(s->rate[k], now, LIMITS_SWEEP);
	pthread_mutex_unlock(&s->lock);
}

void
limits_address_key(const struct ip *ip, uint8_t key[MAP_KEY])
{
	struct ip t = ip_truncate(ip, 32, 64);

	memcpy(key, t.b, MAP_KEY);
}

bool
limits_connect(struct limits *l, const struct ip *ip, uint64_t max)
{
	uint8_t key[MAP_KEY];
	struct limits_shard *s;
	uint32_t *n;
	bool ok;

	limits_address_key(ip, key);
	s = limits_shard_of(l, key);
	pthread_mutex_lock(&s->lock);
	n = map_put(s->conns, key, MAP_KEPT, 0, NULL);
	ok = n != NULL && (max == 0 || *n < max);
	if (ok)
		++*n;
	else if (n != NULL && *n == 0)
		map_del(s->conns, key);
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void
limits_disconnect(struct limits *l, const struct ip *ip)
{
	uint8_t key[MAP_KEY];
	struct limits_shard *s;
	uint32_t *n;

	limits_address_key(ip, key);
	s = limits_shard_of(l, key);
	pthread_mutex_lock(&s->lock);
	n = map_find(s->conns, key);
	if (n != NULL && --*n == 0)
		map_del(s->conns, key);
	pthread_mutex_unlock(&s->lock);
}
