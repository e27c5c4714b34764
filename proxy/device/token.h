/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/device/token.h - the value of the bound cookie: until when a session's client
 * counts as the device that logged in, and by what.
 *
 * It is a bearer's text like any cookie; only its short life makes it worth more. Several
 * of one session are valid side by side.
 *
 * Ownership  writes into the caller's memory only.
 * Units      seconds since 1970 UTC.
 * Errors     WF_ESYNTAX (no such text), WF_EUNSUPPORTED (another version, or a kind that
 *            this one has not), WF_EVERIFY (not ours); the output is zero then.
 * Threads    a struct mac belongs to one thread.
 * Format     docs/formats/device.md
 * Not here   expiry, and whether session and context are the request's: the caller's.
 */
#ifndef WARIFU_DEVICE_TOKEN_H
#define WARIFU_DEVICE_TOKEN_H

#include "proxy/base/digest.h"
#include "proxy/base/err.h"

enum token_kind {
	TOKEN_GRACE = 1, /* just logged in, before the device can have a key */
	TOKEN_DBSC = 2,	 /* after a proof */
};

enum {
	TOKEN_SESSION = 16,
	TOKEN_CONTEXT = 8,
	TOKEN_TEXT = 79, /* base64url of 58 bytes, and a NUL */
};

struct token {
	uint8_t kind; /* enum token_kind */
	uint8_t session[TOKEN_SESSION];
	uint64_t issued_s;
	uint64_t expires_s;
	uint8_t context[TOKEN_CONTEXT]; /* what the caller makes of place and client */
};

void
token_make(struct mac *mac, const struct token *t, char out[TOKEN_TEXT]);

int
token_read(struct mac *mac, struct span text, struct token *out);

#endif
