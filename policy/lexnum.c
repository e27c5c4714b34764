/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lexnum.h"

#include <arpa/inet.h>
#include <string.h>

static const struct lexnum_unit {
	const char *name;
	enum lex_kind kind;
	int64_t factor;
} lexnum_units[] = {
    {"ms", LEX_DURATION, 1},
    {"s", LEX_DURATION, 1000},
    {"min", LEX_DURATION, 60000},
    {"h", LEX_DURATION, 3600000},
    {"d", LEX_DURATION, 86400000},
    {"B", LEX_SIZE, 1},
    {"KiB", LEX_SIZE, 1024},
    {"MiB", LEX_SIZE, 1024 * 1024},
    {"GiB", LEX_SIZE, 1024 * 1024 * 1024},
    {"km/h", LEX_SPEED, 1},
    {"km", LEX_DISTANCE, 1},
    {"%", LEX_PERCENT, 1},
    {"percent", LEX_PERCENT, 1},
};

enum { LEXNUM_UNITS = sizeof(lexnum_units) / sizeof(lexnum_units[0]) };

/* Does an address start here? "::" or one to four hex digits and a colon. */
static bool
lexnum_at_ipv6(const struct lex *lx)
{
	size_t n = 0;

	if (lex_byte(lx, lx->at) == ':')
		return lex_byte(lx, lx->at + 1) == ':';
	while (n < 4 && lex_is_hex(lex_byte(lx, lx->at + n)))
		n++;
	return n > 0 && lex_byte(lx, lx->at + n) == ':';
}

/* Digits, dot, digits, dot: an IPv4 address or an attempt at one. */
static bool
lexnum_at_ipv4(const struct lex *lx)
{
	size_t at = lx->at, dots = 0;

	for (; lex_is_digit(lex_byte(lx, at)) || lex_byte(lx, at) == '.'; at++)
		dots += lex_byte(lx, at) == '.';
	return dots >= 2;
}

bool
lexnum_at_address(const struct lex *lx)
{
	return lexnum_at_ipv6(lx) ||
	       (lex_is_digit(lex_byte(lx, lx->at)) && lexnum_at_ipv4(lx));
}

static int
lexnum_uint(const char *s, size_t n, int64_t max, int64_t *v)
{
	*v = 0;
	if (n == 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int d = s[i] - '0';

		if (d < 0 || d > 9 || *v > (max - d) / 10)
			return -1;
		*v = *v * 10 + d;
	}
	return 0;
}

/* Clears the bits behind `bits`; true if any was set. */
static bool
lexnum_mask(uint8_t *addr, size_t bytes, unsigned bits)
{
	bool any = false;

	for (size_t i = 0; i < bytes; i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8
				: bits > 8 * i	    ? bits - 8 * (unsigned)i
						    : 0;
		uint8_t mask = (uint8_t)(0xff00u >> keep);

		any |= (addr[i] & (uint8_t)~mask) != 0;
		addr[i] &= mask;
	}
	return any;
}

static enum lex_kind
lexnum_prefix(struct lex *lx, struct lex_token *tok, const char *len, size_t n)
{
	unsigned max = tok->family == 4 ? 32 : 128;
	int64_t bits;

	if (lexnum_uint(len, n, 128, &bits) != 0 || bits > max ||
	    (n > 1 && len[0] == '0')) {
		lex_report(lx, tok->offset, NULL, "the length of this network is 0 to %u",
			   max);
		return LEX_ERROR;
	}
	tok->bits = (uint8_t)bits;
	if (lexnum_mask(tok->addr, max / 8, tok->bits)) {
		lex_report(lx, tok->offset, "write the network's first address",
			   "this address has bits set behind its length of %u",
			   tok->bits);
		return LEX_ERROR;
	}
	return LEX_PREFIX;
}

enum lex_kind
lexnum_address(struct lex *lx, struct lex_token *tok)
{
	char buf[64];
	size_t n = 0, start = lx->at;
	const char *slash;
	int c;

	while ((c = lex_byte(lx, lx->at)) != -1 &&
	       (lex_is_hex(c) || lex_is_letter(c) || c == ':' || c == '.' || c == '/')) {
		if (n < sizeof(buf) - 1)
			buf[n++] = (char)c;
		lx->at++;
	}
	buf[n] = '\0';
	slash = strchr(buf, '/');
	if (slash)
		buf[slash - buf] = '\0';
	tok->family = strchr(buf, ':') ? 6 : 4;
	tok->bits = tok->family == 4 ? 32 : 128;
	if (lx->at - start >= sizeof(buf) ||
	    inet_pton(tok->family == 4 ? AF_INET : AF_INET6, buf, tok->addr) != 1) {
		lex_report(lx, start,
			   "addresses look like 192.0.2.1 or 2001:db8::1; put "
			   "address and port in double quotes",
			   "this is no IP address");
		return LEX_ERROR;
	}
	return slash ? lexnum_prefix(lx, tok, slash + 1, n - (size_t)(slash + 1 - buf))
		     : LEX_ADDRESS;
}

