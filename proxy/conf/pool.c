/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/pool.h"

#include <stdlib.h>

#include "proxy/base/must.h"

enum { POOL_BLOCK = 16384, POOL_ALIGN = 16 };

struct pool_block {
	struct pool_block *next;
	size_t used;
	size_t size;
	_Alignas(POOL_ALIGN) unsigned char data[];
};

struct pool {
	struct pool_block *blocks;
};

struct pool *
pool_new(void)
{
	return calloc(1, sizeof(struct pool));
}

void
pool_free(struct pool *p)
{
	struct pool_block *b, *next;

	if (p == NULL)
		return;
	for (b = p->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(p);
}

void *
pool_get(struct pool *p, size_t n)
{
	struct pool_block *b = p->blocks;
	void *piece;

	n = (n + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
	if (b == NULL || b->size - b->used < n) {
		size_t size = n > POOL_BLOCK ? n : POOL_BLOCK;

		b = calloc(1, sizeof(*b) + size);
		MUST(b != NULL);
		b->size = size;
		b->next = p->blocks;
		p->blocks = b;
	}
	piece = b->data + b->used;
	b->used += n;
	return piece;
}

char *
pool_str(struct pool *p, struct span s)
{
	char *copy = pool_get(p, s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct span
pool_span(struct pool *p, struct span s)
{
	return span_of(pool_str(p, s), s.n);
}

/* Lists double, at counts that are powers of two, so no capacity needs to be kept. */
void *
pool_grow(struct pool *p, void *list, size_t *n, size_t size)
{
	if ((*n & (*n - 1)) == 0) {
		void *larger = pool_get(p, size * (*n ? *n * 2 : 1));

		if (*n)
			memcpy(larger, list, size * *n);
		list = larger;
	}
	++*n;
	return list;
}
