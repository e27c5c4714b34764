/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/conn.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/gate/connh1.h"
#include "proxy/gate/connh2.h"
#include "proxy/wire/ppv.h"

enum { CONN_IN_MAX = BUF_LARGE, CONN_PEEK = PPV_V2_MAX };

static void
conn_on_stream(struct stream *s, unsigned events);

/* ---- life ---- */

static void
conn_on_timer(struct loop_timer *t)
{
	struct conn *c = (struct conn *)(void *)((char *)t - offsetof(struct conn, timer));

	if (c->state == CONN_PROXY)
		c->timer_metric = METRIC_TMO_PROXY;
	else if (c->state == CONN_SHAKE && c->hello.seen == 0)
		c->timer_metric = METRIC_TMO_HELLO;
	if (c->h2 != NULL)
		connh2_timeout(c);
	else
		connh1_timeout(c);
}

static void
conn_on_step(struct loop_task *t)
{
	struct conn *c = (struct conn *)(void *)((char *)t - offsetof(struct conn, step));

	if (c->h2 != NULL)
		connh2_advance(c);
	else
		connh1_advance(c);
}

static struct conn *
conn_get(struct worker *w)
{
	struct conn *c = w->free_conns;

	if (c != NULL) {
		w->free_conns = c->next;
		w->n_free_conns--;
	} else {
		c = malloc(sizeof(*c));
		if (c == NULL)
			return NULL;
	}
	memset(c, 0, sizeof(*c));
	c->w = w;
	c->site = -1;
	c->stream.watch.fd = -1;
	c->timer.fn = conn_on_timer;
	c->step.fn = conn_on_step;
	c->ws = wsnap_ref(w->cur);
	buf_init(&c->in, &w->net.pool, CONN_IN_MAX);
	c->next = w->conns;
	c->prev = &w->conns;
	if (w->conns != NULL)
		w->conns->prev = &c->next;
	w->conns = c;
	w->n_conns++;
	atomic_fetch_add(&w->gate->connections, 1);
	metric_add(w->metrics, METRIC_CONN_ACCEPTED, 1);
	metric_add(w->metrics, METRIC_CONN_OPEN, 1);
	return c;
}

void
conn_count_bytes(struct conn *c)
{
	metric_add(c->w->metrics, METRIC_BYTES_IN, (int64_t)(c->stream.got - c->told_in));
	metric_add(c->w->metrics, METRIC_BYTES_OUT, (int64_t)(c->stream.sent - c->told_out));
	c->told_in = c->stream.got;
	c->told_out = c->stream.sent;
}

void
conn_drop(struct conn *c, const char *why)
{
	struct worker *w = c->w;

	if (c->h2 != NULL)
		connh2_close(c, why);
	if (c->ex != NULL) {
		struct exchange *ex = c->ex;

		c->ex = NULL;
		ex->cut = true;
		exchange_abort(ex, why);
	}
	if (c->counted)
		limits_disconnect(w->gate->limits, &c->client);
	loop_timer_del(&c->timer);
	loop_undefer(&w->net.loop, &c->step);
	conn_count_bytes(c);
	stream_close(&c->stream);
	buf_fini(&c->in);
	wsnap_unref(c->ws);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	w->n_conns--;
	atomic_fetch_sub(&w->gate->connections, 1);
	metric_add(w->metrics, METRIC_CONN_OPEN, -1);
	if (w->n_free_conns >= WORKER_KEEP) {
		free(c);
		return;
	}
	c->next = w->free_conns;
	w->free_conns = c;
	w->n_free_conns++;
}

void
conn_retire(struct conn *c)
{
	c->last = true;
	if (c->h2 != NULL)
		connh2_retire(c);
	else if (c->state == CONN_HEAD && c->ex == NULL && c->in.n == 0)
		conn_drop(c, "draining");
}

const struct place *
conn_place(struct conn *c, const struct snapshot *snap, const struct ip *client)
{
	/* An address that a hop asserts changes with each request: look it up each time. */
	if (c->place_snap != snap->number || !ip_eq(client, &c->client)) {
		place_lookup(snap->place, client, &c->place);
		c->place_snap = ip_eq(client, &c->client) ? snap->number : 0;
	}
	return &c->place;
}

/* ---- TLS ---- */

/* The raw message of the first ClientHello: fingerprints are of this, not of what OpenSSL
 * lists, which hides extensions that it does not know. */
