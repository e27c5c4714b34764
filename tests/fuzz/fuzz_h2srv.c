/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a client on an HTTP/2 connection, behind its preface. Every request is
 * answered with a body that is as long as its head; proves that streams are closed once,
 * that what was consumed never exceeds what came, and that the end comes.
 */
#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/http/h2srv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAMS = 512, STEP = 97 };

struct stream {
	int32_t id;
	size_t left;
	bool open, answered;
};

struct peer {
	struct h2srv *srv;
	struct stream streams[STREAMS];
	size_t n;
};

static uint8_t scratch[H2SRV_BLOCK], filler[H2SRV_FRAME];

static void *
on_head(void *arg, int32_t id, struct span block, unsigned flags)
{
	struct peer *p = arg;
	struct stream *s;

	(void)flags;
	if (p->n == STREAMS)
		return NULL;
	s = &p->streams[p->n++];
	*s = (struct stream){.id = id, .left = block.n, .open = true};
	return s;
}

static void
on_trailers(void *arg, void *stream, struct span block, unsigned flags)
{
	(void)arg, (void)block, (void)flags;
	MUST(((struct stream *)stream)->open);
}

static void
on_data(void *arg, void *stream, struct span data)
{
	struct peer *p = arg;
	struct stream *s = stream;

	MUST(s->open && data.n <= H2SRV_WINDOW);
	h2srv_ate(p->srv, s->id, data.n);
}

static void
on_ended(void *arg, void *stream)
{
	(void)arg;
	MUST(((struct stream *)stream)->open);
}

static void
on_closed(void *arg, void *stream, uint32_t code)
{
	struct stream *s = stream;

	(void)arg, (void)code;
	MUST(s->open);
	s->open = false;
}

static struct h2srv_pending
pending(void *arg, void *stream)
{
	(void)arg;
	return (struct h2srv_pending){.n = ((struct stream *)stream)->left, .end = true};
}

static struct span
take(void *arg, void *stream, size_t n)
{
	(void)arg;
	MUST(n <= ((struct stream *)stream)->left);
	return span_of(filler, n);
}

static void
taken(void *arg, void *stream, size_t n)
{
	(void)arg;
	((struct stream *)stream)->left -= n;
}

static void
said(void *arg, void *stream)
{
	(void)arg;
	MUST(((struct stream *)stream)->answered);
}

static size_t
room(void *arg)
{
	(void)arg;
	return SIZE_MAX;
}

static size_t
write_all(void *arg, struct span bytes)
{
	(void)arg;
	return bytes.n;
}

static const struct h2srv_ops ops = {on_head, on_trailers, on_data, on_ended, on_closed,
    pending, take, taken, said, room, write_all};

static void
answer(struct peer *p)
{
	struct fields none = fields_over(NULL, 0);

	for (size_t i = 0; i < p->n; i++) {
		struct stream *s = &p->streams[i];

		if (!s->open || s->answered)
			continue;
		s->answered = true;
		(void)h2srv_reply(p->srv, s->id, 200, &none, s->left > 0);
	}
	(void)h2srv_send(p->srv);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	const struct h2srv_opt opt = {.streams = 100, .head = 32768, .tunnels = true,
	    .resets = {1000000, 20}, .idle_frames = {1000000, 50}};
	struct peer *p = calloc(1, sizeof(*p));
	uint64_t now = 1000000000;
	int err;

	MUST(p != NULL);
	p->srv = h2srv_new(&ops, p, &opt);
	MUST(p->srv != NULL);
	err = h2srv_recv(p->srv, span_of(preface, sizeof(preface) - 1), scratch, now);
	MUST(err == 0);
	for (size_t at = 0; at < size && err == 0 && h2srv_abuse(p->srv) == H2SRV_FAIR; at += STEP) {
		size_t n = size - at < STEP ? size - at : STEP;

		err = h2srv_recv(p->srv, span_of(data + at, n), scratch, now++);
		answer(p);
		if (at == STEP)
			h2srv_warn(p->srv);
		if (h2srv_is_warned(p->srv))
			h2srv_retire(p->srv);
	}
	h2srv_free(p->srv);
	free(p);
	return 0;
}
