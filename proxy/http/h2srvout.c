/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the client: answers, window updates, the end. */
#include "proxy/http/h2srvpriv.h"

#include <stdio.h>

#include "proxy/base/must.h"

enum {
	H2SRV_FIELDS = 160,	/* of one head that we send */
	H2SRV_HEADER = 9,	/* of a frame */
	H2SRV_ROOM = 1024,	/* with less it is not worth beginning a frame */
};

/* ---- bodies ---- */

static nghttp2_nv
h2srv_nv(struct span name, struct span value)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} n = {name.p}, v = {value.p};

	return (nghttp2_nv){n.out, v.out, name.n, value.n, NGHTTP2_NV_FLAG_NONE};
}

static void
h2srv_send_trailers(struct h2srv *s, int32_t id, struct span block)
{
	nghttp2_nv nv[H2SRV_FIELDS];
	struct span name, value;
	size_t n = 0;

	while (n < H2SRV_FIELDS && h2_block_next(&block, &name, &value))
		nv[n++] = h2srv_nv(name, value);
	(void)nghttp2_submit_trailer(s->ng, id, nv, n);
}

/* Nothing is copied here: h2srv_send_data takes the bytes when the frame goes. */
static ssize_t
h2srv_read(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t max, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct h2srv *s = arg;
	void *stream = nghttp2_session_get_stream_user_data(ng, id);
	struct h2srv_pending p;

	(void)buf, (void)source;
	if (stream == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	p = s->ops->pending(s->arg, stream);
	if (p.n == 0 && !p.end)
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (p.n > max)
		return (ssize_t)max;
	if (!p.end)
		return (ssize_t)p.n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (p.trail.n > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		h2srv_send_trailers(s, id, p.trail);
	}
	return (ssize_t)p.n;
}

static int
h2srv_send_data(nghttp2_session *ng, nghttp2_frame *f, const uint8_t *head, size_t n,
    nghttp2_data_source *source, void *arg)
{
	struct h2srv *s = arg;
	void *stream = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
	struct span data = span_of(NULL, 0);

	(void)source;
	/* Several such frames may go in one call of nghttp2_session_mem_send. */
	s->blocked = s->ops->room(s->arg) < H2SRV_HEADER + n;
	if (s->blocked)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (stream != NULL && n > 0)
		data = s->ops->take(s->arg, stream, n);
	if (stream == NULL || data.n != n)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	MUST(s->ops->write(s->arg, span_of(head, H2SRV_HEADER)) == H2SRV_HEADER &&
	     s->ops->write(s->arg, data) == n);
	s->credit += n;
	if (n > 0)
		s->ops->taken(s->arg, stream, n);
	return 0;
}

/* ---- frames ---- */

/* nghttp2 lets a PING overtake what waits, so it is made when the GOAWAY is on its way. */
static void
h2srv_ping(struct h2srv *s)
{
	static const uint8_t opaque[8] = H2SRV_PING;

	if (s->pinged || nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, opaque) != 0)
		return;
	s->pinged = true;
	s->credit += H2SRV_SENT_PER_FRAME; /* we asked for the answer */
}

static int
h2srv_on_sent(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2srv *s = arg;
	void *stream = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);

	if (stream != NULL && (f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
	    (f->hd.flags & NGHTTP2_FLAG_END_STREAM))
		s->ops->said(s->arg, stream);
	if (f->hd.type == NGHTTP2_RST_STREAM &&
	    nghttp2_session_get_stream_remote_close(ng, f->hd.stream_id) != 1)
		s->we_reset[s->we_at++ % H2SRV_PAST] = f->hd.stream_id;
	if (f->hd.type == NGHTTP2_GOAWAY && f->goaway.last_stream_id == INT32_MAX)
		h2srv_ping(s);
	/* A client may provoke resets as well as send them; they cost us the same. */
	if (f->hd.type == NGHTTP2_RST_STREAM &&
	    f->rst_stream.error_code != NGHTTP2_NO_ERROR &&
	    f->rst_stream.error_code != NGHTTP2_REFUSED_STREAM)
		h2srv_count_reset(s);
	return 0;
}

