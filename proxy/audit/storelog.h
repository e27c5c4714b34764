/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storelog.h - the writer's side of the log segments.
 *
 * The newest segment is open for writing. One call of storelog_write is one transaction:
 * a block of leaves, and with it how far each ring has come. A segment ends with its UTC
 * day; the next one names the head it continues. The day never goes back: with a clock that
 * jumped back the newest segment is simply continued.
 *
 * Ownership  struct storelog is the caller's; storelog_close releases what it holds.
 * Errors     as storesql.h; after an error nothing of the call is in the file, and the same
 *            call may be repeated.
 * Threads    one owner; private to store.c.
 */
#ifndef WARIFU_AUDIT_STORELOG_H
#define WARIFU_AUDIT_STORELOG_H

#include "proxy/audit/chain.h"
#include "proxy/audit/storesql.h"

enum { STORELOG_RINGS = 210, STORELOG_ID = 16 };

struct storelog_mark {
	uint32_t thread;
	uint64_t seq;
	bool dirty;
};

/* How far each ring of this boot has come in one database. */
struct storelog_marks {
	struct storelog_mark m[STORELOG_RINGS];
	size_t n;
};

struct storelog {
	char *dir;
	const char *vfs;
	sqlite3 *db;
	sqlite3_stmt *begin;
	sqlite3_stmt *commit;
	sqlite3_stmt *block;
	sqlite3_stmt *mark;
	uint32_t day;
	uint8_t log_id[STORELOG_ID];
	uint64_t boot;
	struct chain chain;
	struct storelog_marks marks;
	bool clean; /* what the file says: the last writer stopped in order */
	/* found on opening */
	bool created;
	uint64_t unclean_boot; /* a boot before this one that never stopped; 0 = none */
};

struct storelog_block {
	uint64_t n;
	uint64_t t_first;
	uint64_t t_last;
	uint64_t wrote;
	struct span sums;
	struct span bytes;
	struct chain after;
};

int
storelog_open(struct storelog *l, const char *dir, const char *vfs, uint64_t boot,
    uint64_t now);

void
storelog_close(struct storelog *l);

/* Does `now` belong to a later segment? */
bool
storelog_due(const struct storelog *l, uint64_t now);

/* Begins the segment of `now` and closes the one before. */
int
storelog_roll(struct storelog *l, uint64_t now);

/* `marks` become the file's where they are dirty. `clean`: this is the last block. */
int
storelog_write(struct storelog *l, const struct storelog_block *b,
    const struct storelog_marks *marks, bool clean);

/* ---- marks ---- */

/* Beside a thread's last sequence: how many of its entries were given up, and whether its
 * ring was found damaged. */
enum { STORELOG_GAPS = 0x10000, STORELOG_BAD = 0x20000 };

uint64_t
storelog_mark_get(const struct storelog_marks *m, uint32_t thread);

/* WF_EFULL with more than STORELOG_RINGS threads. */
int
storelog_mark_set(struct storelog_marks *m, uint32_t thread, uint64_t seq);

/* Reads table applied(boot, ring, seq) for this boot; *others tells of another boot's. */
int
storelog_marks_load(sqlite3 *db, uint64_t boot, struct storelog_marks *m);

/* Inside a transaction: writes the dirty ones with a statement made by STORELOG_MARK. */
int
storelog_marks_save(sqlite3_stmt *st, uint64_t boot, const struct storelog_marks *m);

#define STORELOG_MARK                                                                    \
	"INSERT INTO applied(boot,ring,seq) VALUES(?1,?2,?3)"                            \
	" ON CONFLICT(boot,ring) DO UPDATE SET seq=excluded.seq"

#endif
