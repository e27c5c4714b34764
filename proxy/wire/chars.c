/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/chars.h"

/* Sums of the bits in chars.h, 16 bytes a row; test_chars holds the rules in words. */
/* clang-format off */
const uint8_t chars_class[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 68, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	68, 71, 4, 69, 71, 71, 71, 71, 70, 70, 71, 71, 70, 79, 79, 70,
	127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 70, 70, 68, 70, 68, 70,
	70, 111, 111, 111, 111, 111, 111, 79, 79, 79, 79, 79, 79, 79, 79, 79,
	79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 70, 6, 70, 71, 79,
	71, 111, 111, 111, 111, 111, 111, 79, 79, 79, 79, 79, 79, 79, 79, 79,
	79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 79, 70, 71, 70, 71, 0,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
	68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68, 68,
};
/* clang-format on */

bool
chars_all(struct span s, unsigned bits)
{
	for (size_t i = 0; i < s.n; i++)
		if ((chars_class[s.p[i]] & bits) == 0)
			return false;
	return s.n > 0;
}

/* Little-endian on every machine; compilers make it one load where that is the order. */
static uint64_t
chars_load8(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
	       (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/*
 * Eight bytes at a time. `hits` marks bytes below 0x20 and DEL; a borrow may mark a byte
 * behind a true hit as well, never one before it, so the first mark is exact.
 */
size_t
chars_value_run(struct span s)
{
	const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
	size_t i = 0;

	while (s.n - i >= 8) {
		uint64_t x = chars_load8(s.p + i), del, hits;

		del = x ^ ones * 0x7f;
		hits = (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & high;
		if (hits == 0) {
			i += 8;
			continue;
		}
		i += (size_t)__builtin_ctzll(hits) / 8;
		if (s.p[i] != '\t')
			return i;
		i++;
	}
	while (i < s.n && chars_is(s.p[i], CHARS_VALUE))
		i++;
	return i;
}

bool
chars_value(struct span s)
{
	return chars_value_run(s) == s.n;
}

static bool
chars_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

struct span
chars_trim(struct span s)
{
	while (s.n > 0 && chars_blank(s.p[0]))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n > 0 && chars_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}
