/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storepriv.h - what store.c and storeopen.c share.
 *
 * Threads  one owner.
 */
#ifndef WARIFU_AUDIT_STOREPRIV_H
#define WARIFU_AUDIT_STOREPRIV_H

#include "proxy/audit/store.h"
#include "proxy/audit/storekeys.h"
#include "proxy/audit/storelog.h"
#include "proxy/audit/storestate.h"

struct store_bytes {
	uint8_t *p;
	size_t n;
	size_t cap;
};

struct store {
	struct store_conf conf;
	int lock_fd;
	struct keys *keys;
	struct hasher *hasher;
	struct storekeys table;
	struct storelog log;
	struct storestate state;
	uint64_t position_time;
	/* the batch */
	struct store_bytes leaves;
	struct store_bytes hashes; /* of the leaves, whole: for the head … */
	struct store_bytes sums;   /* … and their beginnings: for the block */
	struct store_bytes ops; /* bodies of ENTRY operations, one behind the other */
	uint64_t n_leaves;
	uint64_t t_first;
	uint64_t t_last;
	bool marked;
	struct storelog_marks log_marks;
	struct storelog_marks state_marks;
	uint8_t event[4096]; /* a leaf of the scribe's own */
};

/* An empty batch behind what is committed. */
void
store_reset(struct store *s);

int
store_commit_log(struct store *s, uint64_t now, bool last);

#endif
