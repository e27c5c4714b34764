/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/querydb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/audit/storelist.h"
#include "proxy/audit/storesql.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

#define QUERYDB_COLUMNS "id,n,t_first,t_last,wrote,head,sums,bytes"

struct querydb {
	char *dir;
	char *vfs;
	struct storelist list;
	size_t at; /* index of the segment that is open or comes next */
	/* the open segment */
	sqlite3 *db;
	sqlite3_stmt *next;
	struct querydb_segment seg;
	bool fresh;
	uint64_t after; /* id of the block given out last */
	uint64_t end;   /* no block behind this id is in range */
	/* the range */
	uint64_t from;
	uint64_t since;
	uint64_t until;
	/* the block's bytes */
	uint8_t *buf;
	size_t cap;
	/* keys */
	sqlite3 *keys;
	sqlite3_stmt *key;
};

static void
querydb_leave(struct querydb *q)
{
	sqlite3_finalize(q->next);
	sqlite3_close(q->db);
	q->next = NULL;
	q->db = NULL;
}

int
querydb_open(struct querydb **out, const char *dir, const char *vfs)
{
	struct querydb *q = calloc(1, sizeof(*q));
	int err;

	*out = NULL;
	if (q == NULL)
		return WF_ENOMEM;
	q->dir = strdup(dir);
	q->vfs = vfs == NULL ? NULL : strdup(vfs);
	err = q->dir == NULL || (vfs != NULL && q->vfs == NULL) ? WF_ENOMEM
								: storelist_read(dir,
								      &q->list);
	querydb_range(q, 0, 0, UINT64_MAX);
	if (err != 0)
		querydb_close(q);
	else
		*out = q;
	return err;
}

void
querydb_close(struct querydb *q)
{
	if (q == NULL)
		return;
	querydb_leave(q);
	sqlite3_finalize(q->key);
	sqlite3_close(q->keys);
	storelist_free(&q->list);
	free(q->dir);
	free(q->vfs);
	free(q->buf);
	free(q);
}

bool
querydb_ends(const struct querydb *q)
{
	return q->db == NULL || q->after >= q->end;
}

size_t
querydb_segments(const struct querydb *q)
{
	return q->list.n;
}

const struct querydb_segment *
querydb_segment(const struct querydb *q)
{
	return &q->seg;
}

void
querydb_range(struct querydb *q, uint64_t from, uint64_t since, uint64_t until)
{
	querydb_leave(q);
	q->at = 0;
	q->from = from;
	q->since = since;
	q->until = until;
}

/* ---- opening a segment ---- */

static int
querydb_meta(struct querydb *q)
{
	struct querydb_segment *s = &q->seg;
	uint64_t format, v;
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(q->db,
	    "SELECT 1 FROM sqlite_schema WHERE name='meta'", &st);

	/* Without tables the file is one whose making was interrupted. */
	if (err == 0)
		err = storesql_step(st);
	sqlite3_finalize(st);
	if (err != 0)
		return err == WF_ENOTFOUND ? WF_ESTATE : err;
	err = storesql_meta_get_u64(q->db, "format", &format);
	if (err == 0 && format != 1)
		err = WF_EUNSUPPORTED;
	if (err == 0)
		err = storesql_meta_get_u64(q->db, "first", &s->first);
	if (err == 0)
		err = storesql_meta_get_u64(q->db, "prev_day", &v);
	if (err != 0)
		return err;
	s->prev_day = (uint32_t)v;
	err = storesql_meta_get(q->db, "prev_head", s->prev_head, DIGEST_LEN);
	if (err == 0)
		err = storesql_meta_get(q->db, "log_id", s->log_id, QUERYDB_LOG_ID);
	if (err == 0)
		err = storesql_meta_get_u64(q->db, "last", &s->last);
	if (err == WF_ENOTFOUND) /* still being written */
		return 0;
	if (err == 0) {
		s->closed = true;
		err = storesql_meta_get(q->db, "last_head", s->last_head, DIGEST_LEN);
	}
	return err;
}

static int
querydb_db(struct querydb *q, const char *path, bool newest, sqlite3 **db)
{
	char *wal = NULL;
	int err;

	if (newest)
		err = storesql_open(path, STORESQL_READ, q->vfs, db);
	else
		err = storesql_open(path, STORESQL_IMMUTABLE, q->vfs, db);
	if (err == 0)
		err = storesql_exec(*db, "SELECT count(*) FROM sqlite_schema");
	if (err == 0 || !newest)
		return err;
	/* A copy on a read-only medium: nobody writes when there is no write-ahead log. */
	sqlite3_close(*db);
	*db = NULL;
	if (asprintf(&wal, "%s-wal", path) < 0)
		return WF_ENOMEM;
	if (access(wal, F_OK) != 0)
		err = storesql_open(path, STORESQL_IMMUTABLE, q->vfs, db);
	free(wal);
	return err;
}

