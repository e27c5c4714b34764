/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/lines.h"
#include "proxy/wire/chars.h"

int
lines_next(struct span in, struct lines *l, size_t max, enum reason large,
	   struct span *line, enum reason *why)
{
	size_t end = in.n < max ? in.n : max;
	const uint8_t *lf =
	    l->seen < end ? memchr(in.p + l->seen, '\n', end - l->seen) : NULL;
	size_t at;

	*line = span_of(NULL, 0);
	if (lf == NULL) {
		l->seen = end;
		return in.n < max ? WF_MORE : reason_refuse(why, large);
	}
	at = (size_t)(lf - in.p);
	if (at == l->start || in.p[at - 1] != '\r')
		return reason_refuse(why, REASON_BARE_LF);
	*line = span_of(in.p + l->start, at - 1 - l->start);
	l->start = l->seen = at + 1;
	return 0;
}

int
lines_end(struct span in, struct lines *l, size_t max, enum reason large,
	  enum reason *why)
{
	struct span line;
	int r;

	do {
		r = lines_next(in, l, max, large, &line, why);
		if (r != 0)
			return r;
	} while (line.n > 0);
	return 0;
}

/* Why the name that should end at p does not; p is within a line that ends in CR LF. */
static enum reason
lines_name_why(const uint8_t *line, const uint8_t *p)
{
	bool blank = *p == ' ' || *p == '\t';

	if (p == line)
		return blank ? REASON_FIELD_FOLDED : REASON_FIELD_NAME;
	if (blank)
		return REASON_FIELD_SPACE;
	if (*p == '\r')
		return p[1] == '\n' ? REASON_FIELD_NO_COLON : REASON_BARE_CR;
	return REASON_FIELD_NAME;
}

/* Reads one field line at *at and moves on behind its CR LF. */
static int
lines_field(const uint8_t **at, const uint8_t *end, struct span *name, struct span *raw,
	    enum reason *why)
{
	const uint8_t *line = *at, *p = line, *start;

	while (chars_is(*p, CHARS_TOKEN))
		p++;
	if (*p != ':' || p == line)
		return reason_refuse(why, lines_name_why(line, p));
	*name = span_of(line, (size_t)(p - line));
	start = ++p;
	p += chars_value_run(span_of(p, (size_t)(end - p)));
	if (p[0] != '\r')
		return reason_refuse(why, REASON_FIELD_VALUE);
	if (p[1] != '\n')
		return reason_refuse(why, REASON_BARE_CR);
	*raw = span_of(start, (size_t)(p - start));
	*at = p + 2;
	return 0;
}

/*
 * Framing that is clear by the grammar and that parsers in use read otherwise all the
 * same (tests/oracle finds them): http-parser and llhttp do not take "chunked" beside a
 * HTAB for chunked; http-parser takes any name that begins like this one for it.
 */
static bool
lines_doubtful(const struct field *x, struct span raw, enum reason *why)
{
	*why = REASON_CODING_UNKNOWN;
	if (x->id == FIELD_TRANSFER_ENCODING)
		return span_chr(raw, '\t') >= 0;
	*why = REASON_FIELD_ALIAS;
	return x->id == FIELD_OTHER &&
	       span_istarts(x->name, SPAN_LIT("Transfer-Encoding"));
}

/* The block ends in CR LF, and neither byte may stand in a name or a value: that is what
 * stops the loops above before its end. */
int
lines_fields(struct span block, struct fields *out, enum reason many, enum reason *why)
{
	const uint8_t *p = block.p, *end = p + block.n;
	enum reason doubt;
	struct span name, raw;
	int r;

	if (block.n == 0)
		return 0;
	if (block.n < 2 || end[-1] != '\n' || end[-2] != '\r')
		return reason_refuse(why, REASON_BARE_LF);
	while (p < end) {
		r = lines_field(&p, end, &name, &raw, why);
		if (r != 0)
			return r;
		if (fields_add(out, name, chars_trim(raw)) != 0)
			return reason_refuse(why, many);
		if (lines_doubtful(&out->at[out->n - 1], raw, &doubt))
			return reason_refuse(why, doubt);
	}
	return 0;
}
