/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/span.h - a run of bytes that somebody else owns.
 *
 * Bytes from outside are spans, never C strings: they may hold NUL and have no end mark.
 *
 * Ownership  a span borrows; whoever made it says how long it lives.
 * Errors     none; an empty span has n == 0 and p may then be NULL.
 * Threads    pure.
 */
#ifndef WARIFU_BASE_SPAN_H
#define WARIFU_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t n;
};

/* A span over a string literal. */
#define SPAN_LIT(s) ((struct span){(const uint8_t *)("" s), sizeof(s) - 1})

static inline struct span
span_of(const void *p, size_t n)
{
	return (struct span){p, n};
}

static inline struct span
span_str(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline uint8_t
span_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Equal when ASCII letters are folded; no locale. */
static inline bool
span_ieq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (span_lower(a.p[i]) != span_lower(b.p[i]))
			return false;
	return true;
}

static inline bool
span_starts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

static inline bool
span_istarts(struct span a, struct span prefix)
{
	return a.n >= prefix.n && span_ieq(span_of(a.p, prefix.n), prefix);
}

/* From byte `from` to the end; `from` past the end gives an empty span. */
static inline struct span
span_tail(struct span a, size_t from)
{
	if (from >= a.n)
		return (struct span){NULL, 0};
	return (struct span){a.p + from, a.n - from};
}

/* Index of the first byte c, or -1. */
static inline ptrdiff_t
span_chr(struct span a, uint8_t c)
{
	const uint8_t *q = a.n ? memchr(a.p, c, a.n) : NULL;

	return q ? q - a.p : -1;
}

#endif