/* An older segment that still has a write-ahead log is not closed: read it beside it. */
static bool
querydb_live(struct querydb *q, const char *path)
{
	char *wal = NULL;
	bool live;

	if (q->at + 1 == q->list.n)
		return true;
	live = asprintf(&wal, "%s-wal", path) >= 0 && access(wal, F_OK) == 0;
	free(wal);
	return live;
}

/* Which blocks of the segment can be in range. */
static int
querydb_bounds(struct querydb *q)
{
	sqlite3_stmt *st = NULL;
	int64_t since = q->since > INT64_MAX ? INT64_MAX : (int64_t)q->since;
	int64_t until = q->until > INT64_MAX ? INT64_MAX : (int64_t)q->until;
	int err = storesql_prepare(q->db,
	    "SELECT coalesce(min(id),0),coalesce(max(id),0) FROM block"
	    " WHERE t_last>=?1 AND t_first<=?2", &st);
	uint64_t least = 0;

	q->after = q->end = 0;
	if (err == 0) {
		storesql_bind_u64(st, 1, (uint64_t)since);
		storesql_bind_u64(st, 2, (uint64_t)until);
		err = storesql_step(st);
	}
	if (err == 0) {
		least = storesql_u64(st, 0);
		q->end = storesql_u64(st, 1);
		q->after = least == 0 ? 0 : least - 1;
	}
	sqlite3_finalize(st);
	st = NULL;
	if (err != 0 || q->from <= q->after)
		return err;
	err = storesql_prepare(q->db, "SELECT coalesce(max(id),1)-1 FROM block WHERE id<=?1",
	    &st);
	if (err == 0) {
		storesql_bind_u64(st, 1, q->from);
		err = storesql_step(st);
	}
	if (err == 0 && storesql_u64(st, 0) > q->after)
		q->after = storesql_u64(st, 0);
	sqlite3_finalize(st);
	return err;
}

static int
querydb_enter(struct querydb *q)
{
	char *path = storelist_path(q->dir, q->list.days[q->at]);
	int err = path == NULL ? WF_ENOMEM : 0;

	memset(&q->seg, 0, sizeof(q->seg));
	q->seg.day = q->list.days[q->at];
	if (err == 0)
		err = querydb_db(q, path, querydb_live(q, path), &q->db);
	free(path);
	if (err == 0)
		err = querydb_meta(q);
	if (err == 0)
		err = querydb_bounds(q);
	if (err == 0)
		err = storesql_prepare(q->db,
		    "SELECT " QUERYDB_COLUMNS " FROM block WHERE id>?1 AND id<=?2"
		    " ORDER BY id LIMIT 1", &q->next);
	q->fresh = true;
	if (err != 0)
		querydb_leave(q);
	return err;
}

/* ---- blocks ---- */

static int
querydb_copy(struct querydb *q, sqlite3_stmt *st, struct querydb_block *b)
{
	struct span head = storesql_span(st, 5), sums = storesql_span(st, 6);
	struct span bytes = storesql_span(st, 7);

	b->id = storesql_u64(st, 0);
	b->n = storesql_u64(st, 1);
	b->t_first = storesql_u64(st, 2);
	b->t_last = storesql_u64(st, 3);
	b->wrote = storesql_u64(st, 4);
	if (head.n == DIGEST_LEN)
		memcpy(b->head, head.p, DIGEST_LEN);
	if (sums.n + bytes.n > q->cap) {
		uint8_t *p = realloc(q->buf, sums.n + bytes.n);

		if (p == NULL)
			return WF_ENOMEM;
		q->buf = p;
		q->cap = sums.n + bytes.n;
	}
	if (sums.n != 0)
		memcpy(q->buf, sums.p, sums.n);
	if (bytes.n != 0)
		memcpy(q->buf + sums.n, bytes.p, bytes.n);
	b->sums = span_of(q->buf, sums.n);
	b->bytes = bytes.n == 0 ? span_of(NULL, 0) : span_of(q->buf + sums.n, bytes.n);
	return 0;
}

