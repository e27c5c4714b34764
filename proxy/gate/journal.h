/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/journal.h - what a worker hands over to the scribe.
 *
 * Each call builds one leaf, and the changes of state that belong to it, in the worker's
 * ring. Handed over means: in memory that outlives this process, freed only after its
 * commit. Durable means: journal_waits says that the commit has happened.
 *
 * Events without a known session are budgeted: the first ones of a source get full
 * records, the rest are counted in aggregates (strangers.h), and the ring takes them only
 * below half. Each decision that is recorded keeps room for its outcome.
 *
 * Errors     WF_EFULL: the ring is full; WF_EVERIFY: it is broken. A decision that fails
 *            may be tried again; who gives it up says so by journal_gap. What else fails
 *            is counted here.
 * Threads    the worker's.
 * Not here   what is decided.
 */
#ifndef WARIFU_GATE_JOURNAL_H
#define WARIFU_GATE_JOURNAL_H

#include "proxy/gate/exchange.h"

/* The decision on ex, with the session's new form where it changed. *seq: to wait for. */
int
journal_decision(struct exchange *ex, uint64_t *seq);
void
journal_outcome(struct exchange *ex);
/* A record was given up, for this error: the log says how many are missing. */
void
journal_gap(struct worker *w, int err);

/* An event about a session. `put` stores the session's present form with it. */
struct journal_event {
	enum rec_event event;
	const struct exchange *ex; /* may be NULL */
	struct session *session;
	bool put;
	bool end; /* its row becomes a tombstone */
	bool alarm;
	const char *detail;
	const char *actor;
	uint64_t until_s;
	struct span device;  /* thumbprint of its key */
	struct span key;     /* of a lock or bypass */
	struct span note;    /* who and why, kept with the key */
	bool key_set, key_del;
};

int
journal_event(struct worker *w, const struct journal_event *ev, uint64_t *seq);

/* True while `seq` is not durable; the worker is then woken by its eventfd. */
bool
journal_waits(struct worker *w, uint64_t seq);

/* The last record that was handed over: its commit makes room for the next one. */
uint64_t
journal_last(const struct worker *w);

/* Is the log able to take records? Not while the scribe says so, nor while it is silent: a
 * record handed over is not durable after the `commit` timeout. What to do then is the
 * settings' choice. */
bool
journal_log_ok(struct worker *w);

/* Looks whether what this worker handed over is committed in time; all workers hear of it.
 * At each tick and each record. */
void
journal_watch(struct worker *w);

#endif
