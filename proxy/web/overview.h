/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/overview.h - the console's first page.
 *
 * Ownership  borrows everything.
 * Threads    the console's.
 */
#ifndef WARIFU_WEB_OVERVIEW_H
#define WARIFU_WEB_OVERVIEW_H

#include "proxy/web/console.h"
#include "proxy/web/page.h"

enum { OVERVIEW_MINUTES = 60 };

/* Requests by what the verdict meant for them. */
struct overview_requests {
	uint64_t all;
	uint64_t stopped; /* challenged, refused, revoked */
};

/* The last minutes, oldest first. Zeroed at first; holds no pointers, so that it may lie in
 * memory that outlives the process. */
struct overview_history {
	struct overview_requests minute[OVERVIEW_MINUTES];
	size_t n;
	uint64_t begun_ms;	       /* of the running minute, monotonic; 0: none yet */
	struct overview_requests then; /* the counters at its begin */
};

/* Adds one minute; the oldest goes when there is no room. */
void overview_history_add(struct overview_history *h, struct overview_requests r);

/* To be called about once a second: takes the counters when a minute is over. */
void overview_history_tick(struct overview_history *h, const struct metric_view *metrics,
			   uint64_t mono_ms);

/* Every part works. */
bool overview_ready(const struct console_state *s);

void overview_write(struct page *p, const struct console_source *src,
		    const struct overview_history *history);

#endif
