/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/worker.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "certs/tlsctx.h"
#include "proxy/base/must.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/connh2.h"
#include "proxy/gate/health.h"
#include "proxy/gate/lease.h"
#include "proxy/gate/strangers.h"
#include "proxy/gate/upkeep.h"
#include "proxy/http/h2srv.h"
#include "proxy/net/tcpinfo.h"

/* ---- snapshots ---- */

static struct wsnap *
wsnap_new(struct worker *w, struct snapshot *snap)
{
	struct wsnap *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->worker = w;
	s->refs = 1;
	s->turn = calloc(snap->conf->n_sites + 1, sizeof(*s->turn));
	s->pool = upstream_pool_new(&w->net, snap->targets, snap->n_targets);
	if (s->turn == NULL || s->pool == NULL) {
		upstream_pool_free(s->pool);
		free(s->turn);
		free(s);
		return NULL;
	}
	s->snap = snap;
	snapshot_ref(snap);
	return s;
}

struct wsnap *
wsnap_ref(struct wsnap *s)
{
	s->refs++;
	return s;
}

void
wsnap_unref(struct wsnap *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	upstream_pool_free(s->pool);
	snapshot_unref(s->snap);
	free(s->turn);
	free(s);
}

/* Exchanges and connections that run keep what they began with. */
static void
worker_adopt(struct worker *w)
{
	struct snapshot *next = atomic_exchange(&w->next, NULL);
	struct wsnap *fresh, *old = w->cur;

	if (next == NULL)
		return;
	fresh = wsnap_new(w, next);
	snapshot_unref(next); /* the wsnap has its own */
	if (fresh == NULL)
		return; /* out of memory: the old one goes on */
	w->cur = fresh;
	if (w->index == 0)
		limits_adopt(w->gate->limits, &worker_conf(w)->limits);
	upstream_pool_close_idle(old->pool);
	wsnap_unref(old);
}

void
worker_publish(struct worker *w, struct snapshot *snap)
{
	snapshot_ref(snap);
	snapshot_unref(atomic_exchange(&w->next, snap));
	worker_wake(w);
}

void
worker_wake(struct worker *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake.fd, &one, sizeof(one));

	(void)n; /* full means that it is awake already */
}

/* ---- events ---- */

static void
worker_drain(struct worker *w)
{
	struct conn *next;

	if (!atomic_load(&w->gate->draining))
		return;
	for (unsigned i = 0; i < w->n_listeners; i++)
		listen_close(&w->listeners[i]);
	w->n_listeners = 0;
	for (struct conn *c = w->conns; c != NULL; c = next) {
		next = c->next;
		conn_retire(c);
	}
}

/* Commits: whoever waits looks for himself whether his record is among them. */
static void
worker_release_waiting(struct worker *w)
{
	struct exchange *next;

	for (struct exchange *ex = w->waiting; ex != NULL; ex = next) {
		next = ex->next;
		exchange_run(ex);
	}
}

/* A commit made room: one after another, until one finds none. */
static void
worker_release_roomless(struct worker *w)
{
	struct exchange *ex;

	while ((ex = w->roomless) != NULL) {
		exchange_run(ex);
		if (w->roomless == ex)
			break;
	}
}

static void
worker_on_wake(struct loop_watch *watch, uint32_t events)
{
	struct worker *w = (struct worker *)(void *)((char *)watch -
	    offsetof(struct worker, wake));
	uint64_t n;
	ssize_t r;

	(void)events;
	do
		r = read(watch->fd, &n, sizeof(n));
	while (r == (ssize_t)sizeof(n));
	worker_adopt(w);
	worker_release_waiting(w);
	worker_release_roomless(w);
	worker_drain(w);
}

static void
worker_on_notify(struct loop_task *t)
{
	struct worker *w = (struct worker *)(void *)((char *)t -
	    offsetof(struct worker, notify));

	ring_notify(&w->ring, w->scribe_fd);
}

