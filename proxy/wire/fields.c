/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names are looked up by their length first: fields.def keeps names of one length
 * together, so a look-up compares with a handful of candidates, and the last byte tells
 * most of those apart. Eight bytes are folded to lower case at a time (SWAR, below);
 * reading the same byte twice with overlapping words is cheaper than a loop for the rest.
 */
#include "proxy/wire/fields.h"
#include "proxy/wire/chars.h"

struct fields_known {
	const char *name;
	uint8_t n;
	uint8_t flags;
};

static const struct fields_known fields_table[FIELD_COUNT + 1] = {
#define LEN(n)
#define FIELD(id, name, flags) [FIELD_##id] = {name, sizeof(name) - 1, flags},
#include "proxy/wire/fields.def"
#undef FIELD
#undef LEN
};

static const uint8_t fields_first[] = {
#define LEN(n) [n] = FIELD_LEN_##n,
#define FIELD(id, name, flags)
#include "proxy/wire/fields.def"
#undef FIELD
#undef LEN
};

_Static_assert(FIELD_COUNT <= 256, "fields_first holds ids in one byte");

enum { FIELDS_NAME_MAX = sizeof(fields_first) - 1 };

struct fields
fields_over(struct field *at, size_t cap)
{
	return (struct fields){at, 0, cap};
}

int
fields_add(struct fields *f, struct span name, struct span value)
{
	if (f->n == f->cap)
		return WF_EFULL;
	f->at[f->n++] = (struct field){name, value, fields_id(name)};
	return 0;
}

/* Eight bytes with ASCII capitals made small; every other byte stays as it is. */
static uint64_t
fields_lower8(const void *p)
{
	const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
	uint64_t x, low7, from_a, past_z;

	memcpy(&x, p, sizeof(x));
	low7 = x & ~high;
	from_a = low7 + ones * (0x80 - 'A');
	past_z = low7 + ones * (0x7f - 'Z');
	return x | (from_a & ~past_z & ~x & high) >> 2;
}

