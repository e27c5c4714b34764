/* SPDX-License-Identifier: Apache-2.0 */
/* The answer's way to the client. */
#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/gate/connh2priv.h"

enum {
	CONNH2_FIELDS = EXCHANGE_FIELDS + 16,
	/* So much of an answer must go in the time of one write: windows of a few bytes
	 * hold nobody up for long. */
	CONNH2_PORTION = 4096,
};

/* ---- what the engine asks for ---- */

struct h2srv_pending
connh2_pending(void *arg, void *stream)
{
	const struct connh2_stream *s = stream;

	(void)arg;
	return (struct h2srv_pending){.n = s->out.n, .end = s->said_all,
	    .trail = buf_data(&s->trail)};
}

struct span
connh2_take(void *arg, void *stream, size_t n)
{
	const struct connh2_stream *s = stream;

	(void)arg;
	return s->out.n < n ? span_of(NULL, 0) : span_of(buf_data(&s->out).p, n);
}

void
connh2_taken(void *arg, void *stream, size_t n)
{
	struct connh2 *h2 = arg;
	struct connh2_stream *s = stream;

	buf_eat(&s->out, n);
	s->moved += n;
	if (s->out.n == 0)
		connh2_timer(s, 0, METRIC_TMO_WRITE);
	else if (s->moved >= CONNH2_PORTION)
		connh2_timer(s, worker_conf(h2->conn->w)->timeouts.write_ms,
		    METRIC_TMO_WRITE);
	if (s->starved)
		connh2_make_ready(s);
	s->starved = false;
}

void
connh2_said(void *arg, void *stream)
{
	struct connh2_stream *s = stream;

	(void)arg;
	s->said = true;
	connh2_make_ready(s);
}

/* ---- heads ---- */

struct connh2_reply {
	struct fields fields;
	struct field at[CONNH2_FIELDS];
	char date[CLOCK_HTTP_TEXT];
	char length[24];
};

static void
connh2_compose(struct connh2_reply *o, const struct exchange *ex, const struct reply *r)
{
	bool dated = false, final = r->status >= 200 || r->websocket;

	o->fields = fields_over(o->at, CONNH2_FIELDS);
	for (size_t i = 0; i < r->fields.n; i++) {
		(void)fields_add(&o->fields, r->fields.at[i].name, r->fields.at[i].value);
		dated |= r->fields.at[i].id == FIELD_DATE;
	}
	if (!final)
		return;
	if (!r->websocket && (r->framing == H1_LENGTH || r->states)) {
		snprintf(o->length, sizeof(o->length), "%llu",
		    (unsigned long long)(r->framing == H1_LENGTH ? r->length : r->stated));
		(void)fields_add(&o->fields, SPAN_LIT("content-length"),
		    span_str(o->length));
	}
	if (!dated) {
		clock_http((int64_t)worker_now_s(ex->w), o->date);
		(void)fields_add(&o->fields, SPAN_LIT("date"), span_str(o->date));
	}
}

static bool
connh2_has_body(const struct exchange *ex, const struct reply *r)
{
	if (r->websocket)
		return true;
	return ex->req.method != METHOD_HEAD &&
	       (r->framing == H1_CHUNKED || (r->framing == H1_LENGTH && r->length > 0));
}

/* No request beyond these on this connection? */
static bool
connh2_is_last(const struct exchange *ex)
{
	const struct conn *c = ex->conn;
	uint64_t most = exchange_conf(ex)->limits.requests_connection;

	if (most != 0 && c->requests >= most) {
		metric_add(c->w->metrics, METRIC_LIM_REQUESTS, !c->last);
		return true;
	}
	return atomic_load(&c->w->gate->draining);
}

void
connh2_interim(struct exchange *ex, const struct reply *r)
{
	struct connh2_stream *s = ex->stream;
	struct connh2_reply o;

	if (s == NULL || s->closed)
		return;
	connh2_compose(&o, ex, r);
	(void)h2srv_interim(s->h2->srv, s->id, r->status, &o.fields);
	connh2_soon(s->h2);
}

void
connh2_head(struct exchange *ex, const struct reply *r)
{
	struct connh2_stream *s = ex->stream;
	struct connh2_reply o;

	if (s == NULL || s->closed)
		return;
	connh2_compose(&o, ex, r);
	/* RFC 8441: a tunnel is opened by 200. */
	if (h2srv_reply(s->h2->srv, s->id, r->websocket ? 200 : r->status, &o.fields,
		connh2_has_body(ex, r)) != 0)
		connh2_cut(s);
	if (connh2_is_last(ex))
		connh2_retire(ex->conn);
	connh2_soon(s->h2);
}

/* ---- bodies ---- */

size_t
connh2_room(struct exchange *ex)
{
	struct connh2_stream *s = ex->stream;

	if (s == NULL || s->closed)
		return CONNH2_OUT; /* it goes nowhere */
	s->starved = buf_left(&s->out) == 0;
	return buf_left(&s->out);
}

void
connh2_body(struct exchange *ex, struct span d)
{
	struct connh2_stream *s = ex->stream;

	if (s == NULL || s->closed || d.n == 0)
		return;
	if (!buf_put(&s->out, d)) {
		connh2_cut(s);
		return;
	}
	if (!loop_timer_is_set(&s->timer) || s->timer_metric != METRIC_TMO_WRITE)
		connh2_timer(s, exchange_conf(ex)->timeouts.write_ms, METRIC_TMO_WRITE);
	h2srv_resume(s->h2->srv, s->id);
	connh2_soon(s->h2);
}

void
connh2_finish(struct exchange *ex, const struct fields *trailers)
{
	struct connh2_stream *s = ex->stream;
	struct h1_out o;
	uint8_t *p;

	if (s == NULL || s->closed)
		return;
	s->said_all = true;
	if (trailers != NULL && trailers->n > 0 &&
	    (p = buf_room(&s->trail, CHUNK_TRAILER_MAX)) != NULL) {
		o = h1_out_over(p, CHUNK_TRAILER_MAX);
		for (size_t i = 0; i < trailers->n; i++)
			(void)h2_block_put(&o, trailers->at[i].name, trailers->at[i].value);
		buf_added(&s->trail, o.n);
	}
	h2srv_resume(s->h2->srv, s->id);
	connh2_soon(s->h2);
}
