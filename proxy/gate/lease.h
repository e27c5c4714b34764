/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/lease.h - how long a decision holds.
 *
 * A decision is about one moment. What goes on longer, for a session, holds it under a
 * lease: a request whose body or answer is under way, a long answer, a tunnel. The lease
 * ends with the session, within one tick of the worker, and is renewed after at most a
 * minute by asking the policy of the current settings with facts gathered anew.
 *
 * Besides, lease_holds is asked right before the backend is given what makes it act: the
 * head of a request without a body, the last byte of one with. A request that was decided
 * on and then held back is so decided on again.
 *
 * Threads  the worker's.
 * Not here what the client is told: relay_withdraw before the answer began, a cut after.
 */
#ifndef WARIFU_GATE_LEASE_H
#define WARIFU_GATE_LEASE_H

#include "proxy/gate/exchange.h"

/* From RELAY and DELIVER, when they wait. */
void
lease_take(struct exchange *ex);

/* REASON_NONE, or why the decision does not hold any more. */
enum reason
lease_holds(struct exchange *ex);

/* For each exchange in the worker's `leased`, several times a second; may end it. */
void
lease_tick(struct exchange *ex);

#endif