static uint64_t
fields_load8(const void *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Does the name, of any case, read `known`, of the same length and in lower case? */
static bool
fields_same(const uint8_t *name, const char *known, size_t n)
{
	size_t i = 0;

	if (n < 8) {
		while (i < n && span_lower(name[i]) == (uint8_t)known[i])
			i++;
		return i == n;
	}
	for (; i + 8 < n; i += 8)
		if (fields_lower8(name + i) != fields_load8(known + i))
			return false;
	return fields_lower8(name + n - 8) == fields_load8(known + n - 8);
}

enum field_id
fields_id(struct span name)
{
	const struct fields_known *k;
	uint8_t last;

	if (name.n == 0 || name.n > FIELDS_NAME_MAX || fields_first[name.n] == 0)
		return FIELD_OTHER;
	last = span_lower(name.p[name.n - 1]);
	for (k = &fields_table[fields_first[name.n]]; k->n == name.n; k++)
		if ((uint8_t)k->name[name.n - 1] == last &&
		    fields_same(name.p, k->name, name.n))
			return (enum field_id)(k - fields_table);
	return FIELD_OTHER;
}

struct span
fields_name(enum field_id id)
{
	const struct fields_known *k = &fields_table[id < FIELD_COUNT ? id : FIELD_OTHER];

	return span_of(k->name, k->n);
}

unsigned
fields_flags(enum field_id id)
{
	return fields_table[id < FIELD_COUNT ? id : FIELD_OTHER].flags;
}

/* ---- folded names ---- */

/* Some CGI-like backends make '_' of '-' alone, others of all that is no letter or digit. */
static uint8_t
fields_fold(uint8_t c)
{
	c = span_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/* Is the name written with something that folds to '-' and is none? */
static bool
fields_odd(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != '-' && fields_fold(name.p[i]) == '-')
			return true;
	return false;
}

bool
fields_name_alike(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (fields_fold(a.p[i]) != fields_fold(b.p[i]))
			return false;
	return true;
}

static bool
fields_begins(struct span name, struct span prefix)
{
	return name.n >= prefix.n && fields_name_alike(span_of(name.p, prefix.n), prefix);
}

enum fields_owner
fields_reserved(struct span name)
{
	/* The first byte decides for nearly every field of a request. */
	switch (name.n > 0 ? span_lower(name.p[0]) : 0) {
	case 'w':
		return fields_begins(name, SPAN_LIT("warifu-")) ? FIELDS_OURS
								: FIELDS_FREE;
	case 's':
		return fields_begins(name, SPAN_LIT("secure-session-")) ||
			       fields_begins(name, SPAN_LIT("sec-secure-session-")) ||
			       fields_begins(name, SPAN_LIT("sec-session-"))
			   ? FIELDS_DEVICE
			   : FIELDS_FREE;
	default:
		return FIELDS_FREE;
	}
}

bool
fields_alias(struct span name)
{
	uint8_t folded[FIELDS_NAME_MAX];

	if (!fields_odd(name))
		return false;
	if (fields_reserved(name))
		return true;
	if (name.n > sizeof(folded))
		return false;
	for (size_t i = 0; i < name.n; i++)
		folded[i] = fields_fold(name.p[i]);
	return fields_id(span_of(folded, name.n)) != FIELD_OTHER;
}

/* ---- look-up ---- */

const struct field *
fields_find(const struct fields *f, enum field_id id, size_t from)
{
	for (size_t i = from; i < f->n; i++)
		if (f->at[i].id == id)
			return &f->at[i];
	return NULL;
}

const struct field *
fields_find_name(const struct fields *f, struct span name, size_t from)
{
	for (size_t i = from; i < f->n; i++)
		if (span_ieq(f->at[i].name, name))
			return &f->at[i];
	return NULL;
}

static int
fields_only(const struct field *first, const struct field *second, struct span *value)
{
	*value = span_of(NULL, 0);
	if (first == NULL)
		return WF_ENOTFOUND;
	if (second != NULL)
		return WF_EAMBIGUOUS;
	*value = first->value;
	return 0;
}

int
fields_one(const struct fields *f, enum field_id id, struct span *value)
{
	const struct field *x = fields_find(f, id, 0);

	return fields_only(x, x ? fields_find(f, id, (size_t)(x - f->at) + 1) : NULL,
			   value);
}

int
fields_one_name(const struct fields *f, struct span name, struct span *value)
{
	const struct field *x = fields_find_name(f, name, 0);

	return fields_only(
	    x, x ? fields_find_name(f, name, (size_t)(x - f->at) + 1) : NULL, value);
}

size_t
fields_longest(const struct fields *f)
{
	size_t most = 0;

	for (size_t i = 0; i < f->n; i++) {
		size_t n = f->at[i].name.n + 2 + f->at[i].value.n;

		if (n > most)
			most = n;
	}
	return most;
}

/* ---- comma lists ---- */

bool
fields_token(struct span *rest, struct span *token)
{
	*token = span_of(NULL, 0);
	while (rest->n > 0) {
		ptrdiff_t comma = span_chr(*rest, ',');
		size_t n = comma < 0 ? rest->n : (size_t)comma;

		*token = chars_trim(span_of(rest->p, n));
		*rest = span_tail(*rest, n + 1);
		if (token->n > 0)
			return true;
	}
	return false;
}

bool
fields_has_token(const struct fields *f, enum field_id id, struct span token)
{
	struct span rest, t;

	for (size_t i = 0; i < f->n; i++) {
		if (f->at[i].id != id)
			continue;
		rest = f->at[i].value;
		while (fields_token(&rest, &t))
			if (span_ieq(t, token))
				return true;
	}
	return false;
}

/* ---- hop-by-hop ---- */

static int
fields_hop_note(struct fields_hop *hop, struct span t)
{
	enum field_id id;

	if (!chars_all(t, CHARS_TOKEN))
		return WF_ESYNTAX;
	id = fields_id(t);
	if (id == FIELD_OTHER && span_ieq(t, SPAN_LIT("close"))) {
		hop->close = true;
	} else if (id == FIELD_KEEP_ALIVE) {
		hop->keep_alive = true;
	} else if (id == FIELD_UPGRADE) {
		hop->upgrade = true;
	} else if (id != FIELD_OTHER) {
		unsigned kind = fields_flags(id) & (FIELD_IS_HOP | FIELD_IS_FRAMING);

		return kind == FIELD_IS_HOP ? 0 : WF_EDENIED;
	} else {
		if (hop->n == FIELDS_HOP_NAMES)
			return WF_ESYNTAX;
		hop->names[hop->n++] = t;
	}
	return 0;
}

int
fields_hop_read(const struct fields *f, struct fields_hop *hop)
{
	struct span rest, t;
	int r;

	*hop = (struct fields_hop){0};
	for (size_t i = 0; i < f->n; i++) {
		if (f->at[i].id != FIELD_CONNECTION)
			continue;
		rest = f->at[i].value;
		while (fields_token(&rest, &t))
			if ((r = fields_hop_note(hop, t)) != 0)
				return r;
	}
	return 0;
}

bool
fields_drop_hop(const struct fields_hop *hop, const struct field *x)
{
	if (x->id != FIELD_OTHER)
		return (fields_flags(x->id) & FIELD_IS_HOP) != 0;
	for (size_t i = 0; i < hop->n; i++)
		if (span_ieq(hop->names[i], x->name))
			return true;
	return false;
}
