/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/json.h - writes JSON into the caller's buffer.
 *
 * Commas and colons come by themselves: call json_key before each value inside an object
 * and only values inside an array. A full buffer sets `overflow` and drops everything
 * after; ask json_done once at the end. Misuse (a key in an array, too many ends) is a
 * bug of ours and breaks a MUST.
 *
 * What came from outside cannot leave its string: quotes, backslash, C0, DEL, C1, < > &,
 * line separators and direction marks are written as escapes, and each byte that is not
 * well-formed UTF-8 as \ufffd. The output is ASCII where the input was hostile and UTF-8
 * else; it holds no line break, so one document is one line.
 *
 * Ownership  the buffer is the caller's and outlives the writer.
 * Units      depth is at most JSON_DEPTH.
 * Threads    one owner at a time.
 * Not here   reading: proxy/wire/jsonr.h. Floating-point numbers.
 */
#ifndef WARIFU_BASE_JSON_H
#define WARIFU_BASE_JSON_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { JSON_DEPTH = 32 };

struct json {
	char *buf;
	size_t cap;
	size_t n;
	bool overflow;
	bool keyed; /* a key was written, its value is due */
	unsigned depth;
	uint32_t objects; /* bit d: level d is an object */
	uint32_t filled;  /* bit d: level d has a member already */
};

void json_init(struct json *j, void *buf, size_t cap);

void json_object(struct json *j);
void json_object_end(struct json *j);
void json_array(struct json *j);
void json_array_end(struct json *j);

void json_key(struct json *j, const char *key);
void json_key_span(struct json *j, struct span key);

void json_str(struct json *j, struct span s);
void json_text(struct json *j, const char *s); /* NULL is written as null */
void json_hex(struct json *j, struct span s);  /* lower-case hex in quotes */
void json_int(struct json *j, int64_t v);
void json_uint(struct json *j, uint64_t v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/* One complete JSON value that we wrote ourselves; copied as it is. */
void json_raw(struct json *j, struct span value);

/* json_key and a value in one call. */
void json_kstr(struct json *j, const char *key, struct span s);
void json_ktext(struct json *j, const char *key, const char *s);
void json_kint(struct json *j, const char *key, int64_t v);
void json_kuint(struct json *j, const char *key, uint64_t v);
void json_kbool(struct json *j, const char *key, bool v);

/* The finished document: 0, or WF_EFULL (then *out is empty). Open levels break a MUST.
 */
int json_done(struct json *j, struct span *out);

#endif
