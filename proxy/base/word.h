/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/word.h - one line of words, for the command line and the running warifu.
 *
 * Words are separated by single spaces. In a word, '%', space, control characters and DEL
 * are written as %XX, so that names and reasons keep whatever they hold and cannot make
 * another word or line. A word may be `key=value`.
 *
 * Ownership  writes into the caller's memory.
 * Errors     WF_EFULL (does not fit), WF_ESYNTAX (a broken %XX, or a NUL).
 * Threads    pure.
 */
#ifndef WARIFU_BASE_WORD_H
#define WARIFU_BASE_WORD_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

struct word_line {
	char *p;
	size_t cap;
	size_t n;
	bool full;
};

/* Always a NUL behind what was written. cap > 0. */
void
word_init(struct word_line *l, char *buf, size_t cap);

/* Appends a word; key may be NULL. */
void
word_add(struct word_line *l, const char *key, struct span value);
void
word_addf(struct word_line *l, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes the next word off the front; false at the end. */
bool
word_next(struct span *line, struct span *raw);

/* Decodes into out, with a NUL behind it. */
int
word_decode(struct span raw, char *out, size_t cap);

/* The value of key=… in the line; false (and "") when absent or broken. */
bool
word_get(struct span line, const char *key, char *out, size_t cap);

#endif
