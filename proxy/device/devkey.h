/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/device/devkey.h - the public key of a device, read from a JWK, and what it
 * signed.
 *
 * Two kinds (RFC 7518): ES256 with a point of P-256, and RS256 with a modulus of exactly
 * 2048 bits and the exponent 65537. The form in struct devkey is also the one that is
 * stored: `n` bytes of `bytes`, the others zero.
 *
 * A key is read strictly: kty and curve as the algorithm says, every number in
 * canonical base64url and of its full length, the point on the curve, the modulus odd;
 * no member that is read twice. Members that a public key does not need are passed
 * over, those of a private key refused: who sends one has no secret.
 *
 * Ownership  struct devkey is the caller's; nothing is kept.
 * Errors     WF_EUNSUPPORTED (another kind, curve, size or exponent), WF_EDENIED (a
 *            private key), WF_EVERIFY (no point of the curve, no modulus; a signature
 *            that does not fit), and jsonr's. libcrypto's own failures are WF_EVERIFY
 *            too, and its error queue is left as it was.
 * Threads    pure.
 * Not here   how good a key is and where it is kept: nothing tells a TPM's from a
 *            file's, and a modulus is not searched for factors.
 */
#ifndef WARIFU_DEVICE_DEVKEY_H
#define WARIFU_DEVICE_DEVKEY_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum devkey_alg { DEVKEY_NONE = 0, DEVKEY_ES256 = 1, DEVKEY_RS256 = 2 };

enum {
	DEVKEY_BYTES = 256,
	DEVKEY_ES256_LEN = 64,	/* x and y; r and s of a signature */
	DEVKEY_RS256_LEN = 256, /* modulus; signature */
	DEVKEY_THUMB = 32,
	DEVKEY_TEXT = 2 * DEVKEY_THUMB + 1, /* a thumbprint in hex, and a NUL */
};

struct devkey {
	uint8_t alg; /* enum devkey_alg */
	uint16_t n;
	uint8_t bytes[DEVKEY_BYTES]; /* ES256: x, y; RS256: the modulus */
};

/* The JSON object of a JWK (RFC 7517), for this algorithm. */
int
devkey_from_jwk(struct span jwk_json, enum devkey_alg alg, struct devkey *out);

/* Is this, from a store, a key that devkey_from_jwk could have given? */
bool
devkey_valid(const struct devkey *key);

/* RFC 7638, SHA-256: one name for one key, however its JWK was written. */
int
devkey_thumbprint(const struct devkey *key, uint8_t out[DEVKEY_THUMB]);

/* 0 or WF_EVERIFY. ES256 is r and s in 64 bytes (both (r, s) and (r, -s) verify: a
 * signature names no request, its content does), RS256 is PKCS#1 v1.5 in 256. */
int
devkey_verify(const struct devkey *key, struct span signed_part, struct span signature);

#endif
