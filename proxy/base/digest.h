/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/digest.h - SHA-256, HMAC-SHA-256 and friends over OpenSSL's libcrypto.
 *
 * A struct hasher is made once per thread and reused: fetching an algorithm or making a
 * context costs more than hashing a cookie (research: 0.21 us fetch, 0.12 us hash).
 *
 * Ownership  hasher_new gives heap memory back with hasher_free, which wipes keys.
 * Errors     digest calls cannot fail on valid input; libcrypto failing is a MUST.
 * Threads    a hasher and a mac belong to one thread.
 */
#ifndef WARIFU_BASE_DIGEST_H
#define WARIFU_BASE_DIGEST_H

#include "proxy/base/span.h"

enum { DIGEST_LEN = 32 };

struct hasher;
struct mac;

struct hasher *
hasher_new(void);
void
hasher_free(struct hasher *h);
/* out = SHA-256 of the parts, one behind the other. */
void
hasher_parts(struct hasher *h, const struct span *parts, size_t n, uint8_t out[DIGEST_LEN]);

/* HMAC-SHA-256 keyed once; key is copied by libcrypto and wiped by mac_free. */
struct mac *
mac_new(struct span key);
void
mac_free(struct mac *m);
void
mac_parts(struct mac *m, const struct span *parts, size_t n, uint8_t out[DIGEST_LEN]);

/* One-shot SHA-256 for cold paths. */
void
digest_sha256(struct span s, uint8_t out[DIGEST_LEN]);

/* Equal, in time that depends on n alone. */
bool
digest_equal(const void *a, const void *b, size_t n);

/* Overwrites memory so that the compiler cannot drop it. */
void
digest_wipe(void *p, size_t n);

/* Fills p with random bytes from the system; ends the process if there are none. */
void
digest_random(void *p, size_t n);

#endif
