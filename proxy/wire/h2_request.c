/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the work: each field by itself as it comes (name, value, pseudo or not),
 * then the pseudo-header fields as a whole, then what the fields mean, by the same
 * functions as for HTTP/1.1.
 */
#include "proxy/wire/h2_request.h"
#include "proxy/wire/chars.h"
#include "proxy/wire/chunk.h"
#include "proxy/wire/h1_frame.h"

/* ---- single fields ---- */

enum h2_pseudo { H2_METHOD, H2_SCHEME, H2_AUTHORITY, H2_PATH, H2_PROTOCOL, H2_PSEUDOS };

static const struct span h2_pseudo_names[H2_PSEUDOS] = {
    [H2_METHOD] = {(const uint8_t *)":method", 7},
    [H2_SCHEME] = {(const uint8_t *)":scheme", 7},
    [H2_AUTHORITY] = {(const uint8_t *)":authority", 10},
    [H2_PATH] = {(const uint8_t *)":path", 5},
    [H2_PROTOCOL] = {(const uint8_t *)":protocol", 9},
};

struct h2_head {
	struct span pseudo[H2_PSEUDOS];
	bool has[H2_PSEUDOS];
	bool ended;
	size_t crumbs, crumb_bytes;
	size_t cookie; /* where the joined one stands among the fields */
};

static int
h2_request_pseudo(struct h2_head *h, struct span name, struct span value, bool late,
    enum reason *why)
{
	for (size_t i = 0; i < H2_PSEUDOS; i++) {
		if (!span_eq(name, h2_pseudo_names[i]))
			continue;
		if (late || h->has[i])
			break;
		h->has[i] = true;
		h->pseudo[i] = value;
		return 0;
	}
	return reason_refuse(why, REASON_H2_PSEUDO);
}

static int
h2_request_name(struct span name, enum reason *why)
{
	if (!chars_all(name, CHARS_TOKEN))
		return reason_refuse(why, REASON_FIELD_NAME);
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return reason_refuse(why, REASON_FIELD_CASE);
	return 0;
}

/* RFC 9113 8.2.1: no control bytes, no blanks at the ends. */
static int
h2_request_value(struct span value, enum reason *why)
{
	if (!chars_value(value) || chars_trim(value).n != value.n)
		return reason_refuse(why, REASON_FIELD_VALUE);
	return 0;
}

/* RFC 9113 8.2.2, and http-parser's reading of names that begin like the first. */
static int
h2_request_connection(const struct field *x, enum reason *why)
{
	switch (x->id) {
	case FIELD_CONNECTION:
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION:
	case FIELD_TRANSFER_ENCODING:
	case FIELD_UPGRADE:
	case FIELD_HTTP2_SETTINGS:
		return reason_refuse(why, REASON_CONNECTION_FIELD);
	case FIELD_TE:
		return span_ieq(x->value, SPAN_LIT("trailers"))
			   ? 0
			   : reason_refuse(why, REASON_CONNECTION_FIELD);
	case FIELD_OTHER:
		return span_istarts(x->name, SPAN_LIT("transfer-encoding"))
			   ? reason_refuse(why, REASON_FIELD_ALIAS)
			   : 0;
	default:
		return 0;
	}
}

static int
h2_request_field(struct h2_head *h, struct h1_request *out, struct span name,
    struct span value, enum reason *why)
{
	bool crumb = span_eq(name, SPAN_LIT("cookie"));

	if (crumb) {
		h->crumb_bytes += value.n + 2;
		if (h->crumbs++ > 0)
			return h->crumbs > H2_CRUMBS_MAX
				   ? reason_refuse(why, REASON_CRUMBS_MANY)
				   : 0;
		h->cookie = out->fields.n;
	}
	if (fields_add(&out->fields, name, value) != 0)
		return reason_refuse(why, REASON_FIELDS_MANY);
	return h2_request_connection(&out->fields.at[out->fields.n - 1], why);
}

static int
h2_request_fields(struct span block, struct h2_head *h, struct h1_request *out,
    enum reason *why)
{
	struct span name, value;
	bool late = false;
	int r;

