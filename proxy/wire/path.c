/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/path.h"

#include "proxy/base/hex.h"
#include "proxy/base/must.h"
#include "proxy/base/utf8.h"

/*
 * Three passes over at most one header line: decode bytes (nothing is judged that needs
 * its neighbours but the percent sign), judge characters, judge segments. The last two
 * work on what the backend would see, so that raw and encoded spellings cannot differ.
 */

static const char *const path_why_texts[PATH_WHY_COUNT] = {
    [PATH_FINE] = "the path is in order",
    [PATH_FORM] = "the path does not start with a slash",
    [PATH_LONG] = "the path is too long",
    [PATH_RAW] = "the path holds a byte that must be percent-encoded",
    [PATH_PERCENT] = "a percent sign in the path is not followed by two hex digits",
    [PATH_CONTROL] = "the path holds an encoded control character",
    [PATH_SLASH] = "the path holds an encoded slash or a backslash",
    [PATH_DELIM] = "the path holds an encoded question mark or number sign",
    [PATH_EMPTY] = "the path holds an empty segment (two slashes)",
    [PATH_DOTS] = "the path holds a segment of dots",
    [PATH_TAIL] = "a segment of the path ends in a dot or a space",
    [PATH_TWICE] = "the path is percent-encoded twice",
    [PATH_PARAM] = "the path holds a parameter (a semicolon)",
    [PATH_UTF8] = "the path is not UTF-8",
    [PATH_LOOKALIKE] = "the path holds a character that some programs turn into another",
    [PATH_STREAM] = "the path names a stream (::$)",
};

const char *
path_why_text(enum path_why why)
{
	unsigned i = (unsigned)why;

	return i < PATH_WHY_COUNT ? path_why_texts[i] : "unknown reason";
}

/* What may stand unescaped. Browsers send ^ | [ ] so; nobody sends the others. */
static bool
path_raw_ok(uint8_t c)
{
	if (c <= 0x20 || c >= 0x7f)
		return false;
	return c != '"' && c != '<' && c != '>' && c != '`' && c != '{' && c != '}' &&
	       c != '#' && c != '?';
}

static enum path_why
path_escaped_why(uint8_t c, unsigned flags)
{
	if (c < 0x20 || c == 0x7f)
		return PATH_CONTROL;
	if (c == '/' || c == '\\')
		return PATH_SLASH;
	if (c == '?' || c == '#')
		return PATH_DELIM;
	if (c == ';' && !(flags & PATH_SEMICOLON))
		return PATH_PARAM;
	return PATH_FINE;
}

static enum path_why
path_raw_why(uint8_t c, unsigned flags)
{
	if (c == '\\')
		return PATH_SLASH;
	if (c == ';' && !(flags & PATH_SEMICOLON))
		return PATH_PARAM;
	return path_raw_ok(c) ? PATH_FINE : PATH_RAW;
}

static enum path_why
path_decode(struct span raw, unsigned flags, uint8_t *out, size_t cap, size_t *n)
{
	size_t k = 0;

	for (size_t i = 0; i < raw.n; i++) {
		uint8_t c = raw.p[i];
		enum path_why why;

		if (c == '%') {
			int v = hex_escape(raw, i);

			if (v < 0)
				return PATH_PERCENT;
			c = (uint8_t)v;
			i += 2;
			why = path_escaped_why(c, flags);
		} else {
			why = path_raw_why(c, flags);
		}
		if (why != PATH_FINE)
			return why;
		if (k == cap)
			return PATH_LONG;
		out[k++] = c;
	}
	*n = k;
	return PATH_FINE;
}

struct path_range {
	uint32_t first, last;
};

