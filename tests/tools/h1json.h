/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/h1json.h - what h1walk sees, as one line of canonical JSON.
 *
 * Bytes from the stream are written in hex; a body as its length and FNV-1a hash, so that
 * the line does not depend on how the stream was cut.
 */
#ifndef WARIFU_TESTS_H1JSON_H
#define WARIFU_TESTS_H1JSON_H

#include <inttypes.h>
#include <stdarg.h>

#include "tests/tools/h1walk.h"

struct h1json {
	char *text;
	size_t n, cap;
	size_t messages;
	bool open; /* a message whose end was not seen */
	uint64_t body, hash;
};

__attribute__((format(printf, 2, 3))) static inline void
h1json_add(struct h1json *j, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(j->text + j->n, j->cap - j->n, format, ap);
	va_end(ap);
	MUST(n >= 0 && (size_t)n < j->cap - j->n);
	j->n += (size_t)n;
}

static inline void
h1json_hex(struct h1json *j, const char *key, struct span s)
{
	h1json_add(j, "\"%s\":\"", key);
	for (size_t i = 0; i < s.n; i++)
		h1json_add(j, "%02x", s.p[i]);
	h1json_add(j, "\",");
}

static inline void
h1json_fields(struct h1json *j, const char *key, const struct fields *f)
{
	h1json_add(j, "\"%s\":[", key);
	for (size_t i = 0; i < f->n; i++) {
		h1json_add(j, "%s{", i ? "," : "");
		h1json_hex(j, "name", f->at[i].name);
		h1json_hex(j, "value", f->at[i].value);
		h1json_add(j, "\"id\":%d}", (int)f->at[i].id);
	}
	h1json_add(j, "],");
}

static inline void
h1json_open(struct h1json *j)
{
	h1json_add(j, "%s{", j->messages++ ? "," : "");
	j->open = true;
	j->body = 0;
	j->hash = 0xcbf29ce484222325u;
}

static inline void
h1json_request(void *ctx, const struct h1_request *rq)
{
	struct h1json *j = ctx;

	h1json_open(j);
	h1json_hex(j, "method", rq->method_text);
	h1json_hex(j, "target", rq->target);
	h1json_hex(j, "path", rq->path);
	h1json_hex(j, "query", rq->query);
	h1json_hex(j, "host", rq->authority.host);
	h1json_add(j, "\"port\":%u,\"minor\":%u,", rq->authority.port, rq->minor);
	h1json_add(j, "\"framing\":%d,\"length\":%" PRIu64 ",", (int)rq->framing,
		   rq->length);
	h1json_add(j, "\"keep_alive\":%d,\"expect\":%d,\"upgrade\":%d,\"has_query\":%d,",
		   rq->keep_alive, rq->expect_100, rq->upgrade, rq->has_query);
	h1json_fields(j, "fields", &rq->fields);
}

static inline void
h1json_response(void *ctx, const struct h1_response *rs)
{
	struct h1json *j = ctx;

	h1json_open(j);
	h1json_add(j, "\"status\":%u,\"minor\":%u,", rs->status, rs->minor);
	h1json_hex(j, "text", rs->text);
	h1json_add(j, "\"framing\":%d,\"length\":%" PRIu64 ",", (int)rs->framing,
		   rs->length);
	h1json_add(j, "\"keep_alive\":%d,\"interim\":%d,\"upgrade\":%d,", rs->keep_alive,
		   rs->interim, rs->upgraded);
	h1json_fields(j, "fields", &rs->fields);
}

static inline void
h1json_body(void *ctx, struct span run)
{
	struct h1json *j = ctx;

	j->body += run.n;
	for (size_t i = 0; i < run.n; i++)
		j->hash = (j->hash ^ run.p[i]) * 0x100000001b3u;
}

static inline void
h1json_close(struct h1json *j, bool complete)
{
	h1json_add(j, "\"body\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\",\"complete\":%d}",
		   j->body, j->hash, complete);
	j->open = false;
}

static inline void
h1json_end(void *ctx, const struct fields *trailers)
{
	struct h1json *j = ctx;

	h1json_fields(j, "trailers", trailers);
	h1json_close(j, true);
}

static inline struct h1walk_sink
h1json_sink(struct h1json *j)
{
	return (struct h1walk_sink){h1json_request, h1json_response, h1json_body,
				    h1json_end, j};
}

static inline const char *
h1json_state(enum h1walk_state s)
{
	static const char *const names[] = {"head",   "length", "chunked", "close",
					    "tunnel", "last",	"refused"};

	return names[s];
}

/*
 * The line for a stream that is fed in portions: cuts[] are the offsets at which a new
 * portion begins. `text` must hold some 40 bytes per byte of the stream, and 4 KiB.
 */
static inline void
h1json_walk(struct span stream, bool responses, struct h1_asked asked, const size_t *cuts,
	    size_t n_cuts, char *text, size_t cap)
{
	struct h1json j = {.text = text, .cap = cap};
	struct h1walk_sink sink = h1json_sink(&j);
	struct h1walk w;

	h1walk_init(&w, responses, asked, &sink);
	h1json_add(&j, "{\"messages\":[");
	for (size_t i = 0; i < n_cuts && w.state != H1WALK_REFUSED; i++)
		h1walk_feed(&w, span_of(stream.p, cuts[i]));
	if (w.state != H1WALK_REFUSED)
		h1walk_feed(&w, stream);
	if (j.open)
		h1json_close(&j, false);
	h1json_add(&j, "],\"used\":%zu,\"state\":\"%s\",\"why\":\"%s\"}", w.done,
		   h1json_state(w.state), w.why == REASON_NONE ? "" : reason_name(w.why));
}

#endif
