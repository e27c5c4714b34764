/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/connh2priv.h - what connh2.c (the connection), connh2stream.c (the life of a
 * stream), connh2in.c (heads and bodies of requests) and connh2out.c (answers) share.
 *
 * The functions with an exchange are members of struct down_ops: exchange.h has their
 * contract. A stream lives until the engine has closed it and its exchange is over.
 *
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_CONNH2PRIV_H
#define WARIFU_GATE_CONNH2PRIV_H

#include "proxy/gate/connh2.h"
#include "proxy/http/h2srv.h"
#include "proxy/wire/h2_block.h"

enum { CONNH2_OUT = H2SRV_FRAME };

struct connh2 {
	struct conn *conn;
	struct h2srv *srv;
	struct connh2_stream *streams; /* all */
	struct connh2_stream *ready, **ready_end;
	unsigned n_streams, n_work; /* … and those with an exchange */
	char print[H2_PRINT_TEXT]; /* how the client began; empty before a request */
	bool more;    /* bytes may be there that were not read yet */
	bool again;   /* … and are read when its step runs */
	bool gone;    /* the client sends nothing more */
	bool retired; /* GOAWAY went out: no more requests, please */
	bool shut;    /* … and the one that says which were the last */
	struct loop_timer crossing; /* what crossed the first may still come */
	uint64_t sent, requests; /* of the connection, when its timer was set */
};

struct connh2_stream {
	struct connh2_stream *next, **prev;
	struct connh2_stream *ready_next;
	struct connh2 *h2;
	struct exchange *ex; /* NULL before it begins and after it is over */
	int32_t id;
	bool ready;  /* in h2->ready */
	bool begun;
	bool large;  /* its head is not whole */
	bool ended;  /* the client sends nothing more on it */
	bool closed; /* the engine knows it no more */
	bool said_all; /* no more of the answer comes */
	bool said;     /* … and all of it is out */
	bool draining; /* the rest of a body that nobody wants is let come for a while */
	bool odd;     /* fields came behind its body that are no trailers */
	bool tail_large;
	bool starved; /* its exchange waits for room */
	enum h2srv_code code; /* with which it is reset if its answer is cut */
	uint64_t got; /* bytes of body */
	uint64_t moved; /* answer taken since the timer was set */
	uint64_t drain_left;
	uint64_t since; /* waits for a place from then on … */
	size_t held;	/* … with so many bytes */
	struct buf head;  /* block, until it begins */
	struct buf in;	  /* body */
	struct buf tail;  /* … and its trailers, a block */
	struct buf out;	  /* answer's body */
	struct buf trail; /* … and its trailers, a block */
	struct loop_timer timer;
	enum metric_id timer_metric;
};

/* ---- connh2stream.c ---- */

/* Something is to be said or run; at the end of this batch. */
void
connh2_soon(struct connh2 *h2);
void
connh2_make_ready(struct connh2_stream *s);
/* Takes the first that is ready; NULL: none. */
struct connh2_stream *
connh2_next_ready(struct connh2 *h2);
struct connh2_stream *
connh2_stream_new(struct connh2 *h2, int32_t id);
void
connh2_free(struct connh2_stream *s);
/* The exchange is over: what is left of the stream? s may be gone. */
void
connh2_rest(struct connh2_stream *s);
/* The engine's word that it knows the stream no more. */
void
connh2_on_closed(void *arg, void *stream, uint32_t code);
/* No more of the answer: the stream is reset with s->code. */
void
connh2_cut(struct connh2_stream *s);
/* The phase that begins now, with its limit in milliseconds; 0: none. */
void
connh2_timer(struct connh2_stream *s, uint64_t ms, enum metric_id metric);

/* ---- connh2in.c ---- */

/* The engine's callbacks. */
void *
connh2_on_head(void *arg, int32_t id, struct span block, unsigned flags);
void
connh2_on_trailers(void *arg, void *stream, struct span block, unsigned flags);
void
connh2_on_data(void *arg, void *stream, struct span data);
void
connh2_on_ended(void *arg, void *stream);

/* There is no place for its exchange now: it tries again soon, or is refused. */
void
connh2_wait_place(struct connh2_stream *s);
void
connh2_unhold(struct connh2_stream *s);
/* Reads the head into the exchange, or makes that one a refusal. */
void
connh2_read_head(struct connh2_stream *s);
/* Does the body differ from what its head said? Then the exchange is aborted. */
bool
connh2_is_odd(struct connh2_stream *s);

int
connh2_pull(struct exchange *ex, struct span *d);
void
connh2_eat(struct exchange *ex, size_t n);

/* ---- connh2out.c ---- */

struct h2srv_pending
connh2_pending(void *arg, void *stream);
struct span
connh2_take(void *arg, void *stream, size_t n);
void
connh2_taken(void *arg, void *stream, size_t n);
void
connh2_said(void *arg, void *stream);

void
connh2_interim(struct exchange *ex, const struct reply *r);
void
connh2_head(struct exchange *ex, const struct reply *r);
size_t
connh2_room(struct exchange *ex);
void
connh2_body(struct exchange *ex, struct span d);
void
connh2_finish(struct exchange *ex, const struct fields *trailers);

#endif
