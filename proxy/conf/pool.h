/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/conf/pool.h - memory of one loaded settings file, freed all at once.
 *
 * The size of what a file describes is not known before it is read, so the pool grows by
 * blocks. It is used while loading only, never for a request.
 *
 * Ownership  pool_new / pool_free; pieces live until then.
 * Errors     pool_get ends the process when there is no memory: a settings file is a
 *            megabyte at most, and a machine that lacks that cannot go on.
 * Threads    one owner at a time.
 */
#ifndef WARIFU_CONF_POOL_H
#define WARIFU_CONF_POOL_H

#include "proxy/base/span.h"

struct pool;

struct pool *pool_new(void);

void pool_free(struct pool *p);

/* n bytes, zeroed, aligned for anything. */
void *pool_get(struct pool *p, size_t n);

/* A copy with a NUL behind it. */
char *pool_str(struct pool *p, struct span s);

struct span pool_span(struct pool *p, struct span s);

/* Room for one more element at the end of a list of *n elements of `size` bytes; *n is
 * raised, the list may have moved, the new element is zero. */
void *pool_grow(struct pool *p, void *list, size_t *n, size_t size);

#endif
