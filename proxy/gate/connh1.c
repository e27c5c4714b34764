/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/connh1priv.h"

#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/gate/redirect.h"
#include "proxy/gate/relay.h"
#include "proxy/http/keep.h"
#include "proxy/wire/h1_write.h"

enum {
	CONNH1_LINE = 64,	 /* of a request line, beside its target */
	CONNH1_LINGER_READS = 8, /* in one batch */
};

void
connh1_start(struct conn *c)
{
	c->state = CONN_HEAD;
	connh1_timer(c, worker_conf(c->w)->timeouts.head_ms, METRIC_TMO_HEAD);
	loop_defer(&c->w->net.loop, &c->step);
}

void
connh1_end(struct conn *c)
{
	c->state = CONN_END;
	stream_finish(&c->stream);
	connh1_timer(c, worker_conf(c->w)->timeouts.close_ms, METRIC_TMO_CLOSE);
}

/* On to the next request; part of its head may be here already. */
static void
connh1_await(struct conn *c)
{
	const struct conf_timeouts *t = &worker_conf(c->w)->timeouts;

	c->state = CONN_HEAD;
	if (c->in.n > 0)
		connh1_timer(c, t->head_ms, METRIC_TMO_HEAD);
	else
		connh1_timer(c, t->idle_ms, METRIC_TMO_IDLE);
}

/* ---- between exchanges ---- */

static void
connh1_done(struct exchange *ex, bool clean)
{
	struct conn *c = connh1_of(ex);

	if (c == NULL || c->ex != ex)
		return;
	c->ex = NULL;
	conn_count_bytes(c);
	if (!clean || ex->tunnel || c->stream.dead || ex->req_broken) {
		connh1_end(c);
		if (!clean)
			conn_drop(c, "cut");
		return;
	}
	if (!ex->req.keep_alive)
		c->last = true;
	if (!ex->req_body.done) {
		body_copy(&c->drain, &ex->req_body);
		c->drain.arena = NULL;
		c->drain_left = exchange_conf(ex)->limits.body_drain;
		c->state = CONN_DRAIN;
		connh1_timer(c, exchange_conf(ex)->timeouts.refused_body_ms,
		    METRIC_TMO_REFUSED_BODY);
	} else if (c->last) {
		connh1_end(c);
	} else {
		connh1_await(c);
	}
	loop_defer(&c->w->net.loop, &c->step);
}

static const struct down_ops connh1_ops = {
    .interim = connh1_interim,
    .head = connh1_head,
    .room = connh1_room,
    .body = connh1_body,
    .end = connh1_finish,
    .pull = connh1_pull,
    .eat = connh1_eat,
    .done = connh1_done,
};

/* ---- heads ---- */

static void
connh1_begin(struct conn *c, struct exchange *ex)
{
	c->ex = ex;
	c->state = CONN_BUSY;
	c->requests++;
	connh1_timer(c, 0, METRIC_TMO_HEAD);
	exchange_run(ex);
}

/* A head that cannot be read: the connection's last answer, recorded as such. */
static void
connh1_refuse(struct conn *c, struct exchange *ex, enum reason why)
{
	c->last = true;
	exchange_unread(ex, why);
	connh1_begin(c, ex);
}

static int
connh1_parse(struct conn *c, struct exchange *ex, size_t *used, enum reason *why)
{
	const struct conf_limits *l = &worker_conf(c->w)->limits;
	struct h1_limits limits = {.line = l->uri + CONNH1_LINE, .head = l->head};
	const struct conf_site *site = c->site < 0 ? NULL
						   : &c->ws->snap->conf->sites[c->site];
	size_t most = l->fields < EXCHANGE_FIELDS ? (size_t)l->fields : EXCHANGE_FIELDS;
	int err;

	if (site != NULL) {
		limits.methods = site->methods;
		limits.n_methods = site->n_methods;
	}
	err = h1_request_parse(buf_data(&c->in), &ex->req, fields_over(ex->req_at, most),
	    &limits, used, why);
	if (err == 0 && ex->req.target.n > l->uri) {
		*why = REASON_TARGET_LONG;
		return WF_ERANGE;
	}
	if (err == 0 && fields_longest(&ex->req.fields) > l->line) {
		*why = REASON_HEAD_LARGE;
		return WF_ERANGE;
	}
	return err;
}

/*
 * Tries to make an exchange of what is in the buffer. False: more is needed; how far the
 * search went is kept, so that a head in many pieces is not searched from its start again.
 */
