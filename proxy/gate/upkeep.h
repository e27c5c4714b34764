/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/upkeep.h - what a worker does between requests, a few times a second:
 * sessions past their end go (and are recorded as expired), and the metrics that are
 * states and not events are counted anew.
 *
 * Threads    each worker its own; the table's part is the first worker's.
 */
#ifndef WARIFU_GATE_UPKEEP_H
#define WARIFU_GATE_UPKEEP_H

struct worker;

void
upkeep_tick(struct worker *w);

#endif
