/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log folder from outside: `log verify`, `show` and `export` on a database that is no
 * database, or on one whose rows say anything. First byte even: the rest is the file;
 * odd: the rest is put into the rows of a well-formed file, which gets the readers past
 * SQLite's own checks.
 */
#include <sqlite3.h>

#include "proxy/audit/export.h"
#include "proxy/audit/show.h"
#include "proxy/audit/store.h"
#include "proxy/audit/verify.h"
#include "proxy/base/cursor.h"
#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "log-20261123.db"

static void
sql(sqlite3 *db, const char *text, struct span blob, int64_t number)
{
	sqlite3_stmt *st;

	MUST(sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK);
	(void)sqlite3_bind_blob64(st, 1, blob.p, blob.n, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 2, number);
	(void)sqlite3_step(st);
	sqlite3_finalize(st);
}

/* Two rows: numbers and hashes as the input says, bytes up to a length in the input. */
static void
fill(sqlite3 *db, struct cursor *c)
{
	(void)sqlite3_exec(db, "DELETE FROM block", NULL, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		int64_t id = cur_u8(c), n = cur_u8(c);
		struct span head = cur_take(c, cur_u8(c) & 63);
		struct span sums = cur_take(c, cur_u8(c));
		struct span bytes = cur_take(c, cur_u16(c) & 4095);

		if (!cur_ok(c))
			return;
		sql(db, "INSERT INTO block VALUES(?2,1,1,1795428000000000000,0,'',?1,'')", sums, id);
		sql(db, "UPDATE block SET head=?1 WHERE id=?2", head, id);
		sql(db, "UPDATE block SET bytes=?1 WHERE id=?2", bytes, id);
		sql(db, "UPDATE block SET n=?2 WHERE id=(SELECT max(id) FROM block)", head, n);
	}
}

static void
make_rows(struct span in)
{
	struct cursor c = cur_init(in);
	char path[128];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/" NAME, scratch());
	MUST(sqlite3_open(path, &db) == SQLITE_OK);
	(void)sqlite3_exec(db,
	    "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF;"
	    "CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
	    "CREATE TABLE IF NOT EXISTS block(id INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
	    " t_first INTEGER NOT NULL, t_last INTEGER NOT NULL, wrote INTEGER NOT NULL,"
	    " head BLOB NOT NULL, sums BLOB NOT NULL, bytes BLOB NOT NULL);"
	    "REPLACE INTO meta VALUES('format',1),('first',1),('prev_head',zeroblob(32)),"
	    "('log_id',zeroblob(16)),('prev_day',0),('day',20261123),('closed',0)",
	    NULL, NULL, NULL);
	fill(db, &c);
	sqlite3_close(db);
}

static void
found(void *arg, const struct verify_finding *f)
{
	MUST(f->kind <= VERIFY_OPEN_END);
	++*(unsigned *)arg;
}

static void
read_all(const char *dir)
{
	struct query_filter any = {0};
	struct show_opt how = {.ja = false};
	FILE *nowhere = fopen("/dev/null", "w");
	struct export *x = export_new(nowhere, EXPORT_JSONL);
	struct query_item it;
	struct query *q;

	MUST(nowhere != NULL && x != NULL);
	if (query_open(&q, dir, NULL, &any) == 0) {
		while (query_next(q, &it) == 0) {
			(void)export_leaf(x, &it);
			show_line(nowhere, &how, &it, NULL);
			show_details(nowhere, &how, &it);
		}
		query_close(q);
	}
	export_free(x);
	fclose(nowhere);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned findings = 0;
	struct verify_opt opt = {.found = found, .arg = &findings};
	struct verify_result r;

	if (size == 0)
		return 0;
	if ((data[0] & 1) == 0)
		(void)scratch_write(NAME, span_of(data + 1, size - 1));
	else
		make_rows(span_of(data + 1, size - 1));
	(void)verify_run(scratch(), &opt, &r);
	read_all(scratch());
	if ((data[0] & 1) == 0)
		(void)unlink(scratch_write(NAME, span_of(NULL, 0)));
	return 0;
}
