/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/supervisor.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/audit/entry.h"
#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/main/changes.h"
#include "proxy/main/control.h"
#include "proxy/main/proc.h"
#include "proxy/main/setup.h"
#include "proxy/main/supervisorpriv.h"
#include "proxy/main/syscalls.h"

enum { SUPERVISOR_BACKOFF_MAX_MS = 5000, SUPERVISOR_STOP_MS = 15000 };

#define SUPERVISOR_CALLS_NS (10 * CLOCK_SEC)
#define SUPERVISOR_STEADY_NS (60 * CLOCK_SEC) /* who ran that long did not die of its start */

static int (*const supervisor_mains[ROLE_COUNT])(struct plant *p) = {
    [ROLE_SCRIBE] = scribe_main,
    [ROLE_GATE] = gate_main,
    [ROLE_PORTAL] = portal_main,
    [ROLE_CONSOLE] = console_main,
};

static const enum metric_id supervisor_up[ROLE_COUNT] = {
    [ROLE_SCRIBE] = METRIC_PROC_SCRIBE,
    [ROLE_GATE] = METRIC_PROC_GATE,
    [ROLE_PORTAL] = METRIC_PROC_PORTAL,
    [ROLE_CONSOLE] = METRIC_PROC_CONSOLE,
};

const char *
role_name(enum role r)
{
	static const char *const names[ROLE_COUNT] = {"scribe", "gate", "portal", "console"};

	MUST(r < ROLE_COUNT);
	return names[r];
}

/* ---- the supervisor's own records ---- */

static void
supervisor_put(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail, unsigned flags)
{
	struct rec_head h = {.kind = REC_EVENT, .flags = (uint16_t)(REC_F_DURABLE | flags),
	    .thread = (uint16_t)REC_THREAD_SUPERVISOR, .boot = s->plant.boot,
	    .time = clock_wall()};
	struct entry e;
	uint8_t *room;
	size_t len;

	if (ring_reserve(&s->ring, 4096, RING_CRITICAL, &room) != 0) {
		ring_gap(&s->ring);
		return;
	}
	h.seq = ring_next_seq(&s->ring);
	entry_begin(&e, room, 4096, &h);
	rec_put_u64(&e.rec, REC_TAG_EVENT, event);
	rec_put_text(&e.rec, REC_TAG_BUILD, s->plant.build);
	if (actor != NULL)
		rec_put_text(&e.rec, REC_TAG_ACTOR, actor);
	if (detail != NULL)
		rec_put_cut(&e.rec, REC_TAG_DETAIL, span_str(detail), 512);
	rec_put_bytes(&e.rec, REC_TAG_NEW_HASH, span_of(s->plant.snap->settings_hash, 32));
	entry_leaf_end(&e);
	if (entry_end(&e, &len) == 0)
		(void)ring_publish(&s->ring, len, RING_DURABLE);
	ring_notify(&s->ring, s->plant.scribe_event);
}

/* A process that is taken over tries what it never needed. Told at once, and then every ten
 * seconds how often: it must not fill the log. */
static void
supervisor_watch_calls(struct supervisor *s)
{
	uint64_t now = clock_mono();
	char detail[160];

	for (int r = 0; r < ROLE_COUNT; r++) {
		unsigned count = atomic_load(&s->plant.alarms[r].count);

		if (count == s->calls_told[r] ||
		    (s->calls_told_ns[r] != 0 && now - s->calls_told_ns[r] < SUPERVISOR_CALLS_NS))
			continue;
		snprintf(detail, sizeof(detail),
		    "%s tried %u system calls that are not on its list, the last has the number %d",
		    role_name((enum role)r), count - s->calls_told[r],
		    atomic_load(&s->plant.alarms[r].last));
		s->calls_told[r] = count;
		s->calls_told_ns[r] = now;
		supervisor_alarm(s, REC_EVENT_ALARM, NULL, detail);
	}
}

void
supervisor_event(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail)
{
	supervisor_put(s, event, actor, detail, 0);
}

void
supervisor_event_marked(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail)
{
	supervisor_put(s, event, actor, detail, REC_F_ALARM);
}

