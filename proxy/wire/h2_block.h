/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h2_block.h - the decoded fields of one HTTP/2 head, in one piece.
 *
 * What HPACK gives is kept one field behind the other until the head is complete: the
 * lengths of name and value, two bytes each, then both. So a block is as long as the same
 * fields are in HTTP/1.1, and one limit counts both.
 *
 * Ownership  the memory is the caller's; what h2_block_next gives points into it.
 * Errors     latched in struct h1_out.
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_H2_BLOCK_H
#define WARIFU_WIRE_H2_BLOCK_H

#include "proxy/wire/h1_out.h"

enum { H2_BLOCK_FIELD = 4, H2_BLOCK_TEXT = 65535 };

/* Appends a field; false when it does not fit or is longer than a block can say. */
bool
h2_block_put(struct h1_out *o, struct span name, struct span value);

/* Takes the first field out of *block; false at the end. */
bool
h2_block_next(struct span *block, struct span *name, struct span *value);

#endif
