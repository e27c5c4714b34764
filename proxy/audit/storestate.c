/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storestate.h"

#include <stdlib.h>

#include "proxy/audit/storelist.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

static const char storestate_setup[] =
    "PRAGMA synchronous=EXTRA;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA temp_store=MEMORY;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS meta(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS applied(boot INTEGER, ring INTEGER, seq INTEGER NOT NULL,"
    " PRIMARY KEY(boot,ring)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS session(id BLOB PRIMARY KEY NOT NULL, site BLOB NOT NULL,"
    " user BLOB NOT NULL, state INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " ended INTEGER NOT NULL, doubtful INTEGER NOT NULL, blob BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS session_expires ON session(expires);"
    "CREATE TABLE IF NOT EXISTS kv(k BLOB PRIMARY KEY NOT NULL, expires INTEGER NOT NULL,"
    " v BLOB NOT NULL);"
    "COMMIT;";

/* Entries of different threads are applied in no order. Of two forms of a session the first
 * nine bytes tell which is newer (session.md). An ended session stays ended, whatever is put later; an end
 * may come before its put. Its credentials' hashes stay until it expires: its cookie must be
 * known as that of an ended session, not as nobody's, which a site with `adopt` would take
 * over. */
static const char *const storestate_sql[STORESTATE_STATEMENTS] = {
    [STORESTATE_PUT] =
	"INSERT INTO session(id,site,user,state,expires,ended,doubtful,blob)"
	" VALUES(?1,?2,?3,?4,?5,0,0,?6) ON CONFLICT(id) DO UPDATE SET site=excluded.site,"
	" user=excluded.user, state=excluded.state, expires=excluded.expires, doubtful=0,"
	" blob=excluded.blob WHERE ended=0 AND substr(excluded.blob,1,9)>=substr(blob,1,9)",
    [STORESTATE_END] =
	"INSERT INTO session(id,site,user,state,expires,ended,doubtful,blob)"
	" VALUES(?1,x'',x'',?2,?3,1,0,x'') ON CONFLICT(id) DO UPDATE SET"
	" state=excluded.state, expires=max(expires,excluded.expires), ended=1, doubtful=0",
    [STORESTATE_KV_PUT] = "INSERT OR REPLACE INTO kv(k,expires,v) VALUES(?1,?2,?3)",
    [STORESTATE_KV_DEL] = "DELETE FROM kv WHERE k=?1",
    [STORESTATE_MARK] = STORELOG_MARK,
};

static uint64_t
storestate_time(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : v;
}

/* ---- opening ---- */

static int
storestate_meta(struct storestate *s, const uint8_t log_id[STORELOG_ID])
{
	uint8_t have[STORELOG_ID];
	int err = storesql_meta_get(s->db, "log_id", have, sizeof(have));

	if (err == WF_ENOTFOUND) {
		err = storesql_exec(s->db, "BEGIN IMMEDIATE");
		if (err == 0)
			err = storesql_meta_put_u64(s->db, "format", 1);
		if (err == 0)
			err = storesql_meta_put_u64(s->db, "generation", 0);
		if (err == 0)
			err = storesql_meta_put_u64(s->db, "position", 0);
		if (err == 0)
			err = storesql_meta_put(s->db, "log_id",
			    span_of(log_id, STORELOG_ID));
		if (err == 0)
			err = storesql_exec(s->db, "COMMIT");
		storesql_rollback(s->db);
	} else if (err == 0 && memcmp(have, log_id, STORELOG_ID) != 0) {
		err = WF_ESTATE;
	}
	if (err == 0)
		err = storesql_meta_get_u64(s->db, "generation", &s->generation);
	if (err == 0)
		err = storesql_meta_get_u64(s->db, "position", &s->position);
	return err;
}

static int
storestate_compare(struct storestate *s, const char *path,
    const uint8_t log_id[STORELOG_ID])
{
	bool found;
	int err = generation_open(&s->apart, path, log_id, &found);

	s->apart_lost = err == 0 && !found && s->generation != 0;
	s->restored = err == 0 && (s->apart_lost || s->generation < s->apart.value);
	/* Before the new state counts: who ends between the two has lost nothing. */
	if (err == 0 && !found && s->generation == 0)
		err = generation_set(&s->apart, 0);
	return err;
}

int
storestate_doubt(struct storestate *s)
{
	if (s->generation < s->apart.value)
		s->generation = s->apart.value;
	return storesql_exec(s->db, "UPDATE session SET doubtful=1 WHERE ended=0");
}