/* ---- children ---- */

static void
supervisor_child(struct supervisor *s, enum role r)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* These reach the whole group or service; the supervisor alone decides what it means. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, role_name(r), 0, 0, 0);
	exit(supervisor_mains[r](&s->plant));
}

static void
supervisor_start(struct supervisor *s, enum role r)
{
	pid_t pid;

	if (r == ROLE_CONSOLE && !s->plant.snap->conf->console.enabled)
		return;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		supervisor_child(s, r);
	s->plant.pids[r] = pid < 0 ? 0 : pid;
	s->plant.died_ns[r] = 0;
	s->plant.renewed[r] = false;
	s->plant.began_ns[r] = clock_mono();
	metric_set(s->metrics, supervisor_up[r], pid > 0);
}

/* Counts the death; one after a long life begins a new row of short pauses. */
static void
supervisor_died(struct plant *p, enum role r)
{
	p->pids[r] = 0;
	p->deaths[r]++;
	p->died_ns[r] = clock_mono();
	p->hasty[r] = p->died_ns[r] - p->began_ns[r] < SUPERVISOR_STEADY_NS
	    ? p->hasty[r] + 1
	    : 1;
}

static void
supervisor_mourn(struct supervisor *s, enum role r, int status)
{
	static const enum metric_id restarts[ROLE_COUNT] = {
	    [ROLE_SCRIBE] = METRIC_RESTART_SCRIBE, [ROLE_GATE] = METRIC_RESTART_GATE,
	    [ROLE_PORTAL] = METRIC_RESTART_PORTAL, [ROLE_CONSOLE] = METRIC_RESTART_CONSOLE};
	char detail[96];

	supervisor_died(&s->plant, r);
	if (r == ROLE_GATE)
		control_gate_gone(&s->control);
	snprintf(detail, sizeof(detail), "%s ended (%s %d)", role_name(r),
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	fprintf(stderr, "warifu: %s; it is started again\n", detail);
	supervisor_alarm(s, REC_EVENT_CHILD_RESTART, NULL, detail);
	metric_add(s->metrics, restarts[r], 1);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		return;
	snprintf(detail, sizeof(detail), "%s was killed for a system call that no honest run makes",
	    role_name(r));
	supervisor_alarm(s, REC_EVENT_ALARM, NULL, detail);
}

static void
supervisor_reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int r = 0; !alarm_reaped(&s->alarm, pid) && r < ROLE_COUNT; r++) {
			if (s->plant.pids[r] != pid)
				continue;
			s->plant.pids[r] = 0;
			metric_set(s->metrics, supervisor_up[r], 0);
			if (s->stopping)
				continue;
			if (!s->plant.renewed[r])
				supervisor_mourn(s, (enum role)r, status);
			else
				supervisor_start(s, (enum role)r);
		}
}

/* At once the first time, then with growing pauses, at most 5 s. */
static void
supervisor_restart(struct supervisor *s)
{
	uint64_t now = clock_mono();

	for (int r = 0; r < ROLE_COUNT; r++) {
		uint64_t ms = 20;

		if (s->plant.died_ns[r] == 0 || s->stopping)
			continue;
		for (unsigned i = 1; i < s->plant.hasty[r] && ms < SUPERVISOR_BACKOFF_MAX_MS;
		     i++)
			ms *= 2;
		if (now - s->plant.died_ns[r] >= ms * 1000000u)
			supervisor_start(s, (enum role)r);
	}
}

/* ---- reload and stop ---- */

static void
supervisor_replace(struct plant *p, enum role r)
{
	if (p->pids[r] <= 0)
		return;
	p->renewed[r] = true;
	(void)kill(p->pids[r], SIGKILL);
}

/*
 * Scribe and console have the settings that they started with, so they start again: the
 * console always, the scribe when something of its own changed. The rings outlive the
 * scribe, nothing is lost.
 */
