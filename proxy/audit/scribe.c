/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/scribe.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/audit/scribepriv.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/*
 * One turn: take what is in the rings (up to a batch), look whether it is time to commit,
 * commit or sleep. Nothing else changes the position in a ring, so that an error anywhere
 * between taking and committing has one answer: forget the batch, rewind, wait, again.
 */

enum {
	SCRIBE_GATHER_MS = 20,
	SCRIBE_BATCH = 1 << 20,
	SCRIBE_TICK_MS = 1000,
	SCRIBE_BACKOFF_MS = 20,
	SCRIBE_BACKOFF_MAX_MS = 2000,
	SCRIBE_SWEEP_S = 600
};

#define SCRIBE_MS UINT64_C(1000000)
#define SCRIBE_JUMP_NS INT64_C(2000000000)

void
scribe_note(const struct scribe *s, enum scribe_note_level level, int err,
    const char *text)
{
	if (s->conf->note != NULL)
		s->conf->note(s->conf->arg, level, REC_EVENT_LOG_STATE, err, text);
}

void
scribe_raise(const struct scribe *s, enum rec_event event, int err, const char *text)
{
	metric_add(s->conf->metrics, METRIC_ALARM_RAISED, 1);
	if (s->conf->note != NULL)
		s->conf->note(s->conf->arg, SCRIBE_ALARM, event, err, text);
}

/* ---- events of the scribe's own ---- */

static int
scribe_event(struct scribe *s, enum rec_event event)
{
	struct rec r;

	store_event_begin(s->store, &r, event, scribe_wall(s));
	if (s->conf->build != NULL && event == REC_EVENT_SCRIBE_START)
		rec_put_text(&r, REC_TAG_BUILD, s->conf->build);
	return store_event_end(s->store, &r);
}

static int
scribe_check_clock(struct scribe *s)
{
	int64_t offset = (int64_t)(scribe_wall(s) - scribe_mono(s));
	int64_t delta = offset - s->offset;
	char text[64];
	struct rec r;

	s->offset = offset;
	if (delta < SCRIBE_JUMP_NS && delta > -SCRIBE_JUMP_NS)
		return 0;
	snprintf(text, sizeof(text), "the clock jumped by %+.1f s", (double)delta / 1e9);
	scribe_raise(s, REC_EVENT_CLOCK_JUMP, 0, text);
	metric_add(s->conf->metrics, METRIC_CLOCK_JUMP, 1);
	s->durable = true;
	store_event_begin(s->store, &r, REC_EVENT_CLOCK_JUMP, scribe_wall(s));
	rec_put_i64(&r, REC_TAG_DELTA, delta);
	return store_event_end(s->store, &r);
}

static void
scribe_forget(struct scribe *s)
{
	if (s->store != NULL)
		store_abort(s->store);
	scribering_rewind(s);
	s->offset = s->offset_told;
	s->old.day = 0;
	s->durable = false;
	s->since = 0;
}

/* ---- trouble ---- */

static void
scribe_trouble(struct scribe *s, int err)
{
	enum ring_log_state st = err == WF_EFULL ? RING_LOG_FULL : RING_LOG_DEGRADED;

	scribe_forget(s);
	metric_add(s->conf->metrics, METRIC_LOG_COMMIT_FAILED, 1);
	metric_set(s->conf->metrics, METRIC_LOG_FAILED, 1);
	if (s->trouble_since == 0) {
		s->trouble_since = scribe_mono(s);
		s->backoff_ms = SCRIBE_BACKOFF_MS;
	} else if (s->backoff_ms < SCRIBE_BACKOFF_MAX_MS) {
		s->backoff_ms *= 2;
	}
	if (st != s->state)
		scribe_raise(s, REC_EVENT_LOG_STATE, err, "the log cannot be written");
	scribering_set_state(s, st);
	s->reopen = err != WF_EFULL && err != WF_ETIMEOUT;
}

/* The log can be written again: say for how long it could not. */
static int
scribe_relief(struct scribe *s)
{
	struct rec r;

	if (s->trouble_since == 0)
		return 0;
	store_event_begin(s->store, &r, REC_EVENT_LOG_STATE, scribe_wall(s));
	rec_put_text(&r, REC_TAG_DETAIL,
	    s->inherited ? "the log could not be written when the scribe before this one ended; "
			   "nothing was lost"
	    : s->state == RING_LOG_FULL ? "the disk was full; nothing was lost"
					: "the log could not be written; nothing was lost");
	rec_put_i64(&r, REC_TAG_DELTA, (int64_t)(scribe_mono(s) - s->trouble_since));
	return store_event_end(s->store, &r);
}

