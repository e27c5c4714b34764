/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/h2_block.h"

bool
h2_block_put(struct h1_out *o, struct span name, struct span value)
{
	uint8_t lens[H2_BLOCK_FIELD];

	if (name.n > H2_BLOCK_TEXT || value.n > H2_BLOCK_TEXT ||
	    o->cap - o->n < sizeof(lens) + name.n + value.n) {
		o->overflow = true;
		return false;
	}
	lens[0] = (uint8_t)(name.n >> 8);
	lens[1] = (uint8_t)name.n;
	lens[2] = (uint8_t)(value.n >> 8);
	lens[3] = (uint8_t)value.n;
	h1_out_put(o, span_of(lens, sizeof(lens)));
	h1_out_put(o, name);
	h1_out_put(o, value);
	return h1_out_ok(o);
}

bool
h2_block_next(struct span *block, struct span *name, struct span *value)
{
	size_t n, v;

	if (block->n < H2_BLOCK_FIELD)
		return false;
	n = (size_t)block->p[0] << 8 | block->p[1];
	v = (size_t)block->p[2] << 8 | block->p[3];
	if (block->n - H2_BLOCK_FIELD < n + v)
		return false;
	*name = span_of(block->p + H2_BLOCK_FIELD, n);
	*value = span_of(block->p + H2_BLOCK_FIELD + n, v);
	*block = span_tail(*block, H2_BLOCK_FIELD + n + v);
	return true;
}
