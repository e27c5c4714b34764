/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/utf8.h - one UTF-8 character at a time, as RFC 3629 has it.
 *
 * No surrogates, no overlong forms, nothing above U+10FFFF: an ill-formed sequence has
 * length 0, and the caller says whether that is an error or one replacement character.
 *
 * Threads  pure.
 */
#ifndef WARIFU_BASE_UTF8_H
#define WARIFU_BASE_UTF8_H

#include "proxy/base/span.h"

enum { UTF8_MAX = 4 };

/* Decodes the character that starts at p[0] (n >= 1 bytes are there): its length in
 * bytes with *cp set, or 0. */
static inline size_t
utf8_get(const uint8_t *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t c = p[0];
	size_t len = c < 0x80	? 1
		     : c < 0xc2 ? 0
		     : c < 0xe0 ? 2
		     : c < 0xf0 ? 3
		     : c < 0xf5 ? 4
				: 0;
	uint32_t v;

	*cp = 0;
	if (len == 0 || len > n)
		return 0;
	v = len == 1 ? c : (uint32_t)c & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3fu);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return len;
}

/* Encodes cp (a scalar value) into out[UTF8_MAX]; the number of bytes written. */
static inline size_t
utf8_put(uint32_t cp, uint8_t *out)
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

#endif
