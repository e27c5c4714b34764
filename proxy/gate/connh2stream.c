/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a stream, and its time. */
#include "proxy/gate/connh2priv.h"

#include <stdlib.h>

#include "proxy/gate/relay.h"

void
connh2_soon(struct connh2 *h2)
{
	loop_defer(&h2->conn->w->net.loop, &h2->conn->step);
}

void
connh2_make_ready(struct connh2_stream *s)
{
	if (s->ready)
		return;
	s->ready = true;
	s->ready_next = NULL;
	*s->h2->ready_end = s;
	s->h2->ready_end = &s->ready_next;
	connh2_soon(s->h2);
}

struct connh2_stream *
connh2_next_ready(struct connh2 *h2)
{
	struct connh2_stream *s = h2->ready;

	if (s == NULL)
		return NULL;
	h2->ready = s->ready_next;
	if (h2->ready == NULL)
		h2->ready_end = &h2->ready;
	s->ready = false;
	return s;
}

static void
connh2_unready(struct connh2_stream *s)
{
	struct connh2 *h2 = s->h2;
	struct connh2_stream **p = &h2->ready;

	if (!s->ready)
		return;
	while (*p != s)
		p = &(*p)->ready_next;
	*p = s->ready_next;
	if (h2->ready_end == &s->ready_next)
		h2->ready_end = p;
	s->ready = false;
}

void
connh2_free(struct connh2_stream *s)
{
	struct connh2 *h2 = s->h2;
	struct worker *w = h2->conn->w;

	connh2_unready(s);
	loop_timer_del(&s->timer);
	connh2_unhold(s);
	if (s->in.n > 0)
		h2srv_ate_lost(h2->srv, s->in.n);
	buf_fini(&s->head);
	buf_fini(&s->in);
	buf_fini(&s->out);
	buf_fini(&s->tail);
	buf_fini(&s->trail);
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	h2->n_streams--;
	if (w->n_free_streams >= WORKER_KEEP) {
		free(s);
		return;
	}
	s->next = w->free_streams;
	w->free_streams = s;
	w->n_free_streams++;
}

void
connh2_forget(struct worker *w)
{
	while (w->free_streams != NULL) {
		struct connh2_stream *s = w->free_streams;

		w->free_streams = s->next;
		free(s);
	}
	w->n_free_streams = 0;
}

void
connh2_timer(struct connh2_stream *s, uint64_t ms, enum metric_id metric)
{
	s->timer_metric = metric;
	s->moved = 0;
	if (ms == 0)
		loop_timer_del(&s->timer);
	else
		loop_timer_set(&s->h2->conn->w->net.loop, &s->timer, ms);
}

/*
 * Clients that are still sending take a reset for the loss of the answer that they have.
 * So a body that nobody wants may still come for a while, as in HTTP/1.1 (body-drain).
 */
static void
connh2_drain(struct connh2_stream *s)
{
	const struct conf *conf = worker_conf(s->h2->conn->w);

	s->draining = true;
	s->code = H2SRV_NO_ERROR;
	if (s->in.n > 0)
		h2srv_ate_lost(s->h2->srv, s->in.n);
	buf_fini(&s->in);
	connh2_timer(s, conf->timeouts.refused_body_ms, METRIC_TMO_REFUSED_BODY);
}

void
connh2_rest(struct connh2_stream *s)
{
	if (s->closed)
		connh2_free(s);
	else if (s->said && !s->ended && !s->draining)
		connh2_drain(s);
}

static void
connh2_on_timer(struct loop_timer *t)
{
	struct connh2_stream *s = (struct connh2_stream *)(void *)((char *)t -
	    offsetof(struct connh2_stream, timer));

	connh2_soon(s->h2);
	if (!s->begun) {
		connh2_make_ready(s); /* there may be a place now */
		return;
	}
	metric_add(s->h2->conn->w->metrics, s->timer_metric, 1);
	if (!s->draining)
		s->code = H2SRV_CANCEL;
	if (s->ex == NULL)
		connh2_cut(s);
	else if (s->timer_metric == METRIC_TMO_BODY)
		relay_body_late(s->ex);
	else
		exchange_abort(s->ex, "timeout");
}

struct connh2_stream *
connh2_stream_new(struct connh2 *h2, int32_t id)
{
	struct worker *w = h2->conn->w;
	struct connh2_stream *s = w->free_streams;

	if (s != NULL) {
		w->free_streams = s->next;
		w->n_free_streams--;
	} else if ((s = malloc(sizeof(*s))) == NULL) {
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	s->h2 = h2;
	s->id = id;
	s->code = H2SRV_INTERNAL_ERROR;
	s->timer.fn = connh2_on_timer;
	buf_init(&s->head, &w->net.pool, BUF_LARGE);
	buf_init(&s->in, &w->net.pool, BUF_LARGE);
	buf_init(&s->out, &w->net.pool, CONNH2_OUT);
	buf_init(&s->tail, &w->net.pool, BUF_SMALL);
	buf_init(&s->trail, &w->net.pool, BUF_MEDIUM);
	s->next = h2->streams;
	s->prev = &h2->streams;
	if (s->next != NULL)
		s->next->prev = &s->next;
	h2->streams = s;
	h2->n_streams++;
	return s;
}

void
connh2_cut(struct connh2_stream *s)
{
	buf_fini(&s->out);
	if (!s->closed)
		h2srv_reset(s->h2->srv, s->id, s->code);
	connh2_soon(s->h2);
}

void
connh2_on_closed(void *arg, void *stream, uint32_t code)
{
	struct connh2_stream *s = stream;

	(void)arg, (void)code;
	s->closed = true;
	connh2_make_ready(s);
}
