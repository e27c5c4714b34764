/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/lines.h - lines that end in CR LF, and blocks of field lines.
 *
 * What heads and trailers have in common. Finding the end is incremental: struct lines
 * remembers how far the search went, so feeding a head byte by byte costs no more than
 * feeding it at once. Only when the end is known are the fields read, in one go.
 *
 * The result depends on the bytes alone, never on how they were cut into portions.
 *
 * Ownership  nothing is kept but offsets: the buffer may move between calls.
 * Errors     0, WF_MORE, or WF_ESYNTAX with *why.
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_LINES_H
#define WARIFU_WIRE_LINES_H

#include "proxy/base/reason.h"
#include "proxy/wire/fields.h"

/* Offsets into what is fed; all zero at the start. */
struct lines {
	size_t start; /* of the line that is being looked for */
	size_t seen;  /* no LF before this */
};

/* Finds the end of the line at l->start and moves on to the next. *line is it without
 * CR LF. `large` is the reason when no line ends within the first `max` bytes of `in`. */
int lines_next(struct span in, struct lines *l, size_t max, enum reason large,
	       struct span *line, enum reason *why);

/* Moves on past the next empty line: l->start is then the end of the block. */
int lines_end(struct span in, struct lines *l, size_t max, enum reason large,
	      enum reason *why);

/* Reads whole field lines, each with its CR LF, without the empty line behind them. Every
 * LF in the block must already be known to follow a CR (lines_end has seen to it).
 * `many` is the reason when the list is full. */
int lines_fields(struct span block, struct fields *out, enum reason many,
		 enum reason *why);

#endif
