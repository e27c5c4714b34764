/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/show.h - leaves for people at a terminal, in English or Japanese.
 *
 * A decision and its outcome are one line; events and aggregates too. Bytes from outside can
 * neither end a line nor move the cursor nor reorder text: what is not printable UTF-8 is
 * written as \xNN, what hides or reorders as \u{N}.
 *
 * Ownership  writes into the caller's buffers and streams.
 * Units      widths in terminal columns; East Asian wide characters take two.
 * Errors     none; a text that does not fit ends with "…".
 * Threads    pure, apart from the stream.
 */
#ifndef WARIFU_AUDIT_SHOW_H
#define WARIFU_AUDIT_SHOW_H

#include <stdio.h>

#include "proxy/audit/query.h"

/* A bounded text with a NUL behind it. */
struct show_text {
	char *p;
	size_t cap;
	size_t n;
	bool full;
};

static inline struct show_text
show_text_init(char *p, size_t cap)
{
	p[0] = '\0';
	return (struct show_text){p, cap, 0, false};
}

/* Words of ours. */
void
show_put(struct show_text *t, const char *s);

/* Bytes from anywhere. */
void
show_put_safe(struct show_text *t, struct span s);

/* The value of a known tag; an unknown one as hex. */
void
show_put_value(struct show_text *t, uint16_t tag, struct span v, bool ja);

/* Columns that a text of show_put_* takes. */
size_t
show_width(const char *s);

/* The text cut to a column of this width; `pad` fills the rest with blanks. */
void
show_column(FILE *out, const char *s, size_t width, bool pad);

/* "date time" or only the time, in UTC with milliseconds. */
void
show_put_time(struct show_text *t, uint64_t ns, bool date);

struct show_opt {
	bool ja;
	bool colour;
	size_t width; /* 0: as wide as it takes, with full dates (pipes) */
	bool why;     /* say what decided where a request was not simply allowed */
};

/* One line with its line feed; on a terminal, what decided stands in lines below it.
 * `outcome` may be NULL (not seen yet, or none). */
void
show_line(FILE *out, const struct show_opt *o, const struct query_item *it,
    const struct query_item *outcome);

/* All fields, one a line, indented. */
void
show_details(FILE *out, const struct show_opt *o, const struct query_item *it);

/* What decided: record and support number, rules, and what they went by: REC_TAG_SEEN, or,
 * where that cannot be read, each signal that differed from the login as "signal bound →
 * seen", in `columns` from column `indent` on; 0 columns: signals
 * only, all in the line that was begun. */
void
show_why(FILE *out, const struct query_item *it, size_t columns, size_t indent);

/* What stands for a personal part that cannot be read. */
const char *
show_person_mark(enum query_person p);

#endif
