/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storesql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"

int
storesql_err(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return WF_EFULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return WF_ETIMEOUT;
	case SQLITE_IOERR:
		/* The shared index of the write-ahead log could not grow. */
		return rc == SQLITE_IOERR_SHMSIZE ? WF_EFULL : WF_EIO;
	case SQLITE_CANTOPEN:
		return WF_EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return WF_EVERIFY;
	case SQLITE_NOMEM:
		return WF_ENOMEM;
	default:
		return WF_EDB;
	}
}

/* A file: URI for `path`; everything that has a meaning in a URI is escaped. */
static char *
storesql_uri(const char *path, const char *query)
{
	size_t cap = strlen(path) * 3 + strlen(query) + 8;
	char *uri = malloc(cap), *p = uri;

	if (uri == NULL)
		return NULL;
	p += snprintf(p, cap, "file:");
	for (const char *s = path; *s != '\0'; s++) {
		if (strchr("%?#", *s) != NULL)
			p += snprintf(p, 4, "%%%02X", (unsigned)(unsigned char)*s);
		else
			*p++ = *s;
	}
	(void)snprintf(p, cap - (size_t)(p - uri), "%s", query);
	return uri;
}

/* SQLite would leave the mode to the umask; the files beside the database take its mode. */
static int
storesql_create(const char *path, enum storesql_mode mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
	    mode == STORESQL_PRIVATE ? 0600 : 0640);

	if (fd >= 0)
		close(fd);
	else if (errno == ENOSPC || errno == EDQUOT)
		return WF_EFULL;
	return fd >= 0 || errno == EEXIST ? 0 : WF_EIO;
}

int
storesql_open(const char *path, enum storesql_mode mode, const char *vfs, sqlite3 **db)
{
	static const char *const query[] = {"?mode=rwc", "?mode=rwc", "?mode=ro",
	    "?mode=ro&immutable=1"};
	bool write = mode == STORESQL_WRITE || mode == STORESQL_PRIVATE;
	int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
	char *uri;
	int err;

	*db = NULL;
	if (write && (err = storesql_create(path, mode)) != 0)
		return err;
	uri = storesql_uri(path, query[mode]);
	if (uri == NULL)
		return WF_ENOMEM;
	err = storesql_err(sqlite3_open_v2(uri, db, flags, vfs));
	free(uri);
	if (err == 0) {
		/* No trigger, view or function that a file brings along runs with us. */
		(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		err = storesql_err(sqlite3_busy_timeout(*db, STORESQL_BUSY_MS));
	}
	if (err != 0) {
		sqlite3_close(*db);
		*db = NULL;
	}
	return err;
}

int
storesql_exec(sqlite3 *db, const char *sql)
{
	return storesql_err(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int
storesql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **st)
{
	return storesql_err(
	    sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL));
}

int
storesql_run(sqlite3_stmt *st)
{
	int rc;

	do
		rc = sqlite3_step(st);
	while (rc == SQLITE_ROW);
	(void)sqlite3_reset(st);
	return storesql_err(rc);
}

int
storesql_step(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 0;
	(void)sqlite3_reset(st);
	return rc == SQLITE_DONE ? WF_ENOTFOUND : storesql_err(rc);
}

void
storesql_rollback(sqlite3 *db)
{
	if (db != NULL && sqlite3_get_autocommit(db) == 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

void
storesql_bind_u64(sqlite3_stmt *st, int i, uint64_t v)
{
	MUST(sqlite3_bind_int64(st, i, (sqlite3_int64)v) == SQLITE_OK);
}

void
storesql_bind_span(sqlite3_stmt *st, int i, struct span v)
{
	MUST(sqlite3_bind_blob64(st, i, v.n ? v.p : (const void *)"", v.n, SQLITE_STATIC) ==
	    SQLITE_OK);
}

uint64_t
storesql_u64(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

struct span
storesql_span(sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);
	int n = sqlite3_column_bytes(st, column);

	return span_of(p, p == NULL || n < 0 ? 0 : (size_t)n);
}

static int
storesql_meta_find(sqlite3 *db, const char *key, sqlite3_stmt **st)
{
	int err = storesql_prepare(db, "SELECT v FROM meta WHERE k=?1", st);

	if (err == 0)
		err = storesql_err(sqlite3_bind_text(*st, 1, key, -1, SQLITE_STATIC));
	return err != 0 ? err : storesql_step(*st);
}

int
storesql_meta_get_u64(sqlite3 *db, const char *key, uint64_t *v)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_meta_find(db, key, &st);

	*v = err == 0 ? storesql_u64(st, 0) : 0;
	sqlite3_finalize(st);
	return err;
}

int
storesql_meta_get(sqlite3 *db, const char *key, void *out, size_t n)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_meta_find(db, key, &st);
	struct span s = span_of(NULL, 0);

	memset(out, 0, n);
	if (err == 0)
		s = storesql_span(st, 0);
	if (err == 0 && s.n == n)
		memcpy(out, s.p, n);
	else if (err == 0)
		err = WF_EVERIFY;
	sqlite3_finalize(st);
	return err;
}

static int
storesql_meta_set(sqlite3 *db, const char *key, const struct span *bytes, uint64_t v)
{
	sqlite3_stmt *st = NULL;
	int err = storesql_prepare(db, "INSERT OR REPLACE INTO meta(k,v) VALUES(?1,?2)", &st);

	if (err == 0)
		err = storesql_err(sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC));
	if (err == 0) {
		if (bytes != NULL)
			storesql_bind_span(st, 2, *bytes);
		else
			storesql_bind_u64(st, 2, v);
		err = storesql_run(st);
	}
	sqlite3_finalize(st);
	return err;
}

int
storesql_meta_put_u64(sqlite3 *db, const char *key, uint64_t v)
{
	return storesql_meta_set(db, key, NULL, v);
}

int
storesql_meta_put(sqlite3 *db, const char *key, struct span v)
{
	return storesql_meta_set(db, key, &v, 0);
}
