/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storelist.h - which files a log consists of.
 *
 * One segment per UTC day, log-YYYYMMDD.db; the day is kept as the number YYYYMMDD.
 *
 * Ownership  storelist_free gives the array back.
 * Errors     0, WF_EIO, WF_ENOMEM.
 * Threads    pure, apart from the file system.
 */
#ifndef WARIFU_AUDIT_STORELIST_H
#define WARIFU_AUDIT_STORELIST_H

#include <stddef.h>
#include <stdint.h>

struct storelist {
	uint32_t *days; /* ascending */
	size_t n;
};

int
storelist_read(const char *dir, struct storelist *l);

void
storelist_free(struct storelist *l);

/* Heap memory; NULL when there is none. */
char *
storelist_path(const char *dir, uint32_t day);

/* dir/name on the heap. */
char *
storelist_join(const char *dir, const char *name);

/* YYYYMMDD of a wall-clock time. */
uint32_t
storelist_day(uint64_t wall_ns);

#endif
