/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/arena.h"

#include "proxy/base/must.h"

void
arena_init(struct arena *a, void *block, size_t size)
{
	MUST(block != NULL && ((uintptr_t)block & 7) == 0);
	*a = (struct arena){.base = block, .size = size};
}

void
arena_reset(struct arena *a)
{
	a->used = 0;
	a->overflow = false;
}

void *
arena_get(struct arena *a, size_t n)
{
	size_t need;

	if (n > a->size) {
		a->overflow = true;
		return NULL;
	}
	need = (n + 7) & ~(size_t)7;
	if (need > a->size - a->used) {
		a->overflow = true;
		return NULL;
	}
	a->used += need;
	return a->base + (a->used - need);
}

struct span
arena_dup(struct arena *a, struct span s)
{
	uint8_t *p = arena_get(a, s.n);

	if (p == NULL)
		return (struct span){NULL, 0};
	if (s.n)
		memcpy(p, s.p, s.n);
	return span_of(p, s.n);
}

char *
arena_str(struct arena *a, struct span s)
{
	char *p = arena_get(a, s.n + 1);

	if (p == NULL)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}
