/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storestate.h - state.db: sessions, locks, bypasses; the writer's side.
 *
 * One transaction: storestate_begin, storestate_apply for each operation, and
 * storestate_commit with how far the rings and the log have come. The log's transaction of
 * the same entries must have been committed before.
 *
 * Errors     as storesql.h; the same transaction may be repeated after an error.
 *            WF_ESTATE on opening: the state belongs to another log.
 * Threads    one owner; private to store.c. A loader has its own connection.
 */
#ifndef WARIFU_AUDIT_STORESTATE_H
#define WARIFU_AUDIT_STORESTATE_H

#include "proxy/audit/generation.h"
#include "proxy/audit/load.h"
#include "proxy/audit/storelog.h"

enum storestate_sql { STORESTATE_PUT, STORESTATE_END, STORESTATE_KV_PUT, STORESTATE_KV_DEL,
	STORESTATE_MARK, STORESTATE_STATEMENTS };

struct storestate {
	char *path;
	const char *vfs;
	sqlite3 *db;
	sqlite3_stmt *st[STORESTATE_STATEMENTS];
	uint64_t boot;
	uint64_t generation;
	uint64_t position; /* leaves of the log that this state knows of */
	struct storelog_marks marks;
	struct generation apart;
	/* found on opening */
	bool restored;     /* the state was behind its generation, or that was gone */
	bool apart_lost;
};

int
storestate_open(struct storestate *s, const char *dir, const char *vfs,
    const char *generation, uint64_t boot, const uint8_t log_id[STORELOG_ID]);

void
storestate_close(struct storestate *s);

int
storestate_begin(struct storestate *s);

/* For a restored state, inside a transaction that ends as `marked`: nothing in it is
 * certain any more. */
int
storestate_doubt(struct storestate *s);

int
storestate_apply(struct storestate *s, const struct entry_op *op);

/* `marked`: something happened that a restored older state must not undo. */
int
storestate_commit(struct storestate *s, const struct storelog_marks *marks,
    uint64_t position, bool marked);

/* After a failure behind the commit: brings the generation kept apart up to date. */
int
storestate_settle(struct storestate *s);

void
storestate_abort(struct storestate *s);

/* Drops rows whose time is over. */
int
storestate_sweep(struct storestate *s, uint64_t now);

/* ---- reading everything, beside the writer ---- */

struct storestate_load;

int
storestate_load_open(const struct storestate *s, uint64_t now, struct storestate_load **l);

/* Items up to LOAD_END, then WF_ENOTFOUND; borrowed until the next call. */
int
storestate_load_next(struct storestate_load *l, struct load_item *it);

void
storestate_load_close(struct storestate_load *l);

#endif
