/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/cookie.h - cookies of requests, over all Cookie lines, strictly.
 *
 * A protected cookie is one that a session hangs on. The question about it has more than
 * two answers, because a thief may write it so that we miss it and the backend does not:
 *
 *   COOKIE_TWICE   the name occurs more than once, over all lines (cookie tossing)
 *   COOKIE_ALIKE   another name becomes this one after folding case; `.`, `[`, space and
 *                  underscore; percent-decoding; cutting at NUL or at an array mark;
 *                  trimming blanks (Unicode ones too); or stands behind a comma, or bare
 *   COOKIE_QUOTED  its value holds a quote, which some backends take off
 *   COOKIE_LEGACY  a $Version cookie switches backends to the rules of RFC 2109
 *
 * All of these are refused by the caller, with COOKIE_TWICE shown as tossing.
 *
 * Ownership  spans point into the lines, which the caller keeps.
 * Errors     see each call.
 * Threads    pure.
 * Not here   Set-Cookie: proxy/wire/setcookie.h.
 */
#ifndef WARIFU_WIRE_COOKIE_H
#define WARIFU_WIRE_COOKIE_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum cookie_found {
	COOKIE_ABSENT,
	COOKIE_ONE,
	COOKIE_QUOTED, /* from here on each is worse than the one before */
	COOKIE_LEGACY,
	COOKIE_ALIKE,
	COOKIE_TWICE,
};

struct cookie_it {
	const struct span *lines;
	size_t n, line, at;
};

struct cookie_pair {
	struct span text;	 /* name=value as it came, blanks trimmed */
	struct span name, value; /* blanks trimmed, quotes kept; no = : name is empty */
	bool has_eq;
};

struct cookie_hit {
	enum cookie_found found;
	struct span value; /* of the first exact occurrence, whatever `found` says */
	struct span other; /* for ALIKE, LEGACY: the pair that is to blame */
	unsigned count;	   /* exact occurrences */
};

/* All pairs of all lines in order; empty ones are skipped. */
void cookie_begin(struct cookie_it *it, const struct span *lines, size_t n);
bool cookie_next(struct cookie_it *it, struct cookie_pair *pair);

/* One pass for k protected names (plain ASCII tokens); hits[i] answers names[i]. */
void cookie_look(const struct span *lines, size_t n, const struct span *names, size_t k,
		 struct cookie_hit *hits);

/* The same for one name; *value is set for COOKIE_ONE only. */
enum cookie_found cookie_one(const struct span *lines, size_t n, struct span name,
			     struct span *value);

/* A sentence for operators; never NULL. */
const char *cookie_found_text(enum cookie_found f);

/* Would any backend read this pair as a cookie of that name? (exact or alike) */
bool cookie_reads_as(const struct cookie_pair *pair, struct span name);

/*
 * One fresh Cookie value "a=1; b=2" without the named cookies, whatever they are spelt
 * like. With k == 0 nothing is left out. *out is empty when nothing remains (send no
 * Cookie line then); *dropped (may be NULL) counts what was left out. WF_EFULL when cap
 * is too small; the lines' lengths plus 2 * n always suffices.
 */
int cookie_rewrite(const struct span *lines, size_t n, const struct span *names, size_t k,
		   uint8_t *buf, size_t cap, struct span *out, size_t *dropped);

#endif
