/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/generation.h - a counter kept apart from the state, so that an old state.db
 * put back in its place is recognised (security model 29).
 *
 * The counter grows with every change that must not be undone: a session that ended, a
 * lock, a bypass. A state that is behind this file is older than what has happened since.
 *
 * The file has two places of 512 bytes, written in turn, each with its own check sum, so
 * that a torn write leaves the other one. docs/formats/store.md has the layout.
 *
 * Ownership  generation_open holds a descriptor; generation_close releases it.
 * Errors     WF_EIO, WF_EFULL, WF_ENOMEM. That the file says nothing is no error: *found.
 * Threads    one owner.
 */
#ifndef WARIFU_AUDIT_GENERATION_H
#define WARIFU_AUDIT_GENERATION_H

#include "proxy/base/span.h"

enum { GENERATION_LOG_ID = 16 };

struct generation {
	int fd;
	uint64_t value; /* what the file says */
	uint8_t log_id[GENERATION_LOG_ID];
};

/* Opens or creates. *found is false when the file said nothing about this log. */
int
generation_open(struct generation *g, const char *path,
    const uint8_t log_id[GENERATION_LOG_ID], bool *found);

/* Durable on return. */
int
generation_set(struct generation *g, uint64_t value);

void
generation_close(struct generation *g);

#endif
