/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state machine over single bytes for the lines around the data, since those are short
 * and come in any portions; data itself is never looked at. Trailers are rare and are
 * read like a head: only when all of them are there.
 *
 * Chunk extensions are where parsers disagree most (research found every difference to
 * llhttp there), so they are read by the grammar of RFC 9112 7.1.1 without its "bad"
 * white space, are short, and go no further than this file.
 */
#include "proxy/wire/chunk.h"
#include "proxy/wire/chars.h"

enum chunk_state {
	CHUNK_SIZE_FIRST, /* at least one digit */
	CHUNK_SIZE,
	CHUNK_NAME_FIRST, /* behind ';' */
	CHUNK_NAME,
	CHUNK_VALUE_FIRST, /* behind '=' */
	CHUNK_VALUE,
	CHUNK_QUOTED,
	CHUNK_ESCAPED,	/* behind '\' in a quoted string */
	CHUNK_UNQUOTED, /* behind the closing quote */
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER,
	CHUNK_DONE,
	CHUNK_FAILED,
};

enum { CHUNK_DIGITS_MAX = 16 };

static enum chunk_state
chunk_fail(struct chunk *c, enum reason why)
{
	c->why = why;
	return CHUNK_FAILED;
}

static unsigned
chunk_digit(uint8_t b)
{
	return b <= '9' ? b - (unsigned)'0' : span_lower(b) - (unsigned)'a' + 10;
}

static enum chunk_state
chunk_on_size(struct chunk *c, uint8_t b)
{
	if (chars_is(b, CHARS_HEX)) {
		if (c->left >> 56 != 0 || c->digits++ == CHUNK_DIGITS_MAX)
			return chunk_fail(c, REASON_CHUNK_SIZE);
		c->left = c->left << 4 | chunk_digit(b);
		return CHUNK_SIZE;
	}
	if (c->digits == 0)
		return chunk_fail(c, REASON_CHUNK_SIZE);
	if (b == ';')
		return CHUNK_NAME_FIRST;
	if (b == '\r')
		return CHUNK_SIZE_LF;
	return chunk_fail(c, b == '\n' ? REASON_CHUNK_LINE : REASON_CHUNK_SIZE);
}

/* Between two parts of an extension: another one, or the end of the line. */
static enum chunk_state
chunk_on_end(struct chunk *c, uint8_t b)
{
	if (b == ';')
		return CHUNK_NAME_FIRST;
	if (b == '\r')
		return CHUNK_SIZE_LF;
	return chunk_fail(c, b == '\n' ? REASON_CHUNK_LINE : REASON_CHUNK_EXTENSION);
}

static enum chunk_state
chunk_on_extension(struct chunk *c, enum chunk_state s, uint8_t b)
{
	if (b != '\r' && c->extension++ >= CHUNK_EXTENSION_MAX - 1)
		return chunk_fail(c, REASON_CHUNK_EXTENSION);
	switch (s) {
	case CHUNK_NAME_FIRST:
		if (chars_is(b, CHARS_TOKEN))
			return CHUNK_NAME;
		break;
	case CHUNK_NAME:
		if (chars_is(b, CHARS_TOKEN))
			return CHUNK_NAME;
		return b == '=' ? CHUNK_VALUE_FIRST : chunk_on_end(c, b);
	case CHUNK_VALUE_FIRST:
		if (b == '"')
			return CHUNK_QUOTED;
		if (chars_is(b, CHARS_TOKEN))
			return CHUNK_VALUE;
		break;
	case CHUNK_VALUE:
		return chars_is(b, CHARS_TOKEN) ? CHUNK_VALUE : chunk_on_end(c, b);
	case CHUNK_QUOTED:
		if (b == '"')
			return CHUNK_UNQUOTED;
		if (b == '\\')
			return CHUNK_ESCAPED;
		if (chars_is(b, CHARS_QDTEXT))
			return CHUNK_QUOTED;
		break;
	case CHUNK_ESCAPED:
		if (chars_is(b, CHARS_VALUE))
			return CHUNK_QUOTED;
		break;
	default: /* CHUNK_UNQUOTED */
		return chunk_on_end(c, b);
	}
	return chunk_fail(c, REASON_CHUNK_EXTENSION);
}

