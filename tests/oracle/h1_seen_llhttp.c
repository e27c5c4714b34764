/* SPDX-License-Identifier: Apache-2.0 */
/* llhttp, from Debian's node-llhttp, in its strict mode. */
#include "tests/oracle/h1_seen.h"

#include <llhttp.h>
#include <stdio.h>
#include <string.h>

struct seen_llhttp {
	struct h1_seen *s;
	const struct h1_stream *in;
	bool in_body; /* fields behind the body are trailers: not compared */
};

static struct seen_llhttp *
seen(llhttp_t *p)
{
	return p->data;
}

static int
seen_on_begin(llhttp_t *p)
{
	seen(p)->in_body = false;
	return 0;
}

/* The method's text is known as a number only, and before the target's first byte. */
static int
seen_on_url(llhttp_t *p, const char *at, size_t n)
{
	struct h1_seen *s = seen(p)->s;

	if (!s->head_open) {
		const char *name =
		    llhttp_method_name((llhttp_method_t)llhttp_get_method(p));

		h1_seen_first(s, name, strlen(name));
		h1_seen_first(s, " ", 1);
	}
	h1_seen_first(s, at, n);
	return 0;
}

/* Only responses: requests have no status, and it comes before the first field. */
static void
seen_status_line(llhttp_t *p)
{
	char code[16];
	int n;

	if (!seen(p)->in->responses || seen(p)->s->head_open)
		return;
	n = snprintf(code, sizeof(code), "%d", llhttp_get_status_code(p));
	h1_seen_first(seen(p)->s, code, (size_t)n);
}

static int
seen_on_field(llhttp_t *p, const char *at, size_t n)
{
	if (seen(p)->in_body)
		return 0;
	seen_status_line(p);
	h1_seen_name(seen(p)->s, at, n);
	return 0;
}

static int
seen_on_value(llhttp_t *p, const char *at, size_t n)
{
	if (!seen(p)->in_body)
		h1_seen_value(seen(p)->s, at, n);
	return 0;
}

static int
seen_on_head(llhttp_t *p)
{
	seen_status_line(p);
	h1_seen_head(seen(p)->s);
	seen(p)->in_body = true;
	return seen(p)->in->responses && seen(p)->in->to_head &&
	       llhttp_get_status_code(p) >= 200;
}

static int
seen_on_body(llhttp_t *p, const char *at, size_t n)
{
	h1_seen_body(seen(p)->s, at, n);
	return 0;
}

static int
seen_on_end(llhttp_t *p)
{
	h1_seen_end(seen(p)->s);
	return 0;
}

void
h1_seen_llhttp(struct h1_seen *s, const struct h1_stream *in)
{
	struct seen_llhttp me = {s, in, false};
	const char *p = (const char *)in->p, *end = p + in->n;
	llhttp_settings_t settings;
	llhttp_errno_t r;
	llhttp_t parser;

	h1_seen_begin(s);
	llhttp_settings_init(&settings);
	settings.on_message_begin = seen_on_begin;
	settings.on_url = seen_on_url;
	settings.on_header_field = seen_on_field;
	settings.on_header_value = seen_on_value;
	settings.on_headers_complete = seen_on_head;
	settings.on_body = seen_on_body;
	settings.on_message_complete = seen_on_end;
	llhttp_init(&parser, in->responses ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
	parser.data = &me;
	r = llhttp_execute(&parser, p, (size_t)(end - p));
	while (r == HPE_PAUSED_UPGRADE) {
		p = llhttp_get_error_pos(&parser);
		llhttp_resume_after_upgrade(&parser);
		r = llhttp_execute(&parser, p, (size_t)(end - p));
	}
	s->failed = r != HPE_OK;
	if (s->failed)
		snprintf(s->why, sizeof(s->why), "%s", llhttp_errno_name(r));
}
