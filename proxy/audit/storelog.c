/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storelog.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/audit/storelist.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/*
 * Pages of 16 KiB: blocks of records are long, and each page of one costs two system calls
 * when it is written and two when the write-ahead log is written back.
 * page_size must stand before the change to WAL, and EXTRA around that change: it goes
 * through a rollback journal, which must not come back after power loss. The write-ahead
 * log is written back after 4 MiB: late enough to gather, early enough that a restart reads
 * little. A block's blob is the last column, so that a walk over times never touches the
 * overflow pages. The one index is over columns that grow with the row: an append at its
 * right end, once a block.
 */
static const char storelog_pragmas[] = "PRAGMA page_size=16384;"
				       "PRAGMA synchronous=EXTRA;"
				       "PRAGMA journal_mode=WAL;"
				       "PRAGMA synchronous=FULL;"
				       "PRAGMA wal_autocheckpoint=256;"
				       "PRAGMA temp_store=MEMORY;"
				       "PRAGMA cache_size=-4096;"
				       "PRAGMA journal_size_limit=16777216;";

static const char storelog_schema[] =
    "CREATE TABLE meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
    "CREATE TABLE applied(boot INTEGER, ring INTEGER, seq INTEGER NOT NULL,"
    " PRIMARY KEY(boot,ring)) WITHOUT ROWID;"
    "CREATE TABLE block(id INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
    " t_first INTEGER NOT NULL, t_last INTEGER NOT NULL, wrote INTEGER NOT NULL,"
    " head BLOB NOT NULL, sums BLOB NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX block_time ON block(t_last,t_first);";

/* ---- marks ---- */

uint64_t
storelog_mark_get(const struct storelog_marks *m, uint32_t thread)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->m[i].thread == thread)
			return m->m[i].seq;
	return 0;
}

int
storelog_mark_set(struct storelog_marks *m, uint32_t thread, uint64_t seq)
{
	size_t i;

	for (i = 0; i < m->n && m->m[i].thread != thread; i++)
		;
	if (i == STORELOG_RINGS)
		return WF_EFULL;
	if (i == m->n)
		m->n++;
	m->m[i] = (struct storelog_mark){thread, seq, true};
	return 0;
}

int
storelog_marks_load(sqlite3 *db, uint64_t boot, struct storelog_marks *m)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(db, "SELECT ring,seq FROM applied WHERE boot=?1", &st);

	m->n = 0;
	if (err == 0)
		storesql_bind_u64(st, 1, boot);
	while (err == 0 && (err = storesql_step(st)) == 0)
		err = storelog_mark_set(m, (uint32_t)storesql_u64(st, 0),
		    storesql_u64(st, 1));
	for (size_t i = 0; i < m->n; i++)
		m->m[i].dirty = false;
	sqlite3_finalize(st);
	return err == WF_ENOTFOUND ? 0 : err;
}

int
storelog_marks_save(sqlite3_stmt *st, uint64_t boot, const struct storelog_marks *m)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < m->n; i++) {
		if (!m->m[i].dirty)
			continue;
		storesql_bind_u64(st, 1, boot);
		storesql_bind_u64(st, 2, m->m[i].thread);
		storesql_bind_u64(st, 3, m->m[i].seq);
		err = storesql_run(st);
	}
	return err;
}

/* ---- segments ---- */

static void
storelog_leave(struct storelog *l)
{
	sqlite3_finalize(l->begin);
	sqlite3_finalize(l->commit);
	sqlite3_finalize(l->block);
	sqlite3_finalize(l->mark);
	sqlite3_close(l->db);
	l->begin = l->commit = l->block = l->mark = NULL;
	l->db = NULL;
}

static int
storelog_enter(struct storelog *l, sqlite3 *db, uint32_t day)
{
	int err;

	storelog_leave(l);
	l->db = db;
	l->day = day;
	if ((err = storesql_prepare(db, "BEGIN IMMEDIATE", &l->begin)) == 0 &&
	    (err = storesql_prepare(db, "COMMIT", &l->commit)) == 0 &&
	    (err = storesql_prepare(db,
		 "INSERT INTO block(id,n,t_first,t_last,wrote,head,sums,bytes)"
		 " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)", &l->block)) == 0)
		err = storesql_prepare(db, STORELOG_MARK, &l->mark);
	return err;
}

static int
storelog_db(struct storelog *l, uint32_t day, sqlite3 **db)
{
	char *path = storelist_path(l->dir, day);
	int err = path == NULL ? WF_ENOMEM : storesql_open(path, STORESQL_WRITE, l->vfs, db);

	free(path);
	if (err == 0)
		err = storesql_exec(*db, storelog_pragmas);
	if (err != 0) {
		sqlite3_close(*db);
		*db = NULL;
	}
	return err;
}

static int
storelog_has_meta(sqlite3 *db, bool *has)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(db,
	    "SELECT 1 FROM sqlite_schema WHERE name='meta'", &st);

	*has = false;
	if (err == 0)
		err = storesql_step(st);
	*has = err == 0;
	sqlite3_finalize(st);
	return err == WF_ENOTFOUND ? 0 : err;
}

