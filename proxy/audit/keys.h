/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/keys.h - sealing the personal part of a leaf, and erasing a person.
 *
 * Each person and month has keys of its own (AES-256-GCM), kept in a key table wrapped by
 * the master key. Destroying a person's keys makes their part of every leaf unreadable,
 * while all hashes stay as they are. Leaves without a user share the month's key of
 * "nobody".
 *
 *   person    HMAC(master, "person" ‖ name), 16 bytes: what the key table is searched by.
 *             Leaves hold only the number of their key.
 *   data key  32 random bytes, made by one process of the scribe and used for sealing by
 *             that process alone. Its nonce is a counter of its uses, 1, 2, 3 …, in that
 *             process's memory: no nonce can come twice under one key, whatever was rolled
 *             back, restored or started again. A later process makes another key.
 *   wrapping  AES-256-GCM under KEK = HMAC(master, "wrap" ‖ 16 random bytes) with nonce 0:
 *             a KEK wraps one key once.
 *   sealing   authenticates the leaf's bytes up to the personal block.
 *
 * Ownership  keys_new allocates; keys_free wipes.
 * Errors     WF_EVERIFY: wrong master key or altered bytes. WF_ENOTFOUND: the key is gone
 *            (erased).
 * Threads    one owner at a time.
 * Not here   the table itself (store.h).
 */
#ifndef WARIFU_AUDIT_KEYS_H
#define WARIFU_AUDIT_KEYS_H

#include "proxy/audit/record.h"
#include "proxy/base/digest.h"

enum {
	KEYS_MASTER_LEN = 32,
	KEYS_PERSON_LEN = 16,
	KEYS_WRAPPED_LEN = 16 + 32 + 16, /* salt, key, tag */
	KEYS_LIVE_MAX = 1 << 16, /* sealing keys held at once; then all are forgotten */
	KEYS_OPEN_CACHE = 1024
};

/* A row of the key table. */
struct keys_row {
	uint64_t id;
	uint8_t person[KEYS_PERSON_LEN];
	uint32_t month; /* 202611 */
	uint8_t wrapped[KEYS_WRAPPED_LEN];
};

/* Writes a fresh master key file, mode 0600, synced with its folder; WF_EEXISTS when there
 * is one. */
int
keys_master_create(const char *path);

/* Reads it; WF_EDENIED when others may read it, WF_ESYNTAX, WF_EIO, WF_ENOTFOUND. */
int
keys_master_load(const char *path, uint8_t master[KEYS_MASTER_LEN]);

struct keys;

struct keys *
keys_new(const uint8_t master[KEYS_MASTER_LEN]);

void
keys_free(struct keys *k);

/* Who a name is in the key table. */
void
keys_person(struct keys *k, struct span user, uint8_t person[KEYS_PERSON_LEN]);

/* ---- sealing (the scribe) ---- */

/* Called for each new key before its first use; the row must be durable before any leaf
 * that uses it. Gives the row its id. */
typedef int keys_store_fn(void *arg, struct keys_row *row);

/* Leaf in the clear → leaf as stored; *len ≤ leaf.n + REC_SEAL_OVERHEAD. A leaf without a
 * personal block is copied. `v` is the parsed leaf. */
int
keys_seal(struct keys *k, const struct rec_view *v, struct span leaf, keys_store_fn *store,
    void *arg, uint8_t *out, size_t cap, size_t *len);

/* Forgets all keys made so far: their rows did not become durable, or were destroyed. */
void
keys_reset(struct keys *k);

/* ---- opening (readers) ---- */

/* Fetches a key's row by its id; WF_ENOTFOUND when it was destroyed. */
typedef int keys_fetch_fn(void *arg, uint64_t id, struct keys_row *row);

/* The personal fields of a stored leaf into out (cap ≥ v->cipher.n). */
int
keys_open(struct keys *k, const struct rec_view *v, keys_fetch_fn *fetch, void *arg,
    uint8_t *out, size_t cap, struct span *fields);

/* Forgets all opened keys, so that an erasure since then is seen. */
void
keys_forget(struct keys *k);

/* UTC month of a time: 202611. */
uint32_t
keys_month(uint64_t time_ns);

#endif
