/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/audit/scribe.h"
#include "proxy/base/clock.h"
#include "proxy/main/alarm.h"
#include "proxy/main/folder.h"
#include "proxy/main/plant.h"

enum { SCRIBE_MAIN_LAST_S = 20 };

static uint64_t
scribe_main_wall(void *arg)
{
	(void)arg;
	return clock_wall();
}

static uint64_t
scribe_main_mono(void *arg)
{
	(void)arg;
	return clock_mono();
}

/* To the supervisor. Its socket is full when it hangs: then it could not alarm either. */
static void
scribe_main_tell(void *arg, const char *facts, size_t n)
{
	const struct plant *p = arg;

	if (write(p->alarm_chan[1], facts, n) != (ssize_t)n)
		fprintf(stderr, "warifu scribe: an alarm did not reach the supervisor\n");
}

/* SQLite does not say why; the folder mostly does. */
static const char *
scribe_main_why(const struct plant *p, int err)
{
	int fault = err == 0 ? 0 : folder_fault(p->log_folder);

	if (fault != 0)
		return strerror(fault);
	return err != 0 ? err_text(err) : NULL;
}

static void
scribe_main_note(void *arg, enum scribe_note_level level, enum rec_event event, int err,
    const char *text)
{
	static const char *const words[] = {"info", "warning", "ALARM"};
	const struct plant *p = arg;
	const char *why = scribe_main_why(p, err);
	char facts[ALARM_TEXT], line[512 + sizeof(p->log_folder)];

	snprintf(line, sizeof(line), "%s%s%s (%s)", text, why != NULL ? ": " : "",
	    why != NULL ? why : "", p->log_folder);
	fprintf(stderr, "warifu scribe: %s: %s\n", words[level], line);
	if (level == SCRIBE_ALARM)
		scribe_main_tell(arg, facts,
		    alarm_facts_of(rec_enum_name(REC_TAG_EVENT, event), line, clock_wall(),
			facts));
}

static void
scribe_main_alarm(void *arg, const struct rec_view *v)
{
	char facts[ALARM_TEXT];

	scribe_main_tell(arg, facts, alarm_facts(v, facts));
}

/* The supervisor died. What was handed over is still written (stop_fd says so too), but
 * nobody would end a scribe that hangs at it. */
static void
scribe_main_alone(int sig)
{
	(void)sig;
	(void)alarm(SCRIBE_MAIN_LAST_S);
}

int
scribe_main(struct plant *p)
{
	const struct conf *conf = p->snap->conf; /* until plant_enter */
	struct scribe_ring rings[PLANT_RINGS];
	char generation[4200];
	struct scribe_conf c = {.dir = p->log_folder, .generation = generation,
	    .master = p->secret.master, .rings = rings, .n_rings = p->n_rings,
	    .boot = p->boot, .event_fd = p->scribe_event, .stop_fd = p->scribe_stop[1],
	    .build = p->build, .wall = scribe_main_wall, .mono = scribe_main_mono,
	    .retention = conf->log.retention_ms * 1000000u, .min_free = conf->log.min_free,
	    .max_size = conf->log.max_size, .note = scribe_main_note, .alarm = scribe_main_alarm,
	    .arg = p};
	int err;

	snprintf(generation, sizeof(generation), "%s/generation", p->apart_folder);
	for (unsigned i = 0; i < p->n_rings; i++)
		rings[i] = (struct scribe_ring){.mem = plant_ring(p, i),
		    .size = p->ring_size, .thread = plant_thread(p, i),
		    .wake_fd = p->wake[i]};
	for (int i = 0; i < SCRIBE_LOADS_MAX; i++)
		c.load_fds[i] = -1;
	c.load_fds[0] = p->load[1];
	(void)metric_lane_take(p->metrics, p->metrics_size, plant_lane_scribe(p), &c.metrics);
	(void)signal(SIGUSR2, scribe_main_alone);
	if (plant_enter(p, ROLE_SCRIBE) != 0)
		return 2;
	err = scribe_run(&c);
	if (err != 0)
		fprintf(stderr, "warifu scribe: %s\n", err_text(err));
	return err == 0 ? 0 : 1;
}
