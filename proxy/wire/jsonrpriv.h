/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/jsonrpriv.h - what jsonr.c (reading) and jsonrpath.c (looking up) share.
 *
 * Errors   as in jsonr.h.
 * Threads  any.
 */
#ifndef WARIFU_WIRE_JSONRPRIV_H
#define WARIFU_WIRE_JSONRPRIV_H

#include "proxy/wire/jsonr.h"

/* Where reading stands. After jsonr_check said yes, no step can fail, but each is checked
 * all the same: nothing here relies on an earlier pass. */
struct jsonr_at {
	struct span s;
	size_t i;
};

/* Steps through the members of an object or array. */
struct jsonr_walk {
	struct jsonr_at *a;
	unsigned depth; /* of the members */
	bool object;
	bool begun;
	struct span key, value;
};

/* The type of a value that begins with c. */
enum jsonr_type
jsonr_type(int c);

/* One character of a string's inside at *i, escapes decoded. */
bool
jsonr_char(struct span s, size_t *i, uint32_t *cp);

/* A string's inside into buf. */
int
jsonr_decode(struct span inner, uint8_t *buf, size_t cap, struct span *out);

/* At an opening bracket; `depth` is that of the members. */
int
jsonr_begin(struct jsonr_walk *w, struct jsonr_at *a, unsigned depth);

/* 1: one more member; 0: the closing bracket was taken; else an error. */
int
jsonr_step(struct jsonr_walk *w);

/* The whole document, with nothing but space around *raw. */
int
jsonr_document(struct span doc, struct span *raw);

#endif
