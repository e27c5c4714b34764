/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/oracle/h1_seen.h - what a parser saw in a byte stream, in one form for all
 * parsers.
 *
 * Each h1_seen_*.c runs one parser over a whole stream and builds this list of messages
 * by the calls below. A head is one text: first line, then `name: value` lines with small
 * names and trimmed values, so that equal heads are equal bytes.
 */
#ifndef WARIFU_TESTS_H1_SEEN_H
#define WARIFU_TESTS_H1_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { H1_SEEN_MESSAGES = 24, H1_SEEN_TEXT = 1 << 16 };

struct h1_seen_message {
	size_t head, head_n; /* in text */
	uint64_t body, hash;
	bool complete;
};

struct h1_seen {
	struct h1_seen_message m[H1_SEEN_MESSAGES];
	size_t n;
	bool failed;  /* the parser refused something */
	bool over;    /* the parser says nothing follows (close, tunnel) */
	bool pending; /* bytes are left that belong to an unfinished head or trailer */
	bool full;    /* more than fits: not comparable */
	bool head_open, in_value;
	size_t line, value; /* where the line and the value being built begin */
	size_t text_n;
	char why[64];
	char text[H1_SEEN_TEXT];
};

/* The stream: requests, or responses to GET or HEAD. */
struct h1_stream {
	const uint8_t *p;
	size_t n;
	bool responses, to_head, to_upgrade;
};

void h1_seen_begin(struct h1_seen *s);
/* Runs of a message: a first line, then names and values, which may come in pieces. */
void h1_seen_first(struct h1_seen *s, const void *p, size_t n);
void h1_seen_name(struct h1_seen *s, const void *p, size_t n);
void h1_seen_value(struct h1_seen *s, const void *p, size_t n);
/* The head is complete: from here on it counts as a message. */
void h1_seen_head(struct h1_seen *s);
void h1_seen_body(struct h1_seen *s, const void *p, size_t n);
void h1_seen_end(struct h1_seen *s);

typedef void h1_seen_parser(struct h1_seen *s, const struct h1_stream *in);

h1_seen_parser h1_seen_warifu, h1_seen_llhttp, h1_seen_http_parser;

/*
 * The property. If we accepted a head, a parser that accepts it too must have read the
 * same first line, the same fields and the same body; and whoever sees more messages than
 * we means that we refused or stopped. NULL if it holds, else what does not.
 *
 * Where we still wait for the end of a head or of trailers, we accepted nothing yet: an
 * end is then put behind the stream, for all parsers, so that we have to say what we
 * think of it.
 */
const char *h1_seen_check(const struct h1_stream *in, h1_seen_parser *parser,
			  struct h1_seen *ours, struct h1_seen *theirs);

#endif
