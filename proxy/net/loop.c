/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proxy/base/must.h"

#define LOOP_TICK_NS ((uint64_t)LOOP_TICK_MS * 1000000u)

static void
loop_read_clocks(struct loop *l)
{
	l->now = l->mono_ns();
	l->wall = l->wall_ns();
}

int
loop_open(struct loop *l, uint64_t (*mono_ns)(void), uint64_t (*wall_ns)(void))
{
	memset(l, 0, sizeof(*l));
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	if (l->ep < 0)
		return WF_EIO;
	l->mono_ns = mono_ns;
	l->wall_ns = wall_ns;
	for (int i = 0; i < LOOP_SLOTS; i++)
		l->slots[i].prev = l->slots[i].next = &l->slots[i];
	l->tasks_end = &l->tasks;
	loop_read_clocks(l);
	l->tick = l->now / LOOP_TICK_NS;
	return 0;
}

void
loop_close(struct loop *l)
{
	if (l->ep >= 0)
		close(l->ep);
	l->ep = -1;
}

int
loop_add(struct loop *l, struct loop_watch *w)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w};

	return epoll_ctl(l->ep, EPOLL_CTL_ADD, w->fd, &ev) == 0 ? 0 : WF_EIO;
}

void
loop_del(struct loop *l, struct loop_watch *w)
{
	struct epoll_event ev = {0};

	(void)epoll_ctl(l->ep, EPOLL_CTL_DEL, w->fd, &ev);
	for (int i = 0; i < l->batch_n; i++)
		if (l->batch[i] == w)
			l->batch[i] = NULL;
}

void
loop_timer_del(struct loop_timer *t)
{
	if (t->next == NULL)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->prev = t->next = NULL;
}

static void
loop_timer_link(struct loop_timer *head, struct loop_timer *t)
{
	t->prev = head->prev;
	t->next = head;
	head->prev->next = t;
	head->prev = t;
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t ms)
{
	uint64_t ticks = (ms + LOOP_TICK_MS - 1) / LOOP_TICK_MS;

	loop_timer_del(t);
	if (ticks == 0)
		ticks = 1;
	t->due = l->now / LOOP_TICK_NS + ticks;
	if (t->due <= l->tick)
		t->due = l->tick + 1;
	loop_timer_link(&l->slots[t->due % LOOP_SLOTS], t);
}

/*
 * A slot also holds timers of later rounds: those go back. The list is taken off first, so
 * that what is set meanwhile is not looked at and the run is finite.
 */
static void
loop_run_slot(struct loop *l, struct loop_timer *head)
{
	struct loop_timer due;

	if (head->next == head)
		return;
	due = *head;
	due.prev->next = due.next->prev = &due;
	head->prev = head->next = head;
	while (due.next != &due) {
		struct loop_timer *t = due.next;

		loop_timer_del(t);
		if (t->due > l->tick)
			loop_timer_link(head, t);
		else
			t->fn(t);
	}
}

static void
loop_run_timers(struct loop *l)
{
	uint64_t now = l->now / LOOP_TICK_NS;

	/* After a long stall every slot is due: one round of the wheel is enough. */
	if (now - l->tick > LOOP_SLOTS)
		l->tick = now - LOOP_SLOTS;
	while (l->tick < now) {
		l->tick++;
		loop_run_slot(l, &l->slots[l->tick % LOOP_SLOTS]);
	}
}

void
loop_defer(struct loop *l, struct loop_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	*l->tasks_end = t;
	l->tasks_end = &t->next;
}

/* False: it is not on that list. */
static bool
loop_unlink(struct loop_task **list, struct loop_task *t, struct loop_task ***end)
{
	for (struct loop_task **p = list; *p != NULL; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			if (*end == &t->next)
				*end = p;
			return true;
		}
	return false;
}

void
loop_undefer(struct loop *l, struct loop_task *t)
{
	struct loop_task **none = NULL;

	if (!t->queued)
		return;
	if (!loop_unlink(&l->tasks, t, &l->tasks_end))
		(void)loop_unlink(&l->later, t, &none);
	t->queued = false;
	t->next = NULL;
}

void
loop_defer_next(struct loop *l, struct loop_task *t)
{
	loop_undefer(l, t);
	t->queued = true;
	t->next = l->later;
	l->later = t;
}

static void
loop_take_later(struct loop *l)
{
	*l->tasks_end = l->later;
	while (*l->tasks_end != NULL)
		l->tasks_end = &(*l->tasks_end)->next;
	l->later = NULL;
}

static void
loop_run_tasks(struct loop *l)
{
	while (l->tasks != NULL) {
		struct loop_task *t = l->tasks;

		l->tasks = t->next;
		if (l->tasks == NULL)
			l->tasks_end = &l->tasks;
		t->queued = false;
		t->next = NULL;
		t->fn(t);
	}
}

void
loop_once(struct loop *l, int max_ms)
{
	struct epoll_event ev[LOOP_BATCH];
	bool waits = l->tasks == NULL && l->later == NULL;
	int n = epoll_wait(l->ep, ev, LOOP_BATCH, waits ? max_ms : 0);

	MUST(n >= 0 || errno == EINTR);
	loop_read_clocks(l);
	loop_take_later(l);
	l->batch_n = n < 0 ? 0 : n;
	l->turn++;
	for (int i = 0; i < l->batch_n; i++) {
		l->batch[i] = ev[i].data.ptr;
		l->batch[i]->pending = true;
	}
	for (int i = 0; i < l->batch_n; i++) {
		struct loop_watch *w = l->batch[i];

		if (w == NULL)
			continue;
		w->pending = false;
		w->fn(w, ev[i].events);
	}
	l->batch_n = 0;
	loop_run_timers(l);
	loop_run_tasks(l);
}

void
loop_run(struct loop *l)
{
	while (!atomic_load_explicit(&l->stop, memory_order_relaxed))
		loop_once(l, LOOP_TICK_MS);
}

void
loop_stop(struct loop *l)
{
	atomic_store_explicit(&l->stop, true, memory_order_relaxed);
}
