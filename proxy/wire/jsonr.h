/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/jsonr.h - reads one value out of a JSON document, strictly.
 *
 * The whole document is checked against RFC 8259 each time: UTF-8, no lone surrogates, no
 * BOM, no comments, no bytes behind the value, at most JSONR_DEPTH levels. On the way to
 * the value, each looked-up key must occur once in its object, compared after decoding
 * escapes; a second one, also one that differs only in ASCII case (Go reads those as
 * equal), is WF_EAMBIGUOUS. Objects that are not looked into may repeat keys.
 *
 * Ownership  raw points into the document, str into the caller's buffer.
 * Errors     WF_ESYNTAX, WF_ETRUNCATED, WF_ETRAILING, WF_ERANGE (too deep), WF_ENOTFOUND,
 *            WF_EAMBIGUOUS, WF_EFULL (the decoded string does not fit).
 * Threads    pure; recursion ends at JSONR_DEPTH.
 */
#ifndef WARIFU_WIRE_JSONR_H
#define WARIFU_WIRE_JSONR_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { JSONR_DEPTH = 32, JSONR_KEYS = 16 };

enum jsonr_type {
	JSONR_NONE,
	JSONR_NULL,
	JSONR_FALSE,
	JSONR_TRUE,
	JSONR_NUMBER,
	JSONR_STRING,
	JSONR_ARRAY,
	JSONR_OBJECT,
};

struct jsonr {
	enum jsonr_type type;
	struct span raw; /* the value as it stands, quotes and brackets included */
	struct span str; /* JSONR_STRING: decoded; may hold NUL */
};

/* Only checks the document. */
int jsonr_check(struct span doc);

/* The value under keys[0], keys[1] …; in an array a key is a decimal index. No keys: the
 * document itself. At most JSONR_KEYS. */
int jsonr_keys(struct span doc, const struct span *keys, size_t n, uint8_t *buf,
	       size_t cap, struct jsonr *v);

/* The same with "a.b.0.c"; a dot or backslash in a key is written with a backslash. */
int jsonr_path(struct span doc, const char *path, uint8_t *buf, size_t cap,
	       struct jsonr *v);

/* A string at that path, or WF_ENOTFOUND / WF_ESYNTAX (it is something else). */
int jsonr_string(struct span doc, const char *path, uint8_t *buf, size_t cap,
		 struct span *str);

/* A number without sign, fraction and exponent; else WF_ESYNTAX or WF_ERANGE. */
int jsonr_uint(const struct jsonr *v, uint64_t *out);

#endif
