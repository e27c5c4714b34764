/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/http/body.h"

void
body_init(struct body *b, enum h1_framing framing, uint64_t length, struct arena *arena)
{
	memset(b, 0, sizeof(*b));
	b->framing = framing;
	b->left = framing == H1_LENGTH ? length : 0;
	b->arena = arena;
	b->done = framing == H1_NONE || (framing == H1_LENGTH && length == 0);
	b->trailers = fields_over(b->trailer_at, BODY_TRAILERS);
}

/* The bytes fed will not stay; the trailers are read again when the body's end is sent. */
static void
body_keep_trailers(struct body *b)
{
	for (size_t i = 0; i < b->trailers.n; i++) {
		struct field *f = &b->trailers.at[i];

		f->name = arena_dup(b->arena, f->name);
		f->value = arena_dup(b->arena, f->value);
	}
	if (b->arena->overflow)
		b->trailers.n = 0;
}

static int
body_next_chunk(struct body *b, struct span in, size_t *used, struct span *data,
    enum reason *why)
{
	int err = chunk_next(&b->chunk, in, b->arena != NULL ? &b->trailers : NULL, used,
	    data);

	if (err < 0)
		*why = b->chunk.why;
	if (err == 0 && data->n == 0) {
		b->done = true;
		if (b->trailers.n > 0)
			body_keep_trailers(b);
	}
	return err;
}

int
body_next(struct body *b, struct span in, size_t *used, struct span *data,
    enum reason *why)
{
	int err = 0;

	*used = 0;
	*data = span_of(NULL, 0);
	if (b->done)
		return 0;
	if (b->framing == H1_CHUNKED) {
		err = body_next_chunk(b, in, used, data, why);
	} else {
		if (in.n == 0)
			return WF_MORE;
		*data = in;
		if (b->framing == H1_LENGTH && data->n > b->left)
			data->n = (size_t)b->left;
		*used = data->n;
		if (b->framing == H1_LENGTH) {
			b->left -= data->n;
			/* `done` with the last bytes: nobody need ask again for the end. */
			b->done = b->left == 0;
		}
	}
	b->seen += data->n;
	return err;
}

int
body_eof(struct body *b)
{
	if (b->framing == H1_CLOSE)
		b->done = true;
	return b->done ? 0 : WF_ETRUNCATED;
}
