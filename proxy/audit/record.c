/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/record.h"

#include "proxy/base/err.h"
#include "proxy/base/must.h"

enum {
	REC_FIELD_HEAD = 4,
	REC_NONE = 0, /* no tag is 0, so all ascend from it */
	REC_PERSON = 0x80, /* to 0xff: about a person */
	REC_PARTED = 0x100 /* what stands below in one part or the other */
};

static void
rec_store16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
rec_store64(uint8_t *p, uint64_t v)
{
	/* Compilers make one store of it. */
	p[0] = (uint8_t)(v >> 56);
	p[1] = (uint8_t)(v >> 48);
	p[2] = (uint8_t)(v >> 40);
	p[3] = (uint8_t)(v >> 32);
	p[4] = (uint8_t)(v >> 24);
	p[5] = (uint8_t)(v >> 16);
	p[6] = (uint8_t)(v >> 8);
	p[7] = (uint8_t)v;
}

/* ---- building ---- */

static uint8_t *
rec_room(struct rec *r, size_t n)
{
	uint8_t *p = r->p + r->n;

	if (r->err == 0 && r->cap - r->n < n)
		r->err = WF_EFULL;
	if (r->err != 0)
		return NULL;
	r->n += n;
	return p;
}

void
rec_begin(struct rec *r, uint8_t *buf, size_t cap, const struct rec_head *h)
{
	size_t most = REC_LEAF_MAX - REC_SEAL_OVERHEAD;
	uint8_t *p;

	*r = (struct rec){.p = buf, .cap = cap < most ? cap : most, .last = REC_NONE};
	p = rec_room(r, REC_HEAD_LEN);
	if (p == NULL)
		return;
	p[0] = REC_VERSION;
	p[1] = h->kind;
	rec_store16(p + 2, h->flags);
	rec_store16(p + 4, h->thread);
	rec_store16(p + 6, 0);
	rec_store64(p + 8, h->boot);
	rec_store64(p + 16, h->seq);
	rec_store64(p + 24, h->time);
	rec_store64(p + 32, h->exchange);
}

/* May a field with this tag stand in that part, behind one with the tag `last`? */
static inline bool
rec_tag_fits(uint16_t tag, uint16_t last, bool personal)
{
	return tag > last && tag < REC_TAG_CLEAR &&
	    (tag >= REC_PARTED || (tag >= REC_PERSON) == personal);
}

/* The head of a field whose value has n bytes; NULL once something failed. A request has
 * forty: the common way is short. */
static inline uint8_t *
rec_field(struct rec *r, uint16_t tag, size_t n)
{
	uint8_t *p = r->p + r->n;

	if (r->err != 0)
		return NULL;
	if (n > REC_VALUE_MAX)
		r->err = WF_ERANGE;
	else if (r->list != 0 || !rec_tag_fits(tag, r->last, r->block != 0))
		r->err = WF_ESTATE;
	else if (r->cap - r->n < REC_FIELD_HEAD + n)
		r->err = WF_EFULL;
	if (r->err != 0)
		return NULL;
	r->n += REC_FIELD_HEAD + n;
	r->last = tag;
	rec_store16(p, tag);
	rec_store16(p + 2, n);
	return p + REC_FIELD_HEAD;
}

