/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of requests. Proves beside memory safety: how the stream is cut does not
 * matter, and a head that is accepted can be written and is then read as the same
 * request.
 */
#include "proxy/wire/h1_write.h"
#include "tests/tools/h1json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 3, HEAD_MAX = 65536 };

static void
same_in_pieces(struct span in)
{
	const struct h1_asked asked = {METHOD_GET, false};
	size_t cap = 65536 + 60 * in.n, each = in.n < 512 ? in.n : 512;
	size_t *cuts = malloc((each + CUTS) * sizeof(*cuts));
	char *whole = malloc(cap), *pieces = malloc(cap);

	MUST(cuts != NULL && whole != NULL && pieces != NULL);
	h1json_walk(in, false, asked, NULL, 0, whole, cap);
	for (size_t i = 0; i < CUTS; i++)
		cuts[i] = in.n * (i + 1) / (CUTS + 1);
	h1json_walk(in, false, asked, cuts, CUTS, pieces, cap);
	MUST(strcmp(whole, pieces) == 0);
	for (size_t i = 0; i < each; i++)
		cuts[i] = i;
	h1json_walk(in, false, asked, cuts, each, pieces, cap);
	MUST(strcmp(whole, pieces) == 0);
	free(cuts);
	free(whole);
	free(pieces);
}

static void
write_again(const struct h1_request *rq, struct h1_out *o)
{
	const struct field *host = fields_find(&rq->fields, FIELD_HOST, 0);

	h1_write_request_line(o, rq->method_text, rq->path, rq->has_query, rq->query);
	h1_write_field(o, SPAN_LIT("Host"), host->value);
	h1_write_copy(o, &rq->fields, &rq->hop, NULL, NULL);
	h1_write_framing(o, rq->framing, rq->length);
	h1_write_connection(o, rq->upgrade ? H1_WRITE_WEBSOCKET : H1_WRITE_KEEP);
	h1_write_end(o);
}

static void
same_when_written(struct span in)
{
	static struct field at[H1WALK_FIELDS], again_at[H1WALK_FIELDS + 4];
	static uint8_t bytes[HEAD_MAX];
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));
	struct h1_request rq = {0}, again = {0};
	enum reason why;
	size_t used;

	if (h1_request_parse(in, &rq, fields_over(at, H1WALK_FIELDS), &h1_limits_default,
			     &used, &why) != 0)
		return;
	write_again(&rq, &o);
	MUST(h1_out_ok(&o));
	if (o.n > h1_limits_default.head)
		return;
	MUST(h1_request_parse(h1_out_span(&o), &again,
			      fields_over(again_at, H1WALK_FIELDS + 4),
			      &h1_limits_default, &used, &why) == 0);
	MUST(used == o.n && again.method == rq.method && again.has_query == rq.has_query);
	MUST(span_eq(again.path, rq.path) && span_eq(again.query, rq.query));
	MUST(span_eq(again.authority.host, rq.authority.host));
	MUST(again.framing == rq.framing && again.length == rq.length);
	MUST(again.upgrade == rq.upgrade);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	same_in_pieces(span_of(data, size));
	same_when_written(span_of(data, size));
	return 0;
}
