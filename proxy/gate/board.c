/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/board.h"

#include <string.h>

enum { BOARD_TRIES = 1000 };

void
board_write(struct board *b, const struct board_data *d)
{
	unsigned seq = atomic_load_explicit(&b->seq, memory_order_relaxed) | 1;

	atomic_store_explicit(&b->seq, seq, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(&b->data, d, sizeof(b->data));
	/* Never 0 again, not even when it wraps. */
	atomic_store_explicit(&b->seq, seq == ~0u ? 2 : seq + 1, memory_order_release);
}

bool
board_read(const struct board *b, struct board_data *out)
{
	for (int i = 0; i < BOARD_TRIES; i++) {
		unsigned seq = atomic_load_explicit(&b->seq, memory_order_acquire);

		if (seq == 0)
			return false;
		memcpy(out, &b->data, sizeof(*out));
		atomic_thread_fence(memory_order_acquire);
		if (seq % 2 == 0 &&
		    atomic_load_explicit(&b->seq, memory_order_relaxed) == seq &&
		    out->n_upstreams <= BOARD_UPSTREAMS && out->n_locks <= LOCKS_MAX)
			return true;
	}
	return false;
}