static void
worker_on_tick(struct loop_timer *t)
{
	struct worker *w = (struct worker *)(void *)((char *)t -
	    offsetof(struct worker, tick));
	struct exchange *next;
	unsigned idle;

	for (struct exchange *ex = w->leased; ex != NULL; ex = next) {
		next = ex->next;
		lease_tick(ex);
	}
	idle = upstream_pool_idle(w->cur->pool);
	metric_add(w->metrics, METRIC_UP_IDLE, (int64_t)idle - (int64_t)w->told_idle);
	w->told_idle = idle;
	strangers_flush(w, worker_conf(w)->log.stranger_interval_ms);
	upkeep_tick(w);
	if (w->index == 0) {
		health_tick(w);
		tlsctx_tick(w->cur->snap->tls, (int64_t)worker_now_s(w));
	}
	loop_timer_set(&w->net.loop, &w->tick, WORKER_TICK_MS);
}

/* ---- life ---- */

static int
worker_listen(struct worker *w, const struct worker_opt *opt)
{
	const struct conf *conf = w->cur->snap->conf;
	int err = 0;

	MUST(opt->n_listen <= WORKER_LISTENERS && opt->n_listen <= conf->n_listens);
	for (unsigned i = 0; i < opt->n_listen && err == 0; i++) {
		err = listen_open(&w->listeners[i], &w->net, opt->listen_fds[i], w,
		    conn_accept);
		w->n_listeners = i + 1;
		if (conf->listens[i].kind == CONF_LISTEN_TLS &&
		    !conf->listens[i].proxy_protocol)
			tcpinfo_keep_syn(opt->listen_fds[i]);
	}
	return err;
}

int
worker_open(struct worker *w, const struct worker_opt *opt)
{
	int err;

	memset(w, 0, sizeof(*w));
	w->gate = opt->gate;
	w->index = opt->index;
	w->scribe_fd = opt->scribe_fd;
	w->metrics = opt->metrics;
	w->roomless_end = &w->roomless;
	w->tick.fn = worker_on_tick;
	w->notify.fn = worker_on_notify;
	w->wake.fd = opt->wake_fd;
	w->wake.fn = worker_on_wake;
	err = net_open(&w->net, opt->mono_ns, opt->wall_ns);
	if (err == 0)
		err = ring_attach(&w->ring, opt->ring_mem, opt->ring_size, RING_PRODUCER);
	if (err != 0)
		return err;
	w->mac = mac_new(span_of(opt->gate->cred_key, sizeof(opt->gate->cred_key)));
	w->hasher = hasher_new();
	w->tlsfp = tlsfp_new(TLSCTX_HELLO_MAX + HELLO_HEADER);
	w->strangers = strangers_new(
	    (uint32_t)(opt->snap->conf->log.stranger_entries / opt->gate->n_workers + 1));
	w->h2_block = malloc(H2SRV_BLOCK);
	w->cur = wsnap_new(w, opt->snap);
	if (w->h2_block == NULL || w->mac == NULL || w->hasher == NULL || w->tlsfp == NULL ||
	    w->strangers == NULL || w->cur == NULL)
		return WF_ENOMEM;
	err = loop_add(&w->net.loop, &w->wake);
	if (err == 0)
		err = worker_listen(w, opt);
	loop_timer_set(&w->net.loop, &w->tick, WORKER_TICK_MS);
	return err;
}

void
worker_run(struct worker *w)
{
	uint64_t end = 0;

	for (;;) {
		loop_once(&w->net.loop, LOOP_TICK_MS);
		if (!atomic_load(&w->gate->draining))
			continue;
		if (end == 0)
			end = w->net.loop.now + worker_conf(w)->timeouts.drain_ms * 1000000u;
		if (w->n_conns == 0 || w->net.loop.now >= end)
			return;
	}
}

void
worker_close(struct worker *w)
{
	while (w->conns != NULL)
		conn_drop(w->conns, "stopped");
	strangers_flush(w, 0);
	ring_notify(&w->ring, w->scribe_fd);
	loop_timer_del(&w->tick);
	wsnap_unref(w->cur);
	snapshot_unref(atomic_exchange(&w->next, NULL));
	while (w->free_exchanges != NULL) {
		struct exchange *ex = w->free_exchanges;

		w->free_exchanges = ex->next;
		free(ex);
	}
	while (w->free_conns != NULL) {
		struct conn *c = w->free_conns;

		w->free_conns = c->next;
		free(c);
	}
	connh2_forget(w);
	free(w->h2_block);
	strangers_free(w->strangers);
	tlsfp_free(w->tlsfp);
	hasher_free(w->hasher);
	mac_free(w->mac);
	net_close(&w->net);
}
