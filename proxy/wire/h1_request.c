/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A head is read in four steps, each a function: the first line as soon as it is there (a
 * client that speaks something else learns it at once), the search for the end, the
 * fields, and what they mean together. Only the first two run more than once for a head
 * that arrives in pieces, and they go on where they stopped, so a client that sends byte
 * by byte costs one pass like any other.
 *
 * What an attacker wants here is two readings of the same bytes: one by us, who apply the
 * rules, and another by the backend. Nothing read here is forwarded as it came; the head
 * is written anew from this struct. So every refusal below closes a way to make the
 * struct differ from what another program would have read.
 */
#include "proxy/wire/h1.h"
#include "proxy/wire/chars.h"
#include "proxy/wire/h1_frame.h"

const struct h1_limits h1_limits_default = {.line = 8192, .head = 32768};

/* ---- first line ---- */

/* The path and query of a target whose path begins at `from`. */
static void
h1_request_split(struct h1_request *out, struct span from)
{
	ptrdiff_t mark = span_chr(from, '?');

	out->path = mark < 0 ? from : span_of(from.p, (size_t)mark);
	out->has_query = mark >= 0;
	if (mark >= 0)
		out->query = span_tail(from, (size_t)mark + 1);
}

/* http://authority[/path][?query]: the authority must equal Host, which is read later. */
static int
h1_request_absolute(struct h1_request *out, size_t scheme, enum reason *why)
{
	struct span rest = span_tail(out->target, scheme);
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	if (n == 0)
		return reason_refuse(why, REASON_TARGET_FORM);
	out->absolute = true;
	out->target_host = span_of(rest.p, n);
	h1_request_split(out, span_tail(rest, n));
	if (out->path.n == 0)
		out->path = out->method == METHOD_OPTIONS && !out->has_query
				? SPAN_LIT("*")
				: SPAN_LIT("/");
	return 0;
}

static int
h1_request_target(struct h1_request *out, enum reason *why)
{
	struct span t = out->target;

	if (!chars_all(t, CHARS_TARGET))
		return reason_refuse(why, REASON_TARGET_SYNTAX);
	if (t.p[0] == '/') {
		h1_request_split(out, t);
		return 0;
	}
	if (span_istarts(t, SPAN_LIT("http://")))
		return h1_request_absolute(out, 7, why);
	if (span_istarts(t, SPAN_LIT("https://")))
		return h1_request_absolute(out, 8, why);
	if (!span_eq(t, SPAN_LIT("*")) || out->method != METHOD_OPTIONS)
		return reason_refuse(why, REASON_TARGET_FORM);
	out->path = t;
	return 0;
}

static int
h1_request_line(struct span line, struct h1_request *out, const struct h1_limits *limits,
		enum reason *why)
{
	ptrdiff_t a = span_chr(line, ' '), b;
	struct span rest;
	int r;

	if (span_eq(line, SPAN_LIT("PRI * HTTP/2.0")))
		return reason_refuse(why, REASON_HTTP2_PREFACE);
	if (a <= 0)
		return reason_refuse(why, REASON_REQUEST_LINE);
	out->method_text = span_of(line.p, (size_t)a);
	rest = span_tail(line, (size_t)a + 1);
	b = span_chr(rest, ' ');
	if (b == 0 || rest.n == 0)
		return reason_refuse(why, REASON_REQUEST_LINE);
	if (b < 0)
		return reason_refuse(why, REASON_VERSION_SYNTAX);
	out->target = span_of(rest.p, (size_t)b);
	rest = span_tail(rest, (size_t)b + 1);
	if (span_chr(rest, ' ') >= 0)
		return reason_refuse(why, REASON_REQUEST_LINE);
	if ((r = h1_frame_version(rest, &out->minor, why)) != 0)
		return r;
	r = method_parse(out->method_text, limits->methods, limits->n_methods,
			 &out->method, why);
	return r != 0 ? r : h1_request_target(out, why);
}

/* ---- what the fields mean ---- */

