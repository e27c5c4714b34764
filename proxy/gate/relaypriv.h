/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/relaypriv.h - between relay.c (heads, tries) and relayup.c (the body).
 *
 * Private to the two of them.
 *
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_RELAYPRIV_H
#define WARIFU_GATE_RELAYPRIV_H

#include "proxy/gate/relay.h"

/* A body that breaks off or breaks the grammar: the backend never sees its end. */
void
relay_body_broken(struct exchange *ex, enum reason why);

/* The request must not go on, whoever has begun to answer it. */
void
relay_stop(struct exchange *ex, enum reason why);

/* With what is sent next the backend acts: does the decision still hold? */
bool
relay_holds(struct exchange *ex);

#endif
