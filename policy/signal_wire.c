/* SPDX-License-Identifier: Apache-2.0 */
/* The third part of policy/signal.h: facts as bytes for the log, and back. A gate writes them
 * for every request: most are booleans or unknown, and those are one store each.
 */
#include "policy/signal.h"

#include <string.h>

enum {
	WIRE_UNKNOWN = 0,
	WIRE_FALSE = 1,
	WIRE_TRUE = 2,
	WIRE_NUMBER = 3,
	WIRE_TEXT = 4,
	WIRE_KIND = 7,
	WIRE_EVIDENCE = 8,
	WIRE_HEAD = 2,
};

struct wire_signal {
	uint16_t id;
	uint16_t head; /* the number, where it stands in the bytes */
	bool plain;    /* a boolean */
};

#define WIRE_SIGNAL(number, ident, type) \
	{SIG_##ident, number << 4, SIGNAL_##type == SIGNAL_BOOL},
#define WIRE_PUBLIC_0(number, ident, type) WIRE_SIGNAL(number, ident, type)
#define WIRE_PUBLIC_1(number, ident, type)
#define WIRE_PERSON_0(number, ident, type)
#define WIRE_PERSON_1(number, ident, type) WIRE_SIGNAL(number, ident, type)

static const struct wire_signal wire_public[] = {
#define SIGNAL(number, ident, name, type, unknown, personal, source, en, ja) \
	WIRE_PUBLIC_##personal(number, ident, type)
#include "policy/signal.def"
};

static const struct wire_signal wire_person[] = {
#define SIGNAL(number, ident, name, type, unknown, personal, source, en, ja) \
	WIRE_PERSON_##personal(number, ident, type)
#include "policy/signal.def"
};

_Static_assert(sizeof(wire_public) + sizeof(wire_person) ==
		       SIGNAL_COUNT * sizeof(wire_public[0]),
	       "each signal is written once");

/* ---- writing ---- */

/* Where the next bytes go; p is NULL once they did not fit. */
struct wire {
	uint8_t *p;
	const uint8_t *end;
};

static uint8_t *
wire_room(struct wire *w, size_t n)
{
	uint8_t *p = w->p;

	if (!p || (size_t)(w->end - p) < n) {
		w->p = NULL;
		return NULL;
	}
	w->p += n;
	return p;
}

static void
wire_store(uint8_t *p, unsigned head)
{
	p[0] = (uint8_t)(head >> 8);
	p[1] = (uint8_t)head;
}

static void
wire_head(struct wire *w, unsigned head)
{
	uint8_t *p = wire_room(w, WIRE_HEAD);

	if (p)
		wire_store(p, head);
}

static void
wire_put_number(struct wire *w, int64_t num)
{
	uint64_t v = (uint64_t)num << 1 ^ (num < 0 ? UINT64_MAX : 0);
	unsigned n = v == 0 ? 0 : (unsigned)(71 - __builtin_clzll(v)) / 8;
	uint8_t *p = wire_room(w, 1 + n);

	if (!p)
		return;
	*p++ = (uint8_t)n;
	while (n > 0)
		*p++ = (uint8_t)(v >> (8 * --n));
}

static void
wire_put_text(struct wire *w, const char *text, size_t n)
{
	uint8_t *p = wire_room(w, 2 + n);

	if (!p)
		return;
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
	if (n)
		memcpy(p + 2, text, n);
}

static void
wire_put_side(struct wire *w, const char *text, uint8_t n)
{
	uint8_t *p = wire_room(w, 1 + (size_t)n);

	if (!p)
		return;
	p[0] = n;
	if (n)
		memcpy(p + 1, text, n);
}

static void
wire_put_value(struct wire *w, const struct facts *f, enum signal_id id, unsigned head)
{
	int64_t num = f->v[id].num;
	char small[2];
	size_t n;
	const char *words = facts_words(f, id, small, &n);

	if (words) {
		wire_head(w, head | WIRE_TEXT);
		wire_put_text(w, words, n);
	} else if (signal_info(id)->type == SIGNAL_BOOL) {
		wire_head(w, head | (num ? WIRE_TRUE : WIRE_FALSE));
	} else {
		wire_head(w, head | WIRE_NUMBER);
		wire_put_number(w, num);
	}
}

/* Any fact with all that may stand beside it; where it ends, NULL if it does not fit. */
static uint8_t *
wire_put(uint8_t *p, const uint8_t *end, const struct facts *f, const struct wire_signal *s)
{
	const struct facts_evidence *e = &f->why[s->id];
	bool why = e->bound_n || e->seen_n;
	unsigned head = s->head | (why ? WIRE_EVIDENCE : 0u);
	struct wire w = {p, end};

	if (f->v[s->id].known)
		wire_put_value(&w, f, (enum signal_id)s->id, head);
	else
		wire_head(&w, head | WIRE_UNKNOWN);
	if (why) {
		wire_put_side(&w, e->bound, e->bound_n);
		wire_put_side(&w, e->seen, e->seen_n);
	}
	return w.p;
}

bool
facts_encode(const struct facts *f, bool personal, uint8_t *buf, size_t cap, size_t *n)
{
	const struct wire_signal *s = personal ? wire_person : wire_public;
	const struct wire_signal *last =
	    s + (personal ? sizeof(wire_person) : sizeof(wire_public)) / sizeof(*s);
	const uint8_t *end = buf + cap;
	uint8_t *p = buf;

	*n = 0;
	for (; s < last; s++) {
		const struct fact *v = &f->v[s->id];
		const struct facts_evidence *e = &f->why[s->id];

		if ((v->known && !s->plain) || (e->bound_n | e->seen_n) != 0) {
			p = wire_put(p, end, f, s);
			if (!p)
				return false;
			continue;
		}
		if (end - p < WIRE_HEAD)
			return false;
		wire_store(p, s->head | (v->known ? WIRE_FALSE + (v->num != 0) : WIRE_UNKNOWN));
		p += WIRE_HEAD;
	}
	*n = (size_t)(p - buf);
	return true;
}

/* ---- reading ---- */

/* Takes n bytes off the front of what is left; NULL if there are not so many. */
static const uint8_t *
wire_take(struct facts_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->n < n)
		return NULL;
	r->p += n;
	r->n -= n;
	return p;
}