static void
scribe_count(struct scribe *s, size_t bytes, uint64_t began)
{
	struct metric_lane *m = s->conf->metrics;
	uint8_t head[DIGEST_LEN];
	uint64_t count;

	store_head(s->store, &count, head);
	metric_set(m, METRIC_LOG_HEAD, count);
	metric_set(m, METRIC_LOG_WHEN, scribe_wall(s) / CLOCK_SEC);
	metric_set(m, METRIC_LOG_FAILED, 0);
	metric_add(m, METRIC_LOG_COMMIT_OK, 1);
	metric_add(m, METRIC_LOG_BYTES, (int64_t)bytes);
	metric_time(m, METRIC_COMMIT_TIME, (scribe_mono(s) - began) / 1000);
}

static int
scribe_commit(struct scribe *s, bool last)
{
	uint64_t began = scribe_mono(s);
	size_t bytes = store_pending(s->store);
	int err = scribe_relief(s);

	if (err == 0)
		err = store_commit(s->store, scribe_wall(s), last);
	if (err != 0)
		return err;
	scribe_count(s, bytes, began);
	scribering_acknowledge(s);
	s->offset_told = s->offset;
	s->durable = false;
	s->since = 0;
	if (s->trouble_since != 0)
		scribe_note(s, SCRIBE_INFO, 0, "the log can be written again");
	s->trouble_since = 0;
	s->inherited = false;
	scriberoom_committed(s);
	if (s->state != (s->low ? RING_LOG_FULL : RING_LOG_OK))
		scribering_set_state(s, s->low ? RING_LOG_FULL : RING_LOG_OK);
	return 0;
}

/* ---- waiting ---- */

static void
scribe_poll(struct scribe *s, int timeout_ms, bool rings)
{
	struct pollfd p[2 + SCRIBE_LOADS_MAX] = {
	    {.fd = s->conf->stop_fd, .events = POLLIN},
	    {.fd = rings ? s->conf->event_fd : -1, .events = POLLIN}};
	nfds_t n = rings ? 2 + SCRIBE_LOADS_MAX : 2;
	uint64_t count;
	ssize_t got;

	if (rings)
		scribeload_poll(s->loads, p + 2);
	if (poll(p, n, timeout_ms) <= 0)
		return;
	if (p[0].revents != 0)
		s->stop = true;
	if (p[1].revents != 0) {
		got = read(s->conf->event_fd, &count, sizeof(count));
		(void)got;
	}
	if (rings)
		scribeload_heard(s->loads, p + 2);
}

static int
scribe_timeout(const struct scribe *s)
{
	uint64_t now = scribe_mono(s), due = s->since + s->gather;

	if (s->since == 0)
		return SCRIBE_TICK_MS;
	return now >= due ? 0 : (int)((due - now) / SCRIBE_MS) + 1;
}

static void
scribe_sleep(struct scribe *s)
{
	bool sleep = scribering_sleep(s);

	scribe_poll(s, sleep ? scribe_timeout(s) : 0, true);
	scribering_awake(s);
}

/* ---- turns ---- */

static bool
scribe_due(const struct scribe *s)
{
	if (store_pending(s->store) == 0 && s->since == 0 && s->trouble_since == 0)
		return false;
	return s->durable || s->stop || !s->drained || s->trouble_since != 0 ||
	    scribeload_waiting(s->loads) || store_pending(s->store) >= s->batch ||
	    scribe_mono(s) >= s->since + s->gather;
}

static int
scribe_sweep(struct scribe *s)
{
	uint64_t now = scribe_mono(s);

	if (now - s->swept < SCRIBE_SWEEP_S * UINT64_C(1000) * SCRIBE_MS)
		return 0;
	s->swept = now;
	return store_sweep(s->store, scribe_wall(s));
}

static int
scribe_turn(struct scribe *s)
{
	int err = scribering_drain(s);

	if (err == 0)
		err = scribe_check_clock(s);
	if (err == 0)
		err = scriberoom_look(s);
	if (err == 0)
		err = scriberoom_prune(s);
	if (err == 0 && s->since == 0 && store_pending(s->store) > 0)
		s->since = scribe_mono(s);
	if (err == 0 && scribe_due(s))
		return scribe_commit(s, false);
	if (err == 0)
		err = scribe_sweep(s);
	/* Only now is everything applied that a gate had published before it ended. */
	if (err == 0 && s->drained && s->since == 0)
		scribeload_start(s->loads, s->store, scribe_wall(s));
	if (err == 0)
		scribe_sleep(s);
	return err;
}

/* Errors of opening that time does not heal. */
static bool
scribe_hopeless(int err)
{
	return err == WF_EVERIFY || err == WF_ESTATE || err == WF_EEXISTS ||
	    err == WF_EUNSUPPORTED || err == WF_ERANGE;
}

