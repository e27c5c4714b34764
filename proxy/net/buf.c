/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/buf.h"

#include <stdlib.h>

#include "proxy/base/must.h"

/* A free block's own first bytes link the list. */
struct buf_block {
	struct buf_block *next;
};

static const size_t buf_sizes[BUF_CLASSES] = {BUF_SMALL, BUF_MEDIUM, BUF_LARGE};

/* Kept for reuse per class; what comes back beyond this goes to the system. */
static const unsigned buf_keep[BUF_CLASSES] = {1024, 256, 64};

void
buf_pool_init(struct buf_pool *pool)
{
	*pool = (struct buf_pool){0};
}

void
buf_pool_fini(struct buf_pool *pool)
{
	for (int c = 0; c < BUF_CLASSES; c++)
		while (pool->free[c] != NULL) {
			struct buf_block *b = pool->free[c];

			pool->free[c] = b->next;
			free(b);
		}
	buf_pool_init(pool);
}

static int
buf_class(size_t size)
{
	for (int c = 0; c < BUF_CLASSES; c++)
		if (size <= buf_sizes[c])
			return c;
	return -1;
}

static uint8_t *
buf_block_get(struct buf_pool *pool, int c)
{
	struct buf_block *b = pool->free[c];

	if (b != NULL) {
		pool->free[c] = b->next;
		pool->kept[c]--;
		return (uint8_t *)b;
	}
	return malloc(buf_sizes[c]);
}

static void
buf_block_put(struct buf_pool *pool, uint8_t *p, size_t cap)
{
	int c = buf_class(cap);
	struct buf_block *b = (struct buf_block *)(void *)p;

	MUST(c >= 0);
	if (pool->kept[c] >= buf_keep[c]) {
		free(p);
		return;
	}
	b->next = pool->free[c];
	pool->free[c] = b;
	pool->kept[c]++;
}

void
buf_init(struct buf *b, struct buf_pool *pool, size_t max)
{
	MUST(max <= BUF_LARGE);
	*b = (struct buf){.pool = pool, .max = max};
}

static void
buf_release(struct buf *b)
{
	if (b->block != NULL)
		buf_block_put(b->pool, b->block, b->cap);
	b->block = NULL;
	b->off = b->n = b->cap = 0;
}

void
buf_fini(struct buf *b)
{
	buf_release(b);
}

uint8_t *
buf_room(struct buf *b, size_t want)
{
	uint8_t *p;
	int c;

	if (want > buf_left(b))
		return NULL;
	if (b->block != NULL && b->cap - b->off - b->n >= want)
		return b->block + b->off + b->n;
	if (b->block != NULL && b->cap - b->n >= want) {
		memmove(b->block, b->block + b->off, b->n);
		b->off = 0;
		return b->block + b->n;
	}
	c = buf_class(b->n + want);
	p = c < 0 ? NULL : buf_block_get(b->pool, c);
	if (p == NULL)
		return NULL;
	if (b->block != NULL) {
		memcpy(p, b->block + b->off, b->n);
		buf_block_put(b->pool, b->block, b->cap);
	}
	b->block = p;
	b->cap = buf_sizes[c];
	b->off = 0;
	return p + b->n;
}

size_t
buf_space(const struct buf *b)
{
	size_t here = b->block == NULL ? 0 : b->cap - b->off - b->n;

	return here < buf_left(b) ? here : buf_left(b);
}

void
buf_added(struct buf *b, size_t k)
{
	MUST(b->block != NULL && k <= b->cap - b->off - b->n);
	b->n += k;
}

bool
buf_put(struct buf *b, struct span s)
{
	uint8_t *p;

	if (s.n == 0)
		return true;
	p = buf_room(b, s.n);
	if (p == NULL)
		return false;
	memcpy(p, s.p, s.n);
	b->n += s.n;
	return true;
}

void
buf_eat(struct buf *b, size_t k)
{
	MUST(k <= b->n);
	b->off += k;
	b->n -= k;
	if (b->n == 0)
		buf_release(b);
}