	while (h2_block_next(&block, &name, &value)) {
		if ((r = h2_request_value(value, why)) != 0)
			return r;
		if (name.n > 0 && name.p[0] == ':') {
			r = h2_request_pseudo(h, name, value, late, why);
		} else {
			late = true;
			r = h2_request_name(name, why);
			if (r == 0)
				r = h2_request_field(h, out, name, value, why);
		}
		if (r != 0)
			return r;
	}
	return 0;
}

/* ---- the head as a whole ---- */

static int
h2_request_method(const struct h2_head *h, struct h1_request *out,
    const struct h2_limits *limits, enum reason *why)
{
	struct span m = h->pseudo[H2_METHOD];
	bool connect = span_eq(m, SPAN_LIT("CONNECT"));

	if (!h->has[H2_METHOD] || (h->has[H2_PROTOCOL] && !connect))
		return reason_refuse(why, REASON_H2_PSEUDO);
	out->method_text = m;
	if (!connect)
		return method_parse(m, limits->methods, limits->n_methods, &out->method, why);
	if (!h->has[H2_PROTOCOL])
		return reason_refuse(why, REASON_H2_CONNECT);
	if (!span_eq(h->pseudo[H2_PROTOCOL], SPAN_LIT("websocket")))
		return reason_refuse(why, REASON_H2_PROTOCOL);
	out->method = METHOD_GET;
	out->method_text = SPAN_LIT("GET");
	out->upgrade = true;
	return 0;
}

static int
h2_request_path(const struct h2_head *h, struct h1_request *out,
    const struct h2_limits *limits, enum reason *why)
{
	struct span t = h->pseudo[H2_PATH];
	ptrdiff_t mark;

	if (!h->has[H2_PATH] || t.n == 0 || !h->has[H2_SCHEME] ||
	    !span_eq(h->pseudo[H2_SCHEME], SPAN_LIT("https")))
		return reason_refuse(why, REASON_H2_PSEUDO);
	if (t.n > limits->uri)
		return reason_refuse(why, REASON_TARGET_LONG);
	if (!chars_all(t, CHARS_TARGET))
		return reason_refuse(why, REASON_TARGET_SYNTAX);
	if (t.p[0] != '/' && !(span_eq(t, SPAN_LIT("*")) && out->method == METHOD_OPTIONS))
		return reason_refuse(why, REASON_TARGET_FORM);
	out->target = t;
	mark = span_chr(t, '?');
	out->path = mark < 0 ? t : span_of(t.p, (size_t)mark);
	out->has_query = mark >= 0;
	if (mark >= 0)
		out->query = span_tail(t, (size_t)mark + 1);
	return 0;
}

/* The host stands in :authority, in Host, or alike in both; behind us it is a Host field. */
static int
h2_request_host(const struct h2_head *h, struct h1_request *out, enum reason *why)
{
	const struct field *host = fields_find(&out->fields, FIELD_HOST, 0);
	struct span a = h->pseudo[H2_AUTHORITY];

	if (!h->has[H2_AUTHORITY] && host == NULL)
		return reason_refuse(why, REASON_HOST_MISSING);
	if (host != NULL && h->has[H2_AUTHORITY] && !span_ieq(host->value, a))
		return reason_refuse(why, REASON_TARGET_HOST);
	if (host != NULL)
		a = host->value;
	if (authority_parse(a, &out->authority) != 0)
		return reason_refuse(why, REASON_HOST_SYNTAX);
	if (host == NULL && fields_add(&out->fields, SPAN_LIT("host"), a) != 0)
		return reason_refuse(why, REASON_FIELDS_MANY);
	return 0;
}

static int
h2_request_cookie(const struct h2_head *h, struct span block, struct arena *a,
    struct h1_request *out, enum reason *why)
{
	struct span name, value;
	uint8_t *p;
	size_t n = 0;

