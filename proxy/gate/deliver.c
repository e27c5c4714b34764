/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DELIVER: the answer goes out; tunnels and long answers live under a lease (lease.h).
 * Cutting is closing: what already left cannot be called back.
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/base/fallback.h"
#include "proxy/base/must.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/learn.h"
#include "proxy/gate/lease.h"
#include "proxy/gate/relay.h"
#include "proxy/gate/rewrite.h"
#include "proxy/gate/untoss.h"

enum {
	DELIVER_BODY = PROBLEM_BODY_MAX,
	DELIVER_FIELDS = 16,
	DELIVER_RETRY_S = 5, /* a restart, a load of the sessions, a busy backend */
};

static void
deliver_status(struct exchange *ex, unsigned status)
{
	ex->status = status;
	ex->head_sent = true;
	metric_add(ex->w->metrics, (enum metric_id)(METRIC_STATUS_1XX + status / 100 - 1), 1);
}

/* In whole seconds: when a limit has room again, or the log may have been written. */
static uint64_t
deliver_retry_s(const struct exchange *ex)
{
	uint64_t ms = exchange_conf(ex)->timeouts.commit_ms;

	if (ex->reason == REASON_RATE_LIMIT)
		return ex->retry_ns / CLOCK_SEC + 1;
	if (ex->reason == REASON_RECORD_UNAVAILABLE || ex->reason == REASON_BIND_FAILED)
		return ms / 1000 + 1;
	return DELIVER_RETRY_S;
}

/* What is ours and passes with time says when to come back. */
static void
deliver_retry(struct exchange *ex, struct reply *r)
{
	char *v;

	if ((r->status != 429 && r->status != 503) ||
	    fields_find(&r->fields, FIELD_RETRY_AFTER, 0) != NULL)
		return;
	v = arena_get(&ex->arena, 24);
	if (v == NULL)
		return;
	snprintf(v, 24, "%llu", (unsigned long long)deliver_retry_s(ex));
	(void)fields_add(&r->fields, SPAN_LIT("Retry-After"), span_str(v));
}

/* ---- our own short answers ---- */

static void
deliver_own_fields(struct exchange *ex, struct reply *r, bool page)
{
	struct field *at = arena_get(&ex->arena, DELIVER_FIELDS * sizeof(*at));

	r->fields = fields_over(at, at == NULL ? 0 : DELIVER_FIELDS);
	for (const struct fallback_field *f = fallback_fields; f->name != NULL; f++)
		if (page || !span_ieq(span_str(f->name), SPAN_LIT("content-type")))
			(void)fields_add(&r->fields, span_str(f->name), span_str(f->value));
	if (!page)
		(void)fields_add(&r->fields, SPAN_LIT("Content-Type"),
		    ex->answer == ANSWER_DEVICE ? SPAN_LIT("application/json")
						: SPAN_LIT(PROBLEM_TYPE));
}

static struct span
deliver_login_path(const struct exchange *ex)
{
	const struct conf_site *site = exchange_site_if(ex);

	return site == NULL ? span_of(NULL, 0) : site->login_page;
}

static struct span
deliver_own_body(struct exchange *ex, bool page)
{
	struct problem p = {.kind = ex->page, .support = span_str(ex->support),
	    .login = deliver_login_path(ex)};
	char *buf = arena_get(&ex->arena, DELIVER_BODY);
	struct span lang;
	size_t n = 0;
	int err;

	if (buf == NULL)
		return span_of(NULL, 0);
	if (fields_one(&ex->req.fields, FIELD_ACCEPT_LANGUAGE, &lang) == 0)
		p.lang = problem_lang_of(lang);
	if (ex->reason != REASON_NONE)
		p.status = (unsigned)reason_info(ex->reason)->status;
	err = page ? fallback_page(ex->page, p.support, buf, DELIVER_BODY, &n)
		   : problem_write(&p, buf, DELIVER_BODY, &n);
	return span_of(buf, err == 0 ? n : 0);
}

static unsigned
deliver_own_status(const struct exchange *ex)
{
	if (ex->answer == ANSWER_DEVICE)
		return ex->device.status;
	return ex->reason != REASON_NONE ? (unsigned)reason_info(ex->reason)->status
					 : problem_status(ex->page);
}

