/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/h1_out.h"

struct h1_out
h1_out_over(void *p, size_t cap)
{
	return (struct h1_out){.p = p, .cap = cap};
}

static void
h1_out_digits(struct h1_out *o, uint64_t v, unsigned base)
{
	static const char digit[] = "0123456789abcdef";
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = digit[v % base];
		v /= base;
	} while (v > 0);
	h1_out_put(o, span_of(text + at, sizeof(text) - at));
}

void
h1_out_uint(struct h1_out *o, uint64_t v)
{
	h1_out_digits(o, v, 10);
}

void
h1_out_hex(struct h1_out *o, uint64_t v)
{
	h1_out_digits(o, v, 16);
}
