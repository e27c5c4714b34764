/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/h1_frame.h"
#include "proxy/base/text.h"

static const uint64_t h1_frame_length_max = ((uint64_t)1 << 60) - 1;

int
h1_frame_first(struct span in, struct h1_scan *scan, const struct h1_limits *limits,
	       struct span *line, enum reason *why)
{
	size_t max = scan->first + limits->line + 2;
	int r;

	if (scan->fields == 0) {
		r = lines_next(in, &scan->lines, max, REASON_TARGET_LONG, line, why);
		if (r == 0)
			scan->fields = scan->lines.start;
		return r;
	}
	*line = span_of(in.p + scan->first, scan->fields - scan->first - 2);
	return 0;
}

int
h1_frame_rest(struct span in, struct h1_scan *scan, const struct h1_limits *limits,
	      struct span *block, enum reason *why)
{
	int r = lines_end(in, &scan->lines, limits->head, REASON_HEAD_LARGE, why);

	*block = span_of(NULL, 0);
	if (r == 0)
		*block =
		    span_of(in.p + scan->fields, scan->lines.start - 2 - scan->fields);
	return r;
}

static enum reason
h1_frame_repeated(enum field_id id)
{
	switch (id) {
	case FIELD_HOST:
		return REASON_HOST_REPEATED;
	case FIELD_CONTENT_LENGTH:
		return REASON_LENGTH_REPEATED;
	case FIELD_TRANSFER_ENCODING:
		return REASON_CODING_REPEATED;
	default:
		return REASON_FIELD_REPEATED;
	}
}

int
h1_frame_index(const struct fields *f, unsigned once, struct h1_index *x,
	       enum reason *why)
{
	*x = (struct h1_index){{NULL}};
	for (size_t i = 0; i < f->n; i++) {
		enum field_id id = f->at[i].id;

		if (id == FIELD_OTHER)
			continue;
		if (x->first[id] == NULL)
			x->first[id] = &f->at[i];
		else if (fields_flags(id) & once)
			return reason_refuse(why, h1_frame_repeated(id));
	}
	return 0;
}

int
h1_frame_aliases(const struct fields *f, enum reason *why)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->at[i].id == FIELD_OTHER && fields_alias(f->at[i].name))
			return reason_refuse(why, REASON_FIELD_ALIAS);
	return 0;
}

int
h1_frame_body(const struct h1_index *x, uint8_t minor, enum h1_framing *framing,
	      uint64_t *length, enum reason *why)
{
	const struct field *coding = x->first[FIELD_TRANSFER_ENCODING];
	const struct field *stated = x->first[FIELD_CONTENT_LENGTH];

	*framing = H1_NONE;
	*length = 0;
	if (coding != NULL) {
		if (stated != NULL)
			return reason_refuse(why, REASON_LENGTH_AND_CODING);
		if (minor == 0)
			return reason_refuse(why, REASON_CODING_OLD);
		if (!span_ieq(coding->value, SPAN_LIT("chunked")))
			return reason_refuse(why, REASON_CODING_UNKNOWN);
		*framing = H1_CHUNKED;
	} else if (stated != NULL) {
		/* 2^60 has 19 digits: more can only be zeros that hide something. */
		if (stated->value.n > 19 ||
		    text_uint(stated->value, h1_frame_length_max, length))
			return reason_refuse(why, REASON_LENGTH_SYNTAX);
		*framing = H1_LENGTH;
	}
	return 0;
}

int
h1_frame_connection(const struct fields *f, const struct h1_index *x, uint8_t minor,
		    struct fields_hop *hop, bool *keep_alive, enum reason *why)
{
	int r = 0;

	*hop = (struct fields_hop){0};
	if (x->first[FIELD_CONNECTION] != NULL)
		r = fields_hop_read(f, hop);
	*keep_alive = r == 0 && !hop->close && (minor == 1 || hop->keep_alive);
	if (r == 0)
		return 0;
	return reason_refuse(why, r == WF_EDENIED ? REASON_CONNECTION_NAMES
						  : REASON_CONNECTION_SYNTAX);
}

int
h1_frame_expect(const struct h1_index *x, struct h1_request *out, enum reason *why)
{
	const struct field *expect = x->first[FIELD_EXPECT];

	if (expect == NULL)
		return 0;
	if (!span_ieq(expect->value, SPAN_LIT("100-continue")))
		return reason_refuse(why, REASON_EXPECT_UNKNOWN);
	out->expect_100 =
	    out->minor == 1 && (out->framing == H1_CHUNKED || out->length > 0);
	return 0;
}

int
h1_frame_version(struct span s, uint8_t *minor, enum reason *why)
{
	*minor = 0;
	if (s.n != 8 || !span_starts(s, SPAN_LIT("HTTP/")) || s.p[6] != '.' ||
	    s.p[5] < '0' || s.p[5] > '9' || s.p[7] < '0' || s.p[7] > '9')
		return reason_refuse(why, REASON_VERSION_SYNTAX);
	if (s.p[5] != '1' || s.p[7] > '1')
		return reason_refuse(why, REASON_VERSION_UNSUPPORTED);
	*minor = (uint8_t)(s.p[7] - '0');
	return 0;
}

bool
h1_frame_websocket(const struct h1_index *x, const struct fields_hop *hop, bool *listed)
{
	const struct field *upgrade = x->first[FIELD_UPGRADE];
	struct span rest, token;

	*listed = false;
	if (upgrade == NULL || !hop->upgrade)
		return false;
	rest = upgrade->value;
	while (!*listed && fields_token(&rest, &token))
		*listed = span_istarts(token, SPAN_LIT("websocket"));
	return span_ieq(upgrade->value, SPAN_LIT("websocket"));
}