/* Sorted. See the header for what these have in common. */
static const struct path_range path_alike[] = {
    {0x80, 0x9f},	 /* C1 controls */
    {0xa5, 0xa5},	 /* yen sign: a backslash in code page 932 */
    {0xad, 0xad},	 /* soft hyphen */
    {0x130, 0x131},	 /* I with and i without dot */
    {0x17f, 0x17f},	 /* long s */
    {0x37e, 0x37e},	 /* Greek question mark: a semicolon in NFC */
    {0x2000, 0x200f},	 /* odd spaces, zero width, direction marks */
    {0x2024, 0x2026},	 /* dot leaders, ellipsis */
    {0x2028, 0x202f},	 /* line separators, direction marks, narrow space */
    {0x2044, 0x2044},	 /* fraction slash */
    {0x205f, 0x206f},	 /* a space, invisible operators, direction marks */
    {0x20a9, 0x20a9},	 /* won sign: a backslash in code page 949 */
    {0x212a, 0x212a},	 /* Kelvin sign */
    {0x2215, 0x2216},	 /* division slash, set minus */
    {0x29f5, 0x29f9},	 /* reverse solidus operator and its kin */
    {0xd800, 0xdfff},	 /* (never decoded) */
    {0xfdd0, 0xfdef},	 /* noncharacters */
    {0xfe52, 0xfe52},	 /* small full stop */
    {0xfe54, 0xfe54},	 /* small semicolon */
    {0xfe56, 0xfe56},	 /* small question mark */
    {0xfe5f, 0xfe5f},	 /* small number sign */
    {0xfe68, 0xfe68},	 /* small reverse solidus */
    {0xfe6a, 0xfe6a},	 /* small percent sign */
    {0xfeff, 0xfeff},	 /* BOM */
    {0xff03, 0xff03},	 /* full-width number sign */
    {0xff05, 0xff05},	 /* full-width percent sign */
    {0xff0e, 0xff0f},	 /* full-width full stop, solidus */
    {0xff1b, 0xff1b},	 /* full-width semicolon */
    {0xff3c, 0xff3c},	 /* full-width reverse solidus */
    {0xffe5, 0xffe6},	 /* full-width yen and won signs */
    {0xfff0, 0xffff},	 /* specials */
    {0xe0000, 0x10ffff}, /* tags, variation selectors, private use */
};

static bool
path_is_alike(uint32_t cp)
{
	size_t lo = 0, hi = ARRAY_LEN(path_alike);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cp > path_alike[mid].last)
			lo = mid + 1;
		else if (cp < path_alike[mid].first)
			hi = mid;
		else
			return true;
	}
	return false;
}

static enum path_why
path_chars(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		uint32_t cp;
		size_t len;

		if (s.p[i] < 0x80) {
			/* Any percent sign here came from %25. */
			if (s.p[i] == '%' &&
			    (hex_escape(s, i) >= 0 ||
			     (i + 1 < s.n && span_lower(s.p[i + 1]) == 'u')))
				return PATH_TWICE;
			i++;
			continue;
		}
		len = utf8_get(s.p + i, s.n - i, &cp);
		if (len == 0)
			return PATH_UTF8;
		if (path_is_alike(cp))
			return PATH_LOOKALIKE;
		i += len;
	}
	return PATH_FINE;
}

/* One segment, not empty. Where semicolons are allowed, what stands before the first one
 * must also pass, or /..;/ is a way up for backends that do know parameters. */
static enum path_why
path_segment(struct span s)
{
	ptrdiff_t semi = span_chr(s, ';');
	size_t dots = 0;
	uint8_t last;

	for (size_t i = 0; i + 2 < s.n; i++)
		if (s.p[i] == ':' && s.p[i + 1] == ':' && s.p[i + 2] == '$')
			return PATH_STREAM;
	if (semi == 0)
		return PATH_PARAM;
	if (semi > 0)
		s.n = (size_t)semi;
	while (dots < s.n && s.p[dots] == '.')
		dots++;
	if (dots == s.n)
		return PATH_DOTS;
	last = s.p[s.n - 1];
	return last == '.' || last == ' ' ? PATH_TAIL : PATH_FINE;
}

