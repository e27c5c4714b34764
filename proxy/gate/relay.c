/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RELAY: the request goes to its upstream, the response's head comes back.
 *
 * A request is sent again only if nothing can have happened: no connection was made, or a
 * safe method without a body was sent of which no answer arrived. Other requests get a
 * connection of their own, since a kept one may be closing just now, and then nobody could
 * tell whether it was taken. One that carried a body is closed behind its answer: if the
 * backend left the body unread, the rest would be its next request, and somebody else's.
 */
#include "proxy/gate/relaypriv.h"

#include "proxy/base/must.h"
#include "proxy/gate/lease.h"
#include "proxy/gate/rewrite.h"
#include "proxy/http/keep.h"
#include "proxy/wire/h1_write.h"

/* The portal is on this machine and makes a page in a millisecond; one that hangs must not
 * hold up a refusal, for which we have a short page of our own. */
enum { RELAY_HEAD_MAX = 40 * 1024, RELAY_PORTAL_MS = 2000 };

void
relay_release(struct exchange *ex, bool clean)
{
	struct upstream_conn *up = ex->up;

	if (up == NULL)
		return;
	ex->up = NULL;
	metric_add(ex->w->metrics, METRIC_UP_BUSY, -1);
	if (clean && !(ex->answer == ANSWER_BACKEND && exchange_has_body(ex)) &&
	    ex->res_ready && ex->res.keep_alive && ex->res_body.done &&
	    ex->req_sent && !ex->tunnel && !ex->up_eof && ex->up_in.n == 0)
		upstream_put(up);
	else
		upstream_drop(up);
}

enum step_result
relay_broken(struct exchange *ex, enum reason reason)
{
	relay_release(ex, false);
	metric_add(ex->w->metrics, METRIC_UP_FAILED, 1);
	loop_timer_del(&ex->timer);
	/* The decision stands; this is what came of it. */
	ex->end = reason_name(reason);
	if (ex->answer == ANSWER_ASSET) {
		ex->reason = REASON_PORTAL_UNAVAILABLE;
		ex->page = PROBLEM_UNAVAILABLE;
	} else if (ex->answer == ANSWER_BACKEND) {
		ex->reason = reason;
		ex->page = reason_info(reason)->status == 504   ? PROBLEM_TIMEOUT
			   : reason_info(reason)->status == 503 ? PROBLEM_UNAVAILABLE
								: PROBLEM_BAD_GATEWAY;
	}
	ex->answer = ANSWER_PAGE;
	ex->res_ready = false;
	exchange_jump(ex, STEP_DELIVER);
	return STEP_NEXT;
}

static bool
relay_is_safe(const struct exchange *ex)
{
	return ex->answer != ANSWER_BACKEND ||
	       ((ex->req.method == METHOD_GET || ex->req.method == METHOD_HEAD ||
		    ex->req.method == METHOD_OPTIONS) &&
		   ex->req.framing == H1_NONE && !ex->websocket);
}

/* Another try after `reason`, or the end of it. */
static enum step_result
relay_retry(struct exchange *ex, enum reason reason)
{
	unsigned most = ex->answer == ANSWER_BACKEND
			    ? (unsigned)exchange_site(ex)->backend.retries + 1
			    : 2;
	bool stale = ex->up != NULL && ex->up->reused;

	/* Where not even the head was sent, nothing can have happened. */
	if ((relay_is_safe(ex) || !ex->req_head_sent) && (ex->tries < most || (stale && ex->tries <= most))) {
		relay_release(ex, false);
		metric_add(ex->w->metrics, METRIC_UP_RETRIED, 1);
		ex->up_fresh = true;
		ex->up_ready = ex->up_eof = ex->req_head_sent = ex->req_sent = false;
		buf_eat(&ex->up_in, ex->up_in.n);
		ex->again = true; /* exchange_run comes back to this step */
		return STEP_WAIT;
	}
	return relay_broken(ex, reason);
}

static void
relay_on_upstream(struct upstream_conn *up, unsigned events)
{
	struct exchange *ex = up->user;

	if (events & UPSTREAM_READY) {
		ex->up_ready = true;
		metric_add(ex->w->metrics, METRIC_DIAL_OK, up->reused ? 0 : 1);
	}
	if (events & UPSTREAM_FAILED) {
		metric_add(ex->w->metrics, METRIC_DIAL_FAILED, 1);
		metric_add(ex->w->metrics, METRIC_TMO_DIAL,
		    up->fail == UPSTREAM_FAIL_TIMEOUT);
		metric_add(ex->w->metrics, METRIC_LIM_UPSTREAM,
		    up->fail == UPSTREAM_FAIL_LIMIT);
		metric_add(ex->w->metrics, METRIC_UP_BUSY, -1);
		ex->up = NULL; /* gone when we return */
		ex->up_eof = true;
		ex->up_failed = up->fail == UPSTREAM_FAIL_TLS	    ? REASON_UPSTREAM_TLS
				: up->fail == UPSTREAM_FAIL_TIMEOUT ? REASON_UPSTREAM_TIMEOUT
				: up->fail == UPSTREAM_FAIL_LIMIT   ? REASON_OVERLOAD
								    : REASON_UPSTREAM_UNREACHABLE;
	}
	exchange_run(ex);
}

