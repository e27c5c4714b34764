/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/connh1priv.h - what connh1.c (heads, and what comes between exchanges),
 * connh1in.c (the request's body) and connh1out.c (the answer) share.
 *
 * The functions with an exchange are members of struct down_ops: exchange.h has their
 * contract. A client that is gone (connh1_of gives NULL) is no error: they do nothing.
 *
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_CONNH1PRIV_H
#define WARIFU_GATE_CONNH1PRIV_H

#include "proxy/gate/connh1.h"

static inline struct conn *
connh1_of(struct exchange *ex)
{
	return ex->conn;
}

/* The phase that begins now, with its limit in milliseconds; 0: none. */
static inline void
connh1_timer(struct conn *c, uint64_t ms, enum metric_id metric)
{
	c->timer_metric = metric;
	if (ms == 0)
		loop_timer_del(&c->timer);
	else
		loop_timer_set(&c->w->net.loop, &c->timer, ms);
}

/* More bytes of the client into c->in: 0, WF_MORE, or why there are no more. */
int
connh1_read(struct conn *c);

int
connh1_pull(struct exchange *ex, struct span *d);
void
connh1_eat(struct exchange *ex, size_t n);

void
connh1_interim(struct exchange *ex, const struct reply *r);
void
connh1_head(struct exchange *ex, const struct reply *r);
size_t
connh1_room(struct exchange *ex);
void
connh1_body(struct exchange *ex, struct span d);
void
connh1_finish(struct exchange *ex, const struct fields *trailers);

#endif
