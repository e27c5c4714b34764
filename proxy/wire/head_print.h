/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/head_print.h - which fields a program puts into a request, and in what order.
 *
 * Programs keep an order of their own for what they add themselves: Chromium has
 * accept-encoding before accept-language, Firefox after. Read are only six names that
 * neither scripts nor what is asked for move about (HEAD_NAMES): for each pair which came
 * first, for each name whether it is there (Accept-Encoding: identity is passed over). It depends on the kind of a request, so kinds
 * are kept apart, and HTTP/1.1 from HTTP/2.
 *
 * A print is a number; prints of one kind are united by `|`, and then say what was seen
 * so far: a pair that came both ways, a name that was there and was not, tells nothing
 * any more. 0: nothing was seen.
 *
 * Ownership  nothing is borrowed.
 * Errors     none.
 * Threads    pure.
 * Not here   when it is learned (proxy/gate/heads.h), what it is worth
 *            (docs/detection.md).
 */
#ifndef WARIFU_WIRE_HEAD_PRINT_H
#define WARIFU_WIRE_HEAD_PRINT_H

#include "proxy/wire/fields.h"

enum { HEAD_NAMES = 6, HEAD_PRINT_TEXT = 48 };

enum head_kind { HEAD_PAGE, HEAD_PART, HEAD_OTHER, HEAD_SOCKET, HEAD_KINDS };

/* By what it accepts; Sec-Fetch-Mode is what somebody else leaves out first. */
enum head_kind
head_kind(const struct fields *f, bool websocket);

/* Never 0. */
uint64_t
head_print(const struct fields *f);

/* Is there something in `seen` that what was learned speaks against? False where nothing
 * was learned. */
bool
head_print_differs(uint64_t learned, uint64_t seen);

/* The first difference in words, as it was learned and as it is seen now; empty: none. */
void
head_print_words(uint64_t learned, uint64_t seen, char was[HEAD_PRINT_TEXT],
    char is[HEAD_PRINT_TEXT]);

#endif