static bool
relay_dial(struct exchange *ex)
{
	const struct snapshot_site *s = ex->site;
	struct upstream_target *t = &ex->ws->snap->portal;
	unsigned how = (ex->up_fresh || !relay_is_safe(ex) ? UPSTREAM_FRESH : 0) |
		       (ex->known == KNOWN_LIVE ? UPSTREAM_RESERVE : 0);

	if (ex->answer == ANSWER_BACKEND)
		t = upstream_pick(s->list, s->n_targets, &ex->ws->turn[s->conf->index],
		    ex->w->net.loop.now);
	ex->tries++;
	ex->up_ready = ex->up_eof = false;
	ex->up = upstream_get(ex->ws->pool, t, how, ex, relay_on_upstream);
	if (ex->up != NULL)
		metric_add(ex->w->metrics, METRIC_UP_BUSY, 1);
	return ex->up != NULL;
}

/* The decision has passed and the backend's connection stands: the body may come. */
static void
relay_continue(struct exchange *ex)
{
	struct reply r = {.status = 100};

	if (ex->answer == ANSWER_BACKEND && ex->req.expect_100 && !ex->req_body.done) {
		ex->req.expect_100 = false;
		ex->down->interim(ex, &r);
	}
}

static bool
relay_send_head(struct exchange *ex)
{
	struct buf head;
	struct h1_out out;
	uint8_t *p;
	bool ok;

	buf_init(&head, &ex->w->net.pool, RELAY_HEAD_MAX);
	p = buf_room(&head, RELAY_HEAD_MAX);
	if (p == NULL)
		return false;
	out = h1_out_over(p, RELAY_HEAD_MAX);
	ok = ex->answer == ANSWER_BACKEND ? rewrite_request(ex, &out)
					  : rewrite_portal(ex, &out);
	ok = ok && stream_write(&ex->up->stream, h1_out_span(&out)) == out.n;
	digest_wipe(p, out.n);
	buf_fini(&head);
	ex->req_head_sent = true;
	ex->t_sent = ex->w->net.loop.now;
	if (ex->answer != ANSWER_BACKEND || ex->req_body.done || ex->websocket)
		ex->req_sent = true;
	relay_continue(ex);
	if (ex->answer != ANSWER_BACKEND)
		exchange_timer(ex, RELAY_PORTAL_MS, METRIC_TMO_PORTAL);
	else if (ex->req_sent)
		exchange_timer(ex, exchange_conf(ex)->timeouts.upstream_head_ms,
		    METRIC_TMO_RESPONSE);
	return ok;
}

/* ---- the response's head ---- */

int
relay_fill(struct exchange *ex)
{
	size_t n;
	int err;

	if (ex->up == NULL || ex->up_eof)
		return WF_ECLOSED;
	err = stream_read(&ex->up->stream, &ex->up_in,
	    ex->res_ready ? STREAM_READ_BODY : STREAM_READ_MAX, &n);
	if (err == WF_EFULL || err == WF_MORE)
		return err == WF_MORE && n > 0 ? 0 : err;
	if (err != 0)
		ex->up_eof = true;
	return err;
}

static void
relay_interim(struct exchange *ex)
{
	struct reply r;

	/* 103 carries Link fields. The 100 was ours to send; 101 is no interim response. */
	if (ex->res.status != 100 && rewrite_response(ex, &r))
		ex->down->interim(ex, &r);
}

static enum step_result
relay_take_head(struct exchange *ex, size_t used)
{
	struct span head = span_of(buf_data(&ex->up_in).p, used);

	if (keep_response(&ex->arena, head, &ex->res) != 0)
		return relay_broken(ex, REASON_UPSTREAM_BAD_RESPONSE);
	buf_eat(&ex->up_in, used);
	if (ex->res.interim) {
		relay_interim(ex);
		memset(&ex->res, 0, sizeof(ex->res));
		ex->again = true;
		return STEP_WAIT;
	}
	ex->res_ready = true;
	ex->t_answered = ex->w->net.loop.now;
	body_init(&ex->res_body, ex->res.framing, ex->res.length, &ex->arena);
	exchange_timer(ex, 0, METRIC_TMO_RESPONSE);
	metric_add(ex->w->metrics, METRIC_UP_OK, 1);
	metric_time(ex->w->metrics, METRIC_UPSTREAM_TIME,
	    (ex->t_answered - ex->t_sent) / 1000);
	return STEP_NEXT;
}

