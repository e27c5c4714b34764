/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/diag.h - messages about files that an administrator writes.
 *
 * One message names a place (file, line, column), says what is wrong there and, where we
 * know it, what to do. A reader collects as many as it finds, so that one run shows all
 * of them; the caller prints the list or hands it on.
 *
 * Model      struct diags is a bounded list: the first DIAG_MAX messages stay, later ones
 *            are only counted. Each message keeps its own copy of the file's name and of
 *            the line it is about, so the list outlives the text.
 * Ownership  struct diags is the caller's memory (about 50 KiB: static in main, heap
 *            elsewhere); it holds no pointers.
 * Units      lines and columns count from 1; a column counts characters, not bytes, and
 *            a tab is one character. Line 0 means "the file as a whole".
 * Errors     none; too long texts are cut at a character's end.
 * Threads    one owner at a time.
 * Not here   the wording of messages; logging.
 */
#ifndef WARIFU_POLICY_DIAG_H
#define WARIFU_POLICY_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	DIAG_MAX = 64,
	DIAG_FILE_LEN = 160,
	DIAG_TEXT_LEN = 256,
	DIAG_HINT_LEN = 200,
	DIAG_LINE_LEN = 200,
};

enum diag_level {
	DIAG_ERROR,
	DIAG_WARNING,
};

struct diag_pos {
	unsigned line;
	unsigned col;
};

/* A text being read; borrowed for the call. text may be NULL: then no line is shown. */
struct diag_source {
	const char *file;
	const char *text;
	size_t len;
};

struct diag {
	enum diag_level level;
	struct diag_pos pos;
	char file[DIAG_FILE_LEN];
	char text[DIAG_TEXT_LEN];
	char hint[DIAG_HINT_LEN]; /* what to do; empty if there is nothing to say */
	char line[DIAG_LINE_LEN]; /* the line of the source; empty if unknown */
};

struct diags {
	size_t n;
	size_t dropped;	 /* messages beyond DIAG_MAX */
	size_t errors;	 /* dropped ones included */
	size_t warnings; /* dropped ones included */
	struct diag list[DIAG_MAX];
};

void diags_init(struct diags *ds);

/* Adds one error at pos. hint may be NULL. */
__attribute__((format(printf, 5, 6))) void
diag_error(struct diags *ds, const struct diag_source *src, struct diag_pos pos,
	   const char *hint, const char *fmt, ...);

/* As diag_error, but nothing fails because of it. */
__attribute__((format(printf, 5, 6))) void
diag_warn(struct diags *ds, const struct diag_source *src, struct diag_pos pos,
	  const char *hint, const char *fmt, ...);

/* One message: "file:line:col: error: text", the line, a caret, "what to do: hint". */
void diag_print(const struct diag *d, FILE *out);

/* The first error, or the first message if none is one; NULL if there is nothing. */
const struct diag *diags_first(const struct diags *ds);

/* All of them, in the order in which they were found. */
void diags_print(const struct diags *ds, FILE *out);

/* The name in `names` (n of them, `stride` bytes apart, each a char pointer at the start)
 * that a person who wrote `word` most likely meant, or NULL if none is near. */
const char *diag_nearest(const char *word, const void *names, size_t n, size_t stride);

#endif