/* Everything that a fresh segment says about itself, in one transaction with its tables. */
static int
storelog_birth(struct storelog *l, sqlite3 *db, uint32_t prev_day)
{
	struct storelog_marks marks = l->marks;
	sqlite3_stmt *st = NULL;
	int err = storesql_exec(db, "BEGIN IMMEDIATE");

	if (err == 0)
		err = storesql_exec(db, storelog_schema);
	if (err == 0)
		err = storesql_meta_put_u64(db, "format", 1);
	if (err == 0)
		err = storesql_meta_put(db, "log_id", span_of(l->log_id, STORELOG_ID));
	if (err == 0)
		err = storesql_meta_put_u64(db, "first", l->chain.count + 1);
	if (err == 0)
		err = storesql_meta_put(db, "prev_head", span_of(l->chain.head, DIGEST_LEN));
	if (err == 0)
		err = storesql_meta_put_u64(db, "prev_day", prev_day);
	if (err == 0)
		err = storesql_meta_put_u64(db, "boot", l->boot);
	if (err == 0)
		err = storesql_meta_put_u64(db, "clean", l->clean);
	if (err == 0)
		err = storesql_prepare(db, STORELOG_MARK, &st);
	for (size_t i = 0; i < marks.n; i++)
		marks.m[i].dirty = true;
	if (err == 0)
		err = storelog_marks_save(st, l->boot, &marks);
	sqlite3_finalize(st);
	if (err == 0)
		err = storesql_exec(db, "COMMIT");
	if (err != 0)
		storesql_rollback(db);
	return err;
}

/* An old segment becomes one file without a write-ahead log, and says where it ends. A
 * reader may stand in the way: then the next start or roll-over tries again. */
static int
storelog_finish(sqlite3 *db, const struct chain *end)
{
	uint64_t last;
	int err = storesql_meta_get_u64(db, "last", &last);

	if (err == WF_ENOTFOUND) {
		err = storesql_exec(db, "BEGIN IMMEDIATE");
		if (err == 0)
			err = storesql_meta_put_u64(db, "last", end->count);
		if (err == 0)
			err = storesql_meta_put(db, "last_head",
			    span_of(end->head, DIGEST_LEN));
		if (err == 0)
			err = storesql_exec(db, "COMMIT");
		if (err != 0)
			storesql_rollback(db);
	}
	if (err == 0)
		err = storesql_exec(db, "PRAGMA journal_mode=DELETE");
	return err;
}

/* Count and head at the end of an open segment. */
static int
storelog_tail(sqlite3 *db, struct chain *c)
{
	sqlite3_stmt *st = NULL;
	uint64_t first;
	int err = storesql_prepare(db,
	    "SELECT id+n-1,head FROM block ORDER BY id DESC LIMIT 1", &st);

	if (err == 0)
		err = storesql_step(st);
	if (err == 0) {
		struct span head = storesql_span(st, 1);

		c->count = storesql_u64(st, 0);
		if (head.n == DIGEST_LEN)
			memcpy(c->head, head.p, DIGEST_LEN);
		else
			err = WF_EVERIFY;
	} else if (err == WF_ENOTFOUND) {
		err = storesql_meta_get_u64(db, "first", &first);
		c->count = first - 1;
		if (err == 0)
			err = storesql_meta_get(db, "prev_head", c->head, DIGEST_LEN);
	}
	sqlite3_finalize(st);
	return err;
}

static int
storelog_resume(struct storelog *l, sqlite3 *db)
{
	uint64_t boot = 0, clean = 0;
	int err = storelog_tail(db, &l->chain);

	if (err == 0)
		err = storesql_meta_get(db, "log_id", l->log_id, STORELOG_ID);
	if (err == 0)
		err = storesql_meta_get_u64(db, "boot", &boot);
	if (err == 0)
		err = storesql_meta_get_u64(db, "clean", &clean);
	if (err == 0)
		err = storelog_marks_load(db, l->boot, &l->marks);
	l->clean = clean != 0;
	if (err == 0 && boot != l->boot && !l->clean)
		l->unclean_boot = boot;
	return err;
}

/* Closes what a killed roll-over left open: at most the one before the newest. */
static int
storelog_finish_older(struct storelog *l, uint32_t day)
{
	char *path = storelist_path(l->dir, day), *wal = NULL;
	struct chain end;
	sqlite3 *db = NULL;
	bool live, has = false;
	int err;

	if (path == NULL || asprintf(&wal, "%s-wal", path) < 0) {
		free(path);
		return WF_ENOMEM;
	}
	live = access(wal, F_OK) == 0;
	free(wal);
	free(path);
	if (!live)
		return 0;
	err = storelog_db(l, day, &db);
	if (err == 0)
		err = storelog_has_meta(db, &has);
	if (err == 0 && has && (err = storelog_tail(db, &end)) == 0)
		err = storelog_finish(db, &end);
	sqlite3_close(db);
	return err == WF_ETIMEOUT ? 0 : err;
}

