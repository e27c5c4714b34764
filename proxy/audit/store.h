/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/store.h - the log and the state on disk, written by one process.
 *
 *   store_open → { store_add … → store_commit } … → store_close
 *
 * store_add takes entries as they came out of the rings; store_commit makes all of them
 * durable, in this order: new keys (keys.db), leaves (log-YYYYMMDD.db), changes of state
 * (state.db), the generation kept apart. Each database keeps how far it has come with each
 * ring in the transaction itself, so that an entry that is added again, after a failure or a
 * restart, is applied only where it is still missing: exactly once, in each.
 *
 * After a failed store_commit nothing of the batch counts: add the same entries again.
 *
 * Ownership  store_open allocates; one process at a time (a lock file in the folder).
 * Errors     WF_EFULL: no room on the disk. WF_ETIMEOUT: somebody holds a lock. Both pass;
 *            try again. WF_EIO, WF_EDB: close and open again. WF_EEXISTS: another process
 *            has the folder. WF_EVERIFY: damaged file, or another master key. WF_ESTATE: the
 *            databases do not belong together.
 * Threads    one owner.
 * Not here   rings and waiting (scribe.h), reading (query.h, verify.h).
 * Format     docs/formats/store.md
 */
#ifndef WARIFU_AUDIT_STORE_H
#define WARIFU_AUDIT_STORE_H

#include "proxy/audit/entry.h"
#include "proxy/audit/load.h"
#include "proxy/base/digest.h"

struct store;

struct store_conf {
	const char *dir;
	const char *generation; /* path of the generation kept apart */
	const uint8_t *master;  /* KEYS_MASTER_LEN bytes */
	const char *vfs;        /* NULL = the system's */
	uint64_t boot;          /* of the rings; not 0 */
};

int
store_open(struct store **s, const struct store_conf *conf, uint64_t now);

/* Opening found a state older than what has happened since. */
bool
store_restored(const struct store *s);

/* Commits nothing: what was added and not committed is still in the rings. */
void
store_close(struct store *s);

/* One entry of a ring. A malformed one is replaced by an event that says so, and its
 * changes are not made; that is no error. */
int
store_add(struct store *s, uint16_t thread, uint64_t seq, struct span payload,
    uint64_t now);

/* The ring's count of entries that were given up: an event when it has grown. *told: an
 * event was added. */
int
store_add_gaps(struct store *s, uint16_t thread, uint64_t total, uint64_t now, bool *told);

/* The ring is damaged: an event, once a boot. */
int
store_add_damage(struct store *s, uint16_t thread, uint64_t now);

/* A leaf of the scribe's own: r's header is made by the store. */
void
store_event_begin(struct store *s, struct rec *r, enum rec_event event, uint64_t now);

int
store_event_end(struct store *s, struct rec *r);

/* Bytes of leaves added since the last commit. */
size_t
store_pending(const struct store *s);

/* `last`: the scribe stops in order after this one. */
int
store_commit(struct store *s, uint64_t now, bool last);

/* Forgets what was added since the last commit. */
void
store_abort(struct store *s);

/* Drops expired rows; now and then. */
int
store_sweep(struct store *s, uint64_t now);

/* Forgets the keys of personal data of all months before that of `before`. */
int
store_forget(struct store *s, uint64_t before);

/* How far the log knows this ring. */
uint64_t
store_applied(const struct store *s, uint16_t thread);

void
store_head(const struct store *s, uint64_t *count, uint8_t head[DIGEST_LEN]);

/* ---- everything a starting gate needs ---- */

struct storestate_load;

/* A snapshot of what is committed, beside the writer. */
int
store_load_open(const struct store *s, uint64_t now, struct storestate_load **l);

/* Items up to LOAD_END, then WF_ENOTFOUND; borrowed until the next call. */
int
store_load_next(struct storestate_load *l, struct load_item *it);

void
store_load_close(struct storestate_load *l);

#endif
