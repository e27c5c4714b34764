/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storesql.h - the few calls of SQLite, in one tone. For store*.c and
 * query*.c only.
 *
 * Ownership  a handle or statement that is not NULL is closed by its user.
 * Errors     WF_EFULL (no room on the disk), WF_ETIMEOUT (locked by somebody else),
 *            WF_EIO, WF_EVERIFY (damaged file), WF_EDB (anything else).
 * Threads    one connection, one owner.
 */
#ifndef WARIFU_AUDIT_STORESQL_H
#define WARIFU_AUDIT_STORESQL_H

#include <sqlite3.h>

#include "proxy/base/span.h"

enum { STORESQL_BUSY_MS = 250 };

enum storesql_mode {
	STORESQL_WRITE,    /* create if missing, readable for the group (auditors) */
	STORESQL_PRIVATE,  /* create if missing, for its owner alone */
	STORESQL_READ,     /* beside a writer */
	STORESQL_IMMUTABLE /* nobody writes */
};

int
storesql_err(int rc);

int
storesql_open(const char *path, enum storesql_mode mode, const char *vfs, sqlite3 **db);

/* Statements without results, separated by semicolons. */
int
storesql_exec(sqlite3 *db, const char *sql);

int
storesql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **st);

/* Steps a statement to its end and resets it. */
int
storesql_run(sqlite3_stmt *st);

/* 0 = a row is there; WF_ENOTFOUND = no more (the statement is reset). */
int
storesql_step(sqlite3_stmt *st);

/* Ends a transaction that failed; harmless when there is none. */
void
storesql_rollback(sqlite3 *db);

void
storesql_bind_u64(sqlite3_stmt *st, int i, uint64_t v);

/* The bytes must stay until the statement was run. */
void
storesql_bind_span(sqlite3_stmt *st, int i, struct span v);

uint64_t
storesql_u64(sqlite3_stmt *st, int column);

/* Borrowed until the next step. */
struct span
storesql_span(sqlite3_stmt *st, int column);

/* Rows of a table meta(k TEXT PRIMARY KEY, v): integers and bytes. */
int
storesql_meta_get_u64(sqlite3 *db, const char *key, uint64_t *v);

int
storesql_meta_get(sqlite3 *db, const char *key, void *out, size_t n);

int
storesql_meta_put_u64(sqlite3 *db, const char *key, uint64_t v);

int
storesql_meta_put(sqlite3 *db, const char *key, struct span v);

#endif
