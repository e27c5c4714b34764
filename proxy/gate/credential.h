/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/credential.h - session credentials: where they travel and their keyed hash.
 *
 * A credential is never stored: what points to a session is
 * HMAC-SHA-256(cred key, site | carrier | name | value), each part behind its length,
 * cut to 16 bytes. So site A's cookie means nothing at site B, and a copy of the state
 * holds nothing that can be sent.
 *
 * Ownership  spans point into the request.
 * Threads    the worker's (its mac).
 */
#ifndef WARIFU_GATE_CREDENTIAL_H
#define WARIFU_GATE_CREDENTIAL_H

#include "proxy/gate/exchange.h"

void
credential_key(struct worker *w, struct span site, enum recipe_carrier_kind carrier,
    struct span name, struct span value, uint8_t key[SESSION_KEY_LEN]);

/*
 * Collects the request's credentials into ex->creds. REASON_NONE, or why they cannot be
 * read in one way only: a name twice (ex->tossing), a look-alike, another scheme before a
 * token. What was found stays found in each case.
 */
enum reason
credential_collect(struct exchange *ex);

/* The Cookie lines of a request. */
size_t
credential_cookie_lines(const struct exchange *ex, struct span *lines, size_t cap);

/* Hash of a user's name for the scribe's key table and limits. */
void
credential_user_hash(struct worker *w, struct span user, uint8_t out[32]);

#endif
