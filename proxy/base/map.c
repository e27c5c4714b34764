/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/map.h"

#include <stdlib.h>

#include "proxy/base/digest.h"
#include "proxy/base/must.h"

/*
 * Entries lie in one array; chains, ages and free places are linked by index, so the
 * table is three allocations at creation and none later. Ages are two doubly linked
 * lists, oldest first, one for each kind: eviction looks at no more than one entry,
 * whatever a flood does. A chain's length is that of a random hash (SipHash under a
 * secret): with as many buckets as entries, 1.5 on average.
 */

#define MAP_NIL UINT32_MAX

struct map_entry {
	uint64_t age;
	uint32_t chain; /* next in the bucket, or next free place */
	uint32_t older, younger;
	uint8_t kind;
	bool used;
	uint8_t key[MAP_KEY];
};

struct map_list {
	uint32_t oldest, youngest, count;
};

struct map {
	struct map_opt opt;
	uint32_t mask; /* buckets - 1 */
	uint32_t free;
	struct map_list list[2];
	uint64_t evicted;
	size_t stride;
	uint32_t *buckets;
	struct map_entry *entries;
	uint8_t *values;
};

/* --- SipHash-2-4 (Aumasson, Bernstein 2012) --- */

static uint64_t
map_rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
map_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = map_rotl(v[1], 13) ^ v[0];
	v[3] = map_rotl(v[3], 16) ^ v[2];
	v[0] = map_rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = map_rotl(v[1], 17) ^ v[2];
	v[3] = map_rotl(v[3], 21) ^ v[0];
	v[2] = map_rotl(v[2], 32);
}

/* Up to eight bytes, little-endian. */
static uint64_t
map_load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void
map_sip_block(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	map_sip_round(v);
	map_sip_round(v);
	v[0] ^= m;
}

