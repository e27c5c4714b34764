/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/device/proof.h - a device's proof of Device Bound Session Credentials: a small
 * signed token (compact JWS, RFC 7515) that repeats our challenge.
 *
 * Reading and verifying are two steps: at a refresh the key comes from the session and
 * only proof_verify with that key makes the content the device's. At a registration the
 * proof carries its key, and verifying with it shows that the sender holds the private
 * one.
 *
 * Header: typ "dbsc+jwt", alg ES256 or RS256, perhaps jwk; a `crit` is refused whatever
 * it lists. Payload: jti (our challenge, not empty), perhaps authorization and aud,
 * strings. Other members are passed over. No time and no URL is in it: freshness is the
 * challenge's.
 *
 * Ownership  jti, authorization and aud point into the struct proof itself, so it must
 *            not be copied or moved; signed_part points into the text.
 * Errors     WF_EFULL (text too long), WF_EUNSUPPORTED (typ, alg, crit), WF_ESYNTAX,
 *            WF_EVERIFY, devkey.h's for the jwk and jsonr's. After one, *out is empty.
 * Threads    pure.
 * Format     docs/formats/device.md
 * Not here   whether the jti is a challenge of ours (challenge.h), whether aud is here.
 */
#ifndef WARIFU_DEVICE_PROOF_H
#define WARIFU_DEVICE_PROOF_H

#include "proxy/device/devkey.h"

enum {
	PROOF_MAX = 4096,		/* of a text */
	PROOF_STRINGS = PROOF_MAX / 4 * 3, /* no more can be decoded from it */
	PROOF_SIGNATURE = DEVKEY_BYTES,
};

struct proof {
	uint8_t alg;  /* enum devkey_alg */
	bool has_key; /* in its header */
	struct devkey key;
	struct span jti;
	struct span authorization; /* n == 0: none */
	struct span aud;	   /* n == 0: none */
	struct span signed_part;
	uint16_t signature_n;
	uint8_t signature[PROOF_SIGNATURE];
	uint8_t strings[PROOF_STRINGS];
};

/* Nothing is verified; the length of the signature is that of the algorithm. */
int
proof_read(struct span text, struct proof *out);

/* 0 or WF_EVERIFY; a key of another algorithm than the proof's verifies nothing. */
int
proof_verify(const struct proof *p, const struct devkey *key);

/* The token in the value of Secure-Session-Response or Sec-Secure-Session-Id: bare, as
 * Chromium sends it, or in double quotes, as the draft has it. Only base64url's letters
 * and dots, at least one; anything else, parameters too, is WF_ESYNTAX. */
int
proof_unquote(struct span value, struct span *out);

#endif
