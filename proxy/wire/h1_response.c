/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backend is not an attacker, but it repeats what attackers feed it: a CR LF in a
 * reflected value, a length computed from it. Whoever could make us and the browser see
 * different ends of a response could plant the next one, so responses are read by the
 * same rules as requests; only the cases where backends in use are sloppy without being
 * ambiguous are let through (docs/decisions/002-http1-policy-cases.md).
 */
#include "proxy/wire/h1.h"
#include "proxy/wire/chars.h"
#include "proxy/wire/h1_frame.h"

/* HTTP/1.x SP 3DIGIT [SP text]. */
static int
h1_response_line(struct span line, struct h1_response *out, enum reason *why)
{
	struct span code;

	if (line.n < 12 || line.p[8] != ' ' ||
	    h1_frame_version(span_of(line.p, 8), &out->minor, why) != 0)
		return reason_refuse(why, REASON_STATUS_LINE);
	code = span_of(line.p + 9, 3);
	if (!chars_all(code, CHARS_DIGIT) || code.p[0] < '1' || code.p[0] > '5')
		return reason_refuse(why, REASON_STATUS_LINE);
	if (line.n > 12 && line.p[12] != ' ')
		return reason_refuse(why, REASON_STATUS_LINE);
	out->text = span_tail(line, 13);
	if (!chars_value(out->text))
		return reason_refuse(why, REASON_STATUS_LINE);
	out->status = (uint16_t)((code.p[0] - '0') * 100 + (code.p[1] - '0') * 10 +
				 (code.p[2] - '0'));
	return 0;
}

/* 101 ends HTTP on this connection; of the other 1xx two are known to be harmless. */
static int
h1_response_interim(struct h1_response *out, const struct h1_index *x,
		    struct h1_asked asked, enum reason *why)
{
	bool listed;

	if (out->minor == 0)
		return reason_refuse(why, REASON_STATUS_UNEXPECTED);
	if (out->framing != H1_NONE)
		return reason_refuse(why, REASON_BODY_UNEXPECTED);
	if (out->status == 101) {
		if (!asked.upgrade || !h1_frame_websocket(x, &out->hop, &listed))
			return reason_refuse(why, REASON_STATUS_UNEXPECTED);
		out->upgraded = true;
		out->keep_alive = false;
		return 0;
	}
	if (out->status != 100 && out->status != 103)
		return reason_refuse(why, REASON_STATUS_UNEXPECTED);
	out->interim = true;
	return 0;
}

/* RFC 9112 6.3, in its order. HEAD and 304 describe a body that does not follow. */
static int
h1_response_body(struct h1_response *out, struct h1_asked asked, enum reason *why)
{
	if (asked.method == METHOD_HEAD || out->status == 304) {
		out->framing = H1_NONE;
	} else if (out->status == 204) {
		if (out->framing == H1_CHUNKED || out->length > 0)
			return reason_refuse(why, REASON_BODY_UNEXPECTED);
		out->framing = H1_NONE;
	} else if (out->framing == H1_NONE) {
		out->framing = H1_CLOSE;
		out->keep_alive = false;
	}
	if (out->framing != H1_LENGTH)
		out->length = 0;
	return 0;
}

static int
h1_response_meaning(struct h1_response *out, struct h1_asked asked, enum reason *why)
{
	struct h1_index x;
	int r;

	if ((r = h1_frame_index(&out->fields, FIELD_IS_FRAMING, &x, why)) != 0 ||
	    (r = h1_frame_body(&x, out->minor, &out->framing, &out->length, why)) != 0 ||
	    (r = h1_frame_connection(&out->fields, &x, out->minor, &out->hop,
				     &out->keep_alive, why)) != 0)
		return r;
	out->has_length = out->framing == H1_LENGTH;
	out->stated = out->length;
	if (out->status < 200)
		return h1_response_interim(out, &x, asked, why);
	return h1_response_body(out, asked, why);
}

static int
h1_response_read(struct span in, struct h1_response *out, const struct h1_limits *limits,
		 struct h1_asked asked, enum reason *why)
{
	struct h1_scan *scan = &out->scan;
	bool again = scan->first_ok;
	struct span line, block;
	int r;

	if ((r = h1_frame_first(in, scan, limits, &line, why)) != 0)
		return r;
	if (!again && (r = h1_response_line(line, out, why)) != 0)
		return r;
	scan->first_ok = true;
	if ((r = h1_frame_rest(in, scan, limits, &block, why)) != 0)
		return r;
	if (again && (r = h1_response_line(line, out, why)) != 0)
		return r;
	if ((r = lines_fields(block, &out->fields, REASON_FIELDS_MANY, why)) != 0)
		return r;
	return h1_response_meaning(out, asked, why);
}

int
h1_response_parse(struct span in, struct h1_response *out, struct fields array,
		  const struct h1_limits *limits, struct h1_asked asked, size_t *used,
		  enum reason *why)
{
	int r;

	*out = (struct h1_response){.scan = out->scan,
				    .fields = fields_over(array.at, array.cap)};
	*used = 0;
	*why = REASON_NONE;
	r = h1_response_read(in, out, limits, asked, why);
	if (r == WF_MORE)
		*out = (struct h1_response){.scan = out->scan};
	if (r == 0)
		*used = out->scan.lines.start;
	return r;
}
