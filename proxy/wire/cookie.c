/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/cookie.h"

#include "proxy/base/hex.h"
#include "proxy/base/must.h"

static const char *const cookie_texts[] = {
    [COOKIE_ABSENT] = "the cookie is not there",
    [COOKIE_ONE] = "the cookie is there once",
    [COOKIE_QUOTED] = "the cookie's value holds a quote",
    [COOKIE_LEGACY] = "a $Version cookie asks for the cookie rules of 1997",
    [COOKIE_ALIKE] = "another cookie's name can be read as this one's",
    [COOKIE_TWICE] = "the cookie is there more than once",
};

const char *
cookie_found_text(enum cookie_found f)
{
	unsigned i = (unsigned)f;

	return i < ARRAY_LEN(cookie_texts) ? cookie_texts[i] : "unknown";
}

static bool
cookie_is_ows(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct span
cookie_trim(struct span s)
{
	while (s.n && cookie_is_ows(s.p[0]))
		s = span_tail(s, 1);
	while (s.n && cookie_is_ows(s.p[s.n - 1]))
		s.n--;
	return s;
}

static void
cookie_split(struct span text, struct cookie_pair *pair)
{
	ptrdiff_t eq = span_chr(text, '=');

	*pair = (struct cookie_pair){.text = text, .value = text, .has_eq = eq >= 0};
	if (eq < 0)
		return;
	pair->name = cookie_trim(span_of(text.p, (size_t)eq));
	pair->value = cookie_trim(span_tail(text, (size_t)eq + 1));
}

void
cookie_begin(struct cookie_it *it, const struct span *lines, size_t n)
{
	*it = (struct cookie_it){.lines = lines, .n = n};
}

bool
cookie_next(struct cookie_it *it, struct cookie_pair *pair)
{
	while (it->line < it->n) {
		struct span rest = span_tail(it->lines[it->line], it->at);
		ptrdiff_t semi = span_chr(rest, ';');
		struct span text;

		if (semi < 0) {
			it->line++;
			it->at = 0;
		} else {
			rest.n = (size_t)semi;
			it->at += rest.n + 1;
		}
		text = cookie_trim(rest);
		if (text.n == 0)
			continue;
		cookie_split(text, pair);
		return true;
	}
	*pair = (struct cookie_pair){.has_eq = false};
	return false;
}

/* Bytes that some language trims from both ends: everything up to space, DEL, and all of
 * which Unicode's blanks are made. A protected name has none of them. */
static bool
cookie_is_blank(uint8_t c)
{
	return c <= ' ' || c >= 0x7f;
}

static uint8_t
cookie_fold(uint8_t c)
{
	return c == '.' || c == ' ' || c == '[' || c == '+' ? '_' : span_lower(c);
}

/* The byte at s.p[*i], percent-decoded once; *i moves behind it. */
static uint8_t
cookie_byte(struct span s, size_t *i)
{
	int v = s.p[*i] == '%' ? hex_escape(s, *i) : -1;
	uint8_t c = s.p[*i];

	*i += v < 0 ? 1 : 3;
	return v < 0 ? c : (uint8_t)v;
}

/* Can a name end before byte i? At the end, at NUL, at an array mark, or when only blanks
 * follow. */
static bool
cookie_ends(struct span s, size_t i)
{
	while (i < s.n) {
		uint8_t c = cookie_byte(s, &i);

		if (c == '\0' || c == '[')
			return true;
		if (!cookie_is_blank(c))
			return false;
	}
	return true;
}

/* Does the text become the protected name in the reading of some backend? */
static bool
cookie_alike(struct span text, struct span name)
{
	size_t i = 0, next, k;

	/* Nearly all cookies leave here. */
	if (text.n == 0 || (text.p[0] > ' ' && text.p[0] < 0x7f && text.p[0] != '%' &&
			    cookie_fold(text.p[0]) != cookie_fold(name.p[0])))
		return false;
	for (next = 0; next < text.n && cookie_is_blank(cookie_byte(text, &next));)
		i = next;
	for (k = 0; k < name.n; k++) {
		if (i == text.n)
			return false;
		if (cookie_fold(cookie_byte(text, &i)) != cookie_fold(name.p[k]))
			return false;
	}
	return cookie_ends(text, i);
}

/* A name behind a comma: a pair of its own for readers of RFC 2109. */
static bool
cookie_hidden(struct span text, struct span name)
{
	ptrdiff_t comma = span_chr(text, ',');

	while (comma >= 0) {
		ptrdiff_t eq;

		text = cookie_trim(span_tail(text, (size_t)comma + 1));
		eq = span_chr(text, '=');
		if (eq > 0 && cookie_alike(span_of(text.p, (size_t)eq), name))
			return true;
		comma = span_chr(text, ',');
	}
	return false;
}

enum cookie_likeness { COOKIE_DIFFERS, COOKIE_SIMILAR, COOKIE_SAME };

static enum cookie_likeness
cookie_likeness(const struct cookie_pair *pair, struct span name)
{
	MUST(name.n > 0);
	if (pair->has_eq && span_eq(pair->name, name))
		return cookie_hidden(pair->value, name) ? COOKIE_SIMILAR : COOKIE_SAME;
	if (cookie_alike(pair->name, name))
		return COOKIE_SIMILAR;
	if (pair->name.n == 0) {
		/* "sid" and "=sid=x": nameless for browsers, named for some backends. */
		struct span v = pair->value;
		ptrdiff_t eq = span_chr(v, '=');

		if (cookie_alike(eq < 0 ? v : span_of(v.p, (size_t)eq), name))
			return COOKIE_SIMILAR;
	}
	return cookie_hidden(pair->text, name) ? COOKIE_SIMILAR : COOKIE_DIFFERS;
}

bool
cookie_reads_as(const struct cookie_pair *pair, struct span name)
{
	return cookie_likeness(pair, name) != COOKIE_DIFFERS;
}

static void
cookie_worse(struct cookie_hit *hit, enum cookie_found found,
	     const struct cookie_pair *pair)
{
	if (found <= hit->found)
		return;
	hit->found = found;
	hit->other = pair->text;
}

static void
cookie_judge(struct cookie_hit *hit, const struct cookie_pair *pair, struct span name)
{
	switch (cookie_likeness(pair, name)) {
	case COOKIE_DIFFERS:
		return;
	case COOKIE_SIMILAR:
		cookie_worse(hit, COOKIE_ALIKE, pair);
		return;
	case COOKIE_SAME:
		if (hit->count++ == 0)
			hit->value = pair->value;
		cookie_worse(hit, hit->count > 1 ? COOKIE_TWICE : COOKIE_ONE, pair);
		if (span_chr(pair->value, '"') >= 0)
			cookie_worse(hit, COOKIE_QUOTED, pair);
		return;
	}
}

void
cookie_look(const struct span *lines, size_t n, const struct span *names, size_t k,
	    struct cookie_hit *hits)
{
	struct cookie_it it;
	struct cookie_pair pair;

	memset(hits, 0, k * sizeof(*hits));
	cookie_begin(&it, lines, n);
	while (cookie_next(&it, &pair)) {
		bool legacy = pair.name.n && pair.name.p[0] == '$' &&
			      span_ieq(pair.name, SPAN_LIT("$version"));

		for (size_t i = 0; i < k; i++) {
			cookie_judge(&hits[i], &pair, names[i]);
			if (legacy)
				cookie_worse(&hits[i], COOKIE_LEGACY, &pair);
		}
	}
}

enum cookie_found
cookie_one(const struct span *lines, size_t n, struct span name, struct span *value)
{
	struct cookie_hit hit;

	cookie_look(lines, n, &name, 1, &hit);
	*value = hit.found == COOKIE_ONE ? hit.value : (struct span){NULL, 0};
	return hit.found;
}

/* $Version goes with the cookies that it could help to hide. */
static bool
cookie_drops(const struct cookie_pair *pair, const struct span *names, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (cookie_reads_as(pair, names[i]))
			return true;
	return k && span_ieq(pair->name, SPAN_LIT("$version"));
}

int
cookie_rewrite(const struct span *lines, size_t n, const struct span *names, size_t k,
	       uint8_t *buf, size_t cap, struct span *out, size_t *dropped)
{
	struct cookie_it it;
	struct cookie_pair pair;
	size_t len = 0, gone = 0;

	*out = (struct span){NULL, 0};
	cookie_begin(&it, lines, n);
	while (cookie_next(&it, &pair)) {
		size_t sep = len ? 2 : 0;

		if (cookie_drops(&pair, names, k)) {
			gone++;
			continue;
		}
		if (cap - len < sep || cap - len - sep < pair.text.n)
			return WF_EFULL;
		memcpy(buf + len, "; ", sep);
		memcpy(buf + len + sep, pair.text.p, pair.text.n);
		len += sep + pair.text.n;
	}
	*out = span_of(buf, len);
	if (dropped != NULL)
		*dropped = gone;
	return 0;
}
