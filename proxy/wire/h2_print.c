/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/h2_print.h"

#include <stdio.h>

#include "proxy/base/cursor.h"
#include "proxy/wire/h2_block.h"

enum { H2_PRINT_ENTRY = 6, H2_PRINT_PRIORITIES = 99 };

/* 0x?a?a, as Chromium draws the numbers of settings that mean nothing. */
static bool
h2_print_is_greased(uint16_t id)
{
	return (id & 0x0f0f) == 0x0a0a;
}

static void
h2_print_settings(struct h2_print *p, const struct h2_walk *w)
{
	struct cursor c = cur_init(span_of(w->peek, w->peeked));

	while (cur_left(&c) >= H2_PRINT_ENTRY && p->n_settings < H2_PRINT_SETTINGS) {
		uint16_t id = cur_u16(&c);
		uint32_t value = cur_u32(&c);

		if (!h2_print_is_greased(id))
			p->settings[p->n_settings++] = (struct h2_print_setting){id, value};
	}
	p->settled = true;
}

void
h2_print_frame(struct h2_print *p, const struct h2_walk *w)
{
	struct cursor c = cur_init(span_of(w->peek, w->peeked));

	if (p->done)
		return;
	if (w->type == H2_SETTINGS && (w->flags & 1) == 0 && !p->settled)
		h2_print_settings(p, w);
	else if (w->type == H2_WINDOW_UPDATE && w->stream == 0 && w->length == 4 &&
		 p->window == 0)
		p->window = cur_u32(&c) & 0x7fffffff;
	else if (w->type == H2_PRIORITY && p->priorities < H2_PRINT_PRIORITIES)
		p->priorities++;
}

static bool
h2_print_is_connect(struct span block)
{
	struct span name, value;

	while (h2_block_next(&block, &name, &value) && name.n > 1 && name.p[0] == ':')
		if (span_eq(name, SPAN_LIT(":method")))
			return span_eq(value, SPAN_LIT("CONNECT"));
	return false;
}

void
h2_print_request(struct h2_print *p, struct span block)
{
	struct span name, value;

	if (p->done || h2_print_is_connect(block))
		return;
	p->done = true;
	while (p->n_order < H2_PRINT_ORDER && h2_block_next(&block, &name, &value) &&
	       name.n > 1 && name.p[0] == ':') {
		uint8_t c = name.p[1];

		p->order[p->n_order++] = c >= 'a' && c <= 'z' ? (char)c : '?';
	}
}

size_t
h2_print_text(const struct h2_print *p, char out[H2_PRINT_TEXT])
{
	size_t n = 0;

	out[0] = '\0';
	if (!p->done)
		return 0;
	for (unsigned i = 0; i < p->n_settings; i++)
		n += (size_t)snprintf(out + n, H2_PRINT_TEXT - n, "%s%u:%u", i > 0 ? ";" : "",
		    p->settings[i].id, p->settings[i].value);
	n += (size_t)snprintf(out + n, H2_PRINT_TEXT - n, "|%u|%u|", p->window,
	    p->priorities);
	for (unsigned i = 0; i < p->n_order; i++)
		n += (size_t)snprintf(out + n, H2_PRINT_TEXT - n, "%s%c", i > 0 ? "," : "",
		    p->order[i]);
	return n;
}
