/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/seal.h - authenticated sealing with rotating keys (AES-256-GCM).
 *
 * A sealed message names its key, so keys rotate without breaking what is out: the ring
 * seals with the newest key and opens with any that it still holds. Layout, limits and
 * vectors: docs/formats/seal.md. Associated data binds a message to its purpose; give
 * every use another, else one use's messages pass for another's.
 *
 * Nonces are random: rotate before 2^32 messages under one key.
 *
 * Ownership  struct seal is the caller's; seal_fini wipes it.
 * Errors     0 or -1; nothing of a message that does not open is left in `out`.
 * Threads    adding keys is the owner's; sealing and opening may be shared.
 */
#ifndef WARIFU_CERTS_SEAL_H
#define WARIFU_CERTS_SEAL_H

#include <stddef.h>
#include <stdint.h>

enum {
	SEAL_KEY_LEN = 32,
	SEAL_KEYS = 4,
	SEAL_OVERHEAD = 1 + 4 + 12 + 16, /* version, key id, nonce, tag */
};

struct seal_key {
	uint32_t id;
	uint8_t key[SEAL_KEY_LEN];
};

struct seal {
	struct seal_key keys[SEAL_KEYS]; /* newest first */
	size_t n;
};

void seal_init(struct seal *s);

void seal_fini(struct seal *s);

/* A new key to seal with; the oldest falls out of a full ring. -1: id already there. */
int seal_rotate(struct seal *s, uint32_t id, const uint8_t key[SEAL_KEY_LEN]);

/* Writes n + SEAL_OVERHEAD bytes to out; -1 if they do not fit or there is no key. */
int seal_put(const struct seal *s, const void *aad, size_t aad_n, const void *in,
	     size_t n, uint8_t *out, size_t cap, size_t *out_n);

/* Opens; -1 if malformed, sealed with an unknown key, or altered. */
int seal_get(const struct seal *s, const void *aad, size_t aad_n, const uint8_t *in,
	     size_t n, uint8_t *out, size_t cap, size_t *out_n);

#endif
