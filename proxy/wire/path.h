/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/path.h - one reading of a request's path, or none.
 *
 * The policy is matched against the normal form. A backend has its own idea of what a
 * path means, so the normal form exists only where all common backends agree; anything
 * else is refused with a reason, never repaired:
 *
 *   - empty segments, "." and "..", a dot or space at the end of a segment (Windows)
 *   - %2F, %5C, backslash, %3F, %23, control characters, raw bytes outside ASCII
 *   - malformed percent signs, and a decoded percent sign that could be decoded again
 *     (%25 before two hex digits or before u)
 *   - percent-decoded bytes that are not well-formed UTF-8 (overlong forms included)
 *   - characters that compatibility normalisation, a Windows code page or case
 *     folding turns into ASCII with a meaning in paths (full-width slash, dot,
 *     percent, semicolon; division slash, one dot leader, yen and won sign; long s,
 *     Kelvin sign, dotless i), and invisible ones (soft hyphen, zero width, direction
 *     marks, BOM). Full-width letters and other punctuation stay allowed: Japanese file
 *     names have them.
 *   - a semicolon, raw or encoded (`;jsessionid=`), unless PATH_SEMICOLON says that this
 *     backend knows no path parameters
 *   - ::$ (Windows streams)
 *
 * The normal form is percent-decoded once, UTF-8, keeps case and a trailing slash; the
 * matcher ignores both. Space and the like occur in it: never write it to a header line.
 *
 * Ownership  *normal points into `out`, the caller's.
 * Errors     0; WF_ESYNTAX, WF_EAMBIGUOUS or WF_EFULL with *why set.
 * Threads    pure.
 * Not here   the query: proxy/wire/form.h. What is sent to the backend: the raw path.
 */
#ifndef WARIFU_WIRE_PATH_H
#define WARIFU_WIRE_PATH_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum path_flag {
	PATH_SEMICOLON = 1, /* ; is an ordinary character here */
};

enum path_why {
	PATH_FINE,
	PATH_FORM, /* does not start with a slash */
	PATH_LONG, /* longer than the buffer */
	PATH_RAW,  /* a byte that has no place in a URI: control, space, non-ASCII … */
	PATH_PERCENT,	/* a percent sign without two hex digits */
	PATH_CONTROL,	/* an encoded control character */
	PATH_SLASH,	/* an encoded slash, or a backslash in any form */
	PATH_DELIM,	/* an encoded question mark or number sign */
	PATH_EMPTY,	/* two slashes */
	PATH_DOTS,	/* a segment of dots */
	PATH_TAIL,	/* a segment that ends in a dot or a space */
	PATH_TWICE,	/* encoded twice */
	PATH_PARAM,	/* a path parameter */
	PATH_UTF8,	/* not UTF-8 */
	PATH_LOOKALIKE, /* a character that some backends turn into another */
	PATH_STREAM,	/* ::$ */
	PATH_WHY_COUNT
};

/* out of raw.n bytes always suffices. */
int path_normalise(struct span raw, unsigned flags, uint8_t *out, size_t cap,
		   struct span *normal, enum path_why *why);

/* A sentence for operators; never NULL. */
const char *path_why_text(enum path_why why);

/* A normal path without its parameters, as a backend reads it that knows them: each
 * segment up to its semicolon. `out` of normal.n bytes; without one it is the same. */
struct span path_plain(struct span normal, uint8_t *out);

/*
 * Does a normal path match a pattern of the administrator's? ASCII case and one trailing
 * slash are ignored on both sides. A last segment "*" stands for that place and
 * everything below it (slash a slash star matches /a, /a/, /a/b/c, not /ab); any other
 * segment "*" for exactly one segment; nothing else is special.
 */
bool path_match(struct span normal, struct span pattern);

/* Is this pattern one that can match at all, i.e. its own normal form? */
int path_pattern_check(struct span pattern, enum path_why *why);

#endif
