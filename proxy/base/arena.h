/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/arena.h - memory that lives and dies together.
 *
 * One block of fixed size, handed out front to back, given back all at once. A
 * request for more than is left sets `overflow` and returns NULL; the flag stays until
 * the reset, so a parser may ask once at its end instead of after every step.
 *
 * Ownership  the block is the caller's (arena_init) and must outlive the arena.
 * Units      bytes; every piece is aligned to 8.
 * Threads    one owner at a time.
 */
#ifndef WARIFU_BASE_ARENA_H
#define WARIFU_BASE_ARENA_H

#include "proxy/base/span.h"

struct arena {
	uint8_t *base;
	size_t size;
	size_t used;
	bool overflow;
};

void
arena_init(struct arena *a, void *block, size_t size);

void
arena_reset(struct arena *a);

/* n bytes, not cleared; NULL when full. */
void *
arena_get(struct arena *a, size_t n);

/* A copy of s inside the arena; empty span when full. */
struct span
arena_dup(struct arena *a, struct span s);

/* As arena_dup, with a NUL behind it for libraries that need one; NULL when full. */
char *
arena_str(struct arena *a, struct span s);

#endif
