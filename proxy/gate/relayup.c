/* SPDX-License-Identifier: Apache-2.0 */
/* The request's body on its way to the upstream. */
#include "proxy/base/must.h"
#include "proxy/gate/lease.h"
#include "proxy/gate/relaypriv.h"
#include "proxy/gate/rewrite.h"
#include "proxy/wire/h1_write.h"

enum { RELAY_CHUNK_ROOM = 64 };

static void
relay_capture(struct capture *cap, struct span data)
{
	if (cap->p == NULL || cap->full)
		return;
	if (data.n > EXCHANGE_CAPTURE - cap->n) {
		cap->full = true;
		return;
	}
	memcpy(cap->p + cap->n, data.p, data.n);
	cap->n += data.n;
}

static void
relay_write_chunk(struct stream *s, struct span data)
{
	uint8_t line[32];
	struct h1_out o = h1_out_over(line, sizeof(line));

	chunk_write_size(&o, data.n);
	(void)stream_write(s, h1_out_span(&o));
	(void)stream_write(s, data);
	o.n = 0;
	chunk_write_end(&o);
	(void)stream_write(s, h1_out_span(&o));
}

void
relay_body_broken(struct exchange *ex, enum reason why)
{
	ex->req_broken = true;
	if (ex->reason == REASON_NONE)
		ex->reason = why;
}

void
relay_stop(struct exchange *ex, enum reason why)
{
	ex->withdrawn = true;
	relay_body_broken(ex, why);
}

bool
relay_holds(struct exchange *ex)
{
	enum reason why = lease_holds(ex);

	if (why != REASON_NONE)
		relay_stop(ex, why);
	return why == REASON_NONE;
}

/* Does a form ask for another method with these bytes, or with its end? */
static bool
relay_overrides(struct exchange *ex, struct span data, bool last)
{
	if (!ex->scans_form || (!form_scan_feed(&ex->form, data) &&
				   !(last && form_scan_end(&ex->form))))
		return false;
	relay_stop(ex, REASON_METHOD_OVERRIDE);
	return true;
}

/* Are these the body's last bytes, or its end where the bytes do not say it? */
static bool
relay_is_last(const struct exchange *ex, struct span data)
{
	return ex->req.framing == H1_CHUNKED ? data.n == 0
					     : data.n > 0 && data.n == ex->req_body.left;
}

static void
relay_finish_request(struct exchange *ex)
{
	uint8_t tail[CHUNK_TRAILER_MAX + 64];
	struct h1_out o = h1_out_over(tail, sizeof(tail));

	if (ex->req.framing == H1_CHUNKED) {
		o.n = 0;
		h1_out_put(&o, SPAN_LIT("0\r\n"));
		rewrite_trailers(ex, &o);
		h1_write_end(&o);
		if (!h1_out_ok(&o)) {
			relay_body_broken(ex, REASON_TRAILER_LARGE);
			return;
		}
		(void)stream_write(&ex->up->stream, h1_out_span(&o));
	}
	ex->req_sent = true;
	if (!ex->res_ready)
		exchange_timer(ex, exchange_conf(ex)->timeouts.upstream_head_ms,
		    METRIC_TMO_RESPONSE);
}

/*
 * The backend takes nothing of the body: its time runs from the last byte it took. While
 * the client is waited for, its own time runs (connh1_pull) and the backend's stands still.
 */
static void
relay_wait_room(struct exchange *ex, bool moved)
{
	ex->up->stream.wants_room = true;
	if (ex->res_ready || (!moved && ex->timer_metric == METRIC_TMO_UPSTREAM_BODY &&
				 loop_timer_is_set(&ex->timer)))
		return;
	exchange_timer(ex, exchange_conf(ex)->timeouts.upstream_body_ms,
	    METRIC_TMO_UPSTREAM_BODY);
}

void
relay_pump_request(struct exchange *ex)
{
	uint64_t most = exchange_conf(ex)->limits.body;
	bool moved = false, last;

	while (!ex->req_sent && !ex->req_broken && ex->up != NULL && ex->up_ready) {
		size_t room = stream_room(&ex->up->stream);
		struct span data;
		int err;

		if (room <= RELAY_CHUNK_ROOM + CHUNK_TRAILER_MAX) {
			relay_wait_room(ex, moved);
			return;
		}
		room -= RELAY_CHUNK_ROOM + CHUNK_TRAILER_MAX;
		err = ex->down->pull(ex, &data);
		if (err == WF_MORE) {
			if (!ex->res_ready)
				exchange_timer(ex, 0, METRIC_TMO_RESPONSE);
			return;
		}
		if (err != 0) {
			relay_body_broken(ex, REASON_BODY_CUT);
			return;
		}
		if (data.n > room)
			data.n = room;
		last = relay_is_last(ex, data);
		if (relay_overrides(ex, data, last) || (last && !relay_holds(ex)))
			return;
		if (data.n == 0) {
			relay_finish_request(ex);
			return;
		}
		ex->bytes_in += data.n;
		if (most != 0 && ex->bytes_in > most) {
			relay_body_broken(ex, REASON_BODY_LARGE);
			return;
		}
		relay_capture(&ex->req_cap, data);
		ex->body_touched = true;
		if (ex->req.framing == H1_CHUNKED)
			relay_write_chunk(&ex->up->stream, data);
		else
			(void)stream_write(&ex->up->stream, data);
		ex->down->eat(ex, data.n);
		moved = true;
	}
}
