/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/alarm.h - the hook of an alarm (security model 28): the supervisor hands what
 * happened to a program of the admin's and to syslog. Record and metric are elsewhere.
 *
 * Facts are one line of JSON: time, event, and what the record says in its public part:
 * site, session, actor, detail, key, until. No names of users and no addresses: whoever
 * may see those asks the log.
 *
 *   program   run without a shell, without arguments, with the facts on its standard input
 *             and a fixed environment; ended after ALARM_RUN_S with all it started; no more
 *             than ALARM_RUNNING at a time
 *   rate      alarm { rate }: those above it are counted, and the next one that goes out
 *             says how many there were ("suppressed")
 *
 * The gate never runs anything: it writes a record with the alarm's mark, and the scribe
 * tells the supervisor of it, also while the log cannot be written.
 *
 * Threads  the supervisor's.
 */
#ifndef WARIFU_MAIN_ALARM_H
#define WARIFU_MAIN_ALARM_H

#include <sys/types.h>

#include "proxy/audit/record.h"
#include "proxy/conf/conf.h"

enum { ALARM_RUNNING = 4, ALARM_RUN_S = 10, ALARM_TEXT = 2048 };

struct alarm {
	uint64_t tokens_at; /* when `tokens` was right, ns; 0: full */
	uint64_t tokens;
	uint64_t suppressed;
	struct {
		pid_t pid;
		uint64_t since;
	} running[ALARM_RUNNING];
};

/* Facts of a record, or of something that has none. Both return the length. */
size_t
alarm_facts(const struct rec_view *v, char out[ALARM_TEXT]);
size_t
alarm_facts_of(const char *event, const char *detail, uint64_t wall_ns, char out[ALARM_TEXT]);

/* Hands one out, or counts it. */
void
alarm_hand(struct alarm *a, const struct conf_alarm *c, const char *facts, size_t n,
    uint64_t mono_ns);

/* Reads what the scribe says, and ends programs that run too long. */
void
alarm_serve(struct alarm *a, const struct conf_alarm *c, int chan, uint64_t mono_ns);

/* A child that ended: true if it was one of these. */
bool
alarm_reaped(struct alarm *a, pid_t pid);

#endif
