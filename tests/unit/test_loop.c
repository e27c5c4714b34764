/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/loop.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

#define MS UINT64_C(1000000)

static uint64_t clock_ns;

static uint64_t
clock_now(void)
{
	return clock_ns;
}

struct probe {
	struct loop_timer timer;
	struct loop *loop;
	unsigned fired;
	uint64_t again_ms; /* sets itself once more */
	struct probe *victim;
};

static void
probe_fire(struct loop_timer *t)
{
	struct probe *p = (struct probe *)(void *)((char *)t - offsetof(struct probe, timer));

	p->fired++;
	if (p->again_ms != 0)
		loop_timer_set(p->loop, t, p->again_ms);
	if (p->victim != NULL)
		loop_timer_del(&p->victim->timer);
}

static struct loop *
loop_begin(struct probe *probes, size_t n)
{
	struct loop *l = calloc(1, sizeof(*l));

	clock_ns = UINT64_C(1000000) * MS;
	if (l == NULL || loop_open(l, clock_now, clock_now) != 0)
		abort();
	for (size_t i = 0; i < n; i++)
		probes[i] = (struct probe){.loop = l, .timer.fn = probe_fire};
	return l;
}

static void
loop_pass(struct loop *l, uint64_t ms)
{
	clock_ns += ms * MS;
	loop_once(l, 0);
}

static void
loop_finish(struct loop *l)
{
	loop_close(l);
	free(l);
}

static void
a_timer_fires_once_and_not_early(void)
{
	struct probe p;
	struct loop *l = loop_begin(&p, 1);

	loop_timer_set(l, &p.timer, 120);
	loop_pass(l, 100);
	CHECK_INT(p.fired, 0);
	loop_pass(l, 100);
	CHECK_INT(p.fired, 1);
	loop_pass(l, 100000);
	CHECK_INT(p.fired, 1);
	loop_finish(l);
}

/* An event stream may be silent for an hour, a WebSocket for a day. */
static void
a_timer_longer_than_the_wheel_waits_for_its_round(void)
{
	struct probe p[3];
	struct loop *l = loop_begin(p, 3);
	uint64_t hour = 3600000;

	loop_timer_set(l, &p[0].timer, hour);
	loop_timer_set(l, &p[1].timer, 24 * hour);
	loop_timer_set(l, &p[2].timer, (uint64_t)LOOP_SLOTS * LOOP_TICK_MS); /* exactly a round */
	for (uint64_t t = 0; t < 200000; t += 50)
		loop_pass(l, 50);
	CHECK_INT(p[2].fired, 0);
	for (uint64_t t = 200000; t < hour - 1000; t += 1000)
		loop_pass(l, 1000);
	CHECK_INT(p[0].fired, 0);
	CHECK_INT(p[2].fired, 1);
	loop_pass(l, 2000);
	CHECK_INT(p[0].fired, 1);
	loop_pass(l, 22 * hour);
	CHECK_INT(p[1].fired, 0);
	loop_pass(l, hour);
	CHECK_INT(p[1].fired, 1);
	loop_finish(l);
}

static void
timers_may_set_and_remove_each_other_while_they_run(void)
{
	struct probe p[3];
	struct loop *l = loop_begin(p, 3);

	p[0].victim = &p[1];
	p[2].again_ms = (uint64_t)LOOP_SLOTS * LOOP_TICK_MS;
	for (int i = 0; i < 3; i++)
		loop_timer_set(l, &p[i].timer, 100);
	loop_pass(l, 150);
	CHECK_INT(p[0].fired, 1);
	CHECK_INT(p[1].fired, 0);
	CHECK_INT(p[2].fired, 1);
	loop_pass(l, 1000);
	CHECK_INT(p[2].fired, 1);
	loop_pass(l, p[2].again_ms);
	CHECK_INT(p[2].fired, 2);
	loop_timer_del(&p[2].timer);
	loop_finish(l);
}

struct chore {
	struct loop_task task;
	struct loop *loop;
	unsigned ran, left;
};

static void
chore_run(struct loop_task *t)
{
	struct chore *c = (struct chore *)(void *)t;

	c->ran++;
	if (c->left == 0)
		return;
	c->left--;
	loop_defer(c->loop, t);
	loop_defer_next(c->loop, t); /* moves it */
}

static void
work_that_goes_on_leaves_room_for_others(void)
{
	struct loop *l = loop_begin(NULL, 0);
	struct chore much = {.task.fn = chore_run, .loop = l, .left = 2}, little = much, gone = much;

	little.left = 0;
	loop_defer(l, &much.task);
	loop_pass(l, 1);
	CHECK_INT(much.ran, 1); /* and not three times in one batch */
	loop_defer(l, &little.task);
	loop_defer_next(l, &gone.task);
	loop_undefer(l, &gone.task);
	loop_pass(l, 1);
	CHECK_INT(much.ran, 2);
	CHECK_INT(little.ran, 1);
	loop_pass(l, 1);
	loop_pass(l, 1);
	CHECK_INT(much.ran, 3);
	CHECK_INT(gone.ran, 0);
	loop_defer(l, &little.task); /* the lists are whole after all that */
	loop_pass(l, 1);
	CHECK_INT(little.ran, 2);
	loop_finish(l);
}

int
main(void)
{
	TAP_RUN(a_timer_fires_once_and_not_early);
	TAP_RUN(a_timer_longer_than_the_wheel_waits_for_its_round);
	TAP_RUN(timers_may_set_and_remove_each_other_while_they_run);
	TAP_RUN(work_that_goes_on_leaves_room_for_others);
	return tap_done();
}
