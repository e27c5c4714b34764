/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/syscalls.h - the last lock: which system calls a process may still make.
 *
 *   listed in syscall.def for the role    made
 *   deadly                                the process is killed; the supervisor records it
 *   anything else                         ENOSYS; a line on stderr, once per number; and it
 *                                         is counted, for the supervisor to raise an alarm
 *
 * Some calls are allowed with some arguments only: mmap and mprotect never executable,
 * clone only for threads, socket only TCP and local streams, open (but for the scribe) only
 * for reading, signals only to ourselves, prctl only to name a thread.
 *
 * Errors   a negative wf_err with a sentence in `why`.
 * Threads  before any thread is started.
 */
#ifndef WARIFU_MAIN_SYSCALLS_H
#define WARIFU_MAIN_SYSCALLS_H

#include <stdatomic.h>
#include <stddef.h>

#include "proxy/main/roles.h"

/* In memory shared with the supervisor. */
struct syscalls_alarm {
	atomic_uint count; /* calls that were not made */
	atomic_int last;   /* the number of the last one */
};

/* alarm may be NULL. */
int
syscalls_limit(enum role role, struct syscalls_alarm *alarm, char *why, size_t cap);

#endif