/* Days since 1970-01-01 of a valid date of the Gregorian calendar, or -1. */
static int64_t
lexnum_days(int64_t y, int64_t m, int64_t d)
{
	static const uint8_t len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	int64_t days = 0;

	if (y < 1970 || y > 9999 || m < 1 || m > 12 || d < 1 ||
	    d > len[m - 1] + (m == 2 && leap))
		return -1;
	days = 365 * (y - 1970) + (y - 1969) / 4 - (y - 1901) / 100 + (y - 1601) / 400;
	for (int64_t i = 1; i < m; i++)
		days += len[i - 1];
	return days + (m > 2 && leap) + d - 1;
}

bool
lexnum_at_date(const struct lex *lx)
{
	static const char shape[] = "dddd-dd-dd";

	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		int c = lex_byte(lx, lx->at + i);

		if (shape[i] == 'd' ? !lex_is_digit(c) : c != '-')
			return false;
	}
	return !lex_is_tail(lex_byte(lx, lx->at + sizeof(shape) - 1));
}

enum lex_kind
lexnum_date(struct lex *lx, struct lex_token *tok)
{
	const char *s = lx->src.text + lx->at;
	int64_t y, m, d, days;

	lexnum_uint(s, 4, 9999, &y);
	lexnum_uint(s + 5, 2, 99, &m);
	lexnum_uint(s + 8, 2, 99, &d);
	days = lexnum_days(y, m, d);
	lx->at += 10;
	if (days < 0) {
		lex_report(lx, tok->offset, "dates are year-month-day from 1970 on",
			   "there is no such day");
		return LEX_ERROR;
	}
	tok->num = days * 86400;
	return LEX_DATE;
}

/* The unit at offset `at`: its bytes, or 0. A unit ends where a word would. */
static size_t
lexnum_unit_len(const struct lex *lx, size_t at)
{
	size_t n = 0;

	if (lex_byte(lx, at) == '%')
		return 1;
	while (lex_is_tail(lex_byte(lx, at + n)))
		n++;
	if (n == 2 && memcmp(lx->src.text + at, "km", 2) == 0 &&
	    lex_byte(lx, at + 2) == '/' && lex_byte(lx, at + 3) == 'h' &&
	    !lex_is_tail(lex_byte(lx, at + 4)))
		return 4;
	return n;
}

static const struct lexnum_unit *
lexnum_unit_find(const char *s, size_t n)
{
	for (size_t i = 0; i < LEXNUM_UNITS; i++)
		if (strlen(lexnum_units[i].name) == n &&
		    memcmp(lexnum_units[i].name, s, n) == 0)
			return &lexnum_units[i];
	return NULL;
}

/* The unit behind a number, on the same line, possibly after blanks. An unknown word
 * directly at the number is a fault; an unknown word after a blank is the next token. */
static enum lex_kind
lexnum_with_unit(struct lex *lx, struct lex_token *tok)
{
	size_t at = lx->at, n;
	const struct lexnum_unit *unit;

	while (lex_byte(lx, at) == ' ' || lex_byte(lx, at) == '\t')
		at++;
	n = lexnum_unit_len(lx, at);
	unit = n ? lexnum_unit_find(lx->src.text + at, n) : NULL;
	if (unit == NULL && at == lx->at && n > 0) {
		lx->at += n;
		lex_report(lx, at, "units are ms s min h d, B KiB MiB GiB, km/h, km, %",
			   "unknown unit '%.*s'", n > 40 ? 40 : (int)n,
			   lx->src.text + at);
		return LEX_ERROR;
	}
	if (unit == NULL)
		return LEX_NUMBER;
	lx->at = at + n;
	if (__builtin_mul_overflow(tok->num, unit->factor, &tok->num)) {
		lex_report(lx, tok->offset, NULL, "this number is too large");
		return LEX_ERROR;
	}
	return unit->kind;
}

enum lex_kind
lexnum_number(struct lex *lx, struct lex_token *tok)
{
	bool minus = lex_byte(lx, lx->at) == '-', fits = true;
	int c, last = 0;

	lx->at += minus;
	for (; (c = lex_byte(lx, lx->at)), lex_is_digit(c) || (c == '_' && last != '_');
	     lx->at++) {
		last = c;
		if (c == '_')
			continue;
		fits &= !__builtin_mul_overflow(tok->num, 10, &tok->num);
		fits &= !__builtin_add_overflow(tok->num, c - '0', &tok->num);
	}
	if (!fits) {
		lex_report(lx, tok->offset, NULL, "this number is too large");
		return LEX_ERROR;
	}
	if (last == '_' || (c == '.' && lex_is_digit(lex_byte(lx, lx->at + 1)))) {
		lex_report(lx, lx->at, "use a smaller unit: 90 min, not 1.5 h",
			   "numbers are whole");
		while (lex_is_tail(lex_byte(lx, lx->at)))
			lx->at++;
		return LEX_ERROR;
	}
	if (minus)
		tok->num = -tok->num;
	return lexnum_with_unit(lx, tok);
}
