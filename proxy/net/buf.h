/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/net/buf.h - a bounded byte queue in one piece, and the pool it grows from.
 *
 * A buf holds the bytes [off, off+n) of its block. It takes no memory while empty, so an
 * idle connection costs nothing here. Blocks come in three sizes from a per-thread free
 * list; after warm-up no request allocates.
 *
 *   buf_room(b, want)   makes `want` bytes writable behind the data (moves or grows)
 *   buf_added(b, k)     k of them were written
 *   buf_data(b)         what is queued, valid until the next room/eat
 *   buf_eat(b, k)       k bytes were consumed; an emptied buf gives its block back
 *
 * Ownership  a buf owns its block; buf_fini returns it. The pool outlives its bufs.
 * Units      bytes; a buf never grows beyond its `max`.
 * Errors     buf_room and buf_put return false when `max` would be passed: nothing written.
 * Threads    a pool and its bufs belong to one thread.
 */
#ifndef WARIFU_NET_BUF_H
#define WARIFU_NET_BUF_H

#include "proxy/base/span.h"

enum { BUF_CLASSES = 3, BUF_SMALL = 4096, BUF_MEDIUM = 16384 + 512, BUF_LARGE = 65536 + 512 };

struct buf_block;

struct buf_pool {
	struct buf_block *free[BUF_CLASSES];
	unsigned kept[BUF_CLASSES];
};

struct buf {
	struct buf_pool *pool;
	uint8_t *block;
	size_t off;
	size_t n;
	size_t cap;
	size_t max;
};

void
buf_pool_init(struct buf_pool *pool);
void
buf_pool_fini(struct buf_pool *pool);

void
buf_init(struct buf *b, struct buf_pool *pool, size_t max);
void
buf_fini(struct buf *b);

/* Where to write `want` more bytes, or NULL when the buf may not grow that far. */
uint8_t *
buf_room(struct buf *b, size_t want);
/* Bytes that can be written at buf_room's pointer without another call. */
size_t
buf_space(const struct buf *b);
void
buf_added(struct buf *b, size_t k);
bool
buf_put(struct buf *b, struct span s);
void
buf_eat(struct buf *b, size_t k);

static inline struct span
buf_data(const struct buf *b)
{
	return span_of(b->n ? b->block + b->off : NULL, b->n);
}

/* Bytes that may still be queued before `max`. */
static inline size_t
buf_left(const struct buf *b)
{
	return b->max - b->n;
}

#endif
