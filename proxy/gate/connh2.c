/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/connh2priv.h"

#include <stdlib.h>

#include "proxy/gate/connh1.h"

/* Read of one connection before others have their turn: heads cost more than their bytes. */
enum { CONNH2_TURN = 4 * STREAM_READ_MAX };

/* For what crosses the first GOAWAY, where the client does not answer the PING behind it. */
enum { CONNH2_CROSSING_MS = 1000 };

/* ---- exchanges ---- */

/* The address's place of one more request at work: the first has the connection's. */
static bool
connh2_place(struct connh2 *h2)
{
	struct conn *c = h2->conn;

	if (h2->n_work > 0 &&
	    !limits_connect(c->w->gate->limits, &c->client,
		worker_conf(c->w)->limits.connections_address))
		return false;
	h2->n_work++;
	return true;
}

static void
connh2_leave(struct connh2 *h2)
{
	if (--h2->n_work > 0)
		limits_disconnect(h2->conn->w->gate->limits, &h2->conn->client);
}

/* How much of a body that nobody wants may still come. */
static uint64_t
connh2_drains(const struct exchange *ex, const struct connh2_stream *s)
{
	uint64_t most = exchange_conf(ex)->limits.body_drain;

	return ex->req.framing == H1_LENGTH && ex->req.length > s->got + most ? 0 : most;
}

static void
connh2_done(struct exchange *ex, bool clean)
{
	struct connh2_stream *s = ex->stream;

	if (s == NULL)
		return;
	ex->stream = NULL;
	s->ex = NULL;
	connh2_leave(s->h2);
	conn_count_bytes(s->h2->conn);
	if (!clean)
		connh2_cut(s);
	s->drain_left = connh2_drains(ex, s);
	connh2_make_ready(s); /* freed there, if nothing is left to send */
}

static const struct down_ops connh2_ops = {
    .interim = connh2_interim,
    .head = connh2_head,
    .room = connh2_room,
    .body = connh2_body,
    .end = connh2_finish,
    .pull = connh2_pull,
    .eat = connh2_eat,
    .done = connh2_done,
};

/* False: there is no place for it now; it tries again, and is refused in the end. */
static bool
connh2_begin(struct connh2_stream *s)
{
	struct conn *c = s->h2->conn;
	struct exchange *ex = NULL;

	if (connh2_place(s->h2)) {
		ex = exchange_new(c->w, c, &connh2_ops);
		if (ex == NULL)
			connh2_leave(s->h2);
	}
	if (ex == NULL) {
		connh2_wait_place(s);
		return false;
	}
	loop_timer_del(&s->timer);
	connh2_unhold(s);
	s->begun = true;
	s->ex = ex;
	ex->stream = s;
	c->requests++;
	connh2_read_head(s);
	return true;
}

/* Nobody waits for it any more, but what a login or logout did must be learned. */
static bool
connh2_is_awaited(const struct connh2_stream *s)
{
	return !s->closed || s->ex->tunnel || s->ex->login != NULL || s->ex->logout != NULL;
}

static void
connh2_run(struct connh2 *h2)
{
	struct connh2_stream *s;

	while ((s = connh2_next_ready(h2)) != NULL) {
		if (!s->begun && !s->closed && !connh2_begin(s))
			continue;
		if (s->ex == NULL)
			connh2_rest(s);
		else if (!connh2_is_awaited(s))
			exchange_abort(s->ex, "client-gone");
		else if (!connh2_is_odd(s))
			exchange_run(s->ex);
	}
}

/* ---- the connection ---- */

static size_t
connh2_stream_room(void *arg)
{
	struct connh2 *h2 = arg;

	return stream_room(&h2->conn->stream);
}

static size_t
connh2_stream_write(void *arg, struct span bytes)
{
	struct connh2 *h2 = arg;

	return stream_write(&h2->conn->stream, bytes);
}

static const struct h2srv_ops connh2_srv = {
    .head = connh2_on_head,
    .trailers = connh2_on_trailers,
    .data = connh2_on_data,
    .ended = connh2_on_ended,
    .closed = connh2_on_closed,
    .pending = connh2_pending,
    .take = connh2_take,
    .taken = connh2_taken,
    .said = connh2_said,
    .room = connh2_stream_room,
    .write = connh2_stream_write,
};

