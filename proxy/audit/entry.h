/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/entry.h - what one ring entry holds: a leaf, then changes of state.
 *
 *   entry_begin(&e, room, max, &head)   fields with rec_put_* on &e.rec
 *   entry_leaf_end(&e)                  the leaf is complete
 *   entry_session_put(&e, …) …          any number of changes, applied in order
 *   entry_end(&e, &len)                 → ring_publish(ring, len, flags)
 *
 * The scribe applies leaf and changes exactly once, all or nothing as far as one database
 * goes: the log first, then the state.
 *
 * Ownership  writes into the caller's buffer (the ring's room); the reader borrows.
 * Errors     the first one latches; entry_end returns it.
 * Threads    pure.
 */
#ifndef WARIFU_AUDIT_ENTRY_H
#define WARIFU_AUDIT_ENTRY_H

#include "proxy/audit/record.h"

enum {
	ENTRY_SITE_MAX = 255,
	ENTRY_USER_MAX = 32, /* a keyed hash of the user's name */
	ENTRY_BLOB_MAX = 128 << 10,
	ENTRY_KEY_MAX = 255,
	ENTRY_VALUE_MAX = 16 << 10
};

enum entry_op_kind {
	ENTRY_SESSION_PUT = 1, /* insert or replace one session's row */
	ENTRY_SESSION_END = 2, /* the row becomes a tombstone; a later PUT does not revive it */
	ENTRY_KV_PUT = 3,      /* locks, bypasses */
	ENTRY_KV_DEL = 4,
	ENTRY_ERASE = 5 /* destroy the keys of a person (kv.key holds the user's name) */
};

/* A session's row. `state` is the session module's number and only stored here. */
struct entry_session {
	uint8_t id[REC_SESSION_LEN];
	uint8_t state;
	uint64_t expires; /* ns since 1970 UTC; tombstones are kept until then */
	struct span site;
	struct span user;
	struct span blob; /* its first nine bytes, as bytes, never shrink from one form to the next */
	bool doubtful; /* only on loading: from a state older than the generation kept apart */
	bool ended;    /* only on loading: a tombstone */
};

struct entry_kv {
	struct span key;
	struct span value;
	uint64_t expires; /* 0 = never */
};

struct entry_op {
	enum entry_op_kind kind;
	struct entry_session session; /* PUT; END uses id, state and expires */
	struct entry_kv kv;
};

struct entry {
	struct rec rec;
	uint8_t *p;
	size_t cap;
	size_t n;
	int err;
};

void
entry_begin(struct entry *e, uint8_t *buf, size_t cap, const struct rec_head *h);

void
entry_leaf_end(struct entry *e);

void
entry_session_put(struct entry *e, const struct entry_session *s);

/* `expires`: until when the tombstone must be kept: the session's own end at least. */
void
entry_session_end(struct entry *e, const uint8_t id[REC_SESSION_LEN], uint8_t state,
    uint64_t expires);

void
entry_kv_put(struct entry *e, const struct entry_kv *kv);

void
entry_kv_del(struct entry *e, struct span key);

void
entry_erase(struct entry *e, struct span user);

int
entry_end(struct entry *e, size_t *len);

/* ---- reading (the scribe) ---- */

struct entry_view {
	struct span leaf;
	struct span ops; /* checked: entry_op_next cannot fail on it */
	size_t n_ops;
	size_t n_marked; /* operations that a restored older state must not undo */
};

/* Checks framing and every operation; the leaf itself is rec_parse's. */
int
entry_parse(struct span payload, struct entry_view *v);

/* Start with cur_init(view.ops). False at the end. */
bool
entry_op_next(struct cursor *c, struct entry_op *op);

#endif