static bool
wire_take_value(struct facts_reader *r, struct facts_item *it)
{
	const uint8_t *p;

	it->value = r->p;
	it->value_n = 0;
	switch (it->kind) {
	case WIRE_UNKNOWN:
	case WIRE_FALSE:
	case WIRE_TRUE:
		return true;
	case WIRE_NUMBER:
		if (!(p = wire_take(r, 1)) || p[0] > 8)
			return false;
		it->value_n = p[0];
		it->value = wire_take(r, it->value_n);
		return it->value && (it->value_n == 0 || it->value[0] != 0);
	case WIRE_TEXT:
		if (!(p = wire_take(r, 2)))
			return false;
		it->value_n = (size_t)p[0] << 8 | p[1];
		it->value = wire_take(r, it->value_n);
		return it->value != NULL;
	default:
		return false;
	}
}

static bool
wire_take_evidence(struct facts_reader *r, struct facts_evidence *e)
{
	const uint8_t *p, *text[2];
	uint8_t n[2];

	for (int i = 0; i < 2; i++) {
		if (!(p = wire_take(r, 1)) || p[0] > FACTS_EVIDENCE_MAX)
			return false;
		n[i] = p[0];
		if (!(text[i] = wire_take(r, n[i])))
			return false;
	}
	*e = (struct facts_evidence){(const char *)text[0], (const char *)text[1], n[0], n[1]};
	return n[0] || n[1];
}

static bool
wire_take_item(struct facts_reader *r, struct facts_item *it)
{
	const uint8_t *p = wire_take(r, WIRE_HEAD);
	unsigned last = r->last;

	if (!p)
		return false;
	it->bytes = p;
	it->number = (unsigned)p[0] << 4 | p[1] >> 4;
	it->kind = p[1] & WIRE_KIND;
	r->last = it->number;
	if (it->number <= last || !wire_take_value(r, it))
		return false;
	it->why = (struct facts_evidence){0};
	if ((p[1] & WIRE_EVIDENCE) && !wire_take_evidence(r, &it->why))
		return false;
	it->n = (size_t)(r->p - it->bytes);
	return true;
}

struct facts_reader
facts_reader(const uint8_t *p, size_t n)
{
	return (struct facts_reader){p, n, 0, false};
}

bool
facts_next(struct facts_reader *r, struct facts_item *it)
{
	if (r->n == 0 || r->bad)
		return false;
	r->bad = !wire_take_item(r, it);
	return !r->bad;
}

bool
facts_well_formed(const uint8_t *p, size_t n)
{
	struct facts_reader r = facts_reader(p, n);
	struct facts_item it;

	do {
		/* What has a head and no more: nearly all. */
		while (r.n >= WIRE_HEAD && (r.p[1] & (WIRE_KIND | WIRE_EVIDENCE)) <= WIRE_TRUE) {
			unsigned number = (unsigned)r.p[0] << 4 | r.p[1] >> 4;

			if (number <= r.last)
				return false;
			r.last = number;
			r.p += WIRE_HEAD;
			r.n -= WIRE_HEAD;
		}
	} while (facts_next(&r, &it));
	return n > 0 && !r.bad;
}

static int64_t
wire_number(const struct facts_item *it)
{
	uint64_t v = 0;

	for (size_t i = 0; i < it->value_n; i++)
		v = v << 8 | it->value[i];
	return (int64_t)(v >> 1 ^ ((v & 1) != 0 ? UINT64_MAX : 0));
}

/* There is one spelling: a country in capital letters. */
static bool
wire_decode_text(struct facts *f, enum signal_id id, const char *text, size_t n)
{
	return facts_set_words(f, id, text, n) &&
	       (signal_info(id)->type != SIGNAL_COUNTRY || (text[0] <= 'Z' && text[1] <= 'Z'));
}

static bool
wire_decode(struct facts *f, enum signal_id id, const struct facts_item *it)
{
	enum signal_type type = signal_info(id)->type;

	switch (it->kind) {
	case WIRE_UNKNOWN:
		return true;
	case WIRE_FALSE:
	case WIRE_TRUE:
		if (type != SIGNAL_BOOL)
			return false;
		facts_set_bool(f, id, it->kind == WIRE_TRUE);
		return true;
	case WIRE_TEXT:
		return wire_decode_text(f, id, (const char *)it->value, it->value_n);
	default:
		if (type == SIGNAL_BOOL || type == SIGNAL_TEXT || type == SIGNAL_PATH ||
		    type == SIGNAL_ENUM || type == SIGNAL_COUNTRY)
			return false;
		facts_set_int(f, id, wire_number(it));
		return true;
	}
}

int
facts_decode(struct facts *f, const struct facts_item *it)
{
	int id = signal_by_number(it->number);

	if (id < 0)
		return -1;
	f->v[id] = (struct fact){0};
	f->why[id] = (struct facts_evidence){0};
	if (!wire_decode(f, (enum signal_id)id, it)) {
		f->v[id] = (struct fact){0};
		return -1;
	}
	f->why[id] = it->why;
	return id;
}
