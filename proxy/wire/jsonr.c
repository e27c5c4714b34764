/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/jsonrpriv.h"

#include "proxy/base/hex.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/base/utf8.h"

static int
jsonr_peek(const struct jsonr_at *a)
{
	return a->i < a->s.n ? a->s.p[a->i] : -1;
}

static void
jsonr_space(struct jsonr_at *a)
{
	int c;

	while ((c = jsonr_peek(a)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		a->i++;
}

static int
jsonr_expect(struct jsonr_at *a, uint8_t want)
{
	int c = jsonr_peek(a);

	if (c < 0)
		return WF_ETRUNCATED;
	if (c != want)
		return WF_ESYNTAX;
	a->i++;
	return 0;
}

/* --- strings --- */

/* Four hex digits at s.p[i], or -1. */
static int32_t
jsonr_unit(struct span s, size_t i)
{
	int32_t v = 0;

	if (s.n < i || s.n - i < 4)
		return -1;
	for (size_t k = 0; k < 4; k++) {
		int d = hex_value(s.p[i + k]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* \uXXXX whose u stands at s.p[*i], with its second half where it needs one. */
static bool
jsonr_unicode(struct span s, size_t *i, uint32_t *cp)
{
	int32_t hi = jsonr_unit(s, *i + 1), lo;

	if (hi < 0 || (hi >= 0xdc00 && hi <= 0xdfff))
		return false;
	*i += 5;
	*cp = (uint32_t)hi;
	if (hi < 0xd800 || hi > 0xdfff)
		return true;
	if (s.n - *i < 6 || s.p[*i] != '\\' || s.p[*i + 1] != 'u')
		return false;
	lo = jsonr_unit(s, *i + 2);
	if (lo < 0xdc00 || lo > 0xdfff)
		return false;
	*i += 6;
	*cp = 0x10000u + (((uint32_t)hi & 0x3ff) << 10) + ((uint32_t)lo & 0x3ff);
	return true;
}

static bool
jsonr_escape(struct span s, size_t *i, uint32_t *cp)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (*i == s.n || s.p[*i] == '\0')
		return false;
	if (s.p[*i] == 'u')
		return jsonr_unicode(s, i, cp);
	at = strchr(from, s.p[*i]);
	if (at == NULL)
		return false;
	(*i)++;
	*cp = (uint8_t)to[at - from];
	return true;
}

/* One character inside a string; *i moves behind it. */
bool
jsonr_char(struct span s, size_t *i, uint32_t *cp)
{
	size_t len;

	if (s.p[*i] == '\\') {
		(*i)++;
		return jsonr_escape(s, i, cp);
	}
	if (s.p[*i] < 0x20)
		return false;
	len = utf8_get(s.p + *i, s.n - *i, cp);
	*i += len;
	return len != 0;
}

/* A whole string; *inner is what stands between the quotes. */
static int
jsonr_string_at(struct jsonr_at *a, struct span *inner)
{
	size_t start;
	uint32_t cp;
	int err = jsonr_expect(a, '"');

	if (err != 0)
		return err;
	start = a->i;
	while (a->i < a->s.n && a->s.p[a->i] != '"')
		if (!jsonr_char(a->s, &a->i, &cp))
			return WF_ESYNTAX;
	if (a->i == a->s.n)
		return WF_ETRUNCATED;
	*inner = span_of(a->s.p + start, a->i - start);
	a->i++;
	return 0;
}

int
jsonr_decode(struct span inner, uint8_t *buf, size_t cap, struct span *out)
{
	size_t n = 0;

	for (size_t i = 0; i < inner.n;) {
		uint8_t bytes[UTF8_MAX];
		uint32_t cp;
		size_t len;

		if (!jsonr_char(inner, &i, &cp))
			return WF_ESYNTAX;
		len = utf8_put(cp, bytes);
		if (cap - n < len)
			return WF_EFULL;
		memcpy(buf + n, bytes, len);
		n += len;
	}
	*out = span_of(buf, n);
	return 0;
}

/* --- numbers and words --- */

static size_t
jsonr_digits(struct jsonr_at *a)
{
	size_t start = a->i;
	int c;

	while ((c = jsonr_peek(a)) >= '0' && c <= '9')
		a->i++;
	return a->i - start;
}

static int
jsonr_number(struct jsonr_at *a)
{
	size_t first, n;
	int c;

	if (jsonr_peek(a) == '-')
		a->i++;
	first = a->i;
	n = jsonr_digits(a);
	if (n == 0 || (n > 1 && a->s.p[first] == '0'))
		return a->i == a->s.n && n == 0 ? WF_ETRUNCATED : WF_ESYNTAX;
	if (jsonr_peek(a) == '.') {
		a->i++;
		if (jsonr_digits(a) == 0)
			return a->i == a->s.n ? WF_ETRUNCATED : WF_ESYNTAX;
	}
	c = jsonr_peek(a);
	if (c != 'e' && c != 'E')
		return 0;
	a->i++;
	c = jsonr_peek(a);
	if (c == '+' || c == '-')
		a->i++;
	if (jsonr_digits(a) == 0)
		return a->i == a->s.n ? WF_ETRUNCATED : WF_ESYNTAX;
	return 0;
}

static int
jsonr_word(struct jsonr_at *a, struct span word)
{
	struct span rest = span_tail(a->s, a->i);

	if (span_starts(rest, word)) {
		a->i += word.n;
		return 0;
	}
	return span_starts(word, rest) ? WF_ETRUNCATED : WF_ESYNTAX;
}

/* --- values --- */

enum jsonr_type
jsonr_type(int c)
{
	switch (c) {
	case '{':
		return JSONR_OBJECT;
	case '[':
		return JSONR_ARRAY;
	case '"':
		return JSONR_STRING;
	case 't':
		return JSONR_TRUE;
	case 'f':
		return JSONR_FALSE;
	case 'n':
		return JSONR_NULL;
	default:
		return c == '-' || (c >= '0' && c <= '9') ? JSONR_NUMBER : JSONR_NONE;
	}
}

static int
jsonr_value(struct jsonr_at *a, unsigned depth, struct span *raw);

int
jsonr_step(struct jsonr_walk *w)
{
	uint8_t close = w->object ? '}' : ']';
	int err;

	jsonr_space(w->a);
	if (jsonr_peek(w->a) == close) {
		w->a->i++;
		return 0;
	}
	if (w->begun) {
		err = jsonr_expect(w->a, ',');
		if (err != 0)
			return err;
		jsonr_space(w->a);
	}
	w->begun = true;
	if (w->object) {
		err = jsonr_string_at(w->a, &w->key);
		if (err != 0)
			return err;
		jsonr_space(w->a);
		err = jsonr_expect(w->a, ':');
		if (err != 0)
			return err;
		jsonr_space(w->a);
	}
	err = jsonr_value(w->a, w->depth, &w->value);
	return err != 0 ? err : 1;
}

int
jsonr_begin(struct jsonr_walk *w, struct jsonr_at *a, unsigned depth)
{
	if (depth > JSONR_DEPTH)
		return WF_ERANGE;
	*w = (struct jsonr_walk){.a = a, .depth = depth, .object = jsonr_peek(a) == '{'};
	a->i++;
	return 0;
}

static int
jsonr_members(struct jsonr_at *a, unsigned depth)
{
	struct jsonr_walk w;
	int err = jsonr_begin(&w, a, depth + 1);

	if (err != 0)
		return err;
	do
		err = jsonr_step(&w);
	while (err == 1);
	return err;
}

/* Recursion ends at JSONR_DEPTH, in jsonr_begin. */
static int
jsonr_value(struct jsonr_at *a, unsigned depth, struct span *raw)
{
	size_t start = a->i;
	struct span inner;
	int err;

	switch (jsonr_type(jsonr_peek(a))) {
	case JSONR_OBJECT:
	case JSONR_ARRAY:
		err = jsonr_members(a, depth);
		break;
	case JSONR_STRING:
		err = jsonr_string_at(a, &inner);
		break;
	case JSONR_NUMBER:
		err = jsonr_number(a);
		break;
	case JSONR_TRUE:
		err = jsonr_word(a, SPAN_LIT("true"));
		break;
	case JSONR_FALSE:
		err = jsonr_word(a, SPAN_LIT("false"));
		break;
	case JSONR_NULL:
		err = jsonr_word(a, SPAN_LIT("null"));
		break;
	default:
		return a->i == a->s.n ? WF_ETRUNCATED : WF_ESYNTAX;
	}
	if (err == 0)
		*raw = span_of(a->s.p + start, a->i - start);
	return err;
}

int
jsonr_document(struct span doc, struct span *raw)
{
	struct jsonr_at a = {.s = doc};
	int err;

	jsonr_space(&a);
	err = jsonr_value(&a, 0, raw);
	if (err != 0)
		return err;
	jsonr_space(&a);
	return a.i == doc.n ? 0 : WF_ETRAILING;
}

int
jsonr_check(struct span doc)
{
	struct span raw;

	return jsonr_document(doc, &raw);
}
