/* SPDX-License-Identifier: Apache-2.0 */
/* The answer's way to the client. */
#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/gate/connh1priv.h"
#include "proxy/wire/h1_write.h"

enum { CONNH1_HEAD_MAX = 48 * 1024, CONNH1_CHUNK = 64 };

static bool
connh1_is_chunked(const struct exchange *ex, const struct reply *r)
{
	return r->framing == H1_CHUNKED && ex->req.minor > 0;
}

static void
connh1_write_fields(struct h1_out *out, const struct exchange *ex, const struct reply *r)
{
	char date[CLOCK_HTTP_TEXT];
	bool dated = false;

	for (size_t i = 0; i < r->fields.n; i++) {
		h1_write_field(out, r->fields.at[i].name, r->fields.at[i].value);
		dated |= r->fields.at[i].id == FIELD_DATE;
	}
	if (!dated && r->status >= 200) {
		clock_http((int64_t)worker_now_s(ex->w), date);
		h1_write_field(out, SPAN_LIT("Date"), span_str(date));
	}
}

static void
connh1_write_head(struct exchange *ex, const struct reply *r, bool final)
{
	struct conn *c = connh1_of(ex);
	struct buf head;
	struct h1_out out;
	uint8_t *p;

	if (c == NULL)
		return;
	buf_init(&head, &c->w->net.pool, CONNH1_HEAD_MAX);
	p = buf_room(&head, CONNH1_HEAD_MAX);
	if (p == NULL)
		return;
	out = h1_out_over(p, CONNH1_HEAD_MAX);
	h1_write_status_line(&out, r->status);
	connh1_write_fields(&out, ex, r);
	if (final && !r->websocket) {
		if (r->framing == H1_LENGTH || connh1_is_chunked(ex, r))
			h1_write_framing(&out, r->framing, r->length);
		else if (r->states)
			h1_write_field_uint(&out, SPAN_LIT("Content-Length"), r->stated);
		if (r->framing == H1_CHUNKED && ex->req.minor == 0)
			c->last = true;
		if (c->last || !ex->req.keep_alive)
			h1_write_connection(&out, H1_WRITE_CLOSE);
		else if (ex->req.minor == 0)
			h1_write_field(&out, SPAN_LIT("Connection"), SPAN_LIT("keep-alive"));
	} else if (r->websocket) {
		h1_write_connection(&out, H1_WRITE_WEBSOCKET);
	}
	h1_write_end(&out);
	if (!h1_out_ok(&out) || stream_write(&c->stream, h1_out_span(&out)) != out.n) {
		c->stream.dead = true;
		loop_defer(&c->w->net.loop, &c->stream.flush);
	}
	digest_wipe(p, out.n < CONNH1_HEAD_MAX ? out.n : CONNH1_HEAD_MAX);
	buf_fini(&head);
}

void
connh1_interim(struct exchange *ex, const struct reply *r)
{
	if (ex->req.minor > 0)
		connh1_write_head(ex, r, false);
}

/* Is there so much left of the request's body that reading it costs more than closing? */
static bool
connh1_closes_early(const struct exchange *ex)
{
	uint64_t most = exchange_conf(ex)->limits.body_drain;

	if (ex->req_body.done || ex->req_sent)
		return false;
	if (ex->req_broken || ex->req.expect_100)
		return true;
	return ex->req_body.framing == H1_LENGTH && ex->req_body.left > most;
}

void
connh1_head(struct exchange *ex, const struct reply *r)
{
	struct conn *c = connh1_of(ex);

	if (c == NULL)
		return;
	if (connh1_closes_early(ex) || atomic_load(&c->w->gate->draining))
		c->last = true;
	if (exchange_conf(ex)->limits.requests_connection != 0 &&
	    c->requests >= exchange_conf(ex)->limits.requests_connection) {
		c->last = true;
		metric_add(c->w->metrics, METRIC_LIM_REQUESTS, 1);
	}
	c->chunked = connh1_is_chunked(ex, r);
	connh1_write_head(ex, r, true);
	connh1_timer(c, exchange_conf(ex)->timeouts.write_ms, METRIC_TMO_WRITE);
}

size_t
connh1_room(struct exchange *ex)
{
	struct conn *c = connh1_of(ex);
	size_t room = c == NULL ? 0 : stream_room(&c->stream);

	if (room <= CONNH1_CHUNK * 2) {
		if (c != NULL)
			c->stream.wants_room = true;
		return 0;
	}
	return room - CONNH1_CHUNK * 2;
}

void
connh1_body(struct exchange *ex, struct span d)
{
	struct conn *c = connh1_of(ex);
	uint8_t line[32];
	struct h1_out o = h1_out_over(line, sizeof(line));

	if (c == NULL)
		return;
	if (!c->chunked) {
		(void)stream_write(&c->stream, d);
	} else {
		chunk_write_size(&o, d.n);
		(void)stream_write(&c->stream, h1_out_span(&o));
		(void)stream_write(&c->stream, d);
		o.n = 0;
		chunk_write_end(&o);
		(void)stream_write(&c->stream, h1_out_span(&o));
	}
	connh1_timer(c, exchange_conf(ex)->timeouts.write_ms, METRIC_TMO_WRITE);
}

void
connh1_finish(struct exchange *ex, const struct fields *trailers)
{
	struct conn *c = connh1_of(ex);
	uint8_t tail[CHUNK_TRAILER_MAX + 64];
	struct h1_out o = h1_out_over(tail, sizeof(tail));

	if (c == NULL || !c->chunked)
		return;
	h1_out_put(&o, SPAN_LIT("0\r\n"));
	for (size_t i = 0; trailers != NULL && i < trailers->n; i++)
		h1_write_field(&o, trailers->at[i].name, trailers->at[i].value);
	h1_write_end(&o);
	(void)stream_write(&c->stream, h1_out_span(&o));
	c->chunked = false;
}