uint64_t
map_hash(const uint8_t secret[16], struct span s)
{
	uint64_t k0 = map_load(secret, 8), k1 = map_load(secret + 8, 8);
	uint64_t v[4] = {
	    k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
	    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
	size_t i = 0;

	for (; s.n - i >= 8; i += 8)
		map_sip_block(v, map_load(s.p + i, 8));
	map_sip_block(v,
		      (uint64_t)s.n << 56 | (s.n > i ? map_load(s.p + i, s.n - i) : 0));
	v[2] ^= 0xff;
	for (unsigned r = 0; r < 4; r++)
		map_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- making --- */

static uint32_t
map_buckets(uint32_t capacity)
{
	uint32_t n = 8;

	while (n < capacity)
		n <<= 1;
	return n;
}

struct map *
map_new(const struct map_opt *opt)
{
	uint32_t buckets = map_buckets(opt->capacity);
	struct map *m;

	MUST(opt->capacity > 0 && opt->capacity <= INT32_MAX);
	MUST(opt->value_size > 0 && opt->value_size <= 1 << 20);
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	m->opt = *opt;
	if (opt->strangers == 0 || opt->strangers > opt->capacity)
		m->opt.strangers = opt->capacity;
	m->mask = buckets - 1;
	m->stride = (opt->value_size + 7) & ~(size_t)7;
	m->buckets = malloc(buckets * sizeof(*m->buckets));
	m->entries = calloc(opt->capacity, sizeof(*m->entries));
	m->values = calloc(opt->capacity, m->stride);
	if (m->buckets == NULL || m->entries == NULL || m->values == NULL) {
		map_free(m);
		return NULL;
	}
	memset(m->buckets, 0xff, buckets * sizeof(*m->buckets));
	for (uint32_t i = 0; i < opt->capacity; i++)
		m->entries[i].chain = i + 1 < opt->capacity ? i + 1 : MAP_NIL;
	for (unsigned k = 0; k < 2; k++)
		m->list[k] = (struct map_list){MAP_NIL, MAP_NIL, 0};
	return m;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	if (m->values != NULL)
		digest_wipe(m->values, m->opt.capacity * m->stride);
	free(m->values);
	free(m->entries);
	free(m->buckets);
	digest_wipe(m, sizeof(*m));
	free(m);
}

/* --- links --- */

static uint32_t *
map_bucket(const struct map *m, const uint8_t key[MAP_KEY])
{
	return &m->buckets[map_hash(m->opt.secret, span_of(key, MAP_KEY)) & m->mask];
}

static void *
map_value(const struct map *m, uint32_t i)
{
	return m->values + (size_t)i * m->stride;
}

static uint32_t
map_index(const struct map *m, const void *value)
{
	size_t at = (size_t)((const uint8_t *)value - m->values);
	uint32_t i = (uint32_t)(at / m->stride);

	MUST(at % m->stride == 0 && i < m->opt.capacity && m->entries[i].used);
	return i;
}

static uint32_t
map_lookup(const struct map *m, const uint8_t key[MAP_KEY])
{
	uint32_t i = *map_bucket(m, key);

	while (i != MAP_NIL && memcmp(m->entries[i].key, key, MAP_KEY) != 0)
		i = m->entries[i].chain;
	return i;
}

static void
map_unlink_age(struct map *m, uint32_t i)
{
	struct map_entry *e = &m->entries[i];
	struct map_list *l = &m->list[e->kind];

	if (e->older != MAP_NIL)
		m->entries[e->older].younger = e->younger;
	else
		l->oldest = e->younger;
	if (e->younger != MAP_NIL)
		m->entries[e->younger].older = e->older;
	else
		l->youngest = e->older;
	l->count--;
}

/* As the youngest; ages in a list never fall. */
static void
map_link_age(struct map *m, uint32_t i, enum map_kind kind, uint64_t now)
{
	struct map_entry *e = &m->entries[i];
	struct map_list *l = &m->list[kind];
	uint64_t least = l->youngest == MAP_NIL ? 0 : m->entries[l->youngest].age;

	e->kind = (uint8_t)kind;
	e->age = now > least ? now : least;
	e->older = l->youngest;
	e->younger = MAP_NIL;
	if (l->youngest != MAP_NIL)
		m->entries[l->youngest].younger = i;
	else
		l->oldest = i;
	l->youngest = i;
	l->count++;
}

static void
map_remove(struct map *m, uint32_t i)
{
	struct map_entry *e = &m->entries[i];
	uint32_t *at = map_bucket(m, e->key);

	while (*at != i) {
		MUST(*at != MAP_NIL);
		at = &m->entries[*at].chain;
	}
	*at = e->chain;
	map_unlink_age(m, i);
	digest_wipe(map_value(m, i), m->stride);
	memset(e, 0, sizeof(*e));
	e->chain = m->free;
	m->free = i;
}

static void
map_lose(struct map *m, uint32_t i)
{
	if (m->opt.gone != NULL)
		m->opt.gone(m->opt.gone_arg, m->entries[i].key, map_value(m, i));
	map_remove(m, i);
}

/* Makes sure that there is a place for one more of this kind. */
static bool
map_room(struct map *m, enum map_kind kind)
{
	bool capped =
	    kind == MAP_STRANGER && m->list[MAP_STRANGER].count >= m->opt.strangers;

	if (m->free != MAP_NIL && !capped)
		return true;
	if (m->list[MAP_STRANGER].oldest == MAP_NIL)
		return false;
	map_lose(m, m->list[MAP_STRANGER].oldest);
	m->evicted++;
	return true;
}

/* --- the table --- */

void *
map_find(const struct map *m, const uint8_t key[MAP_KEY])
{
	uint32_t i = map_lookup(m, key);

	return i == MAP_NIL ? NULL : map_value(m, i);
}

static void *
map_add(struct map *m, const uint8_t key[MAP_KEY], enum map_kind kind, uint64_t now)
{
	uint32_t i, *bucket;

	if (!map_room(m, kind))
		return NULL;
	i = m->free;
	m->free = m->entries[i].chain;
	memcpy(m->entries[i].key, key, MAP_KEY);
	m->entries[i].used = true;
	bucket = map_bucket(m, key);
	m->entries[i].chain = *bucket;
	*bucket = i;
	map_link_age(m, i, kind, now);
	return map_value(m, i);
}

void *
map_put(struct map *m, const uint8_t key[MAP_KEY], enum map_kind kind, uint64_t now,
	bool *fresh)
{
	uint32_t i = map_lookup(m, key);

	if (fresh != NULL)
		*fresh = i == MAP_NIL;
	if (i == MAP_NIL)
		return map_add(m, key, kind, now);
	if (m->entries[i].kind == MAP_KEPT)
		kind = MAP_KEPT;
	map_unlink_age(m, i);
	map_link_age(m, i, kind, now);
	return map_value(m, i);
}

void
map_touch(struct map *m, void *value, uint64_t now)
{
	uint32_t i = map_index(m, value);

	map_unlink_age(m, i);
	map_link_age(m, i, (enum map_kind)m->entries[i].kind, now);
}

bool
map_del(struct map *m, const uint8_t key[MAP_KEY])
{
	uint32_t i = map_lookup(m, key);

	if (i == MAP_NIL)
		return false;
	map_remove(m, i);
	return true;
}

uint32_t
map_sweep(struct map *m, enum map_kind kind, uint64_t before, uint32_t limit)
{
	uint32_t n = 0;

	while (limit == 0 || n < limit) {
		uint32_t i = m->list[kind].oldest;

		if (i == MAP_NIL || m->entries[i].age >= before)
			break;
		map_lose(m, i);
		n++;
	}
	return n;
}

void *
map_at(struct map *m, uint32_t i, const uint8_t **key)
{
	if (i >= m->opt.capacity || !m->entries[i].used)
		return NULL;
	if (key != NULL)
		*key = m->entries[i].key;
	return map_value(m, i);
}

uint32_t
map_capacity(const struct map *m)
{
	return m->opt.capacity;
}

uint32_t
map_count(const struct map *m, enum map_kind kind)
{
	return m->list[kind].count;
}

uint64_t
map_evicted(const struct map *m)
{
	return m->evicted;
}
