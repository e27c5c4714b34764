/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from the client: frames, and the budgets for them. */
#include "proxy/http/h2srvpriv.h"

#include <stdlib.h>

#include "proxy/base/digest.h"
#include "proxy/base/must.h"

enum {
	H2SRV_OUT_ACKS = 256,	  /* PING and SETTINGS to acknowledge that may wait */
	H2SRV_SETTINGS_MAX = 32,  /* entries of one SETTINGS frame */
	H2SRV_CLOG = 512,	  /* frames that may wait before we stop reading */
	H2SRV_HEAD_TIMES = 32,	  /* a head may decode to so many times its limit */
};

/* ---- budgets ---- */

/* As in GCRA: only the time is kept at which the bucket will be full again. */
static bool
h2srv_take(struct h2srv_bucket *b, uint64_t now)
{
	uint64_t full = b->full > now ? b->full : now;

	if (b->rate.interval == 0)
		return true;
	if (full - now > b->rate.interval * (b->rate.burst - 1))
		return false;
	b->full = full + b->rate.interval;
	return true;
}

void
h2srv_blame(struct h2srv *s, enum h2srv_abuse why)
{
	if (s->abuse != H2SRV_FAIR)
		return;
	s->abuse = why;
	h2srv_end(s, H2SRV_CALM);
}

void
h2srv_count_reset(struct h2srv *s)
{
	s->n_resets++;
	if (!h2srv_take(&s->resets, s->now))
		h2srv_blame(s, H2SRV_RESETS);
}

static void
h2srv_count_idle(struct h2srv *s)
{
	if (s->credit >= H2SRV_SENT_PER_FRAME) {
		s->credit -= H2SRV_SENT_PER_FRAME;
		return;
	}
	if (!h2srv_take(&s->idle, s->now))
		h2srv_blame(s, H2SRV_IDLE_FRAMES);
}

/* ---- heads ---- */

static int
h2srv_on_begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2srv *s = arg;

	(void)ng;
	s->open = true;
	s->large = false;
	s->decoded = 0;
	s->block.n = 0;
	s->block.overflow = false;
	s->open_id = f->hd.stream_id;
	return 0;
}

static int
h2srv_on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct h2srv *s = arg;

	(void)ng, (void)f, (void)flags;
	s->decoded += name_n + value_n + H2_BLOCK_FIELD;
	if (s->decoded > (uint64_t)s->opt.head * H2SRV_HEAD_TIMES) {
		h2srv_blame(s, H2SRV_HEADS);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (!s->large && !h2_block_put(&s->block, span_of(name, name_n), span_of(value, value_n)))
		s->large = true;
	return 0;
}

/* Heads hold cookies. */
static void
h2srv_wipe(struct h2srv *s)
{
	if (s->block.n > 0)
		digest_wipe(s->block.p, s->block.n);
	s->block.n = 0;
}

static int
h2srv_take_head(struct h2srv *s, const nghttp2_frame *f)
{
	unsigned flags = (s->large ? H2SRV_LARGE : 0) |
			 (f->hd.flags & NGHTTP2_FLAG_END_STREAM ? H2SRV_ENDED : 0);
	struct span block = h1_out_span(&s->block);
	int32_t id = f->hd.stream_id;
	void *stream;

	s->open = false;
	/* It is answered in few words, but to unpack it costs more than to send it. */
	if (s->large && !h2srv_take(&s->resets, s->now))
		h2srv_blame(s, H2SRV_HEADS);
	if (s->abuse != H2SRV_FAIR)
		return 0;
	if (f->headers.cat == NGHTTP2_HCAT_REQUEST) {
		h2_print_request(&s->print, block);
		stream = s->ops->head(s->arg, id, block, flags);
		if (stream == NULL)
			h2srv_reset(s, id, H2SRV_REFUSED_STREAM);
		else
			nghttp2_session_set_stream_user_data(s->ng, id, stream);
	} else {
		stream = nghttp2_session_get_stream_user_data(s->ng, id);
		if (stream != NULL)
			s->ops->trailers(s->arg, stream, block, flags);
	}
	h2srv_wipe(s);
	return 0;
}

/* ---- frames ---- */

static int
h2srv_on_data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p,
    size_t n, void *arg)
{
	struct h2srv *s = arg;
	void *stream = nghttp2_session_get_stream_user_data(ng, id);

	(void)flags;
	if (stream == NULL)
		h2srv_ate_lost(s, n);
	else
		s->ops->data(s->arg, stream, span_of(p, n));
	return 0;
}

