/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/gather.h - what the files of the GATHER step share.
 *
 * Ownership  words are copied into the exchange's arena.
 * Threads    the worker's.
 * Not here   the step itself (exchange.h), and what a record shows for each rule (seen.h).
 */
#ifndef WARIFU_GATE_GATHER_H
#define WARIFU_GATE_GATHER_H

#include "proxy/gate/exchange.h"

/* What was bound and what is seen, in words. Only where something differs: people read it, the
 * policy does not, and to make words of it costs more than the comparison. */
void
gather_evidence(struct exchange *ex, enum signal_id id, const char *bound, const char *seen);

#endif
