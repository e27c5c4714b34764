/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/net/upstream.h - connections to the servers behind us, kept and reused.
 *
 * A target is one server. Each thread has its own pool of idle connections per target;
 * nothing but a target's health is shared. Health is passive here (failed connects take a
 * target out for a while, growing up to UPSTREAM_DOWN_MAX_MS) and active where somebody
 * calls upstream_checked.
 *
 *   upstream_get   an idle connection (then `reused` is set and UPSTREAM_READY comes at
 *                  once, from inside the call's deferred task) or a new one
 *   upstream_put   the exchange is over and the connection clean: keep it
 *   upstream_drop  close it
 *
 * Events to `fn`: UPSTREAM_READY once, then the stream's STREAM_* events; or
 * UPSTREAM_FAILED (the connection is closed then and gone after fn returns: read why, do
 * not drop it; fn may free the pool and the target).
 *
 * Ownership  targets belong to the snapshot and outlive the pool; a conn belongs to the
 *            pool while idle and to the caller between get and put/drop/FAILED.
 * Units      milliseconds.
 * Threads    pool and conns: one thread. Targets: shared, health fields are atomic.
 * Not here   HTTP; the choice among several targets is upstream_pick's, round robin over
 *            those that are up, and the least recently failed one if none is.
 */
#ifndef WARIFU_NET_UPSTREAM_H
#define WARIFU_NET_UPSTREAM_H

#include "proxy/net/stream.h"

struct tlsout;

enum { UPSTREAM_READY = 16, UPSTREAM_FAILED = 32 };
enum { UPSTREAM_DOWN_MS = 1000, UPSTREAM_DOWN_MAX_MS = 30000 };

struct upstream_target {
	const char *name; /* for messages: http://10.0.0.1:8000 */
	uint8_t addr[128]; /* a struct sockaddr_storage */
	uint32_t addr_n;
	const struct tlsout *tls; /* NULL: plain */
	unsigned connect_ms;
	unsigned idle_ms;
	unsigned max_idle;  /* per thread */
	unsigned max_conns; /* all threads; 0: no limit */
	atomic_uint conns;
	atomic_uint fails;	    /* connects failed in a row */
	_Atomic uint64_t down_until; /* ns of the loop's clock */
	atomic_bool check_failed;    /* the active check says so */
	atomic_bool checking;	     /* the rest is the active check's own */
	atomic_int check_run;
	_Atomic uint64_t next_check;
};

struct upstream_pool;

struct upstream_conn {
	struct stream stream; /* first: the stream's fn finds us by its address */
	struct upstream_pool *pool;
	struct upstream_target *target;
	struct upstream_conn *next, **prev; /* among the idle ones of its target */
	struct loop_timer timer;	    /* connect or idle */
	struct loop_task ready;
	bool reused;
	bool idle;
	bool is_ready;
	unsigned fail; /* why FAILED: an enum upstream_fail */
	void *user;
	void (*fn)(struct upstream_conn *c, unsigned events);
};

enum upstream_fail {
	UPSTREAM_FAIL_CONNECT,
	UPSTREAM_FAIL_TLS,
	UPSTREAM_FAIL_TIMEOUT,
	UPSTREAM_FAIL_LIMIT,
};

/* `targets` are n targets that this pool will serve, and no others. */
struct upstream_pool *
upstream_pool_new(struct net *net, struct upstream_target **targets, size_t n);
/* Closes the idle ones. Conns in use must have been put or dropped. */
void
upstream_pool_free(struct upstream_pool *p);
void
upstream_pool_close_idle(struct upstream_pool *p);

/* How many are kept now. */
unsigned
upstream_pool_idle(const struct upstream_pool *p);

/* A target that is up, starting the round at *turn; never NULL for n > 0. */
struct upstream_target *
upstream_pick(struct upstream_target **targets, size_t n, unsigned *turn, uint64_t now);
bool
upstream_is_up(struct upstream_target *t, uint64_t now);
/* The result of an active check or of an exchange that says something about health. */
void
upstream_checked(struct upstream_target *t, bool ok);

enum {
	UPSTREAM_FRESH = 1, /* a new connection (a retry after a stale one) */
	/* May take the last quarter of max_conns, which a flood of strangers cannot. */
	UPSTREAM_RESERVE = 2,
};

/* `how`: of the two above. NULL: out of memory. */
struct upstream_conn *
upstream_get(struct upstream_pool *p, struct upstream_target *t, unsigned how, void *user,
    void (*fn)(struct upstream_conn *c, unsigned events));
void
upstream_put(struct upstream_conn *c);
void
upstream_drop(struct upstream_conn *c);

#endif
