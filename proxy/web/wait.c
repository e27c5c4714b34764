/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/wait.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void
wait_drain(void *arg)
{
	struct wait *w = arg;
	uint64_t n;

	(void)!read(w->wake, &n, sizeof(n));
}

int
wait_open(struct wait *w)
{
	*w = (struct wait){.epoll = epoll_create1(EPOLL_CLOEXEC),
			   .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (w->epoll < 0 || w->wake < 0 || wait_add(w, w->wake, wait_drain, w) != 0) {
		wait_close(w);
		return WF_EIO;
	}
	return 0;
}

void
wait_close(struct wait *w)
{
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->wake >= 0)
		close(w->wake);
	w->epoll = w->wake = -1;
}

int
wait_add(struct wait *w, int fd, void (*ready)(void *arg), void *arg)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = w->n};

	if (w->n == WAIT_FDS)
		return WF_EFULL;
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		return WF_EIO;
	w->fds[w->n++] = (struct wait_fd){fd, ready, arg};
	return 0;
}

void
wait_keep(struct wait *w, size_t n)
{
	/* The first is our own wake. */
	while (w->n > n + 1)
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->fds[--w->n].fd, NULL);
}

void
wait_turn(struct wait *w, unsigned ms)
{
	struct epoll_event events[WAIT_FDS];
	int n = epoll_wait(w->epoll, events, WAIT_FDS, (int)ms);

	for (int i = 0; i < n; i++) {
		const struct wait_fd *f = &w->fds[events[i].data.u64];

		if (f->ready)
			f->ready(f->arg);
	}
}

void
wait_wake(struct wait *w)
{
	uint64_t one = 1;

	/* Fails only when the counter is at its end, and then the waiter is awake anyway.
	 */
	(void)!write(w->wake, &one, sizeof(one));
}
