/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor itself alarms of: its own records with the mark, certificates, and a
 * log that is not written in time. */
#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/main/certlist.h"
#include "proxy/main/supervisorpriv.h"

enum { WATCH_CERTS_S = 10, WATCH_LATE_S = 60 };

void
supervisor_alarm(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail)
{
	char facts[ALARM_TEXT];
	size_t n = alarm_facts_of(rec_enum_name(REC_TAG_EVENT, event), detail, clock_wall(), facts);

	supervisor_event_marked(s, event, actor, detail);
	metric_add(s->metrics, METRIC_ALARM_RAISED, 1);
	alarm_hand(&s->alarm, &s->plant.snap->conf->alarm, facts, n, clock_mono());
}

static void
supervisor_tell_crl(struct supervisor *s, const struct certlist_item *it, int64_t wall)
{
	char detail[512], when[CLOCK_ISO_TEXT];

	clock_iso((uint64_t)it->ends * CLOCK_SEC, when);
	snprintf(detail, sizeof(detail),
	    it->ends <= wall
		? "revocation list %.300s is over since %s: nobody gets into the console"
		: "revocation list %.300s is over on %s, and then nobody gets into the console",
	    it->file, when);
	supervisor_alarm(s, REC_EVENT_ALARM, NULL, detail);
}

static void
supervisor_tell_end(struct supervisor *s, const struct certlist_item *it, int64_t wall)
{
	bool over = it->ends <= wall;
	char detail[512];

	snprintf(detail, sizeof(detail), "certificate %.300s of site %.100s %s %lld days", it->file,
	    it->site, over ? "has ended since" : "ends in",
	    (long long)((over ? wall - it->ends : it->ends - wall) / 86400));
	supervisor_alarm(s, REC_EVENT_ALARM, NULL, detail);
}

static bool
supervisor_is_nearer(const struct supervisor *s, const struct certlist_item *it, int64_t wall)
{
	return certlist_level(it, wall) > certlist_level(it, s->watched_wall);
}

/* Each certificate once at each step nearer to its end. */
void
supervisor_watch(struct supervisor *s)
{
	uint64_t now = clock_mono();
	int64_t wall = (int64_t)(clock_wall() / CLOCK_SEC);
	struct certlist_item it;
	bool over = false;

	if (s->watched_ns != 0 && now - s->watched_ns < WATCH_CERTS_S * CLOCK_SEC &&
	    s->watched_number == s->plant.number)
		return;
	if (s->watched_number != s->plant.number)
		s->watched_wall = 0; /* a time at which nothing was near its end */
	for (size_t i = 0; certlist_at(s->plant.snap, i, &it); i++) {
		over |= it.ends <= wall;
		if (supervisor_is_nearer(s, &it, wall))
			supervisor_tell_end(s, &it, wall);
	}
	if (certlist_crl(s->plant.snap, &it) && supervisor_is_nearer(s, &it, wall))
		supervisor_tell_crl(s, &it, wall);
	metric_set(s->metrics, METRIC_CERT_PROBLEMS, over);
	s->watched_ns = now;
	s->watched_wall = wall;
	s->watched_number = s->plant.number;
}

static bool
watch_is_late(struct supervisor *s)
{
	struct metric_view view;

	if (s->stopping || s->plant.pids[ROLE_GATE] <= 0)
		return s->late.since != 0; /* there is nobody who would know */
	return metric_view_open(s->plant.metrics, s->plant.metrics_size, &view) == 0 &&
	       metric_read(&view, METRIC_LOG_LATE) != 0;
}

static void
watch_late_begins(struct supervisor *s, uint64_t now)
{
	const struct plant *p = &s->plant;
	char detail[512], more[64] = "";

	s->late.since = now;
	s->late.told = s->late.told_ns == 0 || now - s->late.told_ns > WATCH_LATE_S * CLOCK_SEC;
	if (!s->late.told) {
		s->late.untold++;
		return;
	}
	if (s->late.untold > 0)
		snprintf(more, sizeof(more), " (and %u times since the last such line)",
		    s->late.untold);
	s->late.told_ns = now;
	s->late.untold = 0;
	snprintf(detail, sizeof(detail),
	    "records are not written within %llu ms%s: sensitive routes answer 503; see whether "
	    "the disk of %.200s is slow and whether the scribe, process %d, runs",
	    (unsigned long long)p->snap->conf->timeouts.commit_ms, more, p->log_folder,
	    (int)p->pids[ROLE_SCRIBE]);
	fprintf(stderr, "warifu: ALARM: %s\n", detail);
	supervisor_alarm(s, REC_EVENT_LOG_STATE, NULL, detail);
}

static void
watch_late_ends(struct supervisor *s, uint64_t now)
{
	char detail[96];

	snprintf(detail, sizeof(detail), "records are written in time again, after %llu s",
	    (unsigned long long)((now - s->late.since) / CLOCK_SEC));
	s->late.since = 0;
	if (!s->late.told)
		return;
	fprintf(stderr, "warifu: %s\n", detail);
	supervisor_event(s, REC_EVENT_LOG_STATE, NULL, detail);
}

void
supervisor_watch_late(struct supervisor *s)
{
	uint64_t now = clock_mono();
	bool late = watch_is_late(s);

	/* What the scribe found out about the log itself, it has said. */
	if (late && s->late.since == 0 && ring_log_state(&s->ring) <= RING_LOG_OK)
		watch_late_begins(s, now);
	else if (!late && s->late.since != 0)
		watch_late_ends(s, now);
}