static void
supervisor_renew(struct supervisor *s, const struct conf_log *was)
{
	const struct conf_log *is = &s->plant.snap->conf->log;

	supervisor_replace(&s->plant, ROLE_CONSOLE);
	if ((is->retention_ms != was->retention_ms || is->min_free != was->min_free ||
		is->max_size != was->max_size))
		supervisor_replace(&s->plant, ROLE_SCRIBE);
}

/* What a gate that starts again is built from. */
static void
supervisor_keep_bundle(struct supervisor *s, const int fds[BUNDLE_FDS], size_t n)
{
	for (size_t i = 0; i < s->plant.n_bundle_fds; i++)
		close(s->plant.bundle_fds[i]);
	memcpy(s->plant.bundle_fds, fds, n * sizeof(fds[0]));
	s->plant.n_bundle_fds = n;
}

int
supervisor_reload(struct supervisor *s, const char *actor, char *why, size_t cap)
{
	struct diags *diags = calloc(1, sizeof(*diags));
	const struct diag *first;
	struct snapshot *snap = NULL;
	struct bundle *bundle = NULL;
	struct conf_log was; /* its texts go with the old snapshot */
	int fds[BUNDLE_FDS], err = WF_ENOMEM;
	size_t n = 0;
	char number[24];

	if (diags != NULL)
		err = setup_snapshot(s->plant.conf_path, s->plant.number + 1, &snap, &bundle,
		    diags);
	if (err == 0 && conf_reloadable(s->plant.snap->conf, snap->conf, diags) != 0)
		err = WF_ECONFIG;
	snprintf(why, cap, "%s", err == 0 ? "" : err_text(err));
	first = err != 0 && diags != NULL ? diags_first(diags) : NULL;
	if (first != NULL)
		snprintf(why, cap, "%s:%u:%u: %s", first->file, first->pos.line,
		    first->pos.col, first->text);
	free(diags);
	if (err == 0)
		err = bundle_seal(bundle, fds, &n, why, cap);
	if (err != 0) {
		supervisor_event(s, REC_EVENT_RELOAD_REFUSED, actor, why);
		metric_add(s->metrics, METRIC_RELOAD_REFUSED, 1);
		snapshot_unref(snap);
		bundle_free(bundle);
		return err;
	}
	was = s->plant.snap->conf->log;
	changes_text(s->plant.snap, snap, why, cap);
	snapshot_unref(s->plant.snap);
	bundle_free(s->plant.bundle);
	s->plant.snap = snap;
	s->plant.bundle = bundle;
	s->plant.number++;
	supervisor_keep_bundle(s, fds, n);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)s->plant.number);
	err = proc_send(s->plant.gate_chan[0], 0, PROC_SNAPSHOT, number, fds, n);
	supervisor_renew(s, &was);
	supervisor_event(s, REC_EVENT_RELOAD, actor, why);
	metric_add(s->metrics, METRIC_RELOAD_OK, 1);
	metric_set(s->metrics, METRIC_RELOAD_WHEN, clock_wall() / CLOCK_SEC);
	(void)malloc_trim(0); /* two snapshots stood side by side: their holes go back */
	return err;
}

static void
supervisor_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->stop_ns = clock_mono();
	supervisor_event(s, REC_EVENT_STOP, NULL, NULL);
	(void)proc_send(s->plant.gate_chan[0], 0, PROC_COMMAND, "stop", NULL, 0);
	/* With ours and the gate's closed, who comes now is refused by the kernel and goes
	 * elsewhere, instead of waiting for a gate that will never come. */
	for (unsigned i = 0; i < s->plant.n_listens; i++)
		for (unsigned k = 0; k < s->plant.n_threads; k++)
			close(s->plant.listen_fds[i][k]);
	s->plant.n_listens = 0;
}

/* The gate first, so that its last records reach the scribe; then the others. */
static bool
supervisor_stopped(struct supervisor *s)
{
	bool late = clock_mono() - s->stop_ns > SUPERVISOR_STOP_MS * UINT64_C(1000000);

	if (!s->stopping)
		return false;
	if (late && s->plant.pids[ROLE_GATE] > 0)
		(void)kill(s->plant.pids[ROLE_GATE], SIGKILL);
	if (s->plant.pids[ROLE_GATE] > 0)
		return false;
	if (!s->told_others) {
		s->told_others = true;
		close(s->plant.scribe_stop[0]);
		close(s->plant.portal_stop[0]);
		close(s->plant.console_stop[0]);
	}
	for (int r = 0; r < ROLE_COUNT; r++) {
		if (s->plant.pids[r] <= 0)
			continue;
		if (late)
			(void)kill(s->plant.pids[r], SIGKILL);
		return false;
	}
	return true;
}

