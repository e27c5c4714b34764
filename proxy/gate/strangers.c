/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/strangers.h"

#include <limits.h>
#include <stdlib.h>

#include "proxy/audit/entry.h"
#include "proxy/gate/worker.h"

enum { STRANGERS_ENTRY = 1024, STRANGERS_BATCH = 64, STRANGERS_KINDS = 5 };

#define STRANGERS_HOUR_NS UINT64_C(3600000000000)
#define STRANGERS_DAY_NS (24 * STRANGERS_HOUR_NS)

struct stranger {
	struct ip source;
	uint16_t reason;
	uint16_t class;
	uint64_t first, last; /* wall ns */
	uint64_t count;
};

struct strangers {
	struct map *map;
	uint32_t at; /* where the next flush goes on */
	uint64_t day; /* since 1970 */
	uint64_t spent; /* bytes of that day */
	/* past the budget, or pushed out: one for each kind, no source */
	struct stranger rest[STRANGERS_KINDS];
};

static enum rec_event
strangers_event(const struct stranger *s)
{
	switch ((enum reason)s->reason) {
	case REASON_NONE:
		return REC_EVENT_OPEN_ROUTE;
	case REASON_HOST_UNKNOWN:
	case REASON_MISDIRECTED:
		return REC_EVENT_REFUSED_HOST;
	case REASON_RATE_LIMIT:
	case REASON_CONNECTION_LIMIT:
		return REC_EVENT_REFUSED_LIMIT;
	case REASON_ROUTE_CLOSED:
	case REASON_REVOKED:
		return REC_EVENT_REFUSED_ANON;
	default:
		return REC_EVENT_REFUSED_PARSE;
	}
}

/* Adds s to the sum of its kind. The kinds of strangers_event are few. */
static void
strangers_add_up(struct strangers *st, const struct stranger *s)
{
	for (size_t i = 0; i < STRANGERS_KINDS; i++) {
		struct stranger *r = &st->rest[i];

		if (r->count != 0 && strangers_event(r) != strangers_event(s))
			continue;
		if (r->count == 0) {
			*r = (struct stranger){.reason = s->reason, .class = s->class,
			    .first = s->first};
		}
		r->last = s->last;
		r->count += s->count;
		return;
	}
}

/* More sources than there are places: the oldest is counted on without its name. */
static void
strangers_gone(void *arg, const uint8_t key[MAP_KEY], void *value)
{
	const struct stranger *s = value;

	(void)key;
	if (s->count != 0)
		strangers_add_up(arg, s);
}

struct strangers *
strangers_new(uint32_t entries)
{
	struct map_opt opt = {.capacity = entries ? entries : 1,
	    .value_size = sizeof(struct stranger), .gone = strangers_gone};
	struct strangers *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	opt.gone_arg = s;
	digest_random(opt.secret, sizeof(opt.secret));
	s->map = map_new(&opt);
	if (s->map == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void
strangers_free(struct strangers *s)
{
	if (s == NULL)
		return;
	map_free(s->map);
	free(s);
}

void
strangers_count(struct worker *w, const struct ip *source, enum reason why,
    enum recipe_class class)
{
	struct ip net = ip_truncate(source, 32, 64);
	uint8_t key[MAP_KEY];
	struct stranger *s;
	bool fresh;

	/* These two bytes are 0 in a /64 and in a mapped IPv4 address. */
	memcpy(key, net.b, sizeof(key));
	key[8] = (uint8_t)why;
	key[9] = (uint8_t)class;
	metric_add(w->metrics, METRIC_STRANGER_EVENTS, 1);
	s = map_put(w->strangers->map, key, MAP_STRANGER, w->net.loop.wall, &fresh);
	if (s == NULL)
		return;
	if (fresh) {
		s->source = net;
		s->reason = (uint16_t)why;
		s->class = (uint16_t)class;
		s->first = w->net.loop.wall;
	}
	s->last = w->net.loop.wall;
	s->count++;
}

static bool
strangers_write(struct worker *w, const struct stranger *s)
{
	struct rec_head h = {.kind = REC_AGGREGATE, .thread = (uint16_t)w->index,
	    .boot = w->gate->boot, .time = w->net.loop.wall};
	struct entry e;
	uint8_t *room;
	size_t len;

	if (ring_reserve(&w->ring, STRANGERS_ENTRY, RING_STRANGER, &room) != 0)
		return false;
	h.seq = ring_next_seq(&w->ring);
	entry_begin(&e, room, STRANGERS_ENTRY, &h);
	rec_put_u64(&e.rec, REC_TAG_EVENT, strangers_event(s));
	rec_put_text(&e.rec, REC_TAG_CLASS, recipe_class_name((enum recipe_class)s->class));
	if (s->reason != REASON_NONE && s->source.family != 0)
		rec_put_text(&e.rec, REC_TAG_REASON, reason_name((enum reason)s->reason));
	rec_put_u64(&e.rec, REC_TAG_COUNT, s->count);
	rec_put_u64(&e.rec, REC_TAG_FIRST, s->first);
	rec_put_u64(&e.rec, REC_TAG_LAST, s->last);
	if (s->source.family != 0) {
		rec_personal(&e.rec);
		rec_put_bytes(&e.rec, REC_TAG_SOURCE,
		    s->source.family == 4 ? span_of(s->source.b + 12, 4)
					  : span_of(s->source.b, 16));
	}
	entry_leaf_end(&e);
	if (entry_end(&e, &len) != 0)
		return false;
	(void)ring_publish(&w->ring, len, 0);
	strangers_wrote(w, len);
	loop_defer(&w->net.loop, &w->notify);
	return true;
}

/* ---- the day's budget ---- */

bool
strangers_may_write(struct worker *w)
{
	struct strangers *st = w->strangers;
	uint64_t today = w->net.loop.wall / STRANGERS_DAY_NS;

	if (today != st->day) {
		st->day = today;
		st->spent = 0;
	}
	return st->spent < worker_conf(w)->log.stranger_size / w->gate->n_workers;
}

void
strangers_wrote(struct worker *w, size_t n)
{
	w->strangers->spent += n;
}

static void
strangers_flush_rest(struct worker *w, bool all)
{
	struct strangers *st = w->strangers;

	for (size_t i = 0; i < STRANGERS_KINDS; i++) {
		struct stranger *r = &st->rest[i];

		if (r->count != 0 &&
		    (all || w->net.loop.wall - r->first >= STRANGERS_HOUR_NS) &&
		    strangers_write(w, r))
			r->count = 0;
	}
}

void
strangers_flush(struct worker *w, uint64_t interval_ms)
{
	struct strangers *st = w->strangers;
	uint64_t before = w->net.loop.wall - interval_ms * 1000000u;
	uint32_t cap = map_capacity(st->map);
	unsigned written = 0, most = interval_ms == 0 ? UINT_MAX : STRANGERS_BATCH;
	bool room = strangers_may_write(w);

	for (uint32_t i = 0; i < cap && written < most; i++, st->at++) {
		const uint8_t *key;
		struct stranger *s = map_at(st->map, st->at % cap, &key);
		uint8_t copy[MAP_KEY];

		if (s == NULL || s->first > before)
			continue;
		if (!room) {
			strangers_add_up(st, s);
		} else if (!strangers_write(w, s)) {
			metric_add(w->metrics, METRIC_STRANGER_DROPPED, 1);
			return; /* tried again at the next flush */
		}
		metric_add(w->metrics, METRIC_STRANGER_WRITTEN, 1);
		memcpy(copy, key, sizeof(copy));
		map_del(st->map, copy);
		written++;
	}
	strangers_flush_rest(w, interval_ms == 0);
}