static struct h2srv_rate
connh2_rate(const struct conf_rate *r)
{
	return (struct h2srv_rate){
	    .interval = r->count == 0 ? 0 : r->per_ms * 1000000u / r->count,
	    .burst = r->burst};
}

/* What had crossed the first GOAWAY is here. */
static void
connh2_shut(struct connh2 *h2)
{
	if (h2->shut)
		return;
	h2->shut = true;
	loop_timer_del(&h2->crossing);
	h2srv_retire(h2->srv);
	connh2_soon(h2);
}

static void
connh2_on_crossing(struct loop_timer *t)
{
	connh2_shut((struct connh2 *)(void *)((char *)t - offsetof(struct connh2, crossing)));
}

void
connh2_start(struct conn *c)
{
	const struct conf_limits *l = &worker_conf(c->w)->limits;
	struct h2srv_opt opt = {.streams = (uint32_t)l->streams, .head = (uint32_t)l->head,
	    .resets = connh2_rate(&l->rate_resets),
	    .idle_frames = connh2_rate(&l->rate_idle_frames)};
	struct connh2 *h2 = calloc(1, sizeof(*h2));

	/* Firefox (153) behind an HTTP proxy sends such a handshake without cookies and
	 * Origin; not offered it, every browser opens its WebSockets by HTTP/1.1. */
	opt.tunnels = c->family != TLSFP_NSS;
	if (h2 != NULL) {
		h2->conn = c;
		h2->ready_end = &h2->ready;
		h2->crossing.fn = connh2_on_crossing;
		h2->srv = h2srv_new(&connh2_srv, h2, &opt);
	}
	if (h2 == NULL || h2->srv == NULL) {
		free(h2);
		conn_drop(c, "no memory");
		return;
	}
	c->h2 = h2;
	c->state = CONN_HTTP2;
	if (c->last)
		connh2_retire(c); /* a stop began while it shook hands */
	connh2_event(c, STREAM_IN);
}

void
connh2_close(struct conn *c, const char *why)
{
	struct connh2 *h2 = c->h2;

	c->h2 = NULL;
	while (h2->streams != NULL) {
		struct connh2_stream *s = h2->streams;
		struct exchange *ex = s->ex;

		if (ex != NULL) {
			s->ex = NULL;
			ex->stream = NULL;
			ex->cut = true;
			connh2_leave(h2);
			exchange_abort(ex, why);
		}
		connh2_free(s);
	}
	loop_timer_del(&h2->crossing);
	loop_undefer(&c->w->net.loop, &c->step);
	h2srv_free(h2->srv);
	free(h2);
}

/* Nothing more is to be said but good-bye. */
static void
connh2_part(struct conn *c, const char *why)
{
	connh2_close(c, why);
	connh1_end(c);
}

static void
connh2_count_abuse(struct conn *c)
{
	static const enum metric_id metrics[] = {
	    [H2SRV_RESETS] = METRIC_H2_RESETS,
	    [H2SRV_IDLE_FRAMES] = METRIC_H2_IDLE_FRAMES,
	    [H2SRV_CONTINUATIONS] = METRIC_H2_CONTINUATIONS,
	    [H2SRV_ACKS] = METRIC_H2_ACKS,
	    [H2SRV_HEADS] = METRIC_H2_HEADS,
	};

	metric_add(c->w->metrics, metrics[h2srv_abuse(c->h2->srv)], 1);
}

/* The phase that the connection as a whole is in. */
static void
connh2_await(struct conn *c)
{
	const struct conf_timeouts *t = &worker_conf(c->w)->timeouts;
	enum metric_id metric = METRIC_TMO_IDLE;
	uint64_t ms = c->h2->n_streams == 0 ? t->idle_ms : 0;

	if (c->stream.out.n > 0) {
		metric = METRIC_TMO_WRITE;
		ms = t->write_ms;
	} else if (h2srv_in_head(c->h2->srv)) {
		metric = METRIC_TMO_HEAD;
		ms = t->head_ms;
	}
	/* A phase goes on only while nothing came of it. */
	if (ms != 0 && loop_timer_is_set(&c->timer) && c->timer_metric == metric &&
	    c->h2->requests == c->requests &&
	    (metric != METRIC_TMO_WRITE || c->h2->sent == c->stream.sent))
		return;
	c->timer_metric = metric;
	c->h2->requests = c->requests;
	c->h2->sent = c->stream.sent;
	if (ms == 0)
		loop_timer_del(&c->timer);
	else
		loop_timer_set(&c->w->net.loop, &c->timer, ms);
}

