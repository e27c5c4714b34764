/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/jws.h - takes a compact JWS apart and reads its claims.
 *
 * NO SIGNATURE IS VERIFIED HERE. This reads the name that a backend asserts in a token of
 * its own making, out of a response that came from that backend. A token that a client
 * sends proves nothing by being readable; never decide on what it says.
 *
 * Header and payload must be base64url without padding and strict JSON objects.
 *
 * Ownership  decoded spans point into the caller's buffer, the others into the token.
 * Errors     WF_ESYNTAX, WF_EFULL (buffer or JWS_MAX), and jsonr's.
 * Threads    pure.
 * Not here   encrypted tokens (five parts), JSON serialisation, b64=false.
 */
#ifndef WARIFU_WIRE_JWS_H
#define WARIFU_WIRE_JWS_H

#include "proxy/wire/jsonr.h"

enum { JWS_MAX = 16384 };

struct jws {
	struct span signing_input; /* header.payload, as it stands */
	struct span signature;	   /* base64url, as it stands; may be empty */
	struct span header;	   /* decoded JSON */
	struct span payload;	   /* decoded JSON */
};

/* Three parts with base64url's alphabet, looked at only so far. */
bool jws_looks_like(struct span token);

/* buf of token.n bytes always suffices. */
int jws_decode(struct span token, uint8_t *buf, size_t cap, struct jws *out);

/* A claim of the payload by jsonr path ("sub", "user.name"). */
int jws_claim(const struct jws *t, const char *path, uint8_t *buf, size_t cap,
	      struct jsonr *v);

/* Decode and read a string claim in one go; buf holds both, token.n * 2 suffices. */
int jws_claim_text(struct span token, const char *path, uint8_t *buf, size_t cap,
		   struct span *text);

#endif
