/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h1_out.h - a bounded buffer that heads are written into.
 *
 * Appending never fails on the spot: `overflow` is set when something did not fit, `bad`
 * when something may not stand in a head (a CR in a value, say), and from then on nothing
 * is written any more. Ask h1_out_ok once, at the end; a head that is not ok must not be
 * sent.
 *
 * Ownership  the memory is the caller's.
 * Threads    one owner.
 */
#ifndef WARIFU_WIRE_H1_OUT_H
#define WARIFU_WIRE_H1_OUT_H

#include "proxy/base/span.h"

struct h1_out {
	uint8_t *p;
	size_t cap, n;
	bool overflow;
	bool bad;
};

struct h1_out h1_out_over(void *p, size_t cap);

static inline void
h1_out_put(struct h1_out *o, struct span s)
{
	if (o->bad || o->overflow)
		return;
	if (s.n > o->cap - o->n) {
		o->overflow = true;
		return;
	}
	if (s.n > 0)
		memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

/* Decimal, and lower-case hexadecimal without leading zeros. */
void h1_out_uint(struct h1_out *o, uint64_t v);
void h1_out_hex(struct h1_out *o, uint64_t v);

static inline bool
h1_out_ok(const struct h1_out *o)
{
	return !o->overflow && !o->bad;
}

static inline struct span
h1_out_span(const struct h1_out *o)
{
	return span_of(o->p, o->n);
}

#endif
