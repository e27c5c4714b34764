/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/board.h - what the gate alone knows and the console shows: which backends
 * answer, and what an administrator switched by hand.
 *
 * A board lies in memory that gate and console share. One thread of the gate writes all of
 * it anew; a reader takes a copy and sees by a sequence number whether it was being written
 * meanwhile (odd: at work). A writer that is killed in the middle leaves it odd until the
 * next gate writes.
 *
 * Ownership  the caller's memory, zeroed at first.
 * Units      wall seconds; until 0: until taken back.
 * Threads    one writer, any number of readers, in any process.
 */
#ifndef WARIFU_GATE_BOARD_H
#define WARIFU_GATE_BOARD_H

#include <stdatomic.h>

#include "proxy/gate/locks.h"

enum { BOARD_UPSTREAMS = 64, BOARD_NAME = 112 };

struct board_upstream {
	char name[BOARD_NAME]; /* site and server */
	bool up;
};

struct board_data {
	unsigned n_upstreams, n_locks;
	struct board_upstream upstreams[BOARD_UPSTREAMS];
	struct locks_entry locks[LOCKS_MAX];
};

struct board {
	atomic_uint seq; /* 0: never written */
	struct board_data data;
};

void
board_write(struct board *b, const struct board_data *d);

/* False: nothing there yet, or it is being written all the time. */
bool
board_read(const struct board *b, struct board_data *out);

#endif