static bool
h2srv_is_among(const int32_t *ids, int32_t id)
{
	for (size_t i = 0; i < H2SRV_PAST; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/*
 * Frames on a stream that is over. nghttp2 can remember such streams itself, at a quarter
 * of a kilobyte each and for as long as the connection lives; a few numbers do. What was
 * on its way while we reset a stream is passed over (RFC 9113 5.1).
 */
static void
h2srv_look_back(struct h2srv *s)
{
	int32_t id = (int32_t)s->walk.stream;

	if (id <= 0 || id % 2 == 0 || id > nghttp2_session_get_last_proc_stream_id(s->ng) ||
	    nghttp2_session_find_stream(s->ng, id) != NULL)
		return;
	if (h2srv_is_among(s->they_ended, id))
		h2srv_end(s, H2SRV_STREAM_CLOSED);
	else if (s->walk.type == H2_HEADERS && !h2srv_is_among(s->we_reset, id))
		h2srv_end(s, H2SRV_PROTOCOL_ERROR);
}

/* Of whatever type: also of those that nghttp2 passes over. */
static void
h2srv_frame_begins(struct h2srv *s)
{
	switch (s->walk.type) {
	case H2_HEADERS:
		h2srv_look_back(s);
		break;
	case H2_DATA:
		h2srv_look_back(s);
		if (s->walk.length == 0 && (s->walk.flags & NGHTTP2_FLAG_END_STREAM) == 0)
			h2srv_count_idle(s);
		break;
	case H2_RST_STREAM:
		h2srv_count_reset(s);
		break;
	case H2_CONTINUATION:
		break;
	default:
		h2srv_count_idle(s);
	}
}

static void
h2srv_frame_ends(struct h2srv *s)
{
	const uint8_t *p = s->walk.peek;

	h2_print_frame(&s->print, &s->walk);
	/* Priorities are not used (RFC 9113 5.3), but what is no frame is none. */
	if (s->walk.type == H2_PRIORITY && s->walk.length == 5 &&
	    (s->walk.stream == 0 ||
		(((uint32_t)p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
		    p[3]) == s->walk.stream))
		h2srv_end(s, H2SRV_PROTOCOL_ERROR);
}

static int
h2srv_on_frame(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2srv *s = arg;
	void *stream;

	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		return h2srv_take_head(s, f);
	case NGHTTP2_DATA:
		if ((f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
			if (f->hd.length > 0 && f->hd.length <= f->data.padlen)
				h2srv_count_idle(s); /* nothing but padding */
			return 0;
		}
		stream = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
		if (stream != NULL)
			s->ops->ended(s->arg, stream);
		return 0;
	case NGHTTP2_PING:
		if ((f->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
		    memcmp(f->ping.opaque_data, H2SRV_PING, sizeof(H2SRV_PING)) == 0)
			s->warned = s->pinged;
		return 0;
	default:
		return 0;
	}
}

static int
h2srv_on_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2srv *s = arg;
	void *stream = nghttp2_session_get_stream_user_data(ng, id);

	if (s->we_reset[(s->we_at + H2SRV_PAST - 1) % H2SRV_PAST] != id)
		s->they_ended[s->they_at++ % H2SRV_PAST] = id;

	if (stream != NULL) {
		nghttp2_session_set_stream_user_data(ng, id, NULL);
		s->ops->closed(s->arg, stream, code);
	}
	return 0;
}

/* ---- life ---- */

static nghttp2_session_callbacks *
h2srv_callbacks(void)
{
	nghttp2_session_callbacks *cb = NULL;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, h2srv_on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, h2srv_on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2srv_on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2srv_on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2srv_on_closed);
	h2srv_send_callbacks(cb);
	return cb;
}

static nghttp2_option *
h2srv_options(void)
{
	nghttp2_option *o = NULL;

	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_no_http_messaging(o, 1);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_max_outbound_ack(o, H2SRV_OUT_ACKS);
	nghttp2_option_set_max_settings(o, H2SRV_SETTINGS_MAX);
	nghttp2_option_set_no_closed_streams(o, 1);
	/* Resets have a budget of ours, which counts provoked ones as well. */
	nghttp2_option_set_stream_reset_rate_limit(o, UINT64_MAX / 2, UINT64_MAX / 2);
	return o;
}

static int
h2srv_greet(struct h2srv *s)
{
	const nghttp2_settings_entry set[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->opt.streams},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2SRV_WINDOW},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, s->opt.head},
	    {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, s->opt.tunnels},
	    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};

	if (nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, set, ARRAY_LEN(set)) != 0)
		return WF_ENOMEM;
	return nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0,
		   H2SRV_CONNECTION) == 0
		   ? 0
		   : WF_ENOMEM;
}