static void
deliver_own(struct exchange *ex)
{
	bool page = act_is_page(ex), login = ex->answer == ANSWER_LOGIN && page &&
		    ex->req.method == METHOD_GET;
	struct reply r = {.status = deliver_own_status(ex)};
	struct span body = {NULL, 0}, to = deliver_login_path(ex);

	deliver_own_fields(ex, &r, page);
	if (ex->answer == ANSWER_DEVICE) {
		body = ex->device.body;
	} else if (login && to.n > 0) {
		r.status = 303;
		(void)fields_add(&r.fields, SPAN_LIT("Location"), to);
	} else {
		body = deliver_own_body(ex, page);
		metric_add(ex->w->metrics, METRIC_PORTAL_FALLBACK, page ? 1 : 0);
	}
	deliver_retry(ex, &r);
	if (ex->site != NULL)
		untoss(ex, &r);
	device_fields(ex, &r);
	r.framing = H1_LENGTH;
	r.length = body.n;
	deliver_status(ex, r.status);
	ex->down->head(ex, &r);
	if (body.n > 0 && ex->req.method != METHOD_HEAD) {
		ex->down->body(ex, body);
		ex->bytes_out += body.n;
	}
	ex->down->end(ex, NULL);
}

/* ---- the backend's answer ---- */

/* RFC 6455 4.2.2: what the backend made of our key; and the client's answer. */
static void
deliver_accept(struct span key, char out[29])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t text[64], sum[20];
	size_t n = 0;

	MUST(key.n <= 28);
	memcpy(text, key.p, key.n);
	memcpy(text + key.n, guid, sizeof(guid) - 1);
	MUST(EVP_Q_digest(NULL, "SHA1", NULL, text, key.n + sizeof(guid) - 1, sum, &n) == 1);
	(void)EVP_EncodeBlock((uint8_t *)out, sum, sizeof(sum));
}

static bool
deliver_websocket(struct exchange *ex, struct reply *r)
{
	struct span got, key;
	char want[32], *ours = arena_get(&ex->arena, 32);

	deliver_accept(span_of(ex->ws_key, 24), want);
	if (ours == NULL ||
	    fields_one(&ex->res.fields, FIELD_SEC_WEBSOCKET_ACCEPT, &got) != 0 ||
	    !span_eq(got, span_str(want)))
		return false;
	/* In HTTP/2 the client has no key (RFC 8441 5). */
	if (!ex->conn->http2) {
		if (fields_one(&ex->req.fields, FIELD_SEC_WEBSOCKET_KEY, &key) != 0)
			return false;
		deliver_accept(key, ours);
		(void)fields_add(&r->fields, SPAN_LIT("Sec-WebSocket-Accept"), span_str(ours));
	}
	ex->tunnel = true;
	return true;
}

static bool
deliver_head(struct exchange *ex)
{
	struct reply r;

	if (!rewrite_response(ex, &r) ||
	    (ex->res.upgraded && !deliver_websocket(ex, &r)))
		return false;
	if (ex->answer != ANSWER_BACKEND)
		deliver_retry(ex, &r);
	untoss(ex, &r);
	device_fields(ex, &r);
	deliver_status(ex, r.status);
	ex->down->head(ex, &r);
	if (ex->answer != ANSWER_BACKEND)
		metric_add(ex->w->metrics, METRIC_PORTAL_OK, 1);
	return true;
}

static void
deliver_out(struct exchange *ex, struct span d)
{
	ex->down->body(ex, d);
	ex->bytes_out += d.n;
	learn_passed(ex, d);
}

/* What LEARN had to read first. True once it is out. */
static bool
deliver_captured(struct exchange *ex)
{
	size_t room;

	while (ex->bytes_out < ex->res_cap.n && (room = ex->down->room(ex)) > 0) {
		struct span d = span_of(ex->res_cap.p + ex->bytes_out,
		    ex->res_cap.n - (size_t)ex->bytes_out);

		if (d.n > room)
			d.n = room;
		deliver_out(ex, d);
	}
	return ex->bytes_out >= ex->res_cap.n;
}

/* An event stream may be silent for long; any other answer may not. */
static void
deliver_wait(struct exchange *ex)
{
	const struct conf_timeouts *t = &exchange_conf(ex)->timeouts;

	exchange_timer(ex, exchange_is_stream(ex) ? t->tunnel_idle_ms : t->upstream_body_ms,
	    METRIC_TMO_UPSTREAM_BODY);
}