static int
h1_request_host(struct h1_request *out, const struct h1_index *x, enum reason *why)
{
	const struct field *host = x->first[FIELD_HOST];

	if (host == NULL)
		return reason_refuse(why, REASON_HOST_MISSING);
	if (authority_parse(host->value, &out->authority) != 0)
		return reason_refuse(why, REASON_HOST_SYNTAX);
	if (out->absolute && !span_ieq(out->target_host, host->value))
		return reason_refuse(why, REASON_TARGET_HOST);
	return 0;
}

/* 16 bytes in base64 are 22 digits, of which the last carries two bits, and "==". */
static bool
h1_request_key_ok(struct span key)
{
	static const char last[] = "AQgw";

	if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++) {
		uint8_t c = span_lower(key.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
		    c != '/')
			return false;
	}
	return memchr(last, key.p[21], sizeof(last) - 1) != NULL;
}

/* A handshake is exact or refused; an Upgrade to anything else is dropped unseen. */
static int
h1_request_upgrade(struct h1_request *out, const struct h1_index *x, enum reason *why)
{
	const struct field *key = x->first[FIELD_SEC_WEBSOCKET_KEY];
	struct span version;
	bool listed, only = h1_frame_websocket(x, &out->hop, &listed);

	if (!listed)
		return 0;
	if (!only || out->method != METHOD_GET || out->minor != 1 ||
	    out->framing == H1_CHUNKED || out->length > 0 || out->hop.close ||
	    key == NULL || !h1_request_key_ok(key->value) ||
	    fields_one(&out->fields, FIELD_SEC_WEBSOCKET_VERSION, &version) != 0 ||
	    !span_eq(version, SPAN_LIT("13")))
		return reason_refuse(why, REASON_UPGRADE_SYNTAX);
	out->upgrade = true;
	return 0;
}

static int
h1_request_meaning(struct h1_request *out, enum reason *why)
{
	struct h1_index x;
	int r;

	if ((r = h1_frame_index(&out->fields, FIELD_IS_ONCE, &x, why)) != 0 ||
	    (r = h1_frame_aliases(&out->fields, why)) != 0 ||
	    (r = h1_request_host(out, &x, why)) != 0 ||
	    (r = h1_frame_body(&x, out->minor, &out->framing, &out->length, why)) != 0 ||
	    (r = h1_frame_connection(&out->fields, &x, out->minor, &out->hop,
				     &out->keep_alive, why)) != 0 ||
	    (r = h1_frame_expect(&x, out, why)) != 0)
		return r;
	return h1_request_upgrade(out, &x, why);
}

/* ---- the head ---- */

/* RFC 9112 2.2 asks servers to pass over an empty line before a request; one it is. */
static void
h1_request_skip_empty(struct span in, struct h1_scan *scan)
{
	if (scan->lines.start == 0 && span_starts(in, SPAN_LIT("\r\n"))) {
		scan->lines = (struct lines){2, 2};
		scan->first = 2;
	}
}

static int
h1_request_read(struct span in, struct h1_request *out, const struct h1_limits *limits,
		enum reason *why)
{
	struct h1_scan *scan = &out->scan;
	bool again = scan->first_ok;
	struct span line, block;
	int r;

	h1_request_skip_empty(in, scan);
	if ((r = h1_frame_first(in, scan, limits, &line, why)) != 0)
		return r;
	if (!again && (r = h1_request_line(line, out, limits, why)) != 0)
		return r;
	scan->first_ok = true;
	if ((r = h1_frame_rest(in, scan, limits, &block, why)) != 0)
		return r;
	/* The bytes may have moved since the first line was read: its spans are made
	 * anew. */
	if (again && (r = h1_request_line(line, out, limits, why)) != 0)
		return r;
	if ((r = lines_fields(block, &out->fields, REASON_FIELDS_MANY, why)) != 0)
		return r;
	return h1_request_meaning(out, why);
}

int
h1_request_parse(struct span in, struct h1_request *out, struct fields array,
		 const struct h1_limits *limits, size_t *used, enum reason *why)
{
	int r;

	*out = (struct h1_request){.scan = out->scan,
				   .fields = fields_over(array.at, array.cap)};
	*used = 0;
	*why = REASON_NONE;
	r = h1_request_read(in, out, limits, why);
	if (r == WF_MORE)
		*out = (struct h1_request){.scan = out->scan};
	if (r == 0)
		*used = out->scan.lines.start;
	return r;
}