static bool
connh1_try(struct conn *c)
{
	enum reason why = REASON_NONE;
	struct exchange *ex;
	size_t used = 0;
	int err;

	ex = exchange_new(c->w, c, &connh1_ops);
	if (ex == NULL) {
		conn_drop(c, "no memory");
		return true;
	}
	ex->req.scan = c->scan;
	err = connh1_parse(c, ex, &used, &why);
	if (err == WF_MORE) {
		c->scan = ex->req.scan;
		exchange_discard(ex);
		return false;
	}
	memset(&c->scan, 0, sizeof(c->scan));
	if (err == 0 && keep_request(&ex->arena, span_of(buf_data(&c->in).p, used),
			    &ex->req) != 0) {
		err = WF_EFULL;
		why = REASON_HEAD_LARGE;
	}
	if (err != 0) {
		connh1_refuse(c, ex, why);
		return true;
	}
	buf_eat(&c->in, used);
	body_init(&ex->req_body, ex->req.framing, ex->req.length, &ex->arena);
	if (c->listen->kind == CONF_LISTEN_REDIRECT) {
		redirect_answer(c, ex);
		return true;
	}
	connh1_begin(c, ex);
	return true;
}

static void
connh1_drain(struct conn *c)
{
	enum reason why;
	struct span d;
	size_t used;
	int err = 0;

	while (!c->drain.done && err == 0) {
		err = body_next(&c->drain, buf_data(&c->in), &used, &d, &why);
		if (used > 0)
			buf_eat(&c->in, used);
		if (err < 0 || d.n > c->drain_left) {
			metric_add(c->w->metrics, METRIC_LIM_BODY_DRAIN, err >= 0);
			connh1_end(c);
			return;
		}
		c->drain_left -= d.n;
		if (err == WF_MORE)
			err = connh1_read(c);
	}
	if (err == WF_MORE)
		return;
	if (err != 0 || c->last) {
		connh1_end(c);
		return;
	}
	connh1_await(c);
	loop_defer(&c->w->net.loop, &c->step);
}

/* Everything is said: read and drop until the client closes; but only so much at a time, or
 * who sends faster than we read keeps all others waiting, and the clock as well. */
static void
connh1_linger(struct conn *c)
{
	int err = 0;

	for (unsigned turn = 0; err == 0 && turn < CONNH1_LINGER_READS; turn++) {
		buf_eat(&c->in, c->in.n);
		err = connh1_read(c);
	}
	if (err == 0)
		loop_defer_next(&c->w->net.loop, &c->step);
	else if (err != WF_MORE)
		conn_drop(c, "closed");
}

static void
connh1_heads(struct conn *c)
{
	int err = 0;

	while (c->state == CONN_HEAD && c->ex == NULL) {
		bool idle = c->in.n == 0;

		if (!idle && connh1_try(c))
			return;
		if (err == WF_EFULL)
			return;
		err = connh1_read(c);
		if (err == WF_MORE)
			return;
		if (err != 0) {
			conn_drop(c, "closed");
			return;
		}
		if (idle)
			connh1_timer(c, worker_conf(c->w)->timeouts.head_ms, METRIC_TMO_HEAD);
	}
}

void
connh1_advance(struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
		connh1_heads(c);
		break;
	case CONN_DRAIN:
		connh1_drain(c);
		break;
	case CONN_END:
		connh1_linger(c);
		break;
	default:
		break;
	}
}

/*
 * Nobody waits for the answer any more: the client reset the connection, or closed it after
 * its request was read. What a login or logout did at the backend must be learned all the
 * same; it shows at the first write.
 */
static bool
connh1_is_gone(const struct conn *c)
{
	const struct exchange *ex = c->ex;

	if (ex->tunnel || ex->login != NULL || ex->logout != NULL)
		return false;
	return c->stream.hung_up ||
	       (c->stream.eof && ex->step >= STEP_RELAY && ex->req_body.done && c->in.n == 0);
}

void
connh1_event(struct conn *c, unsigned events)
{
	(void)events;
	if (c->ex != NULL && connh1_is_gone(c)) {
		conn_drop(c, "client-gone");
		return;
	}
	if (c->ex != NULL) {
		exchange_run(c->ex);
		return;
	}
	connh1_advance(c);
}

void
connh1_timeout(struct conn *c)
{
	struct exchange *ex;

	/* A client that has taken everything is not slow, whatever we wait for. */
	if (c->timer_metric == METRIC_TMO_WRITE && c->stream.out.n == 0 &&
	    c->stream.plain.n == 0)
		return;
	metric_add(c->w->metrics, c->timer_metric, 1);
	if (c->ex != NULL && c->timer_metric == METRIC_TMO_BODY) {
		relay_body_late(c->ex);
		return;
	}
	if (c->state == CONN_HEAD && c->in.n > 0 &&
	    (ex = exchange_new(c->w, c, &connh1_ops)) != NULL) {
		connh1_refuse(c, ex, REASON_HEAD_TIMEOUT);
		return;
	}
	conn_drop(c, "timeout");
}
