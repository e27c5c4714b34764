/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/supervisorpriv.h - the supervisor's state, for its own files.
 *
 * Threads  one.
 */
#ifndef WARIFU_MAIN_SUPERVISORPRIV_H
#define WARIFU_MAIN_SUPERVISORPRIV_H

#include "proxy/audit/record.h"
#include "proxy/audit/ring.h"
#include "proxy/main/alarm.h"
#include "proxy/main/control.h"
#include "proxy/main/roles.h"

#ifndef WARIFU_BUILD
#define WARIFU_BUILD "0.1.0"
#endif

struct supervisor {
	struct plant plant;
	struct ring ring;
	struct metric_lane *metrics;
	struct control control;
	int signals;
	struct alarm alarm;
	uint64_t watched_ns; /* when certificates were looked at */
	uint64_t watched_number;
	int64_t watched_wall;
	struct {
		uint64_t since;	   /* 0: the log is in time */
		uint64_t told_ns;  /* the last line about it */
		unsigned untold;   /* times since that were too soon for another */
		bool told;	   /* … of this time */
	} late;
	bool stopping;
	bool told_others;
	unsigned calls_told[ROLE_COUNT]; /* of syscalls_alarm */
	uint64_t calls_told_ns[ROLE_COUNT];
	uint64_t stop_ns;
};

void
supervisor_event(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail);

/* The same with the alarm's mark; supervisor_alarm is what raises one. */
void
supervisor_event_marked(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail);

/* Record, metric and hook. */
void
supervisor_alarm(struct supervisor *s, enum rec_event event, const char *actor,
    const char *detail);

/* Certificates that end soon; call it often, it looks every ten seconds and after a reload. */
void
supervisor_watch(struct supervisor *s);

/* Is a record that was handed over not committed in time? The scribe that hangs cannot say
 * it, nor the gate, whose words are what is late: then nobody else would. */
void
supervisor_watch_late(struct supervisor *s);

/* If the state came out of a backup since the last start: a record of who did it. */
void
supervisor_restored(struct supervisor *s);

/* A record of a read or an export of the log, with the words that it was asked for with,
 * parted by tabs. WF_EFULL: there is no room for it. */
int
supervisor_note(struct supervisor *s, bool export, const char *actor, struct span words);

/* Two-phase: all is built and checked, or nothing changes and `why` says what is wrong. */
int
supervisor_reload(struct supervisor *s, const char *actor, char *why, size_t cap);

#endif
