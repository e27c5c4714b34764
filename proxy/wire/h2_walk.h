/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h2_walk.h - where the frames of an HTTP/2 client begin and end.
 *
 * nghttp2 passes over many frames without a word: DATA on a stream that is over, PRIORITY,
 * types that it does not know. Who wants to count them, or to see them as they came, walks
 * along with the bytes:
 *
 *     while (in.n > 0) {
 *             n = h2_walk_next(&w, in);
 *             if (w.begun) ... w.type, w.flags, w.stream, w.length
 *             feed the n bytes; they belong to one frame
 *             if (w.left == 0) ... the frame is whole; w.peek has its first bytes
 *             in = span_tail(in, n);
 *     }
 *
 * Ownership  nothing is borrowed between calls.
 * Errors     none: what is no frame is nghttp2's to refuse.
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_H2_WALK_H
#define WARIFU_WIRE_H2_WALK_H

#include "proxy/base/span.h"

enum { H2_WALK_HEADER = 9, H2_WALK_PREFACE = 24, H2_WALK_PEEK = 96 };

enum h2_walk_type {
	H2_DATA,
	H2_HEADERS,
	H2_PRIORITY,
	H2_RST_STREAM,
	H2_SETTINGS,
	H2_PUSH_PROMISE,
	H2_PING,
	H2_GOAWAY,
	H2_WINDOW_UPDATE,
	H2_CONTINUATION,
};

struct h2_walk {
	uint32_t preface; /* bytes of it that are still to come */
	uint8_t header[H2_WALK_HEADER];
	uint8_t have;
	uint8_t type, flags;
	bool begun; /* the header was completed by the last call */
	uint32_t stream, length;
	uint32_t left; /* of the payload */
	uint8_t peek[H2_WALK_PEEK];
	size_t peeked;
};

void
h2_walk_init(struct h2_walk *w);

/* How many bytes at the front of `in` (n > 0) belong to one frame, or to the preface. */
size_t
h2_walk_next(struct h2_walk *w, struct span in);

/* Is a frame whole now? False inside the preface and inside a header. */
static inline bool
h2_walk_whole(const struct h2_walk *w)
{
	return w->have == H2_WALK_HEADER && w->left == 0;
}

#endif
