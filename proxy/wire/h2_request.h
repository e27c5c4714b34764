/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h2_request.h - heads of HTTP/2 requests, read as strictly as those of HTTP/1.1.
 *
 * A head comes as a block (h2_block.h). h2_request_parse makes of it the very struct
 * that h1_request_parse makes, so that nothing behind it can tell the two apart:
 * the host is a Host field, cookie crumbs are joined to one Cookie field (RFC 9113 8.2.3),
 * an extended CONNECT (RFC 8441) is a GET that upgrades to WebSocket.
 *
 * What HTTP/2 cannot say (bare CR, chunks, Connection) is refused where a backend that
 * speaks HTTP/1.1 would read it otherwise. A body without Content-Length is H1_CHUNKED.
 *
 * Ownership  spans point into the block; the fields into the caller's array; the joined
 *            cookie into the arena.
 * Errors     0, or WF_ESYNTAX with *why.
 * Threads    pure.
 * Not here   HPACK, frames, streams (proxy/http/h2srv.h).
 */
#ifndef WARIFU_WIRE_H2_REQUEST_H
#define WARIFU_WIRE_H2_REQUEST_H

#include "proxy/base/arena.h"
#include "proxy/wire/h1.h"
#include "proxy/wire/h2_block.h"

enum { H2_CRUMBS_MAX = 256 };

struct h2_limits {
	size_t uri;  /* of :path */
	size_t line; /* of one field, the joined cookie too */
	const struct span *methods;
	size_t n_methods;
};

/* `ended`: no body follows. The array's capacity is the limit of fields, the pseudo-header
 * fields and the crumbs not counted. */
int
h2_request_parse(struct span block, bool ended, struct arena *a, struct h1_request *out,
    struct fields array, const struct h2_limits *limits, enum reason *why);

/* Trailers, by the rules for those of a chunked body. */
int
h2_request_trailers(struct span block, struct fields *out, enum reason *why);

/* Is a request refused for this reason malformed (RFC 9113 8.1.1: a stream error), and not
 * merely one that is answered with an error status? */
bool
h2_request_malformed(enum reason why);

#endif
