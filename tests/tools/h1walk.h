/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/h1walk.h - reads a whole stream of HTTP/1 messages with warifu's parsers.
 *
 * The heart of the unit tests, the fuzz targets, h1dump and the oracles: what the gate
 * does with a connection's bytes, without the connection. Each portion is offered in a
 * buffer of its own, of exact size, so that AddressSanitizer sees any span that outlived
 * its bytes.
 */
#ifndef WARIFU_TESTS_H1WALK_H
#define WARIFU_TESTS_H1WALK_H

#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/wire/chunk.h"
#include "proxy/wire/h1.h"

enum h1walk_state {
	H1WALK_HEAD,
	H1WALK_LENGTH,
	H1WALK_CHUNKED,
	H1WALK_CLOSE,	/* body until the connection closes */
	H1WALK_TUNNEL,	/* an upgrade: what follows is no HTTP */
	H1WALK_LAST,	/* the connection does not go on after this message */
	H1WALK_REFUSED, /* why says it */
};

enum { H1WALK_FIELDS = 64, H1WALK_TRAILERS = 16 };

/* What is told as it is seen; spans live for the call only. */
struct h1walk_sink {
	void (*request)(void *ctx, const struct h1_request *rq);
	void (*response)(void *ctx, const struct h1_response *rs);
	void (*body)(void *ctx, struct span run);
	void (*end)(void *ctx, const struct fields *trailers);
	void *ctx;
};

struct h1walk {
	bool responses;
	struct h1_asked asked;
	struct h1_limits limits;
	struct h1walk_sink sink;
	enum h1walk_state state;
	enum reason why;
	size_t done; /* bytes of the stream that were used */
	uint64_t left;
	bool keep_alive;
	struct h1_request rq;
	struct h1_response rs;
	struct chunk chunk;
	struct field at[H1WALK_FIELDS];
	struct field trailer_at[H1WALK_TRAILERS];
};

static inline void
h1walk_init(struct h1walk *w, bool responses, struct h1_asked asked,
	    const struct h1walk_sink *sink)
{
	*w = (struct h1walk){.responses = responses, .asked = asked, .sink = *sink};
	w->limits = h1_limits_default;
}

static inline void
h1walk_end(struct h1walk *w, const struct fields *trailers)
{
	w->sink.end(w->sink.ctx, trailers);
	w->state = w->keep_alive ? H1WALK_HEAD : H1WALK_LAST;
	w->rq = (struct h1_request){0};
	w->rs = (struct h1_response){0};
}

static inline void
h1walk_body_begins(struct h1walk *w, enum h1_framing framing, uint64_t length,
		   bool tunnel)
{
	static const struct fields none;

	w->left = length;
	w->chunk = (struct chunk){0};
	if (tunnel)
		w->state = H1WALK_TUNNEL;
	else if (framing == H1_CHUNKED)
		w->state = H1WALK_CHUNKED;
	else if (framing == H1_CLOSE)
		w->state = H1WALK_CLOSE;
	else if (length > 0)
		w->state = H1WALK_LENGTH;
	else
		h1walk_end(w, &none);
	if (tunnel)
		w->sink.end(w->sink.ctx, &none);
}

/* Each step answers 0 if there may be more to do, WF_MORE or an error. */
static inline int
h1walk_head(struct h1walk *w, struct span in)
{
	struct fields array = fields_over(w->at, H1WALK_FIELDS);
	size_t used;
	int r;

	if (w->responses) {
		r = h1_response_parse(in, &w->rs, array, &w->limits, w->asked, &used,
				      &w->why);
		if (r != 0)
			return r;
		w->sink.response(w->sink.ctx, &w->rs);
		w->keep_alive = w->rs.keep_alive;
		h1walk_body_begins(w, w->rs.framing, w->rs.length, w->rs.upgraded);
	} else {
		r = h1_request_parse(in, &w->rq, array, &w->limits, &used, &w->why);
		if (r != 0)
			return r;
		w->sink.request(w->sink.ctx, &w->rq);
		w->keep_alive = w->rq.keep_alive;
		h1walk_body_begins(w, w->rq.framing, w->rq.length, w->rq.upgrade);
	}
	w->done += used;
	return 0;
}

static inline int
h1walk_plain(struct h1walk *w, struct span in)
{
	static const struct fields none;
	size_t n = in.n < w->left ? in.n : (size_t)w->left;

	if (n > 0)
		w->sink.body(w->sink.ctx, span_of(in.p, n));
	w->done += n;
	w->left -= n;
	if (w->left > 0)
		return WF_MORE;
	h1walk_end(w, &none);
	return 0;
}

static inline int
h1walk_chunks(struct h1walk *w, struct span in)
{
	struct fields trailers = fields_over(w->trailer_at, H1WALK_TRAILERS);
	struct span data;
	size_t used;
	int r = chunk_next(&w->chunk, in, &trailers, &used, &data);

	MUST(used <= in.n &&
	     (data.n == 0 || (data.p >= in.p && data.p + data.n <= in.p + used)));
	w->done += used;
	if (r < 0)
		w->why = w->chunk.why;
	if (r != 0)
		return r;
	if (data.n > 0)
		w->sink.body(w->sink.ctx, data);
	else
		h1walk_end(w, &trailers);
	return 0;
}

static inline int
h1walk_step(struct h1walk *w, struct span in)
{
	switch (w->state) {
	case H1WALK_HEAD:
		return in.n > 0 ? h1walk_head(w, in) : WF_MORE;
	case H1WALK_LENGTH:
		return h1walk_plain(w, in);
	case H1WALK_CHUNKED:
		return h1walk_chunks(w, in);
	case H1WALK_CLOSE:
		w->left = UINT64_MAX;
		return h1walk_plain(w, in);
	default:
		return WF_MORE;
	}
}

/* `stream` is everything received so far, from its first byte on. */
static inline void
h1walk_feed(struct h1walk *w, struct span stream)
{
	size_t n = stream.n - w->done;
	uint8_t *copy = malloc(n ? n : 1);
	size_t base = w->done;
	int r;

	MUST(copy != NULL);
	if (n > 0)
		memcpy(copy, stream.p + base, n);
	do
		r = h1walk_step(w,
				span_of(copy + (w->done - base), n - (w->done - base)));
	while (r == 0);
	if (r < 0) {
		MUST(r == WF_ESYNTAX && w->why != REASON_NONE);
		w->state = H1WALK_REFUSED;
	}
	free(copy);
}

#endif
