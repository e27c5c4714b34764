/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/chunk.h - the chunked body coding, read strictly and written.
 *
 * Feed bytes in any portions; each call yields at most one run of body bytes that points
 * into what was fed. The end of the body is exact: what follows belongs to the next
 * message and is left alone. Extensions are read by their exact grammar (;name=value,
 * value a token or a quoted string) and dropped; trailers are read into a list of fields,
 * and one that could change what the head said is refused.
 *
 *     while ((r = chunk_next(&c, in, &trailers, &used, &data)) == 0) {
 *             in = span_tail(in, used);
 *             if (data.n == 0)
 *                     break;              the body is complete
 *             take(data);
 *     }
 *
 * Ownership  struct chunk and the trailers' array are the caller's; data and trailers
 * point into what was fed. Units      bytes; a chunk is below 2^60, its size has at most
 * 16 digits, the extensions of one chunk at most 64 bytes, all trailers
 * CHUNK_TRAILER_MAX. Errors     the first error stays: later calls return it again.
 * Threads    pure.
 * Not here   a limit on the whole body (the caller counts data.n).
 */
#ifndef WARIFU_WIRE_CHUNK_H
#define WARIFU_WIRE_CHUNK_H

#include "proxy/base/reason.h"
#include "proxy/wire/fields.h"
#include "proxy/wire/h1_out.h"
#include "proxy/wire/lines.h"

enum { CHUNK_EXTENSION_MAX = 64, CHUNK_TRAILER_MAX = 4096 };

struct chunk {
	uint64_t left;	    /* bytes of the current chunk not yet seen */
	struct lines lines; /* search for the trailers' end */
	enum reason why;    /* of the latched error */
	uint8_t state;	    /* private to chunk.c; 0 at the start */
	uint8_t digits;	    /* of the current size */
	uint8_t extension;  /* bytes of the current chunk's extensions */
};

/*
 * 0 with data.n > 0: a run of body bytes; call again with what is left of the input.
 * 0 with data.n == 0: the body ended; *used stands behind it and trailers are final.
 * WF_MORE: no data; keep what is not used (trailers are read only when all are there) and
 * call again when more arrives, with the unused bytes in front.
 * WF_ESYNTAX: c->why says what is wrong. *used counts in each case from in.p.
 * trailers may be NULL: then any trailer is refused.
 */
int chunk_next(struct chunk *c, struct span in, struct fields *trailers, size_t *used,
	       struct span *data);

/* May these stand behind a body? Also asked for HTTP/2's. */
int chunk_trailers_allowed(const struct fields *f, enum reason *why);

/* True once chunk_next has returned the end. */
bool chunk_done(const struct chunk *c);

/* The line before n > 0 bytes of data, the end after them, and the end of the body. */
void chunk_write_size(struct h1_out *out, uint64_t n);
void chunk_write_end(struct h1_out *out);
void chunk_write_last(struct h1_out *out);

#endif
