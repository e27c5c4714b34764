/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/cursor.h - reading wire formats without reading past their end.
 *
 * Each call takes what it names and moves on. The first read past the end latches
 * `bad`; from then on every call returns zeros and empty spans, so a parser may read
 * a whole structure and ask cur_ok() once. Leftover bytes are the caller's question:
 * cur_done() is true only if nothing failed and nothing is left.
 *
 * Ownership  borrows the bytes it was made over.
 * Units      big-endian integers, as in TLS and HTTP/2.
 * Threads    pure.
 */
#ifndef WARIFU_BASE_CURSOR_H
#define WARIFU_BASE_CURSOR_H

#include "proxy/base/span.h"

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

static inline struct cursor
cur_init(struct span s)
{
	return (struct cursor){s.p, s.n ? s.p + s.n : s.p, false};
}

static inline bool
cur_ok(const struct cursor *c)
{
	return !c->bad;
}

static inline size_t
cur_left(const struct cursor *c)
{
	return c->bad || c->p == NULL ? 0 : (size_t)(c->end - c->p);
}

static inline bool
cur_done(const struct cursor *c)
{
	return !c->bad && cur_left(c) == 0;
}

static inline struct span
cur_take(struct cursor *c, size_t n)
{
	struct span s = {NULL, 0};

	if (cur_left(c) < n) {
		c->bad = true;
		return s;
	}
	s = span_of(c->p, n);
	if (n)
		c->p += n;
	return s;
}

/* An unsigned integer of `bytes` bytes, 1 to 8. */
static inline uint64_t
cur_uint(struct cursor *c, unsigned bytes)
{
	struct span s = cur_take(c, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

static inline uint8_t
cur_u8(struct cursor *c)
{
	return (uint8_t)cur_uint(c, 1);
}

static inline uint16_t
cur_u16(struct cursor *c)
{
	return (uint16_t)cur_uint(c, 2);
}

static inline uint32_t
cur_u24(struct cursor *c)
{
	return (uint32_t)cur_uint(c, 3);
}

static inline uint32_t
cur_u32(struct cursor *c)
{
	return (uint32_t)cur_uint(c, 4);
}

static inline uint64_t
cur_u64(struct cursor *c)
{
	return cur_uint(c, 8);
}

/* A block whose length stands before it in `bytes` bytes. */
static inline struct cursor
cur_sub(struct cursor *c, unsigned bytes)
{
	size_t n = (size_t)cur_uint(c, bytes);
	struct span s = cur_take(c, n);
	struct cursor sub = cur_init(s);

	sub.bad = c->bad;
	return sub;
}

static inline struct span
cur_rest(struct cursor *c)
{
	return cur_take(c, cur_left(c));
}

#endif
