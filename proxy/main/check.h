/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/check.h - what `warifu check` looks at beside the settings' own faults.
 *
 *   check_ready   would `run` start here and now: users, folders, secrets, ports, sockets
 *   check_advice  what is allowed and yet worth a second look
 *   check_probe   does a backend answer around warifu? Takes at most CHECK_PROBE_MS
 *
 * All change nothing on disk and open no listening socket: ports are bound and let go,
 * never listened on, so a running warifu loses no connection by it.
 *
 * Errors   faults as errors and advice as warnings in the list.
 * Threads  one.
 */
#ifndef WARIFU_MAIN_CHECK_H
#define WARIFU_MAIN_CHECK_H

#include "proxy/conf/conf.h"

enum { CHECK_PROBE_MS = 2000 };

/* Does a warifu run with this state folder (its lock is held)? */
bool
check_running(const struct conf *c);

void
check_ready(const struct conf *c, struct diags *diags);
void
check_advice(const struct conf *c, int64_t now_s, struct diags *diags);
void
check_probe(const struct conf *c, struct diags *diags);

#endif