static enum step_result
relay_read_head(struct exchange *ex)
{
	const struct conf_limits *l = &exchange_conf(ex)->limits;
	struct h1_limits limits = {.line = l->line, .head = l->head_response};
	struct h1_asked asked = {
	    .method = ex->answer == ANSWER_BACKEND ? ex->req.method : METHOD_GET,
	    .upgrade = ex->websocket && ex->answer == ANSWER_BACKEND};
	enum reason why = REASON_NONE;
	size_t used;
	int err;

	for (;;) {
		if (ex->up_in.n > 0) {
			err = h1_response_parse(buf_data(&ex->up_in), &ex->res,
			    fields_over(ex->res_at, EXCHANGE_FIELDS), &limits, asked, &used,
			    &why);
			if (err == 0 && fields_longest(&ex->res.fields) > l->line) {
				why = REASON_HEAD_LARGE;
				err = WF_ERANGE;
			}
			if (err == 0)
				return relay_take_head(ex, used);
			if (err < 0) {
				metric_add(ex->w->metrics, METRIC_UP_BAD_RESPONSE, 1);
				metric_add(ex->w->metrics, METRIC_LIM_RESPONSE_HEAD,
				    why == REASON_HEAD_LARGE || why == REASON_FIELDS_MANY);
				(void)relay_broken(ex, REASON_UPSTREAM_BAD_RESPONSE);
				ex->end = reason_name(why);
				return STEP_NEXT;
			}
		}
		err = relay_fill(ex);
		if (err == WF_MORE)
			return STEP_WAIT;
		if (err != 0)
			return ex->up_in.n > 0 ? relay_broken(ex, REASON_UPSTREAM_CLOSED)
					       : relay_retry(ex, REASON_UPSTREAM_CLOSED);
	}
}

static enum problem_kind
relay_page(enum reason why)
{
	switch (why) {
	case REASON_BODY_LARGE:
		return PROBLEM_TOO_LARGE;
	case REASON_BODY_TIMEOUT:
		return PROBLEM_SLOW;
	case REASON_REVOKED:
		return PROBLEM_REVOKED;
	case REASON_LOCKED:
		return PROBLEM_LOCKED;
	case REASON_POLICY_CHALLENGE:
		return PROBLEM_CHALLENGE;
	case REASON_POLICY_REFUSE:
		return PROBLEM_REFUSED;
	default:
		return PROBLEM_BAD_REQUEST;
	}
}

/* 4xx, for nothing was answered yet; the connection ends. */
enum step_result
relay_give_up(struct exchange *ex)
{
	relay_release(ex, false);
	loop_timer_del(&ex->timer);
	ex->answer = ANSWER_PAGE;
	ex->page = relay_page(ex->reason);
	ex->end = reason_name(ex->reason);
	ex->res_ready = false;
	exchange_jump(ex, STEP_DELIVER);
	return STEP_NEXT;
}

/* A chunked body that is wrong from its first byte is refused before a backend hears of
 * the request at all. */
static bool
relay_body_begins(struct exchange *ex)
{
	struct span d;

	if (ex->answer != ANSWER_BACKEND || ex->req.framing != H1_CHUNKED ||
	    ex->down->pull(ex, &d) >= 0)
		return true;
	relay_body_broken(ex, REASON_BODY_CUT);
	return false;
}

static enum step_result
relay_run(struct exchange *ex)
{
	if (ex->answer == ANSWER_LOGIN || ex->answer == ANSWER_CUT ||
	    (ex->answer == ANSWER_PAGE && ex->site == NULL))
		return STEP_NEXT;
	if (ex->req_broken)
		return relay_give_up(ex);
	if (ex->up == NULL && ex->up_eof && !ex->req_head_sent)
		return relay_retry(ex, ex->up_failed);
	if (ex->up == NULL && !relay_body_begins(ex))
		return relay_give_up(ex);
	if (ex->up == NULL && !relay_dial(ex))
		return relay_broken(ex, REASON_OVERLOAD);
	if (!ex->up_ready)
		return STEP_WAIT;
	if (!ex->req_head_sent && !relay_holds(ex))
		return relay_give_up(ex);
	if (!ex->req_head_sent && !relay_send_head(ex))
		return relay_broken(ex, REASON_INTERNAL);
	relay_pump_request(ex);
	if (ex->req_broken)
		return relay_give_up(ex);
	return relay_read_head(ex);
}

enum step_result
step_relay(struct exchange *ex)
{
	enum step_result r = relay_run(ex);

	if (r == STEP_WAIT)
		lease_take(ex);
	return r;
}

void
relay_withdraw(struct exchange *ex, enum reason why)
{
	relay_stop(ex, why);
	exchange_run(ex);
}

void
relay_body_late(struct exchange *ex)
{
	if (ex->step != STEP_RELAY) {
		exchange_abort(ex, reason_name(REASON_BODY_TIMEOUT));
		return;
	}
	relay_body_broken(ex, REASON_BODY_TIMEOUT);
	exchange_run(ex);
}

void
relay_timeout(struct exchange *ex)
{
	if (ex->step == STEP_RELAY) {
		(void)relay_broken(ex, REASON_UPSTREAM_TIMEOUT);
		ex->step = STEP_DELIVER;
		exchange_run(ex);
	} else if (ex->step == STEP_RECORD || ex->step == STEP_ACT ||
		   ex->step == STEP_LEARN) {
		/* The log did not commit in time: what waits decides for itself. */
		ex->wait_seq = 0;
		exchange_run(ex);
	} else {
		exchange_abort(ex, "timeout");
	}
}
