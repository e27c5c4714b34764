/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/scribe.h - the loop of the only writer.
 *
 * Drains all rings, seals personal fields, hashes, and writes what came together in one
 * transaction of the log and, where state changes, one of the state. Only then the rings
 * are freed and waiting threads woken. A durable entry is committed at once, others are
 * gathered up to gather_ms or batch_bytes. Nothing is committed past a failure: on a full
 * disk or a locked database the batch stays in the rings and is tried again.
 *
 * Ownership  scribe_run borrows everything in the configuration until it returns.
 * Errors     the reason it cannot go on (a chain that does not fit its state, a lost
 *            master key); disk full and lock are no reasons.
 * Threads    one; signals are the caller's (close the stop descriptor's other end).
 * Not here   making rings, memfds and sockets (proxy/main), pages and commands.
 */
#ifndef WARIFU_AUDIT_SCRIBE_H
#define WARIFU_AUDIT_SCRIBE_H

#include "proxy/audit/record.h"
#include "proxy/audit/ring.h"
#include "proxy/base/metric.h"
#include "proxy/base/span.h"

enum { SCRIBE_RINGS_MAX = 66, SCRIBE_LOADS_MAX = 4 };

enum scribe_note_level { SCRIBE_INFO, SCRIBE_WARN, SCRIBE_ALARM };

/* What the scribe cannot put into the log because it is about the log: for stderr and, with
 * SCRIBE_ALARM, for the hook as `event`. `text` is ours and lives for the call. */
typedef void scribe_note_fn(void *arg, enum scribe_note_level level,
    enum rec_event event, int err, const char *text);

struct scribe_ring {
	void *mem; /* of ring_init */
	size_t size;
	uint16_t thread; /* as given to ring_init */
	int wake_fd; /* eventfd of the producing thread; -1 = nobody ever waits */
};

struct scribe_conf {
	/* where */
	const char *dir;        /* log-YYYYMMDD.db, state.db, keys.db */
	const char *generation; /* the second copy of the generation, kept apart */
	const uint8_t *master;  /* KEYS_MASTER_LEN bytes */
	const char *vfs;        /* NULL = the system's; tests have their own */
	/* from and to whom */
	const struct scribe_ring *rings; /* the same order at every start */
	size_t n_rings;
	uint64_t boot;   /* the rings' boot id */
	int event_fd;    /* producers write it to wake the scribe */
	int stop_fd;     /* readable or closed: commit what is there and return; -1 = never */
	int load_fds[SCRIBE_LOADS_MAX]; /* sockets to gates, see load.h; -1 = none */
	/* how */
	unsigned gather_ms;   /* 0 = 20 */
	size_t batch_bytes;   /* 0 = 1 MiB */
	uint64_t retention;   /* ns; older days are removed; 0 = never */
	uint64_t min_free;    /* bytes left on the disk below which the log counts as full */
	uint64_t max_size;    /* bytes of the folder above which it does; 0 = any */
	const char *build;    /* build id for the start event, or NULL */
	/* time: wall clock and a clock that never jumps, in ns */
	uint64_t (*wall)(void *arg);
	uint64_t (*mono)(void *arg);
	scribe_note_fn *note; /* or NULL */
	/* A record with REC_F_ALARM of a ring, once, before it is on disk; or NULL. */
	void (*alarm)(void *arg, const struct rec_view *v);
	struct metric_lane *metrics; /* the scribe's own, or NULL */
	void *arg;
};

/* Returns 0 after stop_fd, else the error that ended it. */
int
scribe_run(const struct scribe_conf *conf);

#endif
