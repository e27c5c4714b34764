/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/querydb.h - blocks of leaves out of a log's files, in order, read only.
 *
 * Closed segments are opened as immutable; of the one that is being written each block is
 * read in a transaction of its own, so that a reader never holds the writer up.
 *
 * Ownership  querydb_open allocates; a block's bytes are the reader's until its next call.
 * Units      leaves count from 1 over all segments.
 * Errors     as storesql.h; WF_ENOTFOUND at the end.
 * Threads    one owner at a time.
 * Not here   what is in a leaf (record.h), whether it is true (verify.h).
 */
#ifndef WARIFU_AUDIT_QUERYDB_H
#define WARIFU_AUDIT_QUERYDB_H

#include "proxy/audit/keys.h"
#include "proxy/base/digest.h"

enum { QUERYDB_LOG_ID = 16 };

struct querydb;

struct querydb_segment {
	uint32_t day;
	uint64_t first; /* number of its first leaf */
	uint8_t prev_head[DIGEST_LEN];
	uint8_t log_id[QUERYDB_LOG_ID];
	uint32_t prev_day; /* 0: the log begins here */
	bool closed;
	uint64_t last;                 /* closed: number of its last leaf … */
	uint8_t last_head[DIGEST_LEN]; /* … and the head after it */
};

struct querydb_block {
	uint64_t id; /* number of its first leaf */
	uint64_t n;
	uint64_t t_first;
	uint64_t t_last;
	uint64_t wrote;
	uint8_t head[DIGEST_LEN]; /* the chain's head after its last leaf */
	struct span sums;
	struct span bytes;
	bool new_segment; /* the first block given out of this segment */
};

int
querydb_open(struct querydb **q, const char *dir, const char *vfs);

void
querydb_close(struct querydb *q);

size_t
querydb_segments(const struct querydb *q);

/* Start over: blocks from the one that holds leaf `from` on, that touch [since, until].
 * querydb_open starts with (0, 0, UINT64_MAX): everything. */
void
querydb_range(struct querydb *q, uint64_t from, uint64_t since, uint64_t until);

/* The next block. A segment without any block gives one with n = 0, so that nobody
 * overlooks the segment. */
int
querydb_next(struct querydb *q, struct querydb_block *b);

/* The segment of the block that was given out last. */
const struct querydb_segment *
querydb_segment(const struct querydb *q);

/* Was the block given out last the last one of its segment (in range)? */
bool
querydb_ends(const struct querydb *q);

/* The last block of the newest segment that has one. */
int
querydb_last(struct querydb *q, struct querydb_block *b);

/* A keys_fetch_fn over keys.db; arg is the struct querydb. */
int
querydb_key(void *arg, uint64_t id, struct keys_row *row);

/* The numbers of a person's keys, ascending, on the heap (free); *n may be 0. */
int
querydb_keys_of(struct querydb *q, const uint8_t person[KEYS_PERSON_LEN], uint64_t **ids,
    size_t *n);

/* One leaf after the other out of a block's bytes: start with cur_init(b.bytes). */
bool
querydb_leaf(struct cursor *c, struct span *leaf);

#endif
