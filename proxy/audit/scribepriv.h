/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/scribepriv.h - what scribe.c, scribering.c and scriberoom.c share.
 *
 * Threads  one owner.
 */
#ifndef WARIFU_AUDIT_SCRIBEPRIV_H
#define WARIFU_AUDIT_SCRIBEPRIV_H

#include "proxy/audit/storeold.h"
#include "proxy/audit/scribe.h"
#include "proxy/audit/scribeload.h"
#include "proxy/audit/store.h"

struct scribe {
	const struct scribe_conf *conf;
	struct store *store;
	struct scribeload *loads;
	struct ring rings[SCRIBE_RINGS_MAX];
	bool bad[SCRIBE_RINGS_MAX]; /* read no further */
	uint64_t alarmed[SCRIBE_RINGS_MAX]; /* told of up to here */
	size_t first; /* which ring comes first in the next turn */
	uint8_t *buf;
	size_t batch;
	uint64_t gather;
	/* this batch */
	bool durable;
	bool drained;   /* nothing is left in any ring */
	uint64_t since; /* when its first entry was taken; 0 = empty */
	int64_t offset; /* between the clocks, as seen last … */
	int64_t offset_told; /* … and as committed */
	/* trouble */
	enum ring_log_state state;
	uint64_t trouble_since;
	bool inherited; /* it began before this scribe */
	unsigned backoff_ms;
	bool reopen;
	uint64_t swept;
	/* room */
	bool low;        /* the log counts as full */
	uint64_t looked;
	uint64_t pruned;
	struct storeold_day old; /* day != 0: its removal is in this batch */
	bool stop;
};

static inline uint64_t
scribe_wall(const struct scribe *s)
{
	return s->conf->wall(s->conf->arg);
}

static inline uint64_t
scribe_mono(const struct scribe *s)
{
	return s->conf->mono(s->conf->arg);
}

void
scribe_note(const struct scribe *s, enum scribe_note_level level, int err,
    const char *text);

/* An alarm that is about the log: line, metric and hook. */
void
scribe_raise(const struct scribe *s, enum rec_event event, int err, const char *text);

/* There was a log in this boot, and where it was is none. */
bool
scribeplace_gone(const struct scribe *s);

/* It was mounted anew, which only a new process can open. Only while no store is open: it
 * opens state.db, and closing that would drop SQLite's locks. */
bool
scribeplace_moved(const struct scribe *s);

/* Handles on all rings. WF_ERANGE for a mapping of a wrong size. */
int
scribering_attach(struct scribe *s);

/* Once the store is open: fits what rings and log say to each other. */
int
scribering_resume(struct scribe *s);

/* Takes entries into the batch until that is full or the rings are empty. */
int
scribering_drain(struct scribe *s);

/* The batch is durable: frees it, tells how far, wakes who waits. */
void
scribering_acknowledge(struct scribe *s);

void
scribering_rewind(struct scribe *s);

/* Announces sleep to all rings; false when one of them has something. */
bool
scribering_sleep(struct scribe *s);

void
scribering_awake(struct scribe *s);

/* Is there room? Now and then; an event in the batch when that has changed. */
int
scriberoom_look(struct scribe *s);

/* Puts the removal of a day that is too old into the batch. */
int
scriberoom_prune(struct scribe *s);

/* The batch is durable: what it said is removed goes. */
void
scriberoom_committed(struct scribe *s);

void
scribering_set_state(struct scribe *s, enum ring_log_state st);

/* Tells of an entry that raises an alarm, once. */
void
scribe_alarm(struct scribe *s, size_t ring, uint64_t seq, struct span payload);

#endif