void
h2srv_send_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_data_callback(cb, h2srv_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, h2srv_on_sent);
}

int
h2srv_send(struct h2srv *s)
{
	for (;;) {
		const uint8_t *p;
		ssize_t n;

		s->pend = span_tail(s->pend, s->ops->write(s->arg, s->pend));
		if (s->pend.n > 0 || s->ops->room(s->arg) < H2SRV_ROOM)
			return WF_MORE;
		s->blocked = false;
		n = nghttp2_session_mem_send(s->ng, &p);
		if (n < 0)
			return n == NGHTTP2_ERR_NOMEM ? WF_ENOMEM : WF_ESYNTAX;
		if (n == 0)
			return s->blocked ? WF_MORE : 0;
		s->pend = span_of(p, (size_t)n);
	}
}

/* ---- heads ---- */

/* `text` holds the status as long as nv is used. */
static size_t
h2srv_head(nghttp2_nv nv[H2SRV_FIELDS], char text[4], unsigned status, const struct fields *f)
{
	size_t n = 0;

	snprintf(text, 4, "%u", status);
	nv[n++] = h2srv_nv(SPAN_LIT(":status"), span_of(text, 3));
	for (size_t i = 0; i < f->n && n < H2SRV_FIELDS; i++) {
		nv[n] = h2srv_nv(f->at[i].name, f->at[i].value);
		/* What only one client may know stays out of compression state. */
		if (fields_flags(f->at[i].id) & FIELD_IS_SECRET)
			nv[n].flags = NGHTTP2_NV_FLAG_NO_INDEX;
		n++;
	}
	return n;
}

int
h2srv_interim(struct h2srv *s, int32_t id, unsigned status, const struct fields *f)
{
	nghttp2_nv nv[H2SRV_FIELDS];
	char text[4];
	size_t n;

	MUST(status >= 100 && status < 200);
	n = h2srv_head(nv, text, status, f);
	return nghttp2_submit_headers(s->ng, NGHTTP2_FLAG_NONE, id, NULL, nv, n, NULL) == 0
		   ? 0
		   : WF_ENOMEM;
}

int
h2srv_reply(struct h2srv *s, int32_t id, unsigned status, const struct fields *f,
    bool body)
{
	nghttp2_data_provider from = {.read_callback = h2srv_read};
	nghttp2_nv nv[H2SRV_FIELDS];
	char text[4];
	size_t n;

	MUST(status >= 200 && status < 600);
	n = h2srv_head(nv, text, status, f);
	return nghttp2_submit_response(s->ng, id, nv, n, body ? &from : NULL) == 0
		   ? 0
		   : WF_ENOMEM;
}

void
h2srv_resume(struct h2srv *s, int32_t id)
{
	(void)nghttp2_session_resume_data(s->ng, id);
}

void
h2srv_reset(struct h2srv *s, int32_t id, enum h2srv_code code)
{
	(void)nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, id, (uint32_t)code);
}

void
h2srv_forget(struct h2srv *s, int32_t id)
{
	(void)nghttp2_session_set_stream_user_data(s->ng, id, NULL);
}

/* ---- windows, ends ---- */

void
h2srv_ate(struct h2srv *s, int32_t id, size_t n)
{
	(void)nghttp2_session_consume(s->ng, id, n);
}

void
h2srv_ate_lost(struct h2srv *s, size_t n)
{
	(void)nghttp2_session_consume_connection(s->ng, n);
}

void
h2srv_warn(struct h2srv *s)
{
	(void)nghttp2_submit_shutdown_notice(s->ng);
}

void
h2srv_retire(struct h2srv *s)
{
	(void)nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(s->ng), NGHTTP2_NO_ERROR, NULL, 0);
}

void
h2srv_end(struct h2srv *s, enum h2srv_code code)
{
	(void)nghttp2_session_terminate_session(s->ng, (uint32_t)code);
}
