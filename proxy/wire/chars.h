/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/chars.h - which bytes may stand where in HTTP.
 *
 * One table of bits per byte; test_chars proves each bit against the grammar's words.
 * Used by every head parser (HTTP/1 and HTTP/2), so that they cannot disagree.
 *
 * Threads  constant.
 */
#ifndef WARIFU_WIRE_CHARS_H
#define WARIFU_WIRE_CHARS_H

#include "proxy/base/span.h"

enum {
	CHARS_TOKEN = 1,  /* tchar: names of fields and methods */
	CHARS_TARGET = 2, /* visible ASCII without " # < > */
	CHARS_VALUE = 4,  /* field values: HTAB, SP, visible ASCII, 0x80 to 0xff */
	CHARS_HOST = 8,	  /* letters, digits, '-', '.', '_' */
	CHARS_DIGIT = 16,
	CHARS_HEX = 32,
	CHARS_QDTEXT = 64, /* inside a quoted-string, unescaped */
};

extern const uint8_t chars_class[256];

static inline bool
chars_is(uint8_t c, unsigned bits)
{
	return (chars_class[c] & bits) != 0;
}

/* True if s is not empty and every byte has one of the bits. */
bool chars_all(struct span s, unsigned bits);

/* How many bytes at the front of s may stand in a field's value. */
size_t chars_value_run(struct span s);

/* True if s may be a field's value; the empty value may. */
bool chars_value(struct span s);

/* Without blanks (SP, HTAB) at both ends. */
struct span chars_trim(struct span s);

#endif
