/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storekeys.h - the key table, keys.db: the writer's side.
 *
 * Rows become durable before the first leaf that needs them (storekeys_commit before the
 * log's transaction). A destroyed row is overwritten in the file and in its write-ahead
 * log, not only unlinked; ids are never used again.
 *
 * Errors     as storesql.h; WF_EVERIFY: made with another master key.
 * Threads    one owner; private to store.c.
 */
#ifndef WARIFU_AUDIT_STOREKEYS_H
#define WARIFU_AUDIT_STOREKEYS_H

#include "proxy/audit/keys.h"
#include "proxy/audit/storesql.h"

struct storekeys {
	sqlite3 *db;
	sqlite3_stmt *put;
	bool open; /* a transaction is */
};

int
storekeys_open(struct storekeys *t, const char *dir, const char *vfs, struct keys *k);

void
storekeys_close(struct storekeys *t);

/* A keys_store_fn; arg is the struct storekeys. */
int
storekeys_put(void *arg, struct keys_row *row);

int
storekeys_commit(struct storekeys *t);

/* True when rows were taken back: the caller must keys_reset. */
bool
storekeys_abort(struct storekeys *t);

/* Destroys all keys of a person; durable on return. */
int
storekeys_erase(struct storekeys *t, const uint8_t person[KEYS_PERSON_LEN]);

/* Destroys all keys of months (202611) before this one; durable on return. */
int
storekeys_forget(struct storekeys *t, uint32_t month);

#endif