static int
scribe_store(struct scribe *s)
{
	const struct scribe_conf *c = s->conf;
	struct store_conf conf = {.dir = c->dir, .generation = c->generation,
	    .master = c->master, .vfs = c->vfs, .boot = c->boot};
	int err;

	scribeload_drop(s->loads);
	store_close(s->store);
	s->store = NULL;
	s->reopen = false;
	if (scribeplace_gone(s))
		return WF_ENOTFOUND;
	err = store_open(&s->store, &conf, scribe_wall(s));
	if (err == 0 && store_restored(s->store))
		scribe_raise(s, REC_EVENT_RESTORED, 0, "an older state was found: its sessions are doubtful");
	if (err == 0 || scribe_hopeless(err) || !scribeplace_moved(s))
		return err;
	scribe_note(s, SCRIBE_WARN, 0, "the log's folder was mounted anew: starting again");
	return WF_ESTATE;
}

/* A monitor sees by this that the loop goes round, also while the log cannot be written. */
static void
scribe_beat(const struct scribe *s)
{
	metric_set(s->conf->metrics, METRIC_BEAT_SCRIBE, scribe_wall(s) / CLOCK_SEC);
}

/* What the scribe before this one could not write is told of by this one. */
static void
scribe_inherit(struct scribe *s)
{
	enum ring_log_state was = ring_log_state(&s->rings[0]);

	if (s->bad[0] || (was != RING_LOG_DEGRADED && was != RING_LOG_FULL))
		return;
	s->state = was;
	s->inherited = true;
	s->trouble_since = scribe_mono(s);
	s->backoff_ms = SCRIBE_BACKOFF_MS;
}

static int
scribe_start(struct scribe *s)
{
	int err = scribering_attach(s);

	if (err != 0)
		return err;
	scribe_inherit(s);
	while ((err = scribe_store(s)) != 0) {
		scribe_beat(s);
		if (scribe_hopeless(err))
			return err;
		scribe_trouble(s, err);
		scribe_poll(s, (int)s->backoff_ms, false);
		if (s->stop)
			return err;
	}
	s->durable = true;
	s->since = scribe_mono(s);
	s->offset = s->offset_told = (int64_t)(scribe_wall(s) - scribe_mono(s));
	err = scribering_resume(s);
	return err != 0 ? err : scribe_event(s, REC_EVENT_SCRIBE_START);
}

static int
scribe_loop(struct scribe *s)
{
	int err = 0;

	while (!s->stop) {
		scribe_beat(s);
		if (s->reopen || s->store == NULL)
			err = scribe_store(s);
		if (err == 0)
			err = scribe_turn(s);
		if (err == 0)
			continue;
		if (s->store == NULL && scribe_hopeless(err))
			return err;
		scribe_trouble(s, err);
		scribe_poll(s, (int)s->backoff_ms, false);
		err = 0;
	}
	return 0;
}

/* What is in the rings when the stop comes is written before the end. */
static int
scribe_stop(struct scribe *s)
{
	int err = 0;

	s->drained = s->store == NULL;
	while (err == 0 && !s->drained) {
		err = scribering_drain(s);
		if (err == 0 && !s->drained)
			err = scribe_commit(s, false);
	}
	if (err == 0 && s->store != NULL)
		err = scribe_event(s, REC_EVENT_SCRIBE_STOP);
	if (err == 0 && s->store != NULL)
		err = scribe_commit(s, true);
	if (err != 0)
		scribe_raise(s, REC_EVENT_LOG_STATE, err, "records were not written at the stop");
	return err;
}

int
scribe_run(const struct scribe_conf *conf)
{
	struct scribe *s;
	int err;

	if (conf->n_rings > SCRIBE_RINGS_MAX)
		return WF_ERANGE;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return WF_ENOMEM;
	s->conf = conf;
	s->batch = conf->batch_bytes ? conf->batch_bytes : SCRIBE_BATCH;
	s->gather = (conf->gather_ms ? conf->gather_ms : SCRIBE_GATHER_MS) * SCRIBE_MS;
	s->buf = malloc(RING_ENTRY_MAX);
	s->loads = scribeload_new(conf->load_fds);
	s->swept = scribe_mono(s);
	err = s->buf == NULL || s->loads == NULL ? WF_ENOMEM : scribe_start(s);
	if (err == 0)
		err = scribe_loop(s);
	if (err == 0)
		err = scribe_stop(s);
	if (s->rings[0].s != NULL)
		scribering_set_state(s, err == 0 ? RING_LOG_STARTING : RING_LOG_DEGRADED);
	scribeload_free(s->loads);
	store_close(s->store);
	free(s->buf);
	free(s);
	return err;
}