static void
supervisor_signal(struct supervisor *s)
{
	struct signalfd_siginfo si;
	char why[512];

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGHUP) {
			if (supervisor_reload(s, "signal", why, sizeof(why)) != 0)
				fprintf(stderr, "warifu: reload refused: %s\n", why);
		} else if (si.ssi_signo != SIGCHLD) {
			supervisor_stop(s);
		}
	}
}

static int
supervisor_loop(struct supervisor *s)
{
	while (!supervisor_stopped(s)) {
		struct pollfd p[3 + CONTROL_CLIENTS + 1];
		nfds_t n = 3;

		p[0] = (struct pollfd){.fd = s->signals, .events = POLLIN};
		p[1] = (struct pollfd){.fd = s->plant.gate_chan[0], .events = POLLIN};
		p[2] = (struct pollfd){.fd = s->plant.alarm_chan[0], .events = POLLIN};
		n += control_poll(&s->control, p + n);
		(void)poll(p, n, 50);
		supervisor_signal(s);
		supervisor_reap(s);
		supervisor_watch_calls(s);
		supervisor_restart(s);
		control_serve(s, p + 3);
		alarm_serve(&s->alarm, &s->plant.snap->conf->alarm, s->plant.alarm_chan[0],
		    clock_mono());
		supervisor_watch(s);
		supervisor_watch_late(s);
	}
	return 0;
}

static bool
supervisor_pairs(struct plant *p)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->gate_chan) == 0 &&
	       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		   p->alarm_chan) == 0 &&
	       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p->load) == 0 &&
	       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->scribe_stop) == 0 &&
	       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->portal_stop) == 0 &&
	       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->console_stop) == 0;
}

static int
supervisor_open(struct supervisor *s, const char *path)
{
	struct diags *diags = calloc(1, sizeof(*diags));
	struct plant *p = &s->plant;
	sigset_t set;
	int err;

	if (diags == NULL)
		return WF_ENOMEM;
	p->conf_path = path;
	p->build = WARIFU_BUILD;
	p->number = 1;
	err = setup_snapshot(path, p->number, &p->snap, &p->bundle, diags);
	diags_print(diags, stderr);
	free(diags);
	if (err == 0)
		err = setup_plant(p);
	if (err != 0)
		return err;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0 || !supervisor_pairs(p))
		return WF_EIO;
	err = ring_attach(&s->ring, plant_ring(p, p->n_threads + 1), p->ring_size,
	    RING_PRODUCER);
	if (err == 0)
		err = metric_lane_take(p->metrics, p->metrics_size, p->n_threads + 1,
		    &s->metrics);
	return err != 0 ? err : control_open(&s->control, p->snap->conf->control);
}

int
cmd_run(int argc, char **argv)
{
	static struct supervisor super; /* proxy/main's one: it lives as long as the process */
	const char *path = "/etc/warifu/warifu.conf";

	if (argc == 3 && strcmp(argv[1], "-c") == 0)
		path = argv[2];
	else if (argc != 1) {
		fprintf(stderr, "usage: warifu run [-c FILE]\n");
		return 2;
	}
	if (supervisor_open(&super, path) != 0) {
		fprintf(stderr, "warifu: not started\n");
		return 1;
	}
	for (int r = 0; r < ROLE_COUNT; r++)
		supervisor_start(&super, (enum role)r);
	supervisor_event(&super, REC_EVENT_START, NULL, NULL);
	supervisor_restored(&super);
	metric_set(super.metrics, METRIC_RELOAD_WHEN, clock_wall() / CLOCK_SEC);
	return supervisor_loop(&super) == 0 ? 0 : 1;
}
