/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A head of HTTP/2, as a block. Proves beside memory safety: what is accepted can be
 * written as a head of HTTP/1.1, and the strict parser of those reads the same request in
 * it, so nothing can be said in HTTP/2 that would be refused in HTTP/1.1.
 */
#include "proxy/base/must.h"
#include "proxy/wire/h1_write.h"
#include "proxy/wire/h2_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 64, HEAD_MAX = 256 * 1024 };

static uint8_t memory[65536], bytes[HEAD_MAX];
static struct field at[FIELDS], again_at[FIELDS + 8];

static void
write_as_http1(const struct h1_request *rq, struct h1_out *o)
{
	const struct field *host = fields_find(&rq->fields, FIELD_HOST, 0);

	h1_write_request_line(o, rq->method_text, rq->path, rq->has_query, rq->query);
	h1_write_field(o, SPAN_LIT("Host"), host->value);
	h1_write_copy(o, &rq->fields, &rq->hop, NULL, NULL);
	if (rq->upgrade && fields_find(&rq->fields, FIELD_SEC_WEBSOCKET_KEY, 0) == NULL)
		h1_write_field(o, SPAN_LIT("Sec-WebSocket-Key"),
		    SPAN_LIT("dGhlIHNhbXBsZSBub25jZQ=="));
	h1_write_framing(o, rq->framing, rq->length);
	h1_write_connection(o, rq->upgrade ? H1_WRITE_WEBSOCKET : H1_WRITE_KEEP);
	h1_write_end(o);
}

static void
same_in_http1(const struct h1_request *rq)
{
	const struct h1_limits wide = {.line = HEAD_MAX, .head = HEAD_MAX};
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));
	struct h1_request again = {0};
	enum reason why;
	size_t used;

	/* The key of a client is never forwarded; one may say anything. */
	if (rq->upgrade && fields_find(&rq->fields, FIELD_SEC_WEBSOCKET_KEY, 0) != NULL)
		return;
	write_as_http1(rq, &o);
	MUST(h1_out_ok(&o));
	MUST(h1_request_parse(h1_out_span(&o), &again, fields_over(again_at, FIELDS + 8),
		 &wide, &used, &why) == 0);
	MUST(used == o.n && again.method == rq->method && again.has_query == rq->has_query);
	MUST(span_eq(again.path, rq->path) && span_eq(again.query, rq->query));
	MUST(span_eq(again.authority.host, rq->authority.host));
	MUST(again.framing == rq->framing && again.length == rq->length);
	MUST(again.upgrade == rq->upgrade);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct h2_limits limits = {.uri = 8192, .line = 16384};
	struct span block = span_of(data, size);
	struct h1_request rq;
	struct fields trailers = fields_over(at, FIELDS);
	struct arena arena;
	enum reason why;

	for (int ended = 0; ended < 2; ended++) {
		arena_init(&arena, memory, sizeof(memory));
		if (h2_request_parse(block, ended != 0, &arena, &rq, fields_over(at, FIELDS),
			&limits, &why) == 0)
			same_in_http1(&rq);
		else
			MUST(why != REASON_NONE);
	}
	if (h2_request_trailers(block, &trailers, &why) != 0)
		MUST(why != REASON_NONE);
	return 0;
}