static enum path_why
path_segments(struct span s)
{
	size_t at = 1;

	while (at < s.n) {
		struct span rest = span_tail(s, at);
		ptrdiff_t slash = span_chr(rest, '/');
		struct span seg = slash < 0 ? rest : span_of(rest.p, (size_t)slash);
		enum path_why why;

		if (seg.n == 0)
			return PATH_EMPTY;
		why = path_segment(seg);
		if (why != PATH_FINE)
			return why;
		at += seg.n + 1;
	}
	return PATH_FINE;
}

struct span
path_plain(struct span normal, uint8_t *out)
{
	bool param = false;
	size_t n = 0;

	if (span_chr(normal, ';') < 0)
		return normal;
	for (size_t i = 0; i < normal.n; i++) {
		if (normal.p[i] == '/')
			param = false;
		else if (normal.p[i] == ';')
			param = true;
		if (!param)
			out[n++] = normal.p[i];
	}
	return span_of(out, n);
}

static int
path_error(enum path_why why)
{
	switch (why) {
	case PATH_FINE:
		return 0;
	case PATH_LONG:
		return WF_EFULL;
	case PATH_FORM:
	case PATH_RAW:
	case PATH_PERCENT:
	case PATH_CONTROL:
	case PATH_UTF8:
		return WF_ESYNTAX;
	default:
		return WF_EAMBIGUOUS;
	}
}

int
path_normalise(struct span raw, unsigned flags, uint8_t *out, size_t cap,
	       struct span *normal, enum path_why *why)
{
	struct span s = {out, 0};

	*normal = (struct span){NULL, 0};
	*why = PATH_FORM;
	if (raw.n == 0 || raw.p[0] != '/')
		return path_error(*why);
	*why = path_decode(raw, flags, out, cap, &s.n);
	if (*why == PATH_FINE)
		*why = path_chars(s);
	if (*why == PATH_FINE)
		*why = path_segments(s);
	if (*why == PATH_FINE)
		*normal = s;
	return path_error(*why);
}

/* Takes the next segment off *s, which stands on a slash. */
static struct span
path_take(struct span *s)
{
	struct span rest = span_tail(*s, 1);
	ptrdiff_t slash = span_chr(rest, '/');
	struct span seg = slash < 0 ? rest : span_of(rest.p, (size_t)slash);

	*s = span_tail(rest, seg.n);
	return seg;
}

static struct span
path_chop(struct span s)
{
	if (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

bool
path_match(struct span normal, struct span pattern)
{
	struct span s = path_chop(normal);
	struct span p = path_chop(pattern);

	if (normal.n == 0 || pattern.n == 0)
		return false;
	while (p.n) {
		struct span want = path_take(&p);
		struct span seg;

		if (span_eq(want, SPAN_LIT("*")) && p.n == 0)
			return true;
		if (s.n == 0)
			return false;
		seg = path_take(&s);
		if (!span_eq(want, SPAN_LIT("*")) && !span_ieq(want, seg))
			return false;
	}
	return s.n == 0;
}

/* A star inside a segment would look like a wildcard and be none. */
static bool
path_stars_ok(struct span p)
{
	struct span s = path_chop(p);

	while (s.n) {
		struct span seg = path_take(&s);

		if (seg.n > 1 && span_chr(seg, '*') >= 0)
			return false;
	}
	return true;
}

/* A pattern is compared with decoded text, so it may hold what only decoding yields:
 * spaces and characters outside ASCII. It may not hold what no normal form can. */
int
path_pattern_check(struct span pattern, enum path_why *why)
{
	*why = PATH_FORM;
	if (pattern.n == 0 || pattern.p[0] != '/' || !path_stars_ok(pattern))
		return WF_ESYNTAX;
	for (size_t i = 0; i < pattern.n; i++) {
		uint8_t c = pattern.p[i];

		*why = c == '/' ? PATH_FINE : path_escaped_why(c, PATH_SEMICOLON);
		if (*why != PATH_FINE)
			return path_error(*why);
	}
	*why = path_chars(pattern);
	if (*why == PATH_FINE)
		*why = path_segments(pattern);
	return path_error(*why);
}