int
querydb_next(struct querydb *q, struct querydb_block *b)
{
	int err;

	memset(b, 0, sizeof(*b));
	for (;;) {
		if (q->db == NULL) {
			if (q->at == q->list.n)
				return WF_ENOTFOUND;
			err = querydb_enter(q);
			if (err == WF_ESTATE && q->at + 1 == q->list.n) {
				q->at++;
				return WF_ENOTFOUND;
			}
			if (err != 0)
				return err;
		}
		storesql_bind_u64(q->next, 1, q->after);
		storesql_bind_u64(q->next, 2, q->end);
		err = storesql_step(q->next);
		if (err == 0) {
			err = querydb_copy(q, q->next, b);
			(void)sqlite3_reset(q->next);
			q->after = b->id;
			b->new_segment = q->fresh;
			q->fresh = false;
			if (err != 0 || (b->t_last >= q->since && b->t_first <= q->until))
				return err;
			memset(b, 0, sizeof(*b));
			continue;
		}
		if (err != WF_ENOTFOUND)
			return err;
		querydb_leave(q);
		q->at++;
		if (q->fresh) {
			q->fresh = false;
			b->new_segment = true;
			return 0;
		}
	}
}

int
querydb_last(struct querydb *q, struct querydb_block *b)
{
	int err = WF_ENOTFOUND;

	memset(b, 0, sizeof(*b));
	querydb_range(q, 0, 0, UINT64_MAX);
	for (q->at = q->list.n; q->at-- > 0 && err == WF_ENOTFOUND;) {
		sqlite3_stmt *st = NULL;

		err = querydb_enter(q);
		if (err == WF_ESTATE && q->at + 1 == q->list.n) {
			err = WF_ENOTFOUND;
			continue;
		}
		if (err != 0)
			break;
		err = storesql_prepare(q->db,
		    "SELECT " QUERYDB_COLUMNS " FROM block ORDER BY id DESC LIMIT 1", &st);
		if (err == 0)
			err = storesql_step(st);
		if (err == 0)
			err = querydb_copy(q, st, b);
		sqlite3_finalize(st);
		querydb_leave(q);
	}
	q->at = 0;
	return err;
}

bool
querydb_leaf(struct cursor *c, struct span *leaf)
{
	*leaf = span_of(NULL, 0);
	if (cur_left(c) == 0)
		return false;
	*leaf = cur_take(c, cur_u32(c));
	return cur_ok(c);
}

/* ---- keys ---- */

static int
querydb_keys_open(struct querydb *q)
{
	char *path;
	int err;

	if (q->keys != NULL)
		return 0;
	path = storelist_join(q->dir, "keys.db");
	err = path == NULL ? WF_ENOMEM : querydb_db(q, path, true, &q->keys);
	free(path);
	if (err == 0)
		err = storesql_prepare(q->keys,
		    "SELECT person,month,wrapped FROM key WHERE id=?1", &q->key);
	return err;
}

int
querydb_key(void *arg, uint64_t id, struct keys_row *row)
{
	struct querydb *q = arg;
	struct span person, wrapped;
	int err = querydb_keys_open(q);

	memset(row, 0, sizeof(*row));
	if (err != 0)
		return err;
	storesql_bind_u64(q->key, 1, id);
	if ((err = storesql_step(q->key)) != 0)
		return err;
	person = storesql_span(q->key, 0);
	row->id = id;
	row->month = (uint32_t)storesql_u64(q->key, 1);
	if (person.n == KEYS_PERSON_LEN)
		memcpy(row->person, person.p, KEYS_PERSON_LEN);
	wrapped = storesql_span(q->key, 2);
	if (wrapped.n == KEYS_WRAPPED_LEN)
		memcpy(row->wrapped, wrapped.p, KEYS_WRAPPED_LEN);
	else
		err = WF_EVERIFY;
	(void)sqlite3_reset(q->key);
	return err;
}

int
querydb_keys_of(struct querydb *q, const uint8_t person[KEYS_PERSON_LEN], uint64_t **ids,
    size_t *n)
{
	sqlite3_stmt *st = NULL;
	int err = querydb_keys_open(q);
	uint64_t *p;

	*ids = NULL;
	*n = 0;
	if (err == 0)
		err = storesql_prepare(q->keys,
		    "SELECT id FROM key WHERE person=?1 ORDER BY id", &st);
	if (err == 0)
		storesql_bind_span(st, 1, span_of(person, KEYS_PERSON_LEN));
	while (err == 0 && (err = storesql_step(st)) == 0) {
		p = realloc(*ids, (*n + 1) * sizeof(*p));
		if (p == NULL) {
			err = WF_ENOMEM;
			break;
		}
		*ids = p;
		p[(*n)++] = storesql_u64(st, 0);
	}
	sqlite3_finalize(st);
	if (err == WF_ENOTFOUND)
		return 0;
	free(*ids);
	*ids = NULL;
	*n = 0;
	return err;
}
