/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/connh2.h - HTTP/2 on a client's connection: many exchanges side by side.
 *
 * A stream becomes an exchange when its head is complete and the bytes at hand are read:
 * one that is reset before costs nothing. It gives its place back when the exchange is
 * over and the answer is out, whatever the client says before (CVE-2023-44487). Requests
 * at work count against the address's limit as connections of HTTP/1.1 do; beyond it a
 * stream waits a moment, and is then refused (REFUSED_STREAM: safe to try again).
 *
 * Frames of one event batch leave in one send. A body's window opens by what the backend
 * took. Implements struct down_ops.
 *
 * Threads    the worker's.
 * Not here   frames (proxy/http/h2srv.h), how heads are read (proxy/wire/h2_request.h).
 */
#ifndef WARIFU_GATE_CONNH2_H
#define WARIFU_GATE_CONNH2_H

#include "proxy/gate/conn.h"

/* The handshake chose HTTP/2. May drop c. */
void
connh2_start(struct conn *c);
/* STREAM_IN or STREAM_OUT on the connection. May drop c. */
void
connh2_event(struct conn *c, unsigned events);
/* Goes on with what is to do; may drop c. */
void
connh2_advance(struct conn *c);
/* The connection's timer fired. */
void
connh2_timeout(struct conn *c);
/* No further stream but what is on its way; the connection ends with the last one. */
void
connh2_retire(struct conn *c);
/* The streams that a thread kept for reuse. */
void
connh2_forget(struct worker *w);
/* How the client began (h2_print.h); empty without HTTP/2. */
const char *
connh2_print(const struct conn *c);
/* Ends all exchanges; what is left is a connection without a protocol. */
void
connh2_close(struct conn *c, const char *why);

#endif
