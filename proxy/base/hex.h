/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/hex.h - one hex digit, one percent escape.
 *
 * Threads  pure.
 */
#ifndef WARIFU_BASE_HEX_H
#define WARIFU_BASE_HEX_H

#include "proxy/base/span.h"

/* The value of a hex digit of either case, or -1. */
static inline int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the percent escape at s.p[i] stands for, or -1 if there is none. */
static inline int
hex_escape(struct span s, size_t i)
{
	int hi, lo;

	if (i >= s.n || s.n - i < 3 || s.p[i] != '%')
		return -1;
	hi = hex_value(s.p[i + 1]);
	lo = hex_value(s.p[i + 2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

#endif
