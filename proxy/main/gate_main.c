/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's process: builds its snapshot from the bundle, starts the worker threads,
 * loads the sessions, and then runs one more worker without listeners, whose loop reads
 * the supervisor's commands.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/audit/load.h"
#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/gate/command.h"
#include "proxy/gate/worker.h"
#include "proxy/main/plant.h"
#include "proxy/main/proc.h"
#include "proxy/main/setup.h"

enum { GATE_MAIN_ASK_MS = 500 };
#define GATE_MAIN_QUIET_NS (CLOCK_SEC / 2)

struct gate_main {
	struct plant *p;
	struct gate gate;
	struct snapshot *snap;
	struct bundle *bundle; /* the files of snap */
	struct loop_watch chan;
	uint32_t asked; /* id of the command at work */
	bool started;	/* the worker threads were asked for … */
	unsigned n_running, n_open; /* … and so many run; so many workers are open */
	uint64_t began;
};

static struct snapshot *
gate_main_snapshot(const int *fds, size_t n, uint64_t number, const uint8_t *ticket,
    struct bundle **bundle, struct diags *diags, char *why, size_t cap)
{
	struct snapshot_opt opt = {.number = number, .ticket_secret = ticket,
	    .now = (int64_t)(clock_wall() / CLOCK_SEC)};
	struct snapshot_reader reader;
	struct snapshot *s = NULL;
	struct conf *conf;

	*bundle = bundle_map(fds, n, why, cap);
	if (*bundle == NULL)
		return NULL;
	reader = bundle_reader(*bundle);
	if (bundle_settings(*bundle, &conf, diags) == 0)
		s = snapshot_build(conf, &reader, &opt, diags);
	if (s == NULL)
		snprintf(why, cap, "%s",
		    diags->n > 0 ? diags_first(diags)->text : "the bundle holds no settings");
	return s;
}

/* ---- the stored sessions ---- */

static void
gate_main_take(struct gate_main *g, const struct load_item *it)
{
	struct session s;

	if (it->kind == LOAD_KV)
		(void)locks_set(g->gate.locks, it->kv.key, it->kv.expires / CLOCK_SEC,
		    it->kv.value);
	if (it->kind != LOAD_SESSION || session_decode(it->session.blob, &s) != 0)
		return;
	if (it->session.ended)
		atomic_store(&s.state, it->session.state == SESSION_REVOKED ? SESSION_REVOKED
									     : SESSION_ENDED);
	if (it->session.doubtful)
		s.flags |= SESSION_DOUBTFUL;
	(void)table_add(g->gate.table, &s, NULL, clock_wall() / CLOCK_SEC, NULL);
}

static void *
gate_main_thread(void *arg)
{
	worker_run(arg);
	return NULL;
}

static int
gate_main_threads(struct gate_main *g)
{
	int err = 0;

	if (g->started)
		return 0;
	g->started = true;
	for (unsigned i = 0; i < g->p->n_threads && err == 0; i++) {
		err = pthread_create(&g->gate.workers[i].thread, NULL, gate_main_thread,
		    &g->gate.workers[i]);
		g->n_running += err == 0;
	}
	return err == 0 ? 0 : WF_ENOMEM;
}

/* Waits for bytes; asks again when the scribe says nothing for a while. */
static int
gate_main_fill(struct gate_main *g, struct load_reader *r)
{
	struct pollfd p = {.fd = g->p->load[0], .events = POLLIN};
	uint8_t ask[LOAD_ASK_LEN], *at;
	size_t room;
	ssize_t n;

	/* Connections wait in the kernel's queue for a short load; from then on they get 503. */
	if (clock_mono() - g->began > GATE_MAIN_QUIET_NS && gate_main_threads(g) != 0)
		return WF_ENOMEM;
	if (poll(&p, 1, GATE_MAIN_ASK_MS) == 0) {
		load_ask(r, ask);
		return write(p.fd, ask, sizeof(ask)) == (ssize_t)sizeof(ask) ? 0 : WF_EIO;
	}
	at = load_room(r, &room);
	n = read(p.fd, at, room);
	if (n > 0)
		load_fed(r, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN) ? 0 : WF_EIO;
}

