/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/rates.h - which buckets a request takes from, and the count when one is empty.
 *
 * Who holds a session in a context that was accepted draws on the session and its user, and
 * on the share that a listed route keeps for such holders. Any other holder of the same session
 * has a bucket of his own, made of session and address, and draws on his address as well:
 * a thief can empty nothing that the owner needs (security model 10). Open routes, the
 * login among them, draw on the address alone.
 *
 * Threads    the worker's; the buckets are shared.
 * Not here   the buckets (limits.h).
 */
#ifndef WARIFU_GATE_RATES_H
#define WARIFU_GATE_RATES_H

#include "proxy/gate/exchange.h"

/* A login attempt, before anything else is known of it. */
bool
rates_login(struct exchange *ex);

/* A session that is taken over: as rare as a login. */
bool
rates_adopt(struct exchange *ex);

/* A file of the portal's. */
bool
rates_asset(struct exchange *ex);

/* Once GATHER knows the holder. */
bool
rates_request(struct exchange *ex);

/* May this request have a record of its own (else it is summed up with its like)? */
bool
rates_record(struct exchange *ex);

/* … and its two cookies of one name an event? */
bool
rates_event(struct exchange *ex);

/* A wrong proof: noise about one session silences no alarm about another. */
bool
rates_alarm(struct exchange *ex, const struct session *s);

#endif
