/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/upkeep.h"

#include <stdio.h>

#include "proxy/gate/board.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/worker.h"

/* At five ticks a second 200,000 sessions are looked at in ten seconds. */
enum { UPKEEP_LOOK = 4096 };

static void
upkeep_gone(void *arg, struct session *s)
{
	struct worker *w = arg;
	struct journal_event ev = {.event = REC_EVENT_EXPIRE, .session = s, .end = true};

	if (!table_end(s, SESSION_ENDED))
		return;
	(void)journal_event(w, &ev, NULL);
	metric_add(w->metrics, METRIC_EV_EXPIRED, 1);
}

static void
upkeep_sessions(struct worker *w)
{
	struct table_sweep sweep = {.now_s = worker_now_s(w), .look = UPKEEP_LOOK,
	    .gone = upkeep_gone, .arg = w};
	const struct conf *conf = worker_conf(w);
	struct table_census c;

	for (size_t i = 0; i < conf->n_sites; i++)
		if (conf->sites[i].adopt_until > (int64_t)sweep.keep_s)
			sweep.keep_s = (uint64_t)conf->sites[i].adopt_until;

	if (!table_sweep(w->gate->table, &sweep, &c))
		return;
	metric_set(w->metrics, METRIC_SESS_ACTIVE, c.live);
	metric_set(w->metrics, METRIC_SESS_ADOPTED, c.adopted);
	metric_set(w->metrics, METRIC_SESS_PRELOGIN, c.prelogin);
	metric_set(w->metrics, METRIC_CTX_ACCEPTED, c.accepted);
	metric_set(w->metrics, METRIC_CTX_CHALLENGED, c.challenged);
}

static void
upkeep_bypasses(struct worker *w)
{
	const struct conf *conf = worker_conf(w);
	uint64_t n = 0;

	for (size_t i = 0; i < conf->n_sites; i++)
		n += locks_bypass(w->gate->locks, conf->sites[i].name, worker_now_s(w));
	metric_set(w->metrics, METRIC_BYPASS_ACTIVE, n > 0);
}

static void
upkeep_upstreams(struct worker *w, struct board_data *d)
{
	const struct snapshot *snap = w->cur->snap;

	for (size_t i = 0; i < snap->conf->n_sites; i++)
		for (size_t k = 0; k < snap->sites[i].n_targets; k++) {
			struct upstream_target *t = snap->sites[i].list[k];
			struct board_upstream *u = &d->upstreams[d->n_upstreams];
			const struct span site = snap->conf->sites[i].name;

			if (d->n_upstreams == BOARD_UPSTREAMS)
				return;
			snprintf(u->name, sizeof(u->name), "%.*s %s", (int)site.n,
			    (const char *)site.p, t->name);
			u->up = upstream_is_up(t, w->net.loop.now);
			d->n_upstreams++;
		}
}

static void
upkeep_board(struct worker *w)
{
	struct board_data d = {.n_upstreams = 0};

	if (w->gate->board == NULL)
		return;
	upkeep_upstreams(w, &d);
	d.n_locks = locks_list(w->gate->locks, d.locks, LOCKS_MAX, worker_now_s(w));
	board_write(w->gate->board, &d);
}

static void
upkeep_listeners(struct worker *w)
{
	for (unsigned i = 0; i < w->n_listeners; i++) {
		if (w->listeners[i].failed != 0)
			metric_add(w->metrics, METRIC_ACCEPT_FAILED,
			    (int64_t)w->listeners[i].failed);
		w->listeners[i].failed = 0;
	}
}

void
upkeep_tick(struct worker *w)
{
	upkeep_listeners(w);
	journal_watch(w);
	metric_set(w->metrics, METRIC_LOG_LAG, w->ring.seq - ring_committed(&w->ring));
	metric_set(w->metrics, METRIC_BEAT_GATE, worker_now_s(w));
	if (w->index != 0)
		return;
	limits_sweep(w->gate->limits, w->net.loop.now);
	metric_set(w->metrics, METRIC_LOG_LATE, atomic_load(&w->gate->late) != 0);
	upkeep_sessions(w);
	upkeep_bypasses(w);
	upkeep_board(w);
}
