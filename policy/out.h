/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/out.h - text written into a buffer that may be too small. Private to policy/.
 *
 * As snprintf: `n` counts what was wanted, at most cap bytes are written, the NUL
 * included. A caller asks with cap 0 first, or compares n with cap afterwards.
 */
#ifndef WARIFU_POLICY_OUT_H
#define WARIFU_POLICY_OUT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct out {
	char *buf;
	size_t cap;
	size_t n;
};

static inline void
out_bytes(struct out *o, const char *p, size_t n)
{
	size_t room = o->cap > o->n + 1 ? o->cap - o->n - 1 : 0;

	if (room)
		memcpy(o->buf + o->n, p, n < room ? n : room);
	o->n += n;
}

static inline void
out_text(struct out *o, const char *s)
{
	out_bytes(o, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static inline void
out_fmt(struct out *o, const char *fmt, ...)
{
	char piece[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(piece, sizeof(piece), fmt, ap);
	va_end(ap);
	if (n > 0)
		out_bytes(o, piece,
			  (size_t)n < sizeof(piece) ? (size_t)n : sizeof(piece) - 1);
}

/* Puts the NUL and gives the length that was wanted. */
static inline size_t
out_end(struct out *o)
{
	if (o->cap)
		o->buf[o->n < o->cap ? o->n : o->cap - 1] = '\0';
	return o->n;
}

#endif
