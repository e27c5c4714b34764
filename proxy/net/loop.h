/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/net/loop.h - one thread's event loop: descriptors, timers, deferred work.
 *
 * Edge-triggered epoll; a descriptor is registered once, for both directions, and never
 * again (no epoll_ctl per request). Who gets an event must read or write until EAGAIN or
 * remember that more is there. Deferred tasks run after all events of one batch, so that
 * the output of a batch leaves in one send per connection.
 *
 *   events of a batch -> timers that are due -> tasks -> next epoll_wait
 *
 * Timers are coarse: a wheel of slots of LOOP_TICK_MS, enough for time-outs and leases. One
 * further away than a round of the wheel waits in its slot for its own round.
 *
 * Ownership  watch, timer and task are members of the caller's structs; they must be
 *            removed before that memory goes.
 * Units      nanoseconds of the clock given to loop_open; milliseconds for delays.
 * Errors     loop_open and loop_add return a negative enum wf_err.
 * Threads    a loop belongs to one thread; only loop_stop may be called from another.
 * Not here   sockets, buffers, TLS.
 */
#ifndef WARIFU_NET_LOOP_H
#define WARIFU_NET_LOOP_H

#include <stdatomic.h>

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { LOOP_TICK_MS = 50, LOOP_SLOTS = 4096, LOOP_BATCH = 256 };

struct loop_watch {
	int fd;
	bool pending; /* an event of this batch still waits to be told */
	/* events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP */
	void (*fn)(struct loop_watch *w, uint32_t events);
};

struct loop_timer {
	struct loop_timer *prev, *next; /* NULL while not set */
	uint64_t due;			/* tick number */
	void (*fn)(struct loop_timer *t);
};

struct loop_task {
	struct loop_task *next;
	bool queued;
	void (*fn)(struct loop_task *t);
};

struct loop {
	int ep;
	atomic_bool stop;
	uint64_t now;	   /* monotonic ns at the start of this batch */
	uint64_t wall;	   /* wall clock ns, same moment */
	uint64_t tick;	   /* last tick whose timers have run */
	uint64_t turn;	   /* batches so far */
	uint64_t (*mono_ns)(void);
	uint64_t (*wall_ns)(void);
	struct loop_timer slots[LOOP_SLOTS];
	struct loop_task *tasks;
	struct loop_task **tasks_end;
	struct loop_task *later; /* tasks of the next batch */
	struct loop_watch *batch[LOOP_BATCH]; /* NULLed by loop_del in mid-batch */
	int batch_n;
};

int
loop_open(struct loop *l, uint64_t (*mono_ns)(void), uint64_t (*wall_ns)(void));
void
loop_close(struct loop *l);

int
loop_add(struct loop *l, struct loop_watch *w);
/* Forgets w, also its pending event of this batch. The descriptor stays open. */
void
loop_del(struct loop *l, struct loop_watch *w);

/* (Re)sets t to fire once, `ms` from now (rounded up to a tick). */
void
loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t ms);
void
loop_timer_del(struct loop_timer *t);

static inline bool
loop_timer_is_set(const struct loop_timer *t)
{
	return t->next != NULL;
}

/* Queues t for the end of this batch; once, however often it is called. */
void
loop_defer(struct loop *l, struct loop_task *t);
/* … of the next batch, which does not wait: who has much to do leaves room for others.
 * Also if it is queued for this one. */
void
loop_defer_next(struct loop *l, struct loop_task *t);
void
loop_undefer(struct loop *l, struct loop_task *t);

/* Runs until loop_stop. */
void
loop_run(struct loop *l);
/* One batch, waiting at most max_ms; for tests. */
void
loop_once(struct loop *l, int max_ms);
void
loop_stop(struct loop *l);

#endif
