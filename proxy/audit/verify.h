/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/verify.h - is this log what was written? Needs no key and no server.
 *
 * Recomputes every leaf hash and head, and looks whether blocks, segments and the sequences
 * of all threads follow each other. What does not fit is named, with the records before and
 * after it, and the walk goes on behind it.
 *
 * Limits     who can write the files can write them anew from some record on, or cut the
 *            end off: only a head from elsewhere shows that (verify_opt.head).
 * Ownership  the findings' memory is the call's; copy what you keep.
 * Errors     of reading only; that the log is wrong is no error but a finding.
 * Threads    one owner.
 */
#ifndef WARIFU_AUDIT_VERIFY_H
#define WARIFU_AUDIT_VERIFY_H

#include "proxy/audit/record.h"
#include "proxy/base/digest.h"

enum verify_kind {
	VERIFY_CHANGED,   /* a record is not what it was */
	VERIFY_REMOVED,   /* a record is gone */
	VERIFY_INSERTED,  /* a record was put in */
	VERIFY_REORDERED, /* a record stands in another place */
	VERIFY_MALFORMED, /* a record is no canonical record */
	VERIFY_BLOCK,     /* a block does not give the head that stands in it */
	VERIFY_BLOCKS,    /* blocks are missing or stand twice */
	VERIFY_SEGMENT,   /* a day does not continue the one before */
	VERIFY_LOST_DAY,  /* a day's file is missing */
	VERIFY_HOLE,      /* a thread's sequence jumps, and nothing in the log says why */
	VERIFY_TAIL,      /* the log ends before the head given */
	VERIFY_REWRITTEN, /* the chain does not lead to the head given */
	/* no fault, but to be known */
	VERIFY_KNOWN_GAP, /* the log itself says that entries are missing */
	VERIFY_STARTS_AT, /* earlier days are not here */
	VERIFY_OPEN_END   /* no head given: a cut tail and a full rewrite cannot be seen */
};

enum { VERIFY_FAULTS = VERIFY_KNOWN_GAP };

/* A record as far as it is known. */
struct verify_leaf {
	uint64_t number; /* 0 = there is none */
	bool parsed;
	struct rec_head head;
};

struct verify_finding {
	enum verify_kind kind;
	uint32_t day;  /* segment */
	uint64_t from; /* records concerned */
	uint64_t to;
	struct verify_leaf before;
	struct verify_leaf after;
	uint64_t count; /* HOLE, KNOWN_GAP: how many */
	uint16_t thread;
	uint64_t boot;
};

struct verify_opt {
	bool has_head;
	uint64_t head_count;
	uint8_t head[DIGEST_LEN];
	const char *vfs;
	void (*found)(void *arg, const struct verify_finding *f);
	void (*progress)(void *arg, uint64_t leaves, size_t segment, size_t segments);
	void *arg;
};

struct verify_result {
	uint64_t faults;
	uint64_t first; /* number of the first record here */
	uint64_t count; /* number of the last one */
	uint64_t leaves;
	uint64_t t_first;
	uint64_t t_last;
	size_t segments;
	uint8_t head[DIGEST_LEN];
	uint8_t log_id[16];
	bool head_seen; /* the head given is the chain's at that record */
};

int
verify_run(const char *dir, const struct verify_opt *opt, struct verify_result *r);

#endif
