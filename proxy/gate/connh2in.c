/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and bodies of requests. */
#include "proxy/base/digest.h"

#include "proxy/gate/connh2priv.h"
#include "proxy/http/keep.h"
#include "proxy/wire/chunk.h"
#include "proxy/wire/h2_request.h"

enum {
	CONNH2_WAIT_MS = 50,		/* for a place among the address's requests */
	CONNH2_WAITING = 8 * 1024 * 1024, /* bytes of heads that wait, of a thread */
};

/* ---- streams that wait for a place ---- */

static void
connh2_give_up(struct connh2_stream *s)
{
	connh2_unhold(s);
	metric_add(s->h2->conn->w->metrics, METRIC_LIM_STREAMS, 1);
	s->begun = true;
	s->code = H2SRV_REFUSED_STREAM;
	connh2_cut(s);
}

/* False: those that wait hold too much already. */
static bool
connh2_hold(struct connh2_stream *s, size_t n)
{
	struct worker *w = s->h2->conn->w;

	s->held += n;
	w->h2_held += n;
	return w->h2_held <= CONNH2_WAITING;
}

void
connh2_unhold(struct connh2_stream *s)
{
	s->h2->conn->w->h2_held -= s->held;
	s->held = 0;
}

void
connh2_wait_place(struct connh2_stream *s)
{
	struct worker *w = s->h2->conn->w;
	uint64_t now = w->net.loop.now;
	bool fits = true;

	if (s->since == 0) {
		s->since = now;
		fits = connh2_hold(s, s->head.cap + s->in.n);
	}
	if (!fits || now - s->since >= worker_conf(w)->timeouts.head_ms * 1000000u)
		connh2_give_up(s);
	else
		connh2_timer(s, CONNH2_WAIT_MS, METRIC_TMO_HEAD);
}

/* ---- from the engine ---- */

