/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/h1_write.h"
#include "proxy/wire/chars.h"

static void
h1_write_checked(struct h1_out *o, struct span s, bool ok)
{
	if (!ok)
		o->bad = true;
	h1_out_put(o, s);
}

void
h1_write_request_line(struct h1_out *o, struct span method, struct span path,
		      bool has_query, struct span query)
{
	bool rooted = path.n > 0 && (path.p[0] == '/' || span_eq(path, SPAN_LIT("*")));

	h1_write_checked(o, method, chars_all(method, CHARS_TOKEN));
	h1_out_put(o, SPAN_LIT(" "));
	h1_write_checked(
	    o, path, rooted && chars_all(path, CHARS_TARGET) && span_chr(path, '?') < 0);
	if (has_query) {
		h1_out_put(o, SPAN_LIT("?"));
		h1_write_checked(o, query,
				 query.n == 0 || chars_all(query, CHARS_TARGET));
	}
	h1_out_put(o, SPAN_LIT(" HTTP/1.1\r\n"));
}

void
h1_write_status_line(struct h1_out *o, unsigned status)
{
	if (status < 100 || status > 599)
		o->bad = true;
	h1_out_put(o, SPAN_LIT("HTTP/1.1 "));
	h1_out_uint(o, status);
	h1_out_put(o, SPAN_LIT(" "));
	h1_out_put(o, h1_write_status_text(status));
	h1_out_put(o, SPAN_LIT("\r\n"));
}

static void
h1_write_line(struct h1_out *o, struct span name, bool name_ok, struct span value)
{
	h1_write_checked(o, name, name_ok);
	h1_out_put(o, SPAN_LIT(": "));
	h1_write_checked(o, value, chars_value(value));
	h1_out_put(o, SPAN_LIT("\r\n"));
}

void
h1_write_field(struct h1_out *o, struct span name, struct span value)
{
	h1_write_line(o, name, chars_all(name, CHARS_TOKEN), value);
}

void
h1_write_field_uint(struct h1_out *o, struct span name, uint64_t value)
{
	h1_write_checked(o, name, chars_all(name, CHARS_TOKEN));
	h1_out_put(o, SPAN_LIT(": "));
	h1_out_uint(o, value);
	h1_out_put(o, SPAN_LIT("\r\n"));
}

void
h1_write_copy(struct h1_out *o, const struct fields *f, const struct fields_hop *hop,
	      h1_write_keep *keep, void *ctx)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct field *x = &f->at[i];

		if (x->id == FIELD_HOST || (fields_flags(x->id) & FIELD_IS_FRAMING) ||
		    fields_drop_hop(hop, x))
			continue;
		if (x->id == FIELD_OTHER && fields_reserved(x->name) == FIELDS_OURS)
			continue;
		/* A known name is one in the table but for case: no need to look at it
		 * again. */
		if (keep == NULL || keep(ctx, x))
			h1_write_line(o, x->name,
				      x->id != FIELD_OTHER ||
					  chars_all(x->name, CHARS_TOKEN),
				      x->value);
	}
}

void
h1_write_framing(struct h1_out *o, enum h1_framing framing, uint64_t length)
{
	if (framing == H1_LENGTH)
		h1_write_field_uint(o, SPAN_LIT("Content-Length"), length);
	else if (framing == H1_CHUNKED)
		h1_out_put(o, SPAN_LIT("Transfer-Encoding: chunked\r\n"));
}

void
h1_write_connection(struct h1_out *o, enum h1_write_connection c)
{
	if (c == H1_WRITE_CLOSE)
		h1_out_put(o, SPAN_LIT("Connection: close\r\n"));
	else if (c == H1_WRITE_WEBSOCKET)
		h1_out_put(o, SPAN_LIT("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
}

void
h1_write_end(struct h1_out *o)
{
	h1_out_put(o, SPAN_LIT("\r\n"));
}

struct span
h1_write_status_text(unsigned status)
{
	switch (status) {
#define STATUS(code, text) \
	case code:         \
		return SPAN_LIT(text);
#include "proxy/wire/status.def"
#undef STATUS
	default:
		return span_of(NULL, 0);
	}
}