static void
conn_take_hello(void *arg, const uint8_t *msg, size_t n)
{
	struct conn *c = arg;
	struct tlsfp *fp = c->w->tlsfp;
	struct hello h;

	if (hello_parse(span_of(msg, n), &h) != 0) {
		c->hello_odd = true;
		return;
	}
	c->hello_odd = h.odd != 0;
	c->family = tlsfp_family(&h);
	c->has_core = tlsfp_ja4(fp, &h, c->ja4) == 0 &&
		      tlsfp_core(fp, &h, TLSFP_STRICT, c->core) == 0 &&
		      tlsfp_core(fp, &h, TLSFP_SOFT, c->soft) == 0;
}

/* Raw bytes before OpenSSL sees them: a hello that is too long ends here. */
static int
conn_tap(struct stream *s, struct span raw)
{
	struct conn *c = (struct conn *)(void *)s;
	size_t used;
	int err;

	if (c->watch.verdict == 0 && c->watch.seen > 0 && c->watch.seen == c->watch.want)
		return 0; /* complete: the rest of the handshake is OpenSSL's */
	err = hello_watch_feed(&c->watch, raw, &used);
	metric_add(c->w->metrics, METRIC_LIM_HELLO, err == WF_ERANGE);
	/* What is no TLS goes to OpenSSL all the same: it answers with an alert. */
	return err == WF_ERANGE ? err : 0;
}

/* False: c is gone. */
static bool
conn_start_tls(struct conn *c)
{
	struct ssl_st *ssl = SSL_new(tlsctx_front(c->ws->snap->tls));

	if (ssl == NULL || stream_tls(&c->stream, ssl, true) != 0) {
		conn_drop(c, "no memory");
		return false;
	}
	hello_watch_init(&c->watch, (uint32_t)worker_conf(c->w)->limits.hello);
	c->stream.tap = conn_tap;
	c->hello.take = conn_take_hello;
	c->hello.arg = c;
	tlsctx_watch(ssl, &c->hello);
	c->state = CONN_SHAKE;
	return true;
}

static void
conn_shaken(struct conn *c)
{
	struct ssl_st *ssl = c->stream.ssl;
	bool v13 = SSL_version(ssl) == TLS1_3_VERSION;

	tlsctx_unwatch(ssl);
	c->site = tlsctx_site(ssl);
	c->resumed = SSL_session_reused(ssl) == 1;
	continuity_read(c);
	packet_shaken(c);
	metric_add(c->w->metrics, c->resumed ? METRIC_TLS_RESUMED : METRIC_TLS_FULL, 1);
	metric_add(c->w->metrics, v13 ? METRIC_TLS_V13 : METRIC_TLS_V12, 1);
	metric_time(c->w->metrics, METRIC_TLS_TIME,
	    (c->w->net.loop.now - c->accepted_ns) / 1000);
	c->http2 = tlsctx_is_http2(ssl);
	metric_add(c->w->metrics, c->http2 ? METRIC_CONN_HTTP2 : METRIC_CONN_HTTP1, 1);
	if (c->http2) {
		connh2_start(c);
		return;
	}
	if (v13)
		stream_hold(&c->stream);
	connh1_start(c);
}

/* Why a handshake failed, for the metric. */
static enum metric_id
conn_shake_failure(const struct conn *c)
{
	if (c->hello.refused == TLSCTX_UNKNOWN_NAME)
		return METRIC_TLS_UNKNOWN_NAME;
	if (c->hello.seen == 0)
		return METRIC_TLS_NO_HELLO;
	/* The client told us off: it does not know our authority, for one. */
	if (ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET)
		return METRIC_TLS_ALERT;
	return METRIC_TLS_BAD_HELLO;
}

static void
conn_shake(struct conn *c)
{
	int err = stream_shake(&c->stream);

	if (err == WF_MORE) {
		packet_flight(c);
		return;
	}
	if (err == 0 && c->hello_odd)
		err = WF_ESYNTAX;
	if (err == 0) {
		conn_shaken(c);
		return;
	}
	metric_add(c->w->metrics, conn_shake_failure(c), 1);
	conn_drop(c, "handshake failed");
}

/* ---- PROXY protocol ---- */

