/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/connh1.h - HTTP/1.1 on a client's connection: heads in, answers out.
 *
 * One exchange at a time; pipelined requests wait in the buffer, which is bounded, and
 * then in the kernel. Implements struct down_ops.
 *
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_CONNH1_H
#define WARIFU_GATE_CONNH1_H

#include "proxy/gate/conn.h"

/* The transport is ready: the first head may come. */
void
connh1_start(struct conn *c);
/* STREAM_IN or STREAM_OUT on the connection. */
void
connh1_event(struct conn *c, unsigned events);
/* Reads and parses as far as there is something; may drop c. */
void
connh1_advance(struct conn *c);
/* No more from us; waits a moment for the client to read it all, then closes. */
void
connh1_end(struct conn *c);
/* The connection's timer fired. */
void
connh1_timeout(struct conn *c);

#endif