/* STEP_NEXT when all is out. */
static enum step_result
deliver_pump(struct exchange *ex)
{
	enum reason why = REASON_NONE;
	struct span d;
	size_t used, room;
	int err;

	if (!ex->learn_late && !deliver_captured(ex))
		return STEP_WAIT;
	while (!ex->res_body.done || ex->up_in.n > 0) {
		room = ex->down->room(ex);
		if (ex->res_body.done)
			break;
		if (room == 0) {
			/* Now the client is waited for, by its own time; not the backend. */
			exchange_timer(ex, 0, METRIC_TMO_UPSTREAM_BODY);
			return STEP_WAIT;
		}
		d = buf_data(&ex->up_in);
		if (d.n > room)
			d.n = room;
		err = body_next(&ex->res_body, d, &used, &d, &why);
		if (err < 0)
			return exchange_fail(ex, reason_name(why));
		if (d.n > 0)
			deliver_out(ex, d);
		if (used > 0)
			buf_eat(&ex->up_in, used);
		if (ex->res_body.done || used > 0)
			continue;
		err = relay_fill(ex);
		if (err == WF_ECLOSED || err == WF_EIO)
			err = body_eof(&ex->res_body) == 0 ? 0 : WF_ECLOSED;
		if (err == WF_MORE || err == WF_EFULL) {
			deliver_wait(ex);
			return STEP_WAIT;
		}
		if (err != 0)
			return exchange_fail(ex, "upstream-closed");
	}
	learn_late(ex);
	ex->down->end(ex, &ex->res_body.trailers);
	return STEP_NEXT;
}

/* ---- tunnels ---- */

/* Towards the backend. False: the client's side ended. */
static bool
deliver_tunnel_up(struct exchange *ex)
{
	struct span d;
	size_t room;
	int err;

	for (;;) {
		room = stream_room(&ex->up->stream);
		if (room == 0) {
			ex->up->stream.wants_room = true;
			return true;
		}
		err = ex->down->pull(ex, &d);
		if (err == WF_MORE)
			return true;
		if (err != 0)
			return false;
		if (d.n > room)
			d.n = room;
		(void)stream_write(&ex->up->stream, d);
		ex->bytes_in += d.n;
		ex->down->eat(ex, d.n);
	}
}

/* Towards the client. False: the backend's side ended and all of it is out. */
static bool
deliver_tunnel_down(struct exchange *ex)
{
	struct span d;
	size_t room;
	int err;

	for (;;) {
		room = ex->down->room(ex);
		if (room == 0)
			return true;
		d = buf_data(&ex->up_in);
		if (d.n == 0) {
			err = relay_fill(ex);
			if (err == WF_MORE)
				return true;
			if (err != 0)
				return false;
			continue;
		}
		if (d.n > room)
			d.n = room;
		deliver_out(ex, d);
		buf_eat(&ex->up_in, d.n);
	}
}

static enum step_result
deliver_tunnel(struct exchange *ex)
{
	bool up = deliver_tunnel_up(ex), down = deliver_tunnel_down(ex);

	if (up && down) {
		exchange_timer(ex, exchange_conf(ex)->timeouts.tunnel_idle_ms,
		    METRIC_TMO_TUNNEL);
		return STEP_WAIT;
	}
	ex->end = up ? "closed by the backend" : "closed by the client";
	ex->down->end(ex, NULL);
	return STEP_NEXT;
}

/* ---- the step ---- */

enum step_result
step_deliver(struct exchange *ex)
{
	enum step_result r;

	if (ex->answer == ANSWER_CUT)
		return exchange_fail(ex, reason_name(ex->reason));
	if (!ex->res_ready) {
		deliver_own(ex);
		return STEP_NEXT;
	}
	if (!ex->head_sent && !deliver_head(ex)) {
		relay_release(ex, false);
		ex->res_ready = false;
		/* A refusal stays what it is, whatever became of its page. */
		if (ex->answer == ANSWER_BACKEND) {
			ex->reason = REASON_UPSTREAM_BAD_RESPONSE;
			ex->page = PROBLEM_BAD_GATEWAY;
		}
		deliver_own(ex);
		return STEP_NEXT;
	}
	if (!ex->tunnel)
		relay_pump_request(ex);
	if (ex->withdrawn)
		return exchange_fail(ex, reason_name(ex->reason));
	r = ex->tunnel ? deliver_tunnel(ex) : deliver_pump(ex);
	if (r == STEP_WAIT)
		lease_take(ex);
	return r;
}