static bool
conn_admit_address(struct conn *c)
{
	const struct conf_limits *l = &worker_conf(c->w)->limits;

	if (!ip_usable(&c->client) ||
	    !limits_connect(c->w->gate->limits, &c->client, l->connections_address)) {
		metric_add(c->w->metrics, METRIC_LIM_CONNS_ADDR, 1);
		conn_drop(c, "connection-limit");
		return false;
	}
	c->counted = true;
	return true;
}

/*
 * Peeks until the header is whole, then takes exactly that: what follows is TLS and must
 * reach the stream untouched.
 */
static void
conn_read_proxy(struct conn *c)
{
	uint8_t buf[CONN_PEEK];
	ssize_t n = recv(c->stream.watch.fd, buf, sizeof(buf), MSG_PEEK);
	const char *why = NULL;
	struct ppv p = {0};
	size_t used;
	int err;

	if (n < 0)
		return;
	err = n == 0 ? WF_ECLOSED : ppv_parse(span_of(buf, (size_t)n), 0, &p, &used, &why);
	if (err == WF_MORE && !c->stream.eof)
		return;
	/* UNKNOWN: it speaks for somebody and cannot say whom, so nothing could be decided. */
	if (err != 0 || p.kind == PPV_UNKNOWN ||
	    recv(c->stream.watch.fd, buf, used, 0) != (ssize_t)used) {
		metric_add(c->w->metrics, METRIC_PROXY_REFUSED, 1);
		conn_drop(c, "proxy-header");
		return;
	}
	if (p.kind == PPV_PROXY) {
		c->client = p.src;
		c->client_port = p.src_port;
		c->via_proxy = true;
	} else {
		c->local = true;
	}
	if (!conn_admit_address(c))
		return;
	if (c->listen->kind == CONF_LISTEN_TLS) {
		if (conn_start_tls(c))
			conn_shake(c);
	} else {
		connh1_start(c);
	}
}

static void
conn_on_stream(struct stream *s, unsigned events)
{
	struct conn *c = (struct conn *)(void *)s;

	if (events & STREAM_DEAD) {
		conn_drop(c, "client-gone");
		return;
	}
	switch (c->state) {
	case CONN_PROXY:
		conn_read_proxy(c);
		break;
	case CONN_SHAKE:
		conn_shake(c);
		break;
	case CONN_HTTP2:
		connh2_event(c, events);
		break;
	default:
		connh1_event(c, events);
	}
}

/* ---- accept ---- */

/* In the settings that the connection pins: a reload keeps the listeners and their order. */
static const struct conf_listen *
conn_listen_of(const struct conn *c, const struct listener *l)
{
	return &c->ws->snap->conf->listens[l - c->w->listeners];
}

void
conn_accept(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	struct worker *w = l->arg;
	struct conn *c;

	if (atomic_load(&w->gate->draining) ||
	    atomic_load(&w->gate->connections) >= w->gate->connections_max) {
		metric_add(w->metrics, METRIC_LIM_CONNS, 1);
		close(fd);
		return;
	}
	c = conn_get(w);
	if (c == NULL) {
		close(fd);
		return;
	}
	c->listen = conn_listen_of(c, l);
	c->accepted_ns = w->net.loop.now;
	c->number = rec_exchange_id(w->net.loop.wall, (uint16_t)w->index, ++w->exchanges);
	(void)ip_from_sockaddr((const struct sockaddr *)peer, sizeof(*peer), &c->peer,
	    &c->peer_port);
	c->client = c->peer;
	c->client_port = c->peer_port;
	if (stream_open(&c->stream, &w->net, fd, conn_on_stream) != 0) {
		conn_drop(c, "no memory");
		return;
	}
	c->timer_metric = METRIC_TMO_HANDSHAKE;
	loop_timer_set(&w->net.loop, &c->timer, worker_conf(w)->timeouts.handshake_ms);
	if (c->listen->proxy_protocol) {
		/* Who is not listed may not speak for others. */
		if (ip_prefix_any(c->listen->proxies.list, c->listen->proxies.n, &c->peer)) {
			c->state = CONN_PROXY;
		} else {
			metric_add(w->metrics, METRIC_PROXY_REFUSED, 1);
			conn_drop(c, "not a listed proxy");
		}
		return;
	}
	if (!conn_admit_address(c))
		return;
	if (c->listen->kind == CONF_LISTEN_TLS) {
		packet_accept(c);
		(void)conn_start_tls(c);
	} else {
		connh1_start(c);
	}
}
