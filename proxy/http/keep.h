/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/http/keep.h - moves a parsed head out of a connection's buffer.
 *
 * A parsed head is spans into the bytes that were received; those bytes go when the body
 * comes. keep_request copies them once into the exchange's arena and points every span at
 * the copy.
 *
 * Ownership  the copy is the arena's; the fields' array stays the caller's.
 * Errors     WF_EFULL when the arena has no room: nothing was changed.
 * Threads    pure.
 */
#ifndef WARIFU_HTTP_KEEP_H
#define WARIFU_HTTP_KEEP_H

#include "proxy/base/arena.h"
#include "proxy/wire/h1.h"

/* `in` holds the head's bytes, those that the parser used. */
int
keep_request(struct arena *a, struct span in, struct h1_request *rq);
int
keep_response(struct arena *a, struct span in, struct h1_response *rs);

#endif
