/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/control.h - the control socket: how the command line speaks to a running
 * warifu.
 *
 * A client sends one line and gets lines, the last of which is "ok TEXT" or "error TEXT".
 * Lines of output before it begin with a space. The socket's mode is 0600: who may open
 * it is an administrator, and his user id goes into the record.
 *
 *   reload | status | counters | revoke … | list | lock … | unlock … | bypass … | enforce …
 *   | backup FOLDER | note read TAB WORD … | note export TAB WORD …
 *
 * Errors   control_ask returns 0 for "ok", 1 for "error", a negative wf_err for no answer.
 * Threads  the supervisor's.
 */
#ifndef WARIFU_MAIN_CONTROL_H
#define WARIFU_MAIN_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/main/actor.h"

enum { CONTROL_CLIENTS = 8, CONTROL_LINE = 1024 };

struct control_client {
	int fd; /* -1: free */
	uint32_t id;
	char actor[ACTOR_TEXT];
	char line[CONTROL_LINE];
	size_t n;
	bool asked;
	bool cut; /* a line did not reach it */
};

struct control {
	int fd;
	uint32_t last_id;
	struct control_client clients[CONTROL_CLIENTS];
};

struct supervisor;

int
control_open(struct control *c, const char *path);
void
control_close(struct control *c);
/* Fills p; how many. The first is the listening socket. */
nfds_t
control_poll(struct control *c, struct pollfd *p);
/* Accepts, reads, answers, and passes the gate's answers on. */
void
control_serve(struct supervisor *s, const struct pollfd *p);

/* The gate ended: who waits for an answer of it is told so. */
void
control_gate_gone(struct control *c);

/* The command line's side. Output lines go to out; the last line's text to `last`. */
int
control_ask(const char *path, const char *line, FILE *out, char *last, size_t cap);

#endif
