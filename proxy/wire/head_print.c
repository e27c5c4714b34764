/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/head_print.h"

#include <stdio.h>

#include "proxy/base/must.h"

/*
 * Eight rows of eight bits, the lowest first. Row b, bit a: name a came before name b; on
 * the diagonal: name a was missing. The last row: name a was there; its last bit: a print.
 */
enum { HEAD_THERE = 56 };

#define HEAD_DIAGONAL 0x0000201008040201u
#define HEAD_PRESENT 0x3f00000000000000u
#define HEAD_MARK 0x8000000000000000u

static const enum field_id head_names[HEAD_NAMES] = {FIELD_ACCEPT, FIELD_ACCEPT_LANGUAGE,
    FIELD_ACCEPT_ENCODING, FIELD_SEC_FETCH_SITE, FIELD_SEC_FETCH_MODE, FIELD_SEC_FETCH_DEST};

static int
head_index(enum field_id id)
{
	switch (id) {
	case FIELD_ACCEPT:
		return 0;
	case FIELD_ACCEPT_LANGUAGE:
		return 1;
	case FIELD_ACCEPT_ENCODING:
		return 2;
	case FIELD_SEC_FETCH_SITE:
		return 3;
	case FIELD_SEC_FETCH_MODE:
		return 4;
	case FIELD_SEC_FETCH_DEST:
		return 5;
	default:
		return -1;
	}
}

static bool
head_begins(struct span s, struct span with)
{
	return s.n >= with.n && span_ieq(span_of(s.p, with.n), with);
}

enum head_kind
head_kind(const struct fields *f, bool websocket)
{
	static const char *const parts[] = {"image/", "text/css", "font/", "audio/", "video/"};
	const struct field *accept = fields_find(f, FIELD_ACCEPT, 0);

	if (websocket)
		return HEAD_SOCKET;
	if (accept == NULL)
		return HEAD_OTHER;
	if (head_begins(accept->value, SPAN_LIT("text/html")))
		return HEAD_PAGE;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (head_begins(accept->value, span_str(parts[i])))
			return HEAD_PART;
	return HEAD_OTHER;
}

/* Of a part of something, or of what is packed already, programs ask in other ways. */
static bool
head_is_odd(const struct field *x)
{
	return x->id == FIELD_ACCEPT_ENCODING && head_begins(x->value, SPAN_LIT("identity"));
}

uint64_t
head_print(const struct fields *f)
{
	uint64_t print = HEAD_MARK, there = 0, passed = 0;

	for (size_t i = 0; i < f->n; i++) {
		int at = head_index(f->at[i].id);

		if (at < 0 || (there >> at & 1) != 0)
			continue;
		if (head_is_odd(&f->at[i])) {
			passed |= (uint64_t)1 << at;
			continue;
		}
		print |= there << (8 * at);
		there |= (uint64_t)1 << at;
	}
	print |= there << HEAD_THERE;
	for (int at = 0; at < HEAD_NAMES; at++)
		if (((there | passed) >> at & 1) == 0)
			print |= (uint64_t)1 << (9 * at);
	return print;
}

/* Rows become columns (Hacker's Delight 7-3). */
static uint64_t
head_turned(uint64_t x)
{
	uint64_t t = (x ^ x >> 7) & 0x00aa00aa00aa00aau;

	x ^= t ^ t << 7;
	t = (x ^ x >> 14) & 0x0000cccc0000ccccu;
	x ^= t ^ t << 14;
	t = (x ^ x >> 28) & 0x00000000f0f0f0f0u;
	return x ^ t ^ t << 28;
}

/* What is new, where the contrary is known: for a pair the other order, for a name that
 * it was always or never there. */
static uint64_t
head_against(uint64_t learned, uint64_t seen)
{
	uint64_t pairs = learned & ~(HEAD_DIAGONAL | HEAD_PRESENT | HEAD_MARK);

	if (learned == 0)
		return 0;
	return seen & ~learned & (head_turned(pairs) | HEAD_DIAGONAL | HEAD_PRESENT);
}

bool
head_print_differs(uint64_t learned, uint64_t seen)
{
	return (seen & ~learned) != 0 && head_against(learned, seen) != 0;
}

static const char *
head_name(int at)
{
	struct span name;

	MUST(at >= 0 && at < HEAD_NAMES);
	name = fields_name(head_names[at]);
	return (const char *)name.p;
}

void
head_print_words(uint64_t learned, uint64_t seen, char was[HEAD_PRINT_TEXT],
    char is[HEAD_PRINT_TEXT])
{
	uint64_t against = head_against(learned, seen);
	int bit = 0;

	was[0] = is[0] = '\0';
	if (against == 0)
		return;
	while ((against >> bit & 1) == 0)
		bit++;
	if (bit >= HEAD_THERE || bit % 9 == 0) {
		const char *name = head_name(bit >= HEAD_THERE ? bit - HEAD_THERE : bit / 9);
		bool there = bit >= HEAD_THERE;

		snprintf(was, HEAD_PRINT_TEXT, "%s %s", there ? "without" : "with", name);
		snprintf(is, HEAD_PRINT_TEXT, "%s %s", there ? "with" : "without", name);
		return;
	}
	snprintf(was, HEAD_PRINT_TEXT, "%s before %s", head_name(bit / 8), head_name(bit % 8));
	snprintf(is, HEAD_PRINT_TEXT, "%s before %s", head_name(bit % 8), head_name(bit / 8));
}
