/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/device/mactext.h - a few bytes under a MAC, as a text that fits a header field
 * or a cookie: what challenges and tokens are made of.
 *
 * base64url(body | the first 16 bytes of HMAC-SHA-256(domain | body)). Each use has a
 * domain, a text that no other begins with, so that what one gives out is nothing to
 * another. The body's length is fixed by the use; its bytes can be read by anybody.
 *
 * Ownership  writes into the caller's memory only.
 * Errors     WF_ESYNTAX (not base64url of that length), WF_EVERIFY (another MAC); the
 *            body is zero then. The MAC is compared in constant time.
 * Threads    a struct mac belongs to one thread.
 * Format     docs/formats/device.md
 */
#ifndef WARIFU_DEVICE_MACTEXT_H
#define WARIFU_DEVICE_MACTEXT_H

#include "proxy/base/digest.h"
#include "proxy/base/err.h"

enum { MACTEXT_MAC = 16, MACTEXT_BODY = 48 /* the longest */ };

/* Characters of a text with a body of n bytes, the NUL counted. */
#define MACTEXT_TEXT(n) ((4 * ((n) + MACTEXT_MAC) + 2) / 3 + 1)

/* out holds MACTEXT_TEXT(body.n) bytes. */
void
mactext_make(struct mac *mac, struct span domain, struct span body, char *out);

/* The body of exactly n bytes. */
int
mactext_read(struct mac *mac, struct span domain, struct span text, uint8_t *body,
    size_t n);

/* Eight bytes, the highest first. */
static inline void
mactext_put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

#endif
