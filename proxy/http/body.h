/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/http/body.h - the body of one message, whatever its framing.
 *
 * One reader for requests and responses: by length, in chunks, until the end of the
 * connection, or none. It knows exactly where the body ends; what follows belongs to the
 * next message. Trailers of a chunked body are kept until the next message.
 *
 * Ownership  data points into what was fed; trailers point into the arena given.
 * Errors     0, WF_MORE, or WF_ESYNTAX with *why; the first error stays.
 * Threads    pure.
 */
#ifndef WARIFU_HTTP_BODY_H
#define WARIFU_HTTP_BODY_H

#include "proxy/base/arena.h"
#include "proxy/wire/chunk.h"
#include "proxy/wire/h1.h"

enum { BODY_TRAILERS = 16 };

struct body {
	enum h1_framing framing;
	bool done;
	uint64_t left; /* H1_LENGTH */
	uint64_t seen; /* body bytes given out */
	struct chunk chunk;
	struct arena *arena; /* for trailers; NULL: trailers are refused */
	struct fields trailers;
	struct field trailer_at[BODY_TRAILERS];
};

void
body_init(struct body *b, enum h1_framing framing, uint64_t length, struct arena *arena);

/* A copy that goes its own way: reading on in one does not change the other. */
static inline void
body_copy(struct body *to, const struct body *from)
{
	*to = *from;
	to->trailers.at = to->trailer_at;
}

/* 0 with data.n > 0: body bytes; 0 with data.n == 0: the end (b->done). */
int
body_next(struct body *b, struct span in, size_t *used, struct span *data,
    enum reason *why);

/* The connection ended: 0 if that is where this body ends, else WF_ETRUNCATED. */
int
body_eof(struct body *b);

#endif
