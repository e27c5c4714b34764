/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/proc.h - messages between supervisor and gate.
 *
 * One sequenced-packet socket; each message is one packet: a request id, a kind, text.
 * Descriptors travel beside it. Only the supervisor asks; the gate answers each request
 * with any number of PROC_LINE and one PROC_OK or PROC_ERROR.
 *
 *   kind      direction          text
 *   COMMAND   supervisor → gate  words of a command, separated by single spaces
 *   SNAPSHOT  supervisor → gate  number of the snapshot; descriptors: the bundle
 *   LINE      gate → supervisor  one line of output
 *   OK        gate → supervisor  "" or a summary
 *   ERROR     gate → supervisor  a sentence
 *
 * Errors   0, WF_MORE (nothing there now), WF_ECLOSED, or another negative wf_err.
 * Threads  one on each side.
 */
#ifndef WARIFU_MAIN_PROC_H
#define WARIFU_MAIN_PROC_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { PROC_TEXT_MAX = 8192, PROC_FDS_MAX = 8 };

enum proc_kind { PROC_COMMAND = 1, PROC_SNAPSHOT, PROC_LINE, PROC_OK, PROC_ERROR };

struct proc_msg {
	uint32_t id;
	uint32_t kind;
	size_t n;
	char text[PROC_TEXT_MAX + 1]; /* NUL behind it */
	int fds[PROC_FDS_MAX];
	size_t n_fds;
};

/* Blocks while the other side's queue is full. */
int
proc_send(int fd, uint32_t id, enum proc_kind kind, const char *text, const int *fds,
    size_t n_fds);
/* Descriptors received belong to the caller; a packet that is too short or too long is
 * refused with none. */
int
proc_recv(int fd, struct proc_msg *m);

#endif
