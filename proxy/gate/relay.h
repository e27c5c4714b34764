/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/relay.h - between an exchange and its upstream.
 *
 * Used by the steps RELAY, LEARN and DELIVER: one connection to a backend or the portal,
 * the request's body on its way there, the response's on its way back. Neither side is
 * read when the other has no room, so memory is bounded whatever the body's length.
 *
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_RELAY_H
#define WARIFU_GATE_RELAY_H

#include "proxy/gate/exchange.h"

/* Moves request body towards the upstream as far as both sides allow. */
void
relay_pump_request(struct exchange *ex);

/* Reads more of the response into up_in. 0, WF_MORE, or the end (ex->up_eof). */
int
relay_fill(struct exchange *ex);

/* Gives the upstream connection back if it is clean, else closes it. */
void
relay_release(struct exchange *ex, bool clean);

/* The client sent nothing more of its request's body in time: 408, or the end. */
void
relay_body_late(struct exchange *ex);

/* From outside the steps: the decision holds no more; the backend hears no more of it. */
void
relay_withdraw(struct exchange *ex, enum reason why);

/* The request did not get through as it should; our own short page says why. */
enum step_result
relay_give_up(struct exchange *ex);

/* The exchange's timer fired. */
void
relay_timeout(struct exchange *ex);

/* Something behind us failed before the response's head went out: our own short page. */
enum step_result
relay_broken(struct exchange *ex, enum reason reason);

#endif