/* Once a connection, with its first request that is no CONNECT. */
static void
connh2_take_print(struct connh2 *h2)
{
	struct span whole = span_of(h2->print, h2srv_print(h2->srv, h2->print));
	uint8_t sum[DIGEST_LEN];

	if (whole.n == 0)
		return;
	hasher_parts(h2->conn->w->hasher, &whole, 1, sum);
	h2->conn->h2_print = (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 |
			     (uint32_t)sum[2] << 8 | sum[3];
}

void *
connh2_on_head(void *arg, int32_t id, struct span block, unsigned flags)
{
	struct connh2 *h2 = arg;
	struct connh2_stream *s;

	/* Ours end later than the engine's where a login must be learned of. */
	if (h2->n_streams >= worker_conf(h2->conn->w)->limits.streams || h2->gone ||
	    (s = connh2_stream_new(h2, id)) == NULL) {
		metric_add(h2->conn->w->metrics, METRIC_LIM_STREAMS, 1);
		return NULL;
	}
	if (h2->conn->h2_print == 0)
		connh2_take_print(h2);
	s->large = (flags & H2SRV_LARGE) != 0;
	s->ended = (flags & H2SRV_ENDED) != 0;
	if (!s->large && !buf_put(&s->head, block))
		s->large = true;
	connh2_make_ready(s);
	return s;
}

void
connh2_on_trailers(void *arg, void *stream, struct span block, unsigned flags)
{
	struct connh2_stream *s = stream;

	(void)arg;
	s->ended = true;
	s->odd = (flags & H2SRV_ENDED) == 0;
	s->tail_large = (flags & H2SRV_LARGE) || block.n > CHUNK_TRAILER_MAX ||
			!buf_put(&s->tail, block);
	connh2_make_ready(s);
}

/*
 * The request is answered: what still comes of its body goes nowhere. Beyond body-drain
 * the window stays shut, until the time is over (connh2_drain).
 */
static void
connh2_drained(struct connh2_stream *s, size_t n)
{
	if (n <= s->drain_left) {
		s->drain_left -= n;
		h2srv_ate(s->h2->srv, s->id, n);
		return;
	}
	metric_add(s->h2->conn->w->metrics, METRIC_LIM_BODY_DRAIN, s->drain_left > 0);
	s->drain_left = 0;
	h2srv_ate_lost(s->h2->srv, n);
}

void
connh2_on_data(void *arg, void *stream, struct span data)
{
	struct connh2 *h2 = arg;
	struct connh2_stream *s = stream;

	s->got += data.n;
	if (s->begun && s->ex == NULL) {
		connh2_drained(s, data.n);
		return;
	}
	if (!buf_put(&s->in, data)) {
		h2srv_ate_lost(h2->srv, data.n);
		connh2_cut(s);
		return;
	}
	if (s->begun)
		connh2_make_ready(s);
	else if (s->since != 0 && !connh2_hold(s, data.n))
		connh2_give_up(s);
}

void
connh2_on_ended(void *arg, void *stream)
{
	struct connh2_stream *s = stream;

	(void)arg;
	s->ended = true;
	connh2_make_ready(s);
}

/* ---- heads ---- */

static int
connh2_parse(struct connh2_stream *s, enum reason *why)
{
	struct exchange *ex = s->ex;
	const struct conn *c = ex->conn;
	const struct conf_limits *l = &worker_conf(c->w)->limits;
	const struct conf_site *site = c->site < 0 ? NULL
						   : &c->ws->snap->conf->sites[c->site];
	size_t most = l->fields < EXCHANGE_FIELDS ? (size_t)l->fields : EXCHANGE_FIELDS;
	struct h2_limits limits = {.uri = l->uri, .line = l->line};
	struct span block = arena_dup(&ex->arena, buf_data(&s->head));

	if (site != NULL) {
		limits.methods = site->methods;
		limits.n_methods = site->n_methods;
	}
	if (s->large || block.p == NULL)
		return reason_refuse(why, REASON_HEAD_LARGE);
	return h2_request_parse(block, s->ended && s->got == 0, &ex->arena, &ex->req,
	    fields_over(ex->req_at, most), &limits, why);
}

/* A malformed request has no answer (RFC 9113 8.1.1), but it is recorded as any other. */
static void
connh2_refuse(struct connh2_stream *s, enum reason why)
{
	exchange_unread(s->ex, why);
	if (!h2_request_malformed(why))
		return;
	s->ex->answer = ANSWER_CUT;
	s->code = H2SRV_PROTOCOL_ERROR;
}

void
connh2_read_head(struct connh2_stream *s)
{
	struct exchange *ex = s->ex;
	enum reason why = REASON_NONE;
	int err = connh2_parse(s, &why);

	/* It may hold cookies. */
	if (s->head.n > 0)
		digest_wipe(s->head.block + s->head.off, s->head.n);
	buf_fini(&s->head);
	if (err != 0)
		connh2_refuse(s, why);
	else
		body_init(&ex->req_body, ex->req.framing, ex->req.length, &ex->arena);
}

/* ---- bodies ---- */

static enum reason
connh2_trailers(struct connh2_stream *s)
{
	struct exchange *ex = s->ex;
	struct span block = arena_dup(&ex->arena, buf_data(&s->tail));
	enum reason why = REASON_NONE;

	if (s->odd)
		return REASON_H2_PSEUDO;
	if (s->tail_large || block.p == NULL)
		return REASON_TRAILER_LARGE;
	buf_fini(&s->tail);
	(void)h2_request_trailers(block, &ex->req_body.trailers, &why);
	return why;
}

bool
connh2_is_odd(struct connh2_stream *s)
{
	struct exchange *ex = s->ex;
	enum reason why = REASON_NONE;

	if (s->closed || ex->step == STEP_CLOSE)
		return false;
	if (ex->req.framing == H1_LENGTH &&
	    (s->got > ex->req.length || (s->ended && s->got < ex->req.length)))
		why = REASON_BODY_LENGTH;
	else if (s->odd || s->tail_large || s->tail.n > 0)
		why = connh2_trailers(s);
	if (why == REASON_NONE)
		return false;
	s->code = H2SRV_PROTOCOL_ERROR;
	if (ex->reason == REASON_NONE)
		ex->reason = why;
	exchange_abort(ex, reason_name(why));
	return true;
}

/*
 * The last byte of a body of known length waits for the end of the stream: only then is
 * it sure that the length was true, and with that byte the backend acts.
 */
static struct span
connh2_at_hand(const struct connh2_stream *s, const struct exchange *ex)
{
	struct span d = buf_data(&s->in);

	if (ex->req.framing == H1_LENGTH && !s->ended && d.n >= ex->req_body.left)
		d.n = (size_t)ex->req_body.left - 1;
	return d;
}

int
connh2_pull(struct exchange *ex, struct span *d)
{
	struct connh2_stream *s = ex->stream;

	*d = span_of(NULL, 0);
	if (s == NULL || s->closed)
		return WF_ECLOSED;
	if (ex->tunnel) {
		*d = buf_data(&s->in);
		return d->n > 0 ? 0 : s->ended ? WF_ECLOSED : WF_MORE;
	}
	if (ex->req_body.done)
		return 0;
	*d = connh2_at_hand(s, ex);
	if (d->n > 0)
		return 0;
	if (s->ended) {
		ex->req_body.done = true;
		connh2_timer(s, 0, METRIC_TMO_BODY);
		return 0;
	}
	if (!loop_timer_is_set(&s->timer))
		connh2_timer(s, exchange_conf(ex)->timeouts.body_ms, METRIC_TMO_BODY);
	return WF_MORE;
}

void
connh2_eat(struct exchange *ex, size_t n)
{
	struct connh2_stream *s = ex->stream;

	if (s == NULL)
		return;
	buf_eat(&s->in, n);
	if (!ex->tunnel) {
		ex->req_body.seen += n;
		if (ex->req.framing == H1_LENGTH) {
			ex->req_body.left -= n;
			ex->req_body.done = ex->req_body.left == 0;
		}
	}
	if (s->timer_metric == METRIC_TMO_BODY)
		connh2_timer(s, 0, METRIC_TMO_BODY); /* it sent: now others are waited for */
	h2srv_ate(s->h2->srv, s->id, n);
	connh2_soon(s->h2);
}
