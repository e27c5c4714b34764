/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/form.h"

#include "proxy/base/hex.h"
#include "proxy/base/must.h"
#include "proxy/base/utf8.h"

void
form_init(struct form *f, struct span raw)
{
	f->rest = raw;
}

/*
 * The byte that raw holds at *i, decoded once; *i moves behind it. A malformed escape
 * yields its percent sign and sets *odd.
 */
static uint8_t
form_byte(struct span raw, size_t *i, bool *odd)
{
	uint8_t c = raw.p[(*i)++];

	if (c == '+')
		return ' ';
	if (c == '%') {
		int v = hex_escape(raw, *i - 1);

		if (v >= 0) {
			*i += 2;
			return (uint8_t)v;
		}
		*odd = true;
	}
	return c;
}

static struct span
form_decode(struct span raw, uint8_t *buf, size_t cap, bool *odd)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n;) {
		uint8_t c = form_byte(raw, &i, odd);

		if (n == cap)
			return (struct span){NULL, 0};
		buf[n++] = c;
	}
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t len = utf8_get(buf + i, n - i, &cp);

		if (len == 0)
			*odd = true;
		i += len ? len : 1;
	}
	return span_of(buf, n);
}

/* Takes what stands before the next separator off *rest. */
static struct span
form_piece(struct span *rest, uint8_t sep)
{
	ptrdiff_t at = span_chr(*rest, sep);
	struct span piece = *rest;

	if (at < 0) {
		*rest = (struct span){NULL, 0};
		return piece;
	}
	piece.n = (size_t)at;
	*rest = span_tail(*rest, piece.n + 1);
	return piece;
}

static void
form_split(struct span piece, struct form_pair *pair)
{
	ptrdiff_t eq = span_chr(piece, '=');

	*pair = (struct form_pair){.raw_name = piece, .has_eq = eq >= 0};
	if (eq < 0)
		return;
	pair->raw_name.n = (size_t)eq;
	pair->raw_value = span_tail(piece, (size_t)eq + 1);
}

bool
form_next(struct form *f, uint8_t *buf, size_t cap, struct form_pair *pair)
{
	struct span piece = {NULL, 0};

	*pair = (struct form_pair){.has_eq = false};
	while (f->rest.n && piece.n == 0)
		piece = form_piece(&f->rest, '&');
	if (piece.n == 0)
		return false;
	form_split(piece, pair);
	pair->name = form_decode(pair->raw_name, buf, cap, &pair->odd);
	pair->value = form_decode(pair->raw_value, buf + pair->name.n, cap - pair->name.n,
				  &pair->odd);
	return true;
}

enum form_likeness { FORM_DIFFERS, FORM_ALIKE, FORM_SAME };

/* What PHP and friends make of a character in a name. */
static uint8_t
form_fold(uint8_t c)
{
	return c == '.' || c == ' ' || c == '[' || c == '-' ? '_' : span_lower(c);
}

/* Could a backend end a name here? At NUL, or at the array mark, which is never `[`
 * alone. */
static bool
form_cut(struct span raw, size_t i)
{
	bool odd = false;
	uint8_t c;

	if (i >= raw.n)
		return true;
	c = form_byte(raw, &i, &odd);
	return c == '\0' || c == '[';
}

static enum form_likeness
form_likeness(struct span raw, struct span name)
{
	size_t i = 0, start = 0, k = 0;
	bool odd = false, same = true;

	while (i < raw.n && form_byte(raw, &i, &odd) == ' ')
		start = i;
	if (start)
		same = false;
	for (i = start; i < raw.n && k < name.n; k++) {
		uint8_t c = form_byte(raw, &i, &odd);

		if (c != name.p[k])
			same = false;
		if (form_fold(c) != form_fold(name.p[k]))
			return FORM_DIFFERS;
	}
	if (k < name.n)
		return FORM_DIFFERS;
	if (i == raw.n)
		return same ? FORM_SAME : FORM_ALIKE;
	if (form_cut(raw, i))
		return FORM_ALIKE;
	/* Trailing blanks: trimmed by some. */
	while (i < raw.n)
		if (form_byte(raw, &i, &odd) != ' ')
			return FORM_DIFFERS;
	return FORM_ALIKE;
}