/* The rings of earlier starts are gone for good. */
static int
storestate_forget_boots(struct storestate *s)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(s->db, "DELETE FROM applied WHERE boot<>?1", &st);

	if (err == 0) {
		storesql_bind_u64(st, 1, s->boot);
		err = storesql_run(st);
	}
	sqlite3_finalize(st);
	return err;
}

int
storestate_open(struct storestate *s, const char *dir, const char *vfs,
    const char *generation, uint64_t boot, const uint8_t log_id[STORELOG_ID])
{
	int err;

	memset(s, 0, sizeof(*s));
	s->apart.fd = -1;
	s->vfs = vfs;
	s->boot = boot;
	s->path = storelist_join(dir, "state.db");
	err = s->path == NULL ? WF_ENOMEM
			      : storesql_open(s->path, STORESQL_PRIVATE, vfs, &s->db);
	if (err == 0)
		err = storesql_exec(s->db, storestate_setup);
	if (err == 0)
		err = storestate_meta(s, log_id);
	if (err == 0)
		err = storestate_compare(s, generation, log_id);
	if (err == 0)
		err = storelog_marks_load(s->db, boot, &s->marks);
	if (err == 0)
		err = storestate_forget_boots(s);
	for (size_t i = 0; err == 0 && i < STORESTATE_STATEMENTS; i++)
		err = storesql_prepare(s->db, storestate_sql[i], &s->st[i]);
	if (err != 0)
		storestate_close(s);
	return err;
}

void
storestate_close(struct storestate *s)
{
	storesql_rollback(s->db);
	for (size_t i = 0; i < STORESTATE_STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	generation_close(&s->apart);
	free(s->path);
	memset(s, 0, sizeof(*s));
	s->apart.fd = -1;
}

/* ---- writing ---- */

int
storestate_begin(struct storestate *s)
{
	return storesql_exec(s->db, "BEGIN IMMEDIATE");
}

void
storestate_abort(struct storestate *s)
{
	storesql_rollback(s->db);
}

int
storestate_apply(struct storestate *s, const struct entry_op *op)
{
	sqlite3_stmt *st;

	switch (op->kind) {
	case ENTRY_SESSION_PUT:
		st = s->st[STORESTATE_PUT];
		storesql_bind_span(st, 1, span_of(op->session.id, REC_SESSION_LEN));
		storesql_bind_span(st, 2, op->session.site);
		storesql_bind_span(st, 3, op->session.user);
		storesql_bind_u64(st, 4, op->session.state);
		storesql_bind_u64(st, 5, storestate_time(op->session.expires));
		storesql_bind_span(st, 6, op->session.blob);
		return storesql_run(st);
	case ENTRY_SESSION_END:
		st = s->st[STORESTATE_END];
		storesql_bind_span(st, 1, span_of(op->session.id, REC_SESSION_LEN));
		storesql_bind_u64(st, 2, op->session.state);
		storesql_bind_u64(st, 3, storestate_time(op->session.expires));
		return storesql_run(st);
	case ENTRY_KV_PUT:
		st = s->st[STORESTATE_KV_PUT];
		storesql_bind_span(st, 1, op->kv.key);
		storesql_bind_u64(st, 2, storestate_time(op->kv.expires));
		storesql_bind_span(st, 3, op->kv.value);
		return storesql_run(st);
	case ENTRY_KV_DEL:
		st = s->st[STORESTATE_KV_DEL];
		storesql_bind_span(st, 1, op->kv.key);
		return storesql_run(st);
	case ENTRY_ERASE: /* the key table's */
		break;
	}
	return 0;
}

int
storestate_settle(struct storestate *s)
{
	return s->apart.value == s->generation ? 0 : generation_set(&s->apart, s->generation);
}

int
storestate_commit(struct storestate *s, const struct storelog_marks *marks,
    uint64_t position, bool marked)
{
	uint64_t generation = s->generation + (marked ? 1 : 0);
	int err = storelog_marks_save(s->st[STORESTATE_MARK], s->boot, marks);

	if (err == 0)
		err = storesql_meta_put_u64(s->db, "position", position);
	if (err == 0 && marked)
		err = storesql_meta_put_u64(s->db, "generation", generation);
	if (err == 0)
		err = storesql_exec(s->db, "COMMIT");
	if (err != 0) {
		storesql_rollback(s->db);
		return err;
	}
	s->position = position;
	s->generation = generation;
	s->marks = *marks;
	for (size_t i = 0; i < s->marks.n; i++)
		s->marks.m[i].dirty = false;
	return storestate_settle(s);
}

int
storestate_sweep(struct storestate *s, uint64_t now)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(s->db, "DELETE FROM session WHERE expires<?1", &st);

	if (err == 0) {
		storesql_bind_u64(st, 1, storestate_time(now));
		err = storesql_run(st);
	}
	sqlite3_finalize(st);
	st = NULL;
	if (err == 0)
		err = storesql_prepare(s->db,
		    "DELETE FROM kv WHERE expires>0 AND expires<?1", &st);
	if (err == 0) {
		storesql_bind_u64(st, 1, storestate_time(now));
		err = storesql_run(st);
	}
	sqlite3_finalize(st);
	return err;
}

