/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/heads.h - order and set of a request's header fields beside those of its
 * session's earlier requests of the same kind (client.headers-same).
 *
 * A session learns from the login on, from holders that are accepted: what adds to the
 * picture always, what speaks against it only from the TLS client that holds the login's
 * ticket. Nothing is learned and nothing compared where something may write heads anew on
 * the way: a network that `inspects`, a trusted hop.
 *
 * Threads    the worker's; the functions with a session want its lock held.
 * Not here   the print itself (proxy/wire/head_print.h).
 */
#ifndef WARIFU_GATE_HEADS_H
#define WARIFU_GATE_HEADS_H

#include "proxy/gate/exchange.h"

struct heads {
	uint64_t seen, learned; /* prints; 0: unknown */
	unsigned kind;
};

/* This request's. */
struct heads
heads_see(const struct exchange *ex);

/* Fills h->learned with what was known before, and teaches s, if `accepted`. Lock held. */
void
heads_learn(const struct exchange *ex, struct heads *h, struct session *s, bool accepted);

/* The fact and its evidence. */
void
heads_gather(struct exchange *ex, const struct heads *h);

#endif
