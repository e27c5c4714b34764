/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/h2_walk.h"

void
h2_walk_init(struct h2_walk *w)
{
	*w = (struct h2_walk){.preface = H2_WALK_PREFACE};
}

static void
h2_walk_begin(struct h2_walk *w)
{
	const uint8_t *h = w->header;

	w->begun = true;
	w->length = w->left = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
	w->type = h[3];
	w->flags = h[4];
	w->stream = ((uint32_t)h[5] & 0x7f) << 24 | (uint32_t)h[6] << 16 |
		    (uint32_t)h[7] << 8 | h[8];
	w->peeked = 0;
}

static void
h2_walk_peek(struct h2_walk *w, struct span payload)
{
	size_t n = H2_WALK_PEEK - w->peeked;

	n = payload.n < n ? payload.n : n;
	if (n > 0)
		memcpy(w->peek + w->peeked, payload.p, n);
	w->peeked += n;
}

size_t
h2_walk_next(struct h2_walk *w, struct span in)
{
	size_t n = 0, k;

	w->begun = false;
	if (w->preface > 0) {
		n = in.n < w->preface ? in.n : w->preface;
		w->preface -= (uint32_t)n;
		return n;
	}
	if (h2_walk_whole(w))
		w->have = 0;
	while (n < in.n && w->have < H2_WALK_HEADER) {
		w->header[w->have++] = in.p[n++];
		if (w->have == H2_WALK_HEADER)
			h2_walk_begin(w);
	}
	if (w->have < H2_WALK_HEADER)
		return n;
	k = in.n - n < w->left ? in.n - n : w->left;
	h2_walk_peek(w, span_of(in.p + n, k));
	w->left -= (uint32_t)k;
	return n + k;
}
