/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/scribeload.h - streaming the state to gates without ever waiting for one.
 *
 * scribeload_heard reads a gate's request; when everything in the rings is applied,
 * scribeload_start makes a snapshot for it, and scribeload_poll writes as much as the socket
 * takes, a piece a turn.
 *
 * Ownership  sockets are the caller's.
 * Errors     a socket that fails is used no more; the supervisor sees the gate end.
 * Threads    one owner; private to scribe.c.
 */
#ifndef WARIFU_AUDIT_SCRIBELOAD_H
#define WARIFU_AUDIT_SCRIBELOAD_H

#include <poll.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/audit/scribe.h"

struct scribeload;
struct store;

struct scribeload *
scribeload_new(const int fds[SCRIBE_LOADS_MAX]);

void
scribeload_free(struct scribeload *l);

/* A gate waits for its snapshot. */
bool
scribeload_waiting(const struct scribeload *l);

void
scribeload_start(struct scribeload *l, const struct store *store, uint64_t now);

/* Writes what can be written, then fills in what to poll for: one for each socket. */
void
scribeload_poll(struct scribeload *l, struct pollfd p[SCRIBE_LOADS_MAX]);

/* Takes in what poll(2) said. */
void
scribeload_heard(struct scribeload *l, const struct pollfd p[SCRIBE_LOADS_MAX]);

/* The store goes away: all unfinished loads end. */
void
scribeload_drop(struct scribeload *l);

#endif
