/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/worker.h - one thread of the gate, and what all threads share.
 *
 * struct gate is the process: the session table, limits, locks, the way to publish a new
 * snapshot. struct worker is a thread: its loop, its ring to the scribe, its upstream
 * pools, its connections. A worker touches another worker's memory only through struct
 * gate.
 *
 * A worker holds the current snapshot through a struct wsnap, which also owns the
 * upstream pool for that snapshot's targets. Connections and exchanges pin the wsnap
 * they began with; the last one that lets go frees the pool and the snapshot.
 *
 * Threads    marked at each member: [gate] shared and synchronised, [worker] own.
 * Not here   processes, sockets, shared memory: proxy/main gives them.
 */
#ifndef WARIFU_GATE_WORKER_H
#define WARIFU_GATE_WORKER_H

#include "proxy/audit/ring.h"
#include "proxy/base/digest.h"
#include "proxy/base/metric.h"
#include "proxy/gate/limits.h"
#include "proxy/gate/locks.h"
#include "proxy/gate/snapshot.h"
#include "proxy/net/listen.h"
#include "proxy/session/table.h"
#include "proxy/wire/tlsfp.h"

enum { WORKER_LISTENERS = 16, WORKER_TICK_MS = 200, WORKER_KEEP = 256 };

struct board;
struct conn;
struct connh2_stream;
struct exchange;
struct strangers;
struct worker;

struct gate {
	struct table *table;   /* [gate] */
	struct limits *limits; /* [gate] */
	struct locks *locks;   /* [gate] route classes stopped, sites bypassed */
	struct board *board;	/* for the console, or NULL; worker 0 writes */
	atomic_uint connections;	/* of clients, all threads */
	unsigned connections_max;
	atomic_bool loaded;    /* sessions are in the table */
	atomic_uint late;      /* workers whose records are not committed in time */
	atomic_bool draining;  /* the supervisor wants us to end */
	uint8_t cred_key[32];  /* keys of credential hashes; never changes */
	uint64_t boot;
	const char *build;
	struct worker *workers;
	unsigned n_workers;
};

struct wsnap {
	struct worker *worker;
	struct snapshot *snap;
	struct upstream_pool *pool;
	unsigned refs; /* [worker] */
	unsigned *turn; /* round robin, one per site */
};

struct worker {
	struct net net;
	struct gate *gate;
	unsigned index;
	struct wsnap *cur;
	_Atomic(struct snapshot *) next; /* [gate] a snapshot to adopt, with a reference */
	struct ring ring;
	uint64_t late_seq;	    /* a record that is watched until its commit … */
	uint64_t late_since;	    /* … and since when */
	bool late;		    /* counted in gate->late */
	int scribe_fd;		    /* eventfd that wakes the scribe */
	struct loop_watch wake;	    /* eventfd: commits, new snapshots, stop */
	struct loop_task notify;    /* once a batch: tell the scribe */
	struct loop_timer tick;
	struct metric_lane *metrics;
	struct mac *mac;	    /* keyed with cred_key */
	struct hasher *hasher;
	struct tlsfp *tlsfp;
	struct strangers *strangers;
	struct listener listeners[WORKER_LISTENERS];
	unsigned n_listeners;
	struct conn *conns;	    /* all, for drains and ends */
	unsigned n_conns;
	unsigned told_idle;	    /* kept connections to backends, as in the metric */
	struct conn *free_conns;
	struct exchange *free_exchanges;
	struct connh2_stream *free_streams;
	unsigned n_free_conns, n_free_exchanges, n_free_streams;
	size_t h2_held;		    /* bytes of streams that wait for a place */
	uint8_t *h2_block;	    /* H2SRV_BLOCK bytes: the head that HTTP/2 just decodes */
	struct exchange *waiting;   /* for a commit */
	struct exchange *roomless;  /* for room in the ring, the oldest first … */
	struct exchange **roomless_end; /* … and where the next one is put */
	uint64_t owed;		    /* outcomes that are still to be recorded */
	struct exchange *leased;    /* what goes on longer than a decision is about */
	uint64_t exchanges;	    /* counter, for ids */
	uint64_t last_health_ns;
	pthread_t thread;
};

struct worker_opt {
	struct gate *gate;
	unsigned index;
	void *ring_mem;
	size_t ring_size;
	int scribe_fd;
	int wake_fd;
	const int *listen_fds; /* one per listener of the settings, this worker's own */
	unsigned n_listen;
	struct metric_lane *metrics;
	struct snapshot *snap; /* a reference is taken */
	uint64_t (*mono_ns)(void);
	uint64_t (*wall_ns)(void);
};

int
worker_open(struct worker *w, const struct worker_opt *opt);
/* Runs the loop until the gate drains and nothing is left, or `drain_ms` passed. */
void
worker_run(struct worker *w);
void
worker_close(struct worker *w);

/* From any thread: hands over a snapshot (takes one reference). */
void
worker_publish(struct worker *w, struct snapshot *snap);
/* From any thread: makes the worker look at `next` and at the draining flag. */
void
worker_wake(struct worker *w);

struct wsnap *
wsnap_ref(struct wsnap *s);
void
wsnap_unref(struct wsnap *s);

static inline uint64_t
worker_now_s(const struct worker *w)
{
	return w->net.loop.wall / 1000000000u;
}

static inline struct conf *
worker_conf(const struct worker *w)
{
	return w->cur->snap->conf;
}

#endif