static int
gate_main_load(struct gate_main *g)
{
	size_t cap = LOAD_FRAME_MAX + 65536;
	uint8_t *buf = malloc(cap), ask[LOAD_ASK_LEN];
	struct load_item it = {.kind = LOAD_SESSION};
	struct load_reader r;
	int err = 0;

	if (buf == NULL)
		return WF_ENOMEM;
	load_reader_init(&r, buf, cap);
	load_ask(&r, ask);
	if (write(g->p->load[0], ask, sizeof(ask)) != (ssize_t)sizeof(ask))
		err = WF_EIO;
	while (err == 0 && it.kind != LOAD_END) {
		err = load_next(&r, &it);
		if (err == 0 && it.kind != LOAD_END)
			gate_main_take(g, &it);
		else if (err == WF_MORE)
			err = gate_main_fill(g, &r);
	}
	free(buf);
	return err;
}

/* ---- threads ---- */

static int
gate_main_open_worker(struct gate_main *g, unsigned i, bool listens)
{
	struct plant *p = g->p;
	int fds[PLANT_LISTENS];
	struct worker_opt opt = {.gate = &g->gate, .index = i, .ring_mem = plant_ring(p, i),
	    .ring_size = p->ring_size, .scribe_fd = p->scribe_event, .wake_fd = p->wake[i],
	    .listen_fds = fds, .n_listen = listens ? p->n_listens : 0, .snap = g->snap,
	    .mono_ns = clock_mono, .wall_ns = clock_wall};

	for (unsigned k = 0; k < opt.n_listen; k++)
		fds[k] = p->listen_fds[k][i];
	if (metric_lane_take(p->metrics, p->metrics_size, i, &opt.metrics) != 0)
		return WF_EINTERNAL;
	return worker_open(&g->gate.workers[i], &opt);
}

static int
gate_main_open(struct gate_main *g)
{
	const struct conf_limits *l = &g->snap->conf->limits;
	struct table_opt opt = {.sessions = (uint32_t)l->sessions,
	    .prelogin = (uint32_t)l->prelogin,
	    .prelogin_source = (uint32_t)l->prelogin_address};
	unsigned n = g->p->n_threads;
	int err = 0;

	digest_random(opt.secret, sizeof(opt.secret));
	g->gate.board = g->p->board;
	g->gate.connections_max = setup_connections(g->snap->conf, g->p);
	g->gate.boot = g->p->boot;
	g->gate.build = g->p->build;
	g->gate.n_workers = n + 1;
	memcpy(g->gate.cred_key, g->p->secret.cred_key, sizeof(g->gate.cred_key));
	g->gate.table = table_new(&opt);
	g->gate.limits = limits_new(l);
	g->gate.locks = locks_new();
	g->gate.workers = calloc(n + 1, sizeof(*g->gate.workers));
	if (g->gate.table == NULL || g->gate.limits == NULL || g->gate.locks == NULL ||
	    g->gate.workers == NULL)
		return WF_ENOMEM;
	for (unsigned i = 0; i <= n && err == 0; i++) {
		err = gate_main_open_worker(g, i, i < n);
		g->n_open += err == 0;
	}
	return err;
}

/* ---- the supervisor's words ---- */

static void
gate_main_line(void *arg, const char *line)
{
	struct gate_main *g = arg;

	(void)proc_send(g->p->gate_chan[1], g->asked, PROC_LINE, line, NULL, 0);
}

static void
gate_main_swap(struct gate_main *g, const struct proc_msg *m)
{
	struct diags *diags = calloc(1, sizeof(*diags));
	struct bundle *bundle = NULL;
	struct snapshot *s = NULL;
	char why[320] = "out of memory";

	if (diags != NULL)
		s = gate_main_snapshot(m->fds, m->n_fds, strtoull(m->text, NULL, 10),
		    g->p->secret.ticket, &bundle, diags, why, sizeof(why));
	free(diags);
	if (s == NULL) {
		bundle_free(bundle);
		(void)proc_send(g->p->gate_chan[1], m->id, PROC_ERROR, why, NULL, 0);
		return;
	}
	for (unsigned i = 0; i < g->gate.n_workers; i++)
		worker_publish(&g->gate.workers[i], s);
	/* Everything was copied out of the bundle, but a snapshot may still name its texts. */
	snapshot_unref(g->snap);
	bundle_free(g->bundle);
	g->snap = s;
	g->bundle = bundle;
	(void)malloc_trim(0); /* of two snapshots, one after the other, holes are left */
	(void)proc_send(g->p->gate_chan[1], m->id, PROC_OK, "", NULL, 0);
}

