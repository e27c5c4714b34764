/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/text.h - hex, base64url, numbers and UTF-8, strictly.
 *
 * Ownership  writes into the caller's memory only.
 * Errors     0 or a negative enum wf_err; nothing is written past `cap`.
 * Threads    pure.
 */
#ifndef WARIFU_BASE_TEXT_H
#define WARIFU_BASE_TEXT_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

/* Lower-case hex with a NUL: out holds 2 * s.n + 1 bytes. */
void
text_hex(struct span s, char *out);

/* Exactly 2 * n hex digits of either case into n bytes. */
int
text_unhex(struct span s, uint8_t *out, size_t n);

/* base64url without padding (RFC 4648 section 5); the encoder adds a NUL: out holds
 * (4 * s.n + 2) / 3 + 1 bytes. */
void
text_b64url(struct span s, char *out);

/* Strict: no padding, no other alphabet, unused bits zero. *len gets the byte count. */
int
text_unb64url(struct span s, uint8_t *out, size_t cap, size_t *len);

/* Decimal digits only: no sign, no space, no empty; RANGE above `max`. */
int
text_uint(struct span s, uint64_t max, uint64_t *v);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without C0, C1 or DEL. */
bool
text_printable(struct span s);

#endif
