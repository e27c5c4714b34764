/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/health.h - active checks of backends.
 *
 * One thread asks each target of a site with a health path every interval: GET path,
 * healthy if the answer's status is 2xx or 3xx. `rise` good answers in a row bring a
 * target back, `fall` bad ones take it out. Without a path only connection failures
 * count (upstream.h).
 *
 * Threads  worker 0's.
 */
#ifndef WARIFU_GATE_HEALTH_H
#define WARIFU_GATE_HEALTH_H

struct worker;

/* Called several times a second; starts the checks that are due. */
void
health_tick(struct worker *w);

#endif
