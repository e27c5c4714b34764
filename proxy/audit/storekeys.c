/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storekeys.h"

#include <stdlib.h>

#include "proxy/audit/storelist.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/* secure_delete overwrites what is deleted; AUTOINCREMENT never gives an id twice. */
static const char storekeys_setup[] =
    "PRAGMA synchronous=EXTRA;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA secure_delete=ON;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS key(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " person BLOB NOT NULL, month INTEGER NOT NULL, wrapped BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS key_person ON key(person,id);"
    "COMMIT;";

/* Another master key would read nothing of what is there: find that out at once. */
static int
storekeys_check(struct storekeys *t, struct keys *k)
{
	uint8_t want[KEYS_PERSON_LEN], have[KEYS_PERSON_LEN];
	int err;

	keys_person(k, SPAN_LIT("\0master key"), want);
	err = storesql_meta_get(t->db, "check", have, sizeof(have));
	if (err == WF_ENOTFOUND)
		return storesql_meta_put(t->db, "check", span_of(want, sizeof(want)));
	if (err == 0 && !digest_equal(want, have, sizeof(want)))
		err = WF_EVERIFY;
	return err;
}

int
storekeys_open(struct storekeys *t, const char *dir, const char *vfs, struct keys *k)
{
	char *path = storelist_join(dir, "keys.db");
	int err;

	memset(t, 0, sizeof(*t));
	err = path == NULL ? WF_ENOMEM : storesql_open(path, STORESQL_PRIVATE, vfs, &t->db);
	free(path);
	if (err == 0)
		err = storesql_exec(t->db, storekeys_setup);
	if (err == 0)
		err = storekeys_check(t, k);
	if (err == 0)
		err = storesql_prepare(t->db,
		    "INSERT INTO key(person,month,wrapped) VALUES(?1,?2,?3)", &t->put);
	if (err != 0)
		storekeys_close(t);
	return err;
}

void
storekeys_close(struct storekeys *t)
{
	storesql_rollback(t->db);
	sqlite3_finalize(t->put);
	sqlite3_close(t->db);
	memset(t, 0, sizeof(*t));
}

int
storekeys_put(void *arg, struct keys_row *row)
{
	struct storekeys *t = arg;
	int err;

	if (!t->open) {
		if ((err = storesql_exec(t->db, "BEGIN IMMEDIATE")) != 0)
			return err;
		t->open = true;
	}
	storesql_bind_span(t->put, 1, span_of(row->person, KEYS_PERSON_LEN));
	storesql_bind_u64(t->put, 2, row->month);
	storesql_bind_span(t->put, 3, span_of(row->wrapped, KEYS_WRAPPED_LEN));
	err = storesql_run(t->put);
	row->id = (uint64_t)sqlite3_last_insert_rowid(t->db);
	return err;
}

int
storekeys_commit(struct storekeys *t)
{
	int err;

	if (!t->open)
		return 0;
	err = storesql_exec(t->db, "COMMIT");
	if (err == 0)
		t->open = false;
	return err;
}

bool
storekeys_abort(struct storekeys *t)
{
	bool was = t->open;

	storesql_rollback(t->db);
	t->open = false;
	return was;
}

/* Runs a DELETE whose parameter is bound. The old pages still stand in the file and in the
 * write-ahead log until the checkpoint; a reader may be in the way of that. */
static int
storekeys_destroy(struct storekeys *t, sqlite3_stmt *delete)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_run(delete);

	MUST(!t->open);
	if (err == 0)
		err = storesql_prepare(t->db, "PRAGMA wal_checkpoint(TRUNCATE)", &st);
	if (err == 0)
		err = storesql_step(st);
	if (err == 0 && storesql_u64(st, 0) != 0)
		err = WF_ETIMEOUT;
	sqlite3_finalize(st);
	return err;
}

int
storekeys_erase(struct storekeys *t, const uint8_t person[KEYS_PERSON_LEN])
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(t->db, "DELETE FROM key WHERE person=?1", &st);

	if (err == 0) {
		storesql_bind_span(st, 1, span_of(person, KEYS_PERSON_LEN));
		err = storekeys_destroy(t, st);
	}
	sqlite3_finalize(st);
	return err;
}

int
storekeys_forget(struct storekeys *t, uint32_t month)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(t->db, "DELETE FROM key WHERE month<?1", &st);

	if (err == 0) {
		storesql_bind_u64(st, 1, month);
		err = storekeys_destroy(t, st);
	}
	sqlite3_finalize(st);
	return err;
}