static int
storelog_create(struct storelog *l, uint32_t day, uint32_t prev_day)
{
	sqlite3 *db = NULL;
	bool has = false;
	int err = storelog_db(l, day, &db);

	if (err == 0)
		err = storelog_has_meta(db, &has);
	/* Made by an earlier try that failed behind its commit. */
	if (err == 0 && !has)
		err = storelog_birth(l, db, prev_day);
	if (err == 0)
		return storelog_enter(l, db, day);
	sqlite3_close(db);
	return err;
}

int
storelog_open(struct storelog *l, const char *dir, const char *vfs, uint64_t boot,
    uint64_t now)
{
	struct storelist list;
	sqlite3 *db = NULL;
	bool has = false;
	int err;

	memset(l, 0, sizeof(*l));
	l->dir = strdup(dir);
	l->vfs = vfs;
	l->boot = boot;
	err = l->dir == NULL ? WF_ENOMEM : storelist_read(dir, &list);
	if (err != 0)
		goto out;
	for (size_t i = list.n; err == 0 && !has && i-- > 0;) {
		err = storelog_db(l, list.days[i], &db);
		if (err == 0)
			err = storelog_has_meta(db, &has);
		if (err == 0 && has) {
			err = storelog_resume(l, db);
			if (err == 0)
				err = storelog_enter(l, db, list.days[i]);
			else
				sqlite3_close(db);
			for (size_t k = i; err == 0 && k-- > 0;)
				err = storelog_finish_older(l, list.days[k]);
		} else {
			sqlite3_close(db);
		}
	}
	storelist_free(&list);
	if (err == 0 && !has) {
		chain_init(&l->chain);
		digest_random(l->log_id, STORELOG_ID);
		l->clean = true;
		l->created = true;
		err = storelog_create(l, storelist_day(now), 0);
	}
out:
	if (err != 0)
		storelog_close(l);
	return err;
}

void
storelog_close(struct storelog *l)
{
	storelog_leave(l);
	free(l->dir);
	l->dir = NULL;
}

bool
storelog_due(const struct storelog *l, uint64_t now)
{
	return storelist_day(now) > l->day;
}

int
storelog_roll(struct storelog *l, uint64_t now)
{
	struct storelog old = *l;
	int err;

	l->begin = l->commit = l->block = l->mark = NULL;
	l->db = NULL;
	err = storelog_create(l, storelist_day(now), old.day);
	if (err != 0) {
		storelog_leave(l);
		*l = old;
		return err;
	}
	sqlite3_finalize(old.begin);
	sqlite3_finalize(old.commit);
	sqlite3_finalize(old.block);
	sqlite3_finalize(old.mark);
	/* The new segment stands: whether the old one could be tidied up is no error. */
	(void)storelog_finish(old.db, &old.chain);
	sqlite3_close(old.db);
	return 0;
}

/* ---- writing ---- */

static int
storelog_insert(struct storelog *l, const struct storelog_block *b)
{
	sqlite3_stmt *st = l->block;

	storesql_bind_u64(st, 1, l->chain.count + 1);
	storesql_bind_u64(st, 2, b->n);
	storesql_bind_u64(st, 3, b->t_first);
	storesql_bind_u64(st, 4, b->t_last);
	storesql_bind_u64(st, 5, b->wrote);
	storesql_bind_span(st, 6, span_of(b->after.head, DIGEST_LEN));
	storesql_bind_span(st, 7, b->sums);
	storesql_bind_span(st, 8, b->bytes);
	return storesql_run(st);
}

/* Who writes, and whether this is an orderly end: only when it changes. */
static int
storelog_put_clean(struct storelog *l, bool clean)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_meta_put_u64(l->db, "boot", l->boot);

	if (err == 0)
		err = storesql_meta_put_u64(l->db, "clean", clean);
	if (err == 0)
		err = storesql_prepare(l->db, "DELETE FROM applied WHERE boot<>?1", &st);
	if (err == 0) {
		storesql_bind_u64(st, 1, l->boot);
		err = storesql_run(st);
	}
	sqlite3_finalize(st);
	return err;
}

int
storelog_write(struct storelog *l, const struct storelog_block *b,
    const struct storelog_marks *marks, bool clean)
{
	int err;

	MUST(b->after.count == l->chain.count + b->n);
	err = storesql_run(l->begin);
	if (err == 0 && b->n > 0)
		err = storelog_insert(l, b);
	if (err == 0)
		err = storelog_marks_save(l->mark, l->boot, marks);
	if (err == 0 && (clean != l->clean || l->unclean_boot != 0))
		err = storelog_put_clean(l, clean);
	if (err == 0)
		err = storesql_run(l->commit);
	if (err != 0) {
		storesql_rollback(l->db);
		return err;
	}
	l->chain = b->after;
	l->marks = *marks;
	for (size_t i = 0; i < l->marks.n; i++)
		l->marks.m[i].dirty = false;
	l->clean = clean;
	l->unclean_boot = 0;
	return 0;
}