static enum chunk_state
chunk_on_size_lf(struct chunk *c, uint8_t b)
{
	if (b != '\n')
		return chunk_fail(c, REASON_CHUNK_LINE);
	c->digits = c->extension = 0;
	return c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
}

/* One byte of anything but data and trailers. */
static enum chunk_state
chunk_step(struct chunk *c, enum chunk_state s, uint8_t b)
{
	switch (s) {
	case CHUNK_SIZE_FIRST:
	case CHUNK_SIZE:
		return chunk_on_size(c, b);
	case CHUNK_SIZE_LF:
		return chunk_on_size_lf(c, b);
	case CHUNK_DATA_CR:
		return b == '\r' ? CHUNK_DATA_LF : chunk_fail(c, REASON_CHUNK_LINE);
	case CHUNK_DATA_LF:
		return b == '\n' ? CHUNK_SIZE_FIRST : chunk_fail(c, REASON_CHUNK_LINE);
	default:
		return chunk_on_extension(c, s, b);
	}
}

/* ---- trailers ---- */

int
chunk_trailers_allowed(const struct fields *f, enum reason *why)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct field *x = &f->at[i];

		if (x->id != FIELD_OTHER ? (fields_flags(x->id) & FIELD_IS_TRAILER) == 0
					 : fields_reserved(x->name) != FIELDS_FREE ||
					       fields_alias(x->name))
			return reason_refuse(why, REASON_TRAILER_FORBIDDEN);
	}
	return 0;
}

/* `in` begins where the trailers do; *used counts them and the empty line behind. */
static int
chunk_trailers(struct chunk *c, struct span in, struct fields *out, size_t *used)
{
	int r =
	    lines_end(in, &c->lines, CHUNK_TRAILER_MAX, REASON_TRAILER_LARGE, &c->why);
	struct span block;

	if (r != 0)
		return r;
	*used = c->lines.start;
	block = span_of(in.p, *used - 2);
	if (block.n == 0)
		return 0;
	if (out == NULL)
		return reason_refuse(&c->why, REASON_TRAILER_FORBIDDEN);
	*out = fields_over(out->at, out->cap);
	r = lines_fields(block, out, REASON_TRAILER_LARGE, &c->why);
	if (r == 0)
		r = chunk_trailers_allowed(out, &c->why);
	if (r != 0)
		out->n = 0;
	return r;
}

static int
chunk_finish(struct chunk *c, struct span in, struct fields *out, size_t *used)
{
	size_t n = 0;
	int r = chunk_trailers(c, in, out, &n);

	if (r == 0) {
		*used += n;
		c->state = CHUNK_DONE;
	} else if (r < 0) {
		c->state = CHUNK_FAILED;
	}
	return r;
}

/* ---- the body ---- */

int
chunk_next(struct chunk *c, struct span in, struct fields *trailers, size_t *used,
	   struct span *data)
{
	size_t i = 0;

	*data = span_of(NULL, 0);
	while (i < in.n && c->state != CHUNK_DATA && c->state < CHUNK_TRAILER)
		c->state = (uint8_t)chunk_step(c, (enum chunk_state)c->state, in.p[i++]);
	*used = i;
	if (c->state == CHUNK_FAILED)
		return WF_ESYNTAX;
	if (c->state == CHUNK_DONE)
		return 0;
	if (c->state == CHUNK_TRAILER)
		return chunk_finish(c, span_tail(in, i), trailers, used);
	if (c->state != CHUNK_DATA || i == in.n)
		return WF_MORE;
	*data = span_of(in.p + i, c->left < in.n - i ? (size_t)c->left : in.n - i);
	*used += data->n;
	c->left -= data->n;
	if (c->left == 0)
		c->state = CHUNK_DATA_CR;
	return 0;
}

bool
chunk_done(const struct chunk *c)
{
	return c->state == CHUNK_DONE;
}

/* ---- writing ---- */

void
chunk_write_size(struct h1_out *out, uint64_t n)
{
	out->bad |= n == 0; /* it would end the body */
	h1_out_hex(out, n);
	h1_out_put(out, SPAN_LIT("\r\n"));
}

void
chunk_write_end(struct h1_out *out)
{
	h1_out_put(out, SPAN_LIT("\r\n"));
}

void
chunk_write_last(struct h1_out *out)
{
	h1_out_put(out, SPAN_LIT("0\r\n\r\n"));
}