/* Sent to a gate that died before it read it; we began with something newer. */
static bool
gate_main_old(struct gate_main *g, struct proc_msg *m)
{
	if (strtoull(m->text, NULL, 10) > g->snap->number)
		return false;
	for (size_t i = 0; i < m->n_fds; i++)
		close(m->fds[i]);
	return true;
}

static void
gate_main_stop(struct gate_main *g)
{
	atomic_store(&g->gate.draining, true);
	for (unsigned i = 0; i < g->gate.n_workers; i++)
		worker_wake(&g->gate.workers[i]);
}

static void
gate_main_on_chan(struct loop_watch *w, uint32_t events)
{
	struct gate_main *g = (struct gate_main *)(void *)((char *)w -
	    offsetof(struct gate_main, chan));
	struct proc_msg m;
	char why[320];
	int err;

	(void)events;
	while ((err = proc_recv(w->fd, &m)) == 0) {
		g->asked = m.id;
		if (m.kind == PROC_SNAPSHOT && gate_main_old(g, &m)) {
			(void)proc_send(w->fd, m.id, PROC_OK, "", NULL, 0);
		} else if (m.kind == PROC_SNAPSHOT) {
			gate_main_swap(g, &m);
		} else if (strcmp(m.text, "stop") == 0) {
			(void)proc_send(w->fd, m.id, PROC_OK, "", NULL, 0);
			gate_main_stop(g);
		} else {
			err = command_run(&g->gate.workers[g->p->n_threads], m.text,
			    gate_main_line, g, why, sizeof(why));
			(void)proc_send(w->fd, m.id, err == 0 ? PROC_OK : PROC_ERROR, why, NULL,
			    0);
		}
	}
	if (err != WF_MORE)
		gate_main_stop(g); /* the supervisor is gone */
}

static int
gate_main_serve(struct gate_main *g)
{
	struct worker *own = &g->gate.workers[g->p->n_threads];
	int err;

	g->began = clock_mono();
	err = gate_main_load(g);
	if (err != 0)
		return err;
	atomic_store(&g->gate.loaded, true);
	err = gate_main_threads(g);
	if (err != 0)
		return err;
	metric_set(own->metrics, METRIC_GATE_LOADED, 1);
	metric_set(own->metrics, METRIC_GATE_LOAD_TIME, (clock_mono() - g->began) / 1000);
	g->chan.fd = g->p->gate_chan[1];
	g->chan.fn = gate_main_on_chan;
	err = loop_add(&own->net.loop, &g->chan);
	if (err != 0)
		return err;
	worker_run(own);
	return 0;
}

/* The threads first: their connections refer to what the gate shares. */
static void
gate_main_close(struct gate_main *g)
{
	atomic_store(&g->gate.draining, true);
	for (unsigned i = 0; i < g->n_running; i++) {
		worker_wake(&g->gate.workers[i]);
		(void)pthread_join(g->gate.workers[i].thread, NULL);
	}
	for (unsigned i = 0; i < g->n_open; i++)
		worker_close(&g->gate.workers[i]);
	free(g->gate.workers);
	locks_free(g->gate.locks);
	limits_free(g->gate.limits);
	table_free(g->gate.table);
	snapshot_unref(g->snap);
	bundle_free(g->bundle);
	free(g);
}

int
gate_main(struct plant *p)
{
	struct diags *diags = calloc(1, sizeof(*diags));
	struct gate_main *g = calloc(1, sizeof(*g));
	char why[320] = "cannot begin";
	int err;

	if (g != NULL && diags != NULL && plant_enter(p, ROLE_GATE) == 0) {
		g->p = p;
		g->snap = gate_main_snapshot(p->bundle_fds, p->n_bundle_fds, p->number,
		    p->secret.ticket, &g->bundle, diags, why, sizeof(why));
	}
	free(diags);
	if (g == NULL || g->snap == NULL) {
		fprintf(stderr, "warifu gate: %s\n", why);
		free(g);
		return 2;
	}
	err = gate_main_open(g);
	if (err == 0)
		err = gate_main_serve(g);
	if (err != 0)
		fprintf(stderr, "warifu gate: cannot serve: %s\n", err_text(err));
	gate_main_close(g);
	return err == 0 ? 0 : 1;
}