	if (h->crumbs < 2)
		return 0;
	p = arena_get(a, h->crumb_bytes);
	if (p == NULL)
		return reason_refuse(why, REASON_HEAD_LARGE);
	while (h2_block_next(&block, &name, &value)) {
		if (!span_eq(name, SPAN_LIT("cookie")))
			continue;
		if (n > 0) {
			p[n++] = ';';
			p[n++] = ' ';
		}
		if (value.n > 0)
			memcpy(p + n, value.p, value.n);
		n += value.n;
	}
	out->fields.at[h->cookie].value = span_of(p, n);
	return 0;
}

/* A handshake says all that the backend's needs, and there is nothing behind it but
 * the tunnel. */
static int
h2_request_upgrade(const struct h2_head *h, const struct h1_request *out, enum reason *why)
{
	struct span version;

	if (!out->upgrade)
		return 0;
	if (h->ended || out->framing != H1_NONE || !h->has[H2_AUTHORITY] ||
	    fields_one(&out->fields, FIELD_SEC_WEBSOCKET_VERSION, &version) != 0 ||
	    !span_eq(version, SPAN_LIT("13")))
		return reason_refuse(why, REASON_UPGRADE_SYNTAX);
	return 0;
}

/* Of methods that bring something a backend wants to read how much, also if it is
 * nothing (RFC 9110 8.6). */
static int
h2_request_body(const struct h2_head *h, const struct h1_index *x, struct h1_request *out,
    enum reason *why)
{
	int r = h1_frame_body(x, out->minor, &out->framing, &out->length, why);

	if (r != 0 || out->upgrade)
		return r;
	if (h->ended && out->length > 0)
		return reason_refuse(why, REASON_BODY_LENGTH);
	if (!h->ended && out->framing == H1_NONE)
		out->framing = H1_CHUNKED;
	if (h->ended && out->framing == H1_NONE &&
	    (out->method == METHOD_POST || out->method == METHOD_PUT ||
		out->method == METHOD_PATCH))
		out->framing = H1_LENGTH;
	return 0;
}

static int
h2_request_meaning(const struct h2_head *h, struct h1_request *out,
    const struct h2_limits *limits, enum reason *why)
{
	struct h1_index x;
	int r;

	if ((r = h1_frame_index(&out->fields, FIELD_IS_ONCE, &x, why)) != 0 ||
	    (r = h1_frame_aliases(&out->fields, why)) != 0 ||
	    (r = h2_request_host(h, out, why)) != 0 ||
	    (r = h2_request_body(h, &x, out, why)) != 0 ||
	    (r = h1_frame_expect(&x, out, why)) != 0 ||
	    (r = h2_request_upgrade(h, out, why)) != 0)
		return r;
	return fields_longest(&out->fields) > limits->line
		   ? reason_refuse(why, REASON_HEAD_LARGE)
		   : 0;
}

int
h2_request_parse(struct span block, bool ended, struct arena *a, struct h1_request *out,
    struct fields array, const struct h2_limits *limits, enum reason *why)
{
	struct h2_head h = {.ended = ended};
	int r;

	*out = (struct h1_request){.minor = 1, .keep_alive = true,
	    .fields = fields_over(array.at, array.cap)};
	*why = REASON_NONE;
	if ((r = h2_request_fields(block, &h, out, why)) != 0 ||
	    (r = h2_request_method(&h, out, limits, why)) != 0 ||
	    (r = h2_request_path(&h, out, limits, why)) != 0 ||
	    (r = h2_request_cookie(&h, block, a, out, why)) != 0)
		return r;
	return h2_request_meaning(&h, out, limits, why);
}

int
h2_request_trailers(struct span block, struct fields *out, enum reason *why)
{
	struct span name, value;
	int r;

	*out = fields_over(out->at, out->cap);
	*why = REASON_NONE;
	while (h2_block_next(&block, &name, &value)) {
		if (name.n > 0 && name.p[0] == ':')
			return reason_refuse(why, REASON_H2_PSEUDO);
		if ((r = h2_request_name(name, why)) != 0 ||
		    (r = h2_request_value(value, why)) != 0)
			return r;
		if (fields_add(out, name, value) != 0)
			return reason_refuse(why, REASON_TRAILER_LARGE);
	}
	return chunk_trailers_allowed(out, why);
}

bool
h2_request_malformed(enum reason why)
{
	return reason_info(why)->status == 400;
}
