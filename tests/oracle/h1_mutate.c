/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/h1_mutate.h"

#include <string.h>

static const char *const mutate_words[] = {"\r\n",
					   "\n",
					   "\r",
					   "\r\n\r\n",
					   " ",
					   "\t",
					   ":",
					   ",",
					   ";",
					   "=",
					   "\"",
					   "\\",
					   "0",
					   "5",
					   "a",
					   "A",
					   "F",
					   "0x",
					   "+",
					   "-",
					   "_",
					   "\v",
					   "\f",
					   "\x7f",
					   "\x80",
					   "\xff",
					   "chunked",
					   "identity",
					   "close",
					   "keep-alive",
					   "upgrade",
					   "websocket",
					   "h2c",
					   "Content-Length: 5\r\n",
					   "Content-Length: 0\r\n",
					   "Transfer-Encoding: chunked\r\n",
					   "Transfer-Encoding: identity\r\n",
					   "Connection: close\r\n",
					   "Connection: keep-alive\r\n",
					   "Connection: Upgrade\r\nUpgrade: h2c\r\n",
					   "Expect: 100-continue\r\n",
					   "Host: a.example\r\n",
					   "Host: b.example\r\n",
					   "X: y\r\n",
					   "X:\r\n",
					   "HTTP/1.1",
					   "HTTP/1.0",
					   "GET ",
					   "HEAD ",
					   "POST ",
					   "PUT ",
					   "OPTIONS ",
					   "DELETE ",
					   "PATCH ",
					   "*",
					   "http://a.example",
					   "?",
					   "#",
					   "%00",
					   "0\r\n\r\n",
					   "5\r\nhello\r\n",
					   "1;a=b\r\nx\r\n",
					   "1;a=\"b\\\"\"\r\nx\r\n",
					   "00000001\r\nx\r\n",
					   ";a",
					   ";a=\"",
					   "X-Trailer: 1\r\n",
					   "GET /g HTTP/1.1\r\nHost: a.example\r\n\r\n",
					   "HTTP/1.1 200 OK\r\n",
					   "HTTP/1.1 204 x\r\n",
					   "HTTP/1.1 304 x\r\n",
					   "HTTP/1.1 100 x\r\n\r\n",
					   "204",
					   "304",
					   "101",
					   "103",
					   "\r\n "};

enum { MUTATE_WORDS = sizeof(mutate_words) / sizeof(mutate_words[0]) };

/* xorshift64*: small, and the same on every machine. */
uint64_t
h1_mutate_random(struct h1_mutate *m)
{
	m->state ^= m->state >> 12;
	m->state ^= m->state << 25;
	m->state ^= m->state >> 27;
	return m->state * 0x2545f4914f6cdd1du;
}

static size_t
mutate_below(struct h1_mutate *m, size_t n)
{
	return n == 0 ? 0 : (size_t)(h1_mutate_random(m) % n);
}

static size_t
mutate_insert(uint8_t *p, size_t n, size_t cap, size_t at, const void *what, size_t len)
{
	if (len > cap - n)
		return n;
	memmove(p + at + len, p + at, n - at);
	memcpy(p + at, what, len);
	return n + len;
}

static size_t
mutate_remove(uint8_t *p, size_t n, size_t at, size_t len)
{
	if (len > n - at)
		len = n - at;
	memmove(p + at, p + at + len, n - at - len);
	return n - len;
}

/* A place that matters: often right before or behind a line's end or a colon. */
static size_t
mutate_place(struct h1_mutate *m, const uint8_t *p, size_t n)
{
	size_t at = mutate_below(m, n + 1);

	if (h1_mutate_random(m) & 1)
		while (at < n && p[at] != '\r' && p[at] != '\n' && p[at] != ':')
			at++;
	if (at < n && h1_mutate_random(m) % 3 == 0)
		at++;
	return at;
}

/* Whole field lines, chunks and heads go where a line begins. */
static size_t
mutate_word(struct h1_mutate *m, uint8_t *p, size_t n, size_t cap)
{
	const char *word = mutate_words[mutate_below(m, MUTATE_WORDS)];
	size_t len = strlen(word), at = mutate_place(m, p, n);

	if (len > 4 && word[len - 1] == '\n' && h1_mutate_random(m) % 4 != 0)
		while (at < n && at > 0 && p[at - 1] != '\n')
			at++;
	return mutate_insert(p, n, cap, at, word, len);
}

static size_t
mutate_once(struct h1_mutate *m, uint8_t *p, size_t n, size_t cap, const uint8_t *other,
	    size_t other_n)
{
	size_t at = mutate_place(m, p, n), len, from;
	uint8_t part[512];

	switch (h1_mutate_random(m) % 8) {
	case 0: /* another byte */
		if (at < n)
			p[at] = (uint8_t)h1_mutate_random(m);
		return n;
	case 1: /* another case, or a neighbour */
		if (at < n)
			p[at] ^= (uint8_t)(1u << mutate_below(m, 8));
		return n;
	case 2:
		return mutate_remove(p, n, at, 1 + mutate_below(m, 8));
	case 3: /* a part twice, perhaps elsewhere */
		from = mutate_below(m, n);
		len = 1 + mutate_below(m, 64);
		if (len > n - from)
			len = n - from;
		memcpy(part, p + from, len);
		return mutate_insert(p, n, cap, at, part, len);
	case 4: /* a part of the other input */
		from = mutate_below(m, other_n);
		len = 1 + mutate_below(m, 200);
		if (len > other_n - from)
			len = other_n - from;
		return mutate_insert(p, n, cap, at, other + from, len);
	default:
		return mutate_word(m, p, n, cap);
	}
}

size_t
h1_mutate(struct h1_mutate *m, uint8_t *p, size_t n, size_t cap, const uint8_t *other,
	  size_t other_n)
{
	size_t times = 1 + mutate_below(m, 2) * mutate_below(m, 3);

	while (times-- > 0)
		n = mutate_once(m, p, n, cap, other, other_n);
	return n;
}
