/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message's body as a connection hands it on: looked at, sent as far as there is room,
 * then eaten by what was sent. However the bytes arrive and however much room there is,
 * the same bytes come out, and the body ends at the same place.
 *
 * Input: framing, length, seed of the cuts; then the stream.
 */
#include <stdlib.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/http/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAM_MAX = 4096, LEAD = 4 };

struct outcome {
	int err;
	enum reason why;
	size_t used;
	size_t n;
	size_t trailers;
	uint8_t out[STREAM_MAX];
};

static uint32_t
next(uint32_t *seed)
{
	return *seed = *seed * 1103515245u + 12345u;
}

/* As connh1_eat: the first n bytes of data go, with the framing before them. */
static void
eat(struct body *b, struct span in, size_t n, size_t *used)
{
	struct body look = *b;
	enum reason why;
	struct span d;

	MUST(body_next(&look, in, used, &d, &why) == 0 && d.n > 0 && n <= d.n);
	MUST(body_next(b, span_of(in.p, (size_t)(d.p - in.p) + n), used, &d, &why) == 0);
	MUST(d.n == n);
}

/* What stands in a copy of exact size, so that a look too far is seen. */
static int
step(struct body *b, struct span in, uint32_t *seed, struct outcome *o)
{
	uint8_t *copy = malloc(in.n + 1);
	struct body look = *b;
	size_t used = 0;
	struct span d;
	int err;

	MUST(copy != NULL);
	if (in.n > 0)
		memcpy(copy, in.p, in.n);
	err = body_next(&look, span_of(copy, in.n), &used, &d, &o->why);
	if (err == 0 && d.n > 0) {
		size_t n = seed == NULL ? d.n : 1 + (next(seed) >> 16) % d.n;

		MUST(o->n + n <= sizeof(o->out));
		memcpy(o->out + o->n, d.p, n);
		o->n += n;
		eat(b, span_of(copy, in.n), n, &used);
	} else if (err == 0 || err == WF_MORE) {
		*b = look;
		b->trailers.at = b->trailer_at;
	}
	o->used += used;
	free(copy);
	return err;
}

static void
walk(struct span in, enum h1_framing framing, uint64_t length, uint32_t *seed,
    struct outcome *o)
{
	size_t arrived = seed == NULL ? in.n : 0;
	static uint8_t block[65536];
	struct arena a;
	struct body b;

	arena_init(&a, block, sizeof(block));
	body_init(&b, framing, length, &a);
	for (;;) {
		size_t before = o->used;

		o->err = step(&b, span_of(in.p + o->used, arrived - o->used), seed, o);
		if ((o->err != 0 && o->err != WF_MORE) || b.done)
			break;
		if (o->err == WF_MORE && arrived == in.n && o->used == before)
			break;
		if (o->err == WF_MORE && arrived < in.n)
			arrived += 1 + (next(seed) >> 16) % (in.n - arrived);
	}
	if (!b.done && o->err == WF_MORE)
		o->err = body_eof(&b);
	o->trailers = b.trailers.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, cut;
	uint32_t seed;

	if (size < LEAD || size - LEAD > STREAM_MAX)
		return 0;
	memset(&whole, 0, sizeof(whole));
	memset(&cut, 0, sizeof(cut));
	seed = data[2] | (uint32_t)data[3] << 8;
	walk(span_of(data + LEAD, size - LEAD), (enum h1_framing)(data[0] % 4), data[1], NULL,
	    &whole);
	walk(span_of(data + LEAD, size - LEAD), (enum h1_framing)(data[0] % 4), data[1], &seed,
	    &cut);
	MUST(whole.err == cut.err && whole.n == cut.n && whole.trailers == cut.trailers);
	MUST(whole.err != 0 || whole.used == cut.used);
	MUST(memcmp(whole.out, cut.out, whole.n) == 0);
	return 0;
}