/* ---- reading everything ---- */

struct storestate_load {
	sqlite3 *db;
	sqlite3_stmt *sessions;
	sqlite3_stmt *kv;
	uint64_t count;
	uint64_t generation;
	enum load_kind phase; /* what comes next; 0 = nothing */
};

int
storestate_load_open(const struct storestate *s, uint64_t now, struct storestate_load **out)
{
	struct storestate_load *l = calloc(1, sizeof(*l));
	int err;

	*out = NULL;
	if (l == NULL)
		return WF_ENOMEM;
	l->phase = LOAD_SESSION;
	err = storesql_open(s->path, STORESQL_READ, s->vfs, &l->db);
	if (err == 0)
		err = storesql_exec(l->db, "BEGIN");
	if (err == 0)
		err = storesql_meta_get_u64(l->db, "generation", &l->generation);
	if (err == 0)
		err = storesql_prepare(l->db,
		    "SELECT id,site,user,state,expires,doubtful,blob,ended FROM session"
		    " WHERE length(blob)>0 AND expires>=?1", &l->sessions);
	if (err == 0)
		err = storesql_prepare(l->db,
		    "SELECT k,expires,v FROM kv WHERE expires=0 OR expires>=?1", &l->kv);
	if (err == 0) {
		storesql_bind_u64(l->sessions, 1, storestate_time(now));
		storesql_bind_u64(l->kv, 1, storestate_time(now));
		*out = l;
	} else {
		storestate_load_close(l);
	}
	return err;
}

static void
storestate_load_session(sqlite3_stmt *st, struct entry_session *s)
{
	struct span id = storesql_span(st, 0);

	if (id.n == REC_SESSION_LEN)
		memcpy(s->id, id.p, REC_SESSION_LEN);
	s->site = storesql_span(st, 1);
	s->user = storesql_span(st, 2);
	s->state = (uint8_t)storesql_u64(st, 3);
	s->expires = storesql_u64(st, 4);
	s->doubtful = storesql_u64(st, 5) != 0;
	s->ended = storesql_u64(st, 7) != 0;
	s->blob = storesql_span(st, 6);
}

int
storestate_load_next(struct storestate_load *l, struct load_item *it)
{
	int err;

	memset(it, 0, sizeof(*it));
	if (l->phase == LOAD_SESSION) {
		err = storesql_step(l->sessions);
		if (err == 0) {
			it->kind = LOAD_SESSION;
			storestate_load_session(l->sessions, &it->session);
			l->count++;
		}
		if (err != WF_ENOTFOUND)
			return err;
		l->phase = LOAD_KV;
	}
	if (l->phase == LOAD_KV) {
		err = storesql_step(l->kv);
		if (err == 0) {
			it->kind = LOAD_KV;
			it->kv.key = storesql_span(l->kv, 0);
			it->kv.expires = storesql_u64(l->kv, 1);
			it->kv.value = storesql_span(l->kv, 2);
			l->count++;
		}
		if (err != WF_ENOTFOUND)
			return err;
		l->phase = LOAD_END;
	}
	if (l->phase != LOAD_END)
		return WF_ENOTFOUND;
	it->kind = LOAD_END;
	it->count = l->count;
	it->generation = l->generation;
	l->phase = (enum load_kind)0;
	return 0;
}

void
storestate_load_close(struct storestate_load *l)
{
	if (l == NULL)
		return;
	sqlite3_finalize(l->sessions);
	sqlite3_finalize(l->kv);
	sqlite3_close(l->db);
	free(l);
}