/* Does a piece of this pair, split at semicolons, begin with that name? The first one is
 * the pair itself and was compared already. */
static bool
form_behind_semicolon(struct span piece, struct span name)
{
	struct form_pair part;

	form_piece(&piece, ';');
	while (piece.n) {
		form_split(form_piece(&piece, ';'), &part);
		if (form_likeness(part.raw_name, name) != FORM_DIFFERS)
			return true;
	}
	return false;
}

int
form_one(struct span raw, struct span name, uint8_t *buf, size_t cap, struct span *value)
{
	struct span rest = raw, found = {NULL, 0};
	unsigned same = 0, alike = 0;
	bool odd = false;

	*value = (struct span){NULL, 0};
	while (rest.n) {
		struct span piece = form_piece(&rest, '&');
		struct form_pair pair;
		enum form_likeness like;

		form_split(piece, &pair);
		like = form_likeness(pair.raw_name, name);
		alike += like == FORM_ALIKE || form_behind_semicolon(piece, name);
		if (like == FORM_SAME) {
			same++;
			found = pair.raw_value;
		}
	}
	if (same + alike == 0)
		return WF_ENOTFOUND;
	if (same != 1 || alike || span_chr(found, ';') >= 0)
		return WF_EAMBIGUOUS;
	if (cap < found.n)
		return WF_EFULL;
	*value = form_decode(found, buf, cap, &odd);
	if (odd) {
		*value = (struct span){NULL, 0};
		return WF_ESYNTAX;
	}
	return 0;
}

static bool
form_override_name(struct span raw_name)
{
	static const char *const names[] = {
	    "_method",		 "x-http-method-override", "x-http-method",
	    "x-method-override", "http_method_override",   "_http_method",
	    "$method",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (form_likeness(raw_name, span_str(names[i])) != FORM_DIFFERS)
			return true;
	return false;
}

bool
form_overrides_method(struct span raw)
{
	while (raw.n) {
		struct span piece = form_piece(&raw, '&');

		while (piece.n) {
			struct form_pair pair;

			form_split(form_piece(&piece, ';'), &pair);
			if (form_override_name(pair.raw_name))
				return true;
		}
	}
	return false;
}

/* ---- in pieces ---- */

_Static_assert(FORM_SCAN_NAME > 3 * (sizeof("x-http-method-override") + 1),
    "the longest name, every byte escaped, and what could end it");

/* The name under way is complete. */
static bool
form_scan_name(struct form_scan *s)
{
	struct span name = span_of(s->name, s->n);

	/* Half an escape at the cut is no sign of anything. */
	if (s->longer && name.p[name.n - 1] == '%')
		name.n -= 1;
	else if (s->longer && name.p[name.n - 2] == '%')
		name.n -= 2;
	s->n = 0;
	s->longer = false;
	return form_override_name(name);
}

/* One more byte of a name. Blanks before it are as good as none, however many. */
static void
form_scan_add(struct form_scan *s, uint8_t c)
{
	bool odd = false;
	size_t i = 0;

	if (s->n == FORM_SCAN_NAME) {
		s->longer = true;
		return;
	}
	s->name[s->n++] = c;
	if (form_byte(span_of(s->name, s->n), &i, &odd) == ' ' && i == s->n)
		s->n = 0;
}

bool
form_scan_feed(struct form_scan *s, struct span data)
{
	for (size_t i = 0; i < data.n; i++) {
		uint8_t c = data.p[i];
		bool ends = c == '&' || c == ';';

		if (!s->in_value && (ends || c == '=')) {
			if (form_scan_name(s))
				return true;
			s->in_value = c == '=';
		} else if (ends) {
			s->in_value = false;
		} else if (!s->in_value) {
			form_scan_add(s, c);
		}
	}
	return false;
}

bool
form_scan_end(struct form_scan *s)
{
	return !s->in_value && form_scan_name(s);
}
