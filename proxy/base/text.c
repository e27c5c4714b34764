/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/text.h"

static const char text_digits[] = "0123456789abcdef";
static const char text_b64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
text_hex(struct span s, char *out)
{
	for (size_t i = 0; i < s.n; i++) {
		*out++ = text_digits[s.p[i] >> 4];
		*out++ = text_digits[s.p[i] & 15];
	}
	*out = '\0';
}

static int
text_nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = span_lower(c);
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
text_unhex(struct span s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return s.n < 2 * n ? WF_ETRUNCATED : WF_ETRAILING;
	for (size_t i = 0; i < n; i++) {
		int hi = text_nibble(s.p[2 * i]);
		int lo = text_nibble(s.p[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return WF_ESYNTAX;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

void
text_b64url(struct span s, char *out)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < s.n; i++) {
		acc = acc << 8 | s.p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = text_b64[acc >> (bits - 6) & 63];
	}
	if (bits)
		*out++ = text_b64[acc << (6 - bits) & 63];
	*out = '\0';
}

static int
text_b64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

int
text_unb64url(struct span s, uint8_t *out, size_t cap, size_t *len)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	*len = 0;
	if (s.n % 4 == 1)
		return WF_ESYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		int v = text_b64_value(s.p[i]);

		if (v < 0)
			return WF_ESYNTAX;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			if (n == cap)
				return WF_EFULL;
			out[n++] = (uint8_t)(acc >> bits);
		}
	}
	if (acc & ((1u << bits) - 1))
		return WF_ESYNTAX;
	*len = n;
	return 0;
}

int
text_uint(struct span s, uint64_t max, uint64_t *v)
{
	uint64_t x = 0;

	*v = 0;
	if (s.n == 0)
		return WF_ESYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t d = (uint64_t)s.p[i] - '0';

		if (s.p[i] < '0' || s.p[i] > '9')
			return WF_ESYNTAX;
		if (x > (max - d) / 10 || d > max)
			return WF_ERANGE;
		x = x * 10 + d;
	}
	*v = x;
	return 0;
}

/* Length of the well-formed sequence at s[i], or 0. */
static size_t
text_utf8_len(struct span s, size_t i)
{
	uint8_t c = s.p[i];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n == 0 || n > s.n - i)
		return 0;
	for (size_t k = 1; k < n; k++)
		if ((s.p[i + k] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && s.p[i + 1] < 0xa0) || (c == 0xed && s.p[i + 1] > 0x9f) ||
	    (c == 0xf0 && s.p[i + 1] < 0x90) || (c == 0xf4 && s.p[i + 1] > 0x8f))
		return 0;
	return n;
}

bool
text_printable(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = text_utf8_len(s, i);

		if (n == 0 || s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
		if (s.p[i] == 0xc2 && s.p[i + 1] < 0xa0)
			return false;
		i += n;
	}
	return true;
}
