/* SPDX-License-Identifier: Apache-2.0 */
/* http-parser, from Debian's libhttp-parser-dev, in its strict mode. */
#include "tests/oracle/h1_seen.h"

#include <http_parser.h>
#include <stdio.h>
#include <string.h>

struct seen_http_parser {
	struct h1_seen *s;
	const struct h1_stream *in;
	bool in_body;
};

static struct seen_http_parser *
seen(http_parser *p)
{
	return p->data;
}

static int
seen_on_begin(http_parser *p)
{
	seen(p)->in_body = false;
	return 0;
}

static int
seen_on_url(http_parser *p, const char *at, size_t n)
{
	struct h1_seen *s = seen(p)->s;

	if (!s->head_open) {
		const char *name = http_method_str((enum http_method)p->method);

		h1_seen_first(s, name, strlen(name));
		h1_seen_first(s, " ", 1);
	}
	h1_seen_first(s, at, n);
	return 0;
}

static void
seen_status_line(http_parser *p)
{
	char code[16];
	int n;

	if (!seen(p)->in->responses || seen(p)->s->head_open)
		return;
	n = snprintf(code, sizeof(code), "%u", (unsigned)p->status_code);
	h1_seen_first(seen(p)->s, code, (size_t)n);
}

static int
seen_on_field(http_parser *p, const char *at, size_t n)
{
	if (seen(p)->in_body)
		return 0;
	seen_status_line(p);
	h1_seen_name(seen(p)->s, at, n);
	return 0;
}

static int
seen_on_value(http_parser *p, const char *at, size_t n)
{
	if (!seen(p)->in_body)
		h1_seen_value(seen(p)->s, at, n);
	return 0;
}

static int
seen_on_head(http_parser *p)
{
	seen_status_line(p);
	h1_seen_head(seen(p)->s);
	seen(p)->in_body = true;
	return seen(p)->in->responses && seen(p)->in->to_head && p->status_code >= 200;
}

static int
seen_on_body(http_parser *p, const char *at, size_t n)
{
	h1_seen_body(seen(p)->s, at, n);
	return 0;
}

static int
seen_on_end(http_parser *p)
{
	h1_seen_end(seen(p)->s);
	return 0;
}

void
h1_seen_http_parser(struct h1_seen *s, const struct h1_stream *in)
{
	struct seen_http_parser me = {s, in, false};
	http_parser_settings settings;
	http_parser parser;
	size_t done = 0, n;

	h1_seen_begin(s);
	http_parser_settings_init(&settings);
	settings.on_message_begin = seen_on_begin;
	settings.on_url = seen_on_url;
	settings.on_header_field = seen_on_field;
	settings.on_header_value = seen_on_value;
	settings.on_headers_complete = seen_on_head;
	settings.on_body = seen_on_body;
	settings.on_message_complete = seen_on_end;
	http_parser_init(&parser, in->responses ? HTTP_RESPONSE : HTTP_REQUEST);
	parser.data = &me;
	/* It stops after an upgrade and goes on with HTTP when called again. */
	do {
		n = http_parser_execute(&parser, &settings, (const char *)in->p + done,
					in->n - done);
		done += n;
	} while (HTTP_PARSER_ERRNO(&parser) == HPE_OK && parser.upgrade && n > 0 &&
		 done < in->n);
	s->failed = HTTP_PARSER_ERRNO(&parser) != HPE_OK;
	if (s->failed)
		snprintf(s->why, sizeof(s->why), "%s",
			 http_errno_name(HTTP_PARSER_ERRNO(&parser)));
}
