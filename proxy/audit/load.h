/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/load.h - the stored state on its way from the scribe to a starting gate.
 *
 * Over a stream socket that outlives both sides. The gate asks (load_ask); the scribe then
 * applies everything that stands in the rings, repeats the request's nonce, and streams a
 * snapshot: frames of u32 length and that many bytes, the first of which is the type. One
 * END comes last; without it the state is not complete and the gate answers 503.
 *
 * What an earlier gate asked for and did not read any more may still be in the socket: the
 * reader passes over everything before its own nonce. A new request ends the stream of the
 * one before. A gate that gets nothing for some seconds asks again (the scribe may have been
 * started anew).
 *
 * Ownership  views borrow the reader's buffer until the next call.
 * Errors     WF_MORE: feed more; WF_ESYNTAX latches.
 * Threads    one owner at a time.
 */
#ifndef WARIFU_AUDIT_LOAD_H
#define WARIFU_AUDIT_LOAD_H

#include "proxy/audit/entry.h"

enum {
	LOAD_REQUEST = 'L',
	LOAD_NONCE_LEN = 16,
	LOAD_ASK_LEN = 1 + LOAD_NONCE_LEN,
	LOAD_FRAME_MAX = ENTRY_BLOB_MAX + 1024
};

enum load_kind { LOAD_SESSION = 1, LOAD_KV = 2, LOAD_END = 3 };

struct load_item {
	enum load_kind kind;
	struct entry_session session;
	struct entry_kv kv;
	uint64_t count;      /* END: sessions and kv rows that came before it */
	uint64_t generation; /* END */
};

/* ---- the gate's side ---- */

struct load_reader {
	uint8_t *buf;
	size_t cap;
	size_t n;     /* bytes in buf */
	size_t taken; /* bytes of the frame given out last */
	uint64_t count;
	uint8_t nonce[LOAD_NONCE_LEN];
	bool seeking; /* for the nonce */
	int err;
};

/* buf: at least LOAD_FRAME_MAX + 4 bytes. */
void
load_reader_init(struct load_reader *r, uint8_t *buf, size_t cap);

/* Makes a request to be written to the socket; whatever came before is forgotten. */
void
load_ask(struct load_reader *r, uint8_t ask[LOAD_ASK_LEN]);

/* Where to read(2) into: *room bytes at the result. Views from load_next die. */
uint8_t *
load_room(struct load_reader *r, size_t *room);

void
load_fed(struct load_reader *r, size_t n);

/* 0 and one item; WF_MORE; or an error. Checks the count at END. */
int
load_next(struct load_reader *r, struct load_item *it);

/* ---- the scribe's side ---- */

/* One frame into out; its length, or WF_EFULL. */
int
load_write(const struct load_item *it, uint8_t *out, size_t cap, size_t *len);

#endif
