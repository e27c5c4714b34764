/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/rewrite.h - heads made anew: towards the backend, the portal, the client.
 *
 * What goes out is written from the parsed form, field by field. What warifu adds:
 * towards the backend X-Forwarded-For, -Proto, -Host and Forwarded, a Sec-WebSocket-Key
 * of its own; towards the client Strict-Transport-Security where the site says so, and
 * hardening attributes on session cookies. What it takes away: hop-by-hop fields, names
 * of its own, assertions of identity and forwarding that did not come from a trusted hop,
 * credentials that may not pass.
 *
 * Errors   false: the head does not fit or holds what may not stand in a head.
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_REWRITE_H
#define WARIFU_GATE_REWRITE_H

#include "proxy/gate/exchange.h"
#include "proxy/wire/h1_out.h"

/* Does this field of a request assert who the user is, for that site? Only the backend's own
 * login may. By name: for a known field snapshot_site.claims has the answer. */
bool
rewrite_claims(const struct conf_site *site, struct span name);

bool
rewrite_request(struct exchange *ex, struct h1_out *out);
/* Trailers of the request's body: what may not stand in its head may not follow it. */
void
rewrite_trailers(struct exchange *ex, struct h1_out *out);
/* The internal request for ex->page or ex->asset. */
bool
rewrite_portal(struct exchange *ex, struct h1_out *out);

/* The backend's (or portal's) head for the client; spans live in the arena. */
bool
rewrite_response(struct exchange *ex, struct reply *r);

/* May this credential go to the backend? */
bool
rewrite_passes(const struct exchange *ex, const struct credential *c);

#endif
