/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/record.h"

#include "proxy/base/err.h"
#include "proxy/base/must.h"

static const struct rec_tag_info rec_tags[] = {
#define TAG(number, NAME, name, type, personal, en, ja)                                  \
	{number, type, personal, name, en, ja},
#include "proxy/audit/record.def"
#undef TAG
};

struct rec_value_name {
	uint16_t value;
	const char *name;
	const char *en;
	const char *ja;
};

static const struct rec_value_name rec_events[] = {
#define EVENT(number, NAME, name, en, ja) {number, name, en, ja},
#define MODE(number, NAME, name, en, ja)
#include "proxy/audit/event.def"
#undef EVENT
#undef MODE
};

static const struct rec_value_name rec_modes[] = {
#define EVENT(number, NAME, name, en, ja)
#define MODE(number, NAME, name, en, ja) {number, name, en, ja},
#include "proxy/audit/event.def"
#undef EVENT
#undef MODE
};

enum rec_verdict_number {
#define VERDICT(ident, name, en, ja) REC_VERDICT_##ident,
#include "policy/verdict.def"
#undef VERDICT
};

static const struct rec_value_name rec_verdicts[] = {
#define VERDICT(ident, name, en, ja) {REC_VERDICT_##ident, name, en, ja},
#include "policy/verdict.def"
#undef VERDICT
};

enum rec_row {
#define TAG(number, NAME, name, type, personal, en, ja) REC_ROW_##NAME,
#include "proxy/audit/record.def"
#undef TAG
	REC_ROWS
};

/* Every known tag is below 0x0100: one load instead of a search. 0 is none. */
static const uint8_t rec_direct[0x100] = {
#define TAG(number, NAME, name, type, personal, en, ja) [number] = REC_ROW_##NAME + 1,
#include "proxy/audit/record.def"
#undef TAG
};

_Static_assert(REC_ROWS < 255, "rec_direct holds bytes");

/* Which part of a leaf a tag belongs to is told by its number alone. */
#define TAG(number, NAME, name, type, personal, en, ja)                                  \
	_Static_assert((number >= 0x80) == personal && number < 0x100, name);
#include "proxy/audit/record.def"
#undef TAG

const struct rec_tag_info *
rec_tag_find(uint16_t tag)
{
	if (tag >= ARRAY_LEN(rec_direct) || rec_direct[tag] == 0)
		return NULL;
	return &rec_tags[rec_direct[tag] - 1];
}

const struct rec_tag_info *
rec_tag_table(size_t *n)
{
	*n = ARRAY_LEN(rec_tags);
	return rec_tags;
}

static const struct rec_value_name *
rec_value_find(uint16_t tag, uint64_t v)
{
	const struct rec_value_name *t = rec_events;
	size_t n = ARRAY_LEN(rec_events);

	if (tag == REC_TAG_MODE) {
		t = rec_modes;
		n = ARRAY_LEN(rec_modes);
	} else if (tag == REC_TAG_VERDICT || tag == REC_TAG_ENFORCED) {
		t = rec_verdicts;
		n = ARRAY_LEN(rec_verdicts);
	} else if (tag != REC_TAG_EVENT) {
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (t[i].value == v)
			return &t[i];
	return NULL;
}

const char *
rec_enum_name(uint16_t tag, uint64_t v)
{
	const struct rec_value_name *t = rec_value_find(tag, v);

	return t == NULL ? NULL : t->name;
}

const char *
rec_enum_text(uint16_t tag, uint64_t v, bool ja)
{
	const struct rec_value_name *t = rec_value_find(tag, v);

	if (t == NULL)
		return NULL;
	return ja ? t->ja : t->en;
}

/* ---- exchange id and support number ---- */

enum { REC_ID_SEQ_BITS = 12, REC_ID_THREAD_BITS = 10 };

#define REC_ID_EPOCH_MS UINT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define REC_NS_PER_MS UINT64_C(1000000)

uint64_t
rec_exchange_id(uint64_t now_ns, uint16_t thread, uint64_t seq)
{
	uint64_t ms = now_ns / REC_NS_PER_MS;

	/* A clock before 2020 is wrong anyway; 1 keeps the id from being 0. */
	ms = ms > REC_ID_EPOCH_MS ? ms - REC_ID_EPOCH_MS : 1;
	return ms << (REC_ID_SEQ_BITS + REC_ID_THREAD_BITS) |
	    (uint64_t)(thread & ((1u << REC_ID_THREAD_BITS) - 1)) << REC_ID_SEQ_BITS |
	    (seq & ((1u << REC_ID_SEQ_BITS) - 1));
}

uint64_t
rec_exchange_time(uint64_t id)
{
	return ((id >> (REC_ID_SEQ_BITS + REC_ID_THREAD_BITS)) + REC_ID_EPOCH_MS) *
	    REC_NS_PER_MS;
}

static const char rec_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
rec_support_text(uint64_t id, char out[REC_SUPPORT_LEN])
{
	char *p = out;

	/* 13 digits of 5 bits; the first one carries the 4 bits left over. */
	for (int i = 12; i >= 0; i--) {
		*p++ = rec_digits[id >> (5 * i) & 31];
		if (i == 9 || i == 4)
			*p++ = '-';
	}
	*p = '\0';
}

int
rec_support_parse(struct span s, uint64_t *id)
{
	uint64_t v = 0;
	int n = 0;

	*id = 0;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = span_lower(s.p[i]);
		const char *d;

		if (c == '-' || c == ' ')
			continue;
		if (c == 'o')
			c = '0';
		if (c == 'i' || c == 'l')
			c = '1';
		d = c == 0 ? NULL : strchr(rec_digits, c);
		if (d == NULL || n == 13 || (n == 0 && d - rec_digits > 15))
			return WF_ESYNTAX;
		v = v << 5 | (uint64_t)(d - rec_digits);
		n++;
	}
	if (n != 13 || v == 0)
		return WF_ESYNTAX;
	*id = v;
	return 0;
}
