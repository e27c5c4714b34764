/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/h1_seen.h"

#include <stdlib.h>
#include <string.h>

void
h1_seen_begin(struct h1_seen *s)
{
	s->n = s->text_n = s->line = 0;
	s->failed = s->over = s->pending = s->full = s->head_open = s->in_value = false;
	s->why[0] = '\0';
}

static void
h1_seen_put(struct h1_seen *s, const void *p, size_t n)
{
	if (n > sizeof(s->text) - s->text_n) {
		s->full = true;
		return;
	}
	if (n > 0)
		memcpy(s->text + s->text_n, p, n);
	s->text_n += n;
}

static bool
h1_seen_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Ends the line being built: blanks at the end of a value go. */
static void
h1_seen_line(struct h1_seen *s)
{
	bool first = s->n < H1_SEEN_MESSAGES && s->line == s->m[s->n].head;

	if (!first && !s->in_value)
		h1_seen_put(s, ": ", 2);
	while (s->in_value && s->text_n > s->value &&
	       h1_seen_blank(s->text[s->text_n - 1]))
		s->text_n--;
	h1_seen_put(s, "\n", 1);
	s->line = s->text_n;
	s->in_value = false;
}

static void
h1_seen_open(struct h1_seen *s)
{
	if (s->head_open)
		return;
	s->head_open = true;
	s->in_value = false;
	s->line = s->text_n;
	if (s->n < H1_SEEN_MESSAGES)
		s->m[s->n] = (struct h1_seen_message){.head = s->text_n,
						      .hash = 0xcbf29ce484222325u};
	else
		s->full = true;
}

void
h1_seen_first(struct h1_seen *s, const void *p, size_t n)
{
	h1_seen_open(s);
	h1_seen_put(s, p, n);
}

void
h1_seen_name(struct h1_seen *s, const void *p, size_t n)
{
	size_t at;

	h1_seen_open(s);
	/* The first name ends the first line, a name behind a value the one before. */
	if (s->in_value || (s->n < H1_SEEN_MESSAGES && s->line == s->m[s->n].head))
		h1_seen_line(s);
	at = s->text_n;
	h1_seen_put(s, p, n);
	for (; at < s->text_n; at++)
		if (s->text[at] >= 'A' && s->text[at] <= 'Z')
			s->text[at] = (char)(s->text[at] | 0x20);
}

void
h1_seen_value(struct h1_seen *s, const void *p, size_t n)
{
	const char *c = p;

	if (!s->in_value) {
		h1_seen_put(s, ": ", 2);
		s->value = s->text_n;
	}
	while (!s->in_value && n > 0 && h1_seen_blank(*c)) {
		c++;
		n--;
	}
	s->in_value = true;
	h1_seen_put(s, c, n);
}

void
h1_seen_head(struct h1_seen *s)
{
	h1_seen_open(s);
	h1_seen_line(s);
	s->head_open = false;
	if (s->full || s->n == H1_SEEN_MESSAGES) {
		s->full = true;
		return;
	}
	s->m[s->n].head_n = s->text_n - s->m[s->n].head;
	s->n++;
}

void
h1_seen_body(struct h1_seen *s, const void *p, size_t n)
{
	const uint8_t *b = p;
	struct h1_seen_message *m = &s->m[s->n - 1];

	if (s->full || s->n == 0)
		return;
	m->body += n;
	for (size_t i = 0; i < n; i++)
		m->hash = (m->hash ^ b[i]) * 0x100000001b3u;
}

void
h1_seen_end(struct h1_seen *s)
{
	if (!s->full && s->n > 0)
		s->m[s->n - 1].complete = true;
}

static const char *
h1_seen_message_differs(const struct h1_seen *a, const struct h1_seen *b, size_t i)
{
	const struct h1_seen_message *x = &a->m[i], *y = &b->m[i];
	bool last_of_b = i + 1 == b->n, last_of_a = i + 1 == a->n;

	if (x->head_n != y->head_n ||
	    memcmp(a->text + x->head, b->text + y->head, x->head_n) != 0)
		return "the heads differ";
	/* Whoever refused within the body did not accept it. */
	if ((a->failed && last_of_a && !x->complete) ||
	    (b->failed && last_of_b && !y->complete))
		return NULL;
	if (x->complete != y->complete)
		return "one sees the body's end and the other does not";
	if (x->body != y->body || x->hash != y->hash)
		return "the bodies differ";
	return NULL;
}

static const char *
h1_seen_differ(const struct h1_seen *ours, const struct h1_seen *theirs)
{
	const char *what;

	if (ours->full || theirs->full)
		return NULL;
	for (size_t i = 0; i < ours->n; i++) {
		if (i == theirs->n)
			return theirs->failed ? NULL
					      : "it sees fewer messages and refuses none";
		what = h1_seen_message_differs(ours, theirs, i);
		if (what != NULL)
			return what;
		/* A refusal ends what can be compared. */
		if (!ours->m[i].complete || !theirs->m[i].complete)
			return NULL;
	}
	if (theirs->n > ours->n && !ours->failed && !ours->over)
		return "it sees more messages";
	return NULL;
}

const char *
h1_seen_check(const struct h1_stream *in, h1_seen_parser *parser, struct h1_seen *ours,
	      struct h1_seen *theirs)
{
	static const char end[4] = "\r\n\r\n";
	struct h1_stream longer = *in;
	const char *what;
	uint8_t *p;

	h1_seen_warifu(ours, in);
	parser(theirs, in);
	if (!ours->pending)
		return h1_seen_differ(ours, theirs);
	p = malloc(in->n + sizeof(end));
	if (p == NULL)
		abort();
	memcpy(p, in->p, in->n);
	memcpy(p + in->n, end, sizeof(end));
	longer.p = p;
	longer.n = in->n + sizeof(end);
	h1_seen_warifu(ours, &longer);
	parser(theirs, &longer);
	what = h1_seen_differ(ours, theirs);
	free(p);
	return what;
}
