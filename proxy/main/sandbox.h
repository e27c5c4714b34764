/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/sandbox.h - what a child gives up before it meets the outside.
 *
 *   user      its own, where the supervisor runs as root; no capabilities in any case
 *   files     Landlock: none at all; for the scribe the log folder
 *   network   Landlock, where the kernel can: no new TCP, but for the gate's to backends
 *   calls     seccomp: only those that its role needs (syscalls.h)
 *   the rest  no new privileges, no core dump and no tracing (memory holds secrets), ends
 *             with its parent
 *
 * A kernel without Landlock (before 5.13, or switched off) is told on stderr and is no
 * error: users and seccomp remain, which leave gate and portal able to read what all may.
 *
 * Errors   a negative wf_err with a sentence in `why`: the child must then not go on.
 * Threads  before any thread is started.
 */
#ifndef WARIFU_MAIN_SANDBOX_H
#define WARIFU_MAIN_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/main/roles.h"

struct syscalls_alarm;

struct sandbox {
	enum role role;
	const char *user;    /* as root: who to become; NULL or "": stay who we are */
	const char *folder;  /* may be read and written, or NULL */
	const char *apart;   /* likewise */
	pid_t parent;	     /* whom we end with */
	struct syscalls_alarm *alarm; /* counts calls that were not made; or NULL */
	int parent_signal;   /* how: SIGKILL, or what the child catches */
};

int
sandbox_enter(const struct sandbox *s, char *why, size_t cap);

/* False in builds with sanitizers: there Landlock, seccomp and the ban on tracing are left
 * out, and a test that needs them says so. */
bool
sandbox_whole(void);

/* For every process, the supervisor too: no core dumps, no tracing by others of our user. */
void
sandbox_hide(void);

#endif
