/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/wait.h - a thread waits for some descriptors, and can be woken from another.
 *
 * Level-triggered epoll over a handful of long-lived descriptors, one of which may be the
 * epoll descriptor of a library with its own idea of a loop. (proxy/net/loop is
 * edge-triggered and owns its thread's clock; libmicrohttpd fits neither.)
 *
 * Ownership  descriptors stay their owners'; they must outlive the wait or be closed.
 * Units      milliseconds.
 * Errors     WF_EIO, WF_EFULL.
 * Threads    wait_wake from any thread; the rest from one.
 */
#ifndef WARIFU_WEB_WAIT_H
#define WARIFU_WEB_WAIT_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { WAIT_FDS = 10 };

struct wait_fd {
	int fd;
	void (*ready)(void *arg);
	void *arg;
};

struct wait {
	int epoll;
	int wake;
	size_t n;
	struct wait_fd fds[WAIT_FDS];
};

int wait_open(struct wait *w);
void wait_close(struct wait *w);

/* ready, unless NULL, is called whenever fd is readable, broken or at its end. */
int wait_add(struct wait *w, int fd, void (*ready)(void *arg), void *arg);

/* Forgets all descriptors but the first n that were added. */
void wait_keep(struct wait *w, size_t n);

/* Waits at most ms and calls what is ready. */
void wait_turn(struct wait *w, unsigned ms);

void wait_wake(struct wait *w);

#endif