/* What it did ends the connection, after a last frame that says so. */
static void
connh2_break(struct conn *c)
{
	if (h2srv_abuse(c->h2->srv) != H2SRV_FAIR)
		connh2_count_abuse(c);
	(void)h2srv_send(c->h2->srv);
	connh2_part(c, "protocol error");
}

/* Reads what there is, but only so much at a time, and nothing while the client lets our
 * own frames pile up. False: c->h2 is over. */
static bool
connh2_read(struct conn *c)
{
	struct connh2 *h2 = c->h2;
	size_t n, turn = 0;
	int err = 0, bad = 0;

	while (err == 0 && bad == 0 && turn < CONNH2_TURN && !h2->gone &&
	       !h2srv_is_clogged(h2->srv)) {
		err = stream_read(&c->stream, &c->in, STREAM_READ_MAX, &n);
		turn += n;
		if (n > 0)
			bad = h2srv_recv(h2->srv, buf_data(&c->in), c->w->h2_block,
			    c->w->net.loop.now);
		buf_eat(&c->in, c->in.n);
	}
	h2->more = err == 0;
	if (h2srv_is_warned(h2->srv))
		connh2_shut(h2);
	if (bad != 0 || h2srv_abuse(h2->srv) != H2SRV_FAIR) {
		connh2_break(c);
		return false;
	}
	if (err != 0 && err != WF_MORE) {
		h2->gone = c->half_closed = true;
		for (struct connh2_stream *s = h2->streams; s != NULL; s = s->next) {
			h2srv_forget(h2->srv, s->id);
			s->closed = true;
			connh2_make_ready(s);
		}
	}
	return true;
}

/* There is more to read, in the next batch: others have waited. */
static void
connh2_go_on(struct connh2 *h2)
{
	h2->again = true;
	loop_defer_next(&h2->conn->w->net.loop, &h2->conn->step);
}

void
connh2_advance(struct conn *c)
{
	struct connh2 *h2 = c->h2;
	int err;

	if (h2->again) {
		h2->again = false;
		if (!connh2_read(c))
			return;
	}
	do {
		connh2_run(h2);
		err = h2srv_send(h2->srv);
	} while (err == 0 && h2->ready != NULL);
	if (err == WF_MORE)
		c->stream.wants_room = true;
	if (h2->gone && h2->n_streams == 0)
		conn_drop(c, "closed");
	else if (err < 0 || h2srv_is_over(h2->srv) || h2srv_abuse(h2->srv) != H2SRV_FAIR)
		connh2_break(c);
	else if (h2->more && !h2->gone && !h2srv_is_clogged(h2->srv))
		connh2_go_on(h2);
	else
		connh2_await(c);
}

void
connh2_event(struct conn *c, unsigned events)
{
	(void)events;
	if (!connh2_read(c))
		return;
	connh2_run(c->h2);
	connh2_soon(c->h2);
}

void
connh2_timeout(struct conn *c)
{
	/* A client that has taken everything is not slow. */
	if (c->timer_metric == METRIC_TMO_WRITE && c->stream.out.n == 0) {
		connh2_await(c);
		return;
	}
	metric_add(c->w->metrics, c->timer_metric, 1);
	if (c->timer_metric == METRIC_TMO_IDLE)
		connh2_retire(c);
	else
		conn_drop(c, "timeout");
}

const char *
connh2_print(const struct conn *c)
{
	return c->h2 == NULL ? "" : c->h2->print;
}

void
connh2_retire(struct conn *c)
{
	struct connh2 *h2 = c->h2;
	uint64_t ms = CONNH2_CROSSING_MS, drain = worker_conf(c->w)->timeouts.drain_ms;

	if (h2->retired)
		return;
	h2->retired = c->last = true;
	h2srv_warn(h2->srv);
	/* A stop must leave time to name the last. */
	if (atomic_load(&c->w->gate->draining) && ms > drain / 2)
		ms = drain / 2;
	if (ms == 0)
		connh2_shut(h2);
	else
		loop_timer_set(&c->w->net.loop, &h2->crossing, ms);
	connh2_soon(h2);
}
