/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunked body with what follows it. Whole and byte by byte must give the same bytes,
 * the same end, the same trailers and the same refusal; what is decoded is encoded again
 * and must decode to itself.
 */
#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/wire/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRAILERS = 8 };

struct seen {
	uint8_t *body;
	size_t n, used, trailers;
	enum reason why;
	bool done;
};

/* Offers bytes up to `step` more than last time, each time in a block of exact size. */
static void
decode(struct span in, size_t step, struct seen *s)
{
	struct field at[TRAILERS];
	struct chunk c = {0};
	struct span data;
	size_t used, limit = 0;
	int r = WF_MORE;

	while (r >= 0 && !chunk_done(&c) && !(r == WF_MORE && limit == in.n)) {
		struct fields trailers = fields_over(at, TRAILERS);
		uint8_t *copy;
		size_t n;

		if (r == WF_MORE)
			limit = in.n - limit < step ? in.n : limit + step;
		n = limit - s->used;
		copy = malloc(n ? n : 1);
		MUST(copy != NULL);
		if (n > 0)
			memcpy(copy, in.p + s->used, n);
		r = chunk_next(&c, span_of(copy, n), &trailers, &used, &data);
		MUST(used <= n);
		if (data.n > 0)
			memcpy(s->body + s->n, data.p, data.n);
		s->n += data.n;
		s->used += used;
		s->trailers = trailers.n;
		free(copy);
	}
	s->why = c.why;
	s->done = chunk_done(&c);
}

static void
decodes_to_itself(const struct seen *s, struct seen *again)
{
	size_t cap = s->n + 64;
	uint8_t *bytes = malloc(cap);
	struct h1_out o = h1_out_over(bytes, cap);

	MUST(bytes != NULL);
	if (s->n > 0) {
		chunk_write_size(&o, s->n);
		h1_out_put(&o, span_of(s->body, s->n));
		chunk_write_end(&o);
	}
	chunk_write_last(&o);
	MUST(h1_out_ok(&o));
	decode(h1_out_span(&o), o.n, again);
	MUST(again->done && again->n == s->n && memcmp(again->body, s->body, s->n) == 0);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct seen whole = {.body = malloc(size + 1)},
		    single = {.body = malloc(size + 1)},
		    again = {.body = malloc(size + 1)};

	MUST(whole.body != NULL && single.body != NULL && again.body != NULL);
	decode(in, size ? size : 1, &whole);
	decode(in, 1, &single);
	MUST(whole.n == single.n && memcmp(whole.body, single.body, whole.n) == 0);
	MUST(whole.why == single.why && whole.done == single.done);
	MUST(!whole.done ||
	     (whole.used == single.used && whole.trailers == single.trailers));
	if (whole.done)
		decodes_to_itself(&whole, &again);
	free(whole.body);
	free(single.body);
	free(again.body);
	return 0;
}
