/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storeold.h - how much of the log there is, and which of it is too old.
 *
 * A log is shortened from its beginning, a whole day at a time. What remains says where it
 * begins (its first segment names the head before it), so it verifies as before; and the
 * scribe writes a record of each removal, with the head of what went, before it goes.
 *
 * Units      bytes; wall clock in ns since 1970.
 * Errors     WF_ENOTFOUND: nothing to remove. Others as storesql.h.
 * Threads    the scribe's.
 * Not here   when to do it and the record (scriberoom.c).
 */
#ifndef WARIFU_AUDIT_STOREOLD_H
#define WARIFU_AUDIT_STOREOLD_H

#include "proxy/audit/chain.h"

struct storeold_room {
	uint64_t used; /* by the files of the folder */
	uint64_t left; /* on the disk, for an ordinary user */
};

/* A segment that is to go. */
struct storeold_day {
	uint32_t day; /* 20261123 */
	uint64_t last; /* number of its last record */
	uint8_t head[DIGEST_LEN];
};

int
storeold_measure(const char *dir, struct storeold_room *room);

/* The oldest segment, if its whole day lies before `before`. Never the newest one. */
int
storeold_oldest(const char *dir, const char *vfs, uint64_t before, struct storeold_day *old);

int
storeold_remove(const char *dir, uint32_t day);

#endif