void
rec_put_u64(struct rec *r, uint16_t tag, uint64_t v)
{
	unsigned n = v == 0 ? 0 : (unsigned)(71 - __builtin_clzll(v)) / 8;
	uint8_t *p = rec_field(r, tag, n);

	if (p != NULL)
		for (unsigned i = 0; i < n; i++)
			p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void
rec_put_i64(struct rec *r, uint16_t tag, int64_t v)
{
	rec_put_u64(r, tag, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void
rec_put_bytes(struct rec *r, uint16_t tag, struct span v)
{
	uint8_t *p = rec_field(r, tag, v.n);

	if (p != NULL && v.n != 0)
		memcpy(p, v.p, v.n);
}

void
rec_put_cut(struct rec *r, uint16_t tag, struct span v, size_t max)
{
	if (v.n > max)
		v.n = max;
	rec_put_bytes(r, tag, v);
}

void
rec_put_text(struct rec *r, uint16_t tag, const char *v)
{
	rec_put_bytes(r, tag, span_str(v));
}

/* Written where they stay: a request has forty. */
void
rec_put_facts(struct rec *r, const struct facts *f)
{
	bool personal = r->block != 0;
	uint8_t *p = rec_field(r, personal ? REC_TAG_FACTS_PERSON : REC_TAG_FACTS, 0);
	size_t n;

	if (p == NULL)
		return;
	if (!facts_encode(f, personal, p, r->cap - r->n, &n))
		r->err = WF_EFULL;
	else if (n > REC_VALUE_MAX)
		r->err = WF_ERANGE;
	if (r->err != 0)
		return;
	rec_store16(p - 2, n);
	r->n += n;
}

void
rec_list_begin(struct rec *r, uint16_t tag)
{
	uint8_t *p = rec_field(r, tag, 0);

	if (p != NULL)
		r->list = (size_t)(p - r->p) - 2;
}

void
rec_list_add(struct rec *r, struct span v)
{
	uint8_t *p;

	if (r->err == 0 && r->list == 0)
		r->err = WF_ESTATE;
	if (r->err == 0 && v.n > REC_VALUE_MAX)
		r->err = WF_ERANGE;
	p = rec_room(r, 2 + v.n);
	if (p == NULL)
		return;
	rec_store16(p, v.n);
	if (v.n != 0)
		memcpy(p + 2, v.p, v.n);
}

/* The length that was left open at `at`. */
static void
rec_close(struct rec *r, size_t at)
{
	size_t n = r->n - at - 2;

	if (r->err == 0 && n > REC_VALUE_MAX)
		r->err = WF_ERANGE;
	if (r->err == 0)
		rec_store16(r->p + at, n);
}

void
rec_list_end(struct rec *r)
{
	if (r->err == 0 && r->list == 0)
		r->err = WF_ESTATE;
	if (r->err == 0)
		rec_close(r, r->list);
	r->list = 0;
}

void
rec_personal(struct rec *r)
{
	uint8_t *p;

	if (r->err == 0 && (r->block != 0 || r->list != 0))
		r->err = WF_ESTATE;
	p = rec_room(r, REC_FIELD_HEAD);
	if (p == NULL)
		return;
	rec_store16(p, REC_TAG_CLEAR);
	r->block = r->n - 2;
	r->last = REC_NONE;
}

int
rec_end(struct rec *r, size_t *len)
{
	*len = 0;
	if (r->err == 0 && r->list != 0)
		r->err = WF_ESTATE;
	if (r->err == 0 && r->block != 0) {
		/* An empty block would be a second way to write a leaf without one. */
		if (r->n == r->block + 2)
			r->n -= REC_FIELD_HEAD;
		else if (r->n - r->block - 2 > REC_VALUE_MAX - REC_SEAL_OVERHEAD)
			r->err = WF_ERANGE;
		else
			rec_close(r, r->block);
	}
	if (r->err == 0)
		*len = r->n;
	return r->err;
}

/* ---- reading ---- */

uint64_t
rec_u64(struct span value)
{
	uint64_t v = 0;

	if (value.n > 8)
		return 0;
	for (size_t i = 0; i < value.n; i++)
		v = v << 8 | value.p[i];
	return v;
}

int64_t
rec_i64(struct span value)
{
	uint64_t v = rec_u64(value);

	return (int64_t)(v >> 1 ^ ((v & 1) != 0 ? UINT64_MAX : 0));
}

bool
rec_list_next(struct cursor *c, struct span *element)
{
	*element = span_of(NULL, 0);
	if (cur_left(c) == 0)
		return false;
	*element = cur_take(c, cur_u16(c));
	return cur_ok(c);
}

/* The type of each known tag, and 1 more; 0 where any bytes will do. The scribe asks for each
 * field of each leaf, so it stands here and not behind a call. */
static const uint8_t rec_types[REC_PARTED] = {
#define TAG(number, NAME, name, type, personal, en, ja)                                  \
	[number] = (type) == REC_TEXT || (type) == REC_HEX ? 0 : (type) + 1,
#include "proxy/audit/record.def"
#undef TAG
};

static int
rec_check_list(struct span v)
{
	struct cursor c = cur_init(v);
	struct span element;

	while (rec_list_next(&c, &element))
		;
	return cur_done(&c) ? 0 : WF_ESYNTAX;
}

static int
rec_check_value(enum rec_type type, struct span v)
{
	switch (type) {
	case REC_U64:
	case REC_I64:
	case REC_TIME:
	case REC_USEC:
	case REC_ENUM:
		return v.n > 8 || (v.n > 0 && v.p[0] == 0) ? WF_ESYNTAX : 0;
	case REC_ADDR:
		return v.n == 4 || v.n == 16 ? 0 : WF_ESYNTAX;
	case REC_IDS:
		return v.n % REC_SESSION_LEN == 0 ? 0 : WF_ESYNTAX;
	case REC_LIST:
		return rec_check_list(v);
	case REC_FACTS:
		return facts_well_formed(v.p, v.n) ? 0 : WF_ESYNTAX;
	case REC_TEXT:
	case REC_HEX:
		break;
	}
	return 0;
}

/* One walk over the fields, which ends at a personal block: *end is where. */
static int
rec_check_run(struct span fields, bool personal, size_t *end)
{
	const uint8_t *p = fields.p;
	size_t at = 0;
	uint16_t last = REC_NONE;

	while (at < fields.n) {
		unsigned type;
		uint16_t tag;
		size_t n;
		int err;

		if (fields.n - at < REC_FIELD_HEAD)
			return WF_ETRUNCATED;
		tag = (uint16_t)(p[at] << 8 | p[at + 1]);
		n = (size_t)p[at + 2] << 8 | p[at + 3];
		if (tag >= REC_TAG_CLEAR)
			break;
		if (fields.n - at - REC_FIELD_HEAD < n)
			return WF_ETRUNCATED;
		if (!rec_tag_fits(tag, last, personal))
			return WF_ESYNTAX;
		last = tag;
		type = tag < REC_PARTED ? rec_types[tag] : 0;
		if (type != 0 && (err = rec_check_value((enum rec_type)(type - 1),
				      span_of(p + at + REC_FIELD_HEAD, n))) != 0)
			return err;
		at += REC_FIELD_HEAD + n;
	}
	*end = at;
	return 0;
}

int
rec_check_fields(struct span fields, bool personal)
{
	size_t end;
	int err = rec_check_run(fields, personal, &end);

	return err == 0 && end != fields.n ? WF_ESYNTAX : err;
}

static int
rec_parse_head(struct cursor *c, struct rec_head *h)
{
	uint8_t version = cur_u8(c);
	uint16_t zero;

	h->kind = cur_u8(c);
	h->flags = cur_u16(c);
	h->thread = cur_u16(c);
	zero = cur_u16(c);
	h->boot = cur_u64(c);
	h->seq = cur_u64(c);
	h->time = cur_u64(c);
	h->exchange = cur_u64(c);
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	if (version != REC_VERSION)
		return WF_EUNSUPPORTED;
	return h->kind < REC_DECISION || h->kind > REC_AGGREGATE || zero != 0 ? WF_ESYNTAX
									      : 0;
}

static int
rec_parse_block(struct span block, bool clear_allowed, struct rec_view *v)
{
	struct cursor c = cur_init(block);
	uint16_t tag = cur_u16(&c);
	struct span value = cur_take(&c, cur_u16(&c));
	struct cursor s;

	if (!cur_ok(&c))
		return WF_ETRUNCATED;
	if (!cur_done(&c))
		return WF_ETRAILING;
	if (tag == REC_TAG_CLEAR) {
		if (!clear_allowed || value.n == 0 ||
		    value.n > REC_VALUE_MAX - REC_SEAL_OVERHEAD)
			return WF_ESYNTAX;
		v->personal = value;
		return rec_check_fields(value, true);
	}
	s = cur_init(value);
	v->key_id = cur_u64(&s);
	v->nonce = cur_u64(&s);
	v->cipher = cur_rest(&s);
	v->sealed = true;
	/* A tag of 16 bytes and at least one field. */
	return !cur_ok(&s) || v->cipher.n < 16 + REC_FIELD_HEAD || v->key_id == 0
	    ? WF_ESYNTAX
	    : 0;
}

int
rec_parse(struct span leaf, bool clear_allowed, struct rec_view *v)
{
	struct cursor c = cur_init(leaf);
	struct span rest;
	size_t end;
	int err;

	memset(v, 0, sizeof(*v));
	if (leaf.n > REC_LEAF_MAX)
		return WF_ERANGE;
	if ((err = rec_parse_head(&c, &v->head)) != 0)
		return err;
	rest = cur_rest(&c);
	if ((err = rec_check_run(rest, false, &end)) != 0)
		return err;
	v->fields = span_of(rest.p, end);
	v->bare = span_of(leaf.p, REC_HEAD_LEN + end);
	if (end == rest.n)
		return 0;
	return rec_parse_block(span_tail(rest, end), clear_allowed, v);
}

bool
rec_next(struct cursor *c, struct rec_field *f)
{
	memset(f, 0, sizeof(*f));
	if (cur_left(c) == 0)
		return false;
	f->tag = cur_u16(c);
	f->value = cur_take(c, cur_u16(c));
	return cur_ok(c);
}

bool
rec_find(struct span fields, uint16_t tag, struct span *value)
{
	struct cursor c = cur_init(fields);
	struct rec_field f;

	*value = span_of(NULL, 0);
	while (rec_next(&c, &f)) {
		if (f.tag == tag) {
			*value = f.value;
			return true;
		}
		if (f.tag > tag)
			return false;
	}
	return false;
}