struct h2srv *
h2srv_new(const struct h2srv_ops *ops, void *arg, const struct h2srv_opt *opt)
{
	struct h2srv *s = calloc(1, sizeof(*s));
	nghttp2_session_callbacks *cb = h2srv_callbacks();
	nghttp2_option *o = h2srv_options();

	if (s != NULL) {
		s->ops = ops;
		s->arg = arg;
		s->opt = *opt;
		h2_walk_init(&s->walk);
		s->resets.rate = opt->resets;
		s->idle.rate = opt->idle_frames;
	}
	if (s == NULL || cb == NULL || o == NULL ||
	    nghttp2_session_server_new2(&s->ng, cb, s, o) != 0 || h2srv_greet(s) != 0) {
		h2srv_free(s);
		s = NULL;
	}
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
	return s;
}

void
h2srv_free(struct h2srv *s)
{
	if (s == NULL)
		return;
	nghttp2_session_del(s->ng);
	free(s->kept);
	free(s);
}

/* ---- bytes in ---- */

/* The head that is open leaves the shared scratch before another connection uses it. */
static int
h2srv_keep(struct h2srv *s)
{
	if (s->kept != NULL)
		digest_wipe(s->kept, s->kept_n);
	free(s->kept);
	s->kept = NULL;
	s->kept_n = 0;
	if (s->open && s->block.n > 0) {
		s->kept = malloc(s->block.n);
		if (s->kept == NULL)
			return WF_ENOMEM;
		memcpy(s->kept, s->block.p, s->block.n);
		s->kept_n = s->block.n;
	}
	h2srv_wipe(s);
	return 0;
}

static int
h2srv_failed(struct h2srv *s, ssize_t err)
{
	if (err == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
		h2srv_blame(s, H2SRV_CONTINUATIONS);
	else if (err == NGHTTP2_ERR_FLOODED)
		h2srv_blame(s, H2SRV_ACKS);
	return err == NGHTTP2_ERR_NOMEM ? WF_ENOMEM : WF_ESYNTAX;
}

int
h2srv_recv(struct h2srv *s, struct span in, uint8_t *scratch, uint64_t now)
{
	ssize_t n;

	s->now = now;
	s->block.p = scratch;
	s->block.cap = s->opt.head;
	s->block.n = s->kept_n;
	if (s->kept_n > 0)
		memcpy(scratch, s->kept, s->kept_n);
	while (in.n > 0 && s->abuse == H2SRV_FAIR) {
		size_t one = h2_walk_next(&s->walk, in);

		if (s->walk.begun)
			h2srv_frame_begins(s);
		n = nghttp2_session_mem_recv(s->ng, in.p, one);
		if (n < 0)
			return h2srv_failed(s, n);
		MUST((size_t)n == one);
		if (h2_walk_whole(&s->walk))
			h2srv_frame_ends(s);
		in = span_tail(in, one);
	}
	return h2srv_keep(s);
}

bool
h2srv_in_head(const struct h2srv *s)
{
	return s->open;
}

bool
h2srv_is_over(struct h2srv *s)
{
	return s->pend.n == 0 && !nghttp2_session_want_read(s->ng) &&
	       !nghttp2_session_want_write(s->ng);
}

bool
h2srv_is_clogged(struct h2srv *s)
{
	return nghttp2_session_get_outbound_queue_size(s->ng) > H2SRV_CLOG;
}

size_t
h2srv_print(const struct h2srv *s, char out[H2_PRINT_TEXT])
{
	return h2_print_text(&s->print, out);
}

bool
h2srv_is_warned(const struct h2srv *s)
{
	return s->warned;
}

enum h2srv_abuse
h2srv_abuse(const struct h2srv *s)
{
	return s->abuse;
}

uint64_t
h2srv_resets(const struct h2srv *s)
{
	return s->n_resets;
}
