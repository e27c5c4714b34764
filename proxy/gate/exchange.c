/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/exchange.h"

#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/gate/binding.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/relay.h"

struct exchange_step {
	const char *name;
	enum step_result (*fn)(struct exchange *ex);
};

static const struct exchange_step exchange_steps[STEP_COUNT] = {
#define STEP(name, fn, text) {#name, fn},
#include "proxy/gate/steps.def"
#undef STEP
};

static void
exchange_on_timer(struct loop_timer *t)
{
	struct exchange *ex = (struct exchange *)(void *)((char *)t -
	    offsetof(struct exchange, timer));

	metric_add(ex->w->metrics, ex->timer_metric, 1);
	relay_timeout(ex);
}

struct exchange *
exchange_new(struct worker *w, struct conn *c, const struct down_ops *down)
{
	struct exchange *ex = w->free_exchanges;

	if (ex != NULL) {
		w->free_exchanges = ex->next;
		w->n_free_exchanges--;
	} else {
		ex = aligned_alloc(64, (sizeof(*ex) + 63) / 64 * 64);
		if (ex == NULL)
			return NULL;
	}
	/* Field arrays and arena are written before they are read. */
	memset(ex, 0, offsetof(struct exchange, req_at));
	arena_init(&ex->arena, ex->block, sizeof(ex->block));
	ex->w = w;
	ex->conn = c;
	ex->client = c->client; /* until step_admit knows better: also what is refused has a source */
	ex->down = down;
	ex->ws = wsnap_ref(w->cur);
	ex->timer.fn = exchange_on_timer;
	ex->mode = REC_MODE_ENFORCE;
	ex->t_start = w->net.loop.now;
	ex->id = rec_exchange_id(w->net.loop.wall, (uint16_t)w->index, ++w->exchanges);
	rec_support_text(ex->id, ex->support);
	buf_init(&ex->up_in, &w->net.pool, BUF_LARGE);
	metric_add(w->metrics, METRIC_REQ_OPEN, 1);
	return ex;
}

/* Bodies of logins hold passwords. */
static void
exchange_forget(struct capture *cap)
{
	if (cap->p == NULL)
		return;
	digest_wipe(cap->p, cap->n);
	free(cap->p);
	cap->p = NULL;
}

static void
exchange_free(struct exchange *ex)
{
	struct worker *w = ex->w;

	exchange_unlist(ex);
	loop_timer_del(&ex->timer);
	relay_release(ex, false);
	buf_fini(&ex->up_in);
	exchange_forget(&ex->req_cap);
	exchange_forget(&ex->res_cap);
	table_unref(ex->session);
	wsnap_unref(ex->ws);
	metric_add(w->metrics, METRIC_REQ_OPEN, -1);
	/* Heads held cookies and tokens. */
	digest_wipe(ex->block, ex->arena.used);
	if (w->n_free_exchanges >= WORKER_KEEP) {
		free(ex);
		return;
	}
	ex->next = w->free_exchanges;
	w->free_exchanges = ex;
	w->n_free_exchanges++;
}

void
exchange_discard(struct exchange *ex)
{
	exchange_free(ex);
}

void
exchange_jump(struct exchange *ex, enum step to)
{
	MUST(to > ex->step);
	ex->step = (enum step)(to - 1); /* STEP_NEXT adds one */
}

enum step_result
exchange_refuse(struct exchange *ex, enum reason reason, enum problem_kind page)
{
	ex->reason = reason;
	ex->page = page;
	ex->answer = ANSWER_PAGE;
	ex->verdict = VERDICT_REFUSE;
	if (ex->step < STEP_RECORD)
		exchange_jump(ex, STEP_RECORD);
	else if (ex->step < STEP_ACT)
		exchange_jump(ex, STEP_ACT);
	return STEP_NEXT;
}

void
exchange_unread(struct exchange *ex, enum reason why)
{
	int status = reason_info(why)->status;

	memset(&ex->req, 0, sizeof(ex->req));
	ex->req.minor = 1;
	ex->req.method_text = SPAN_LIT("-");
	ex->req.path = SPAN_LIT("-");
	ex->req_body.done = true;
	ex->step = STEP_ADMIT;
	(void)exchange_refuse(ex, why,
	    status == 414   ? PROBLEM_URI_TOO_LONG
	    : status == 431 ? PROBLEM_FIELDS_TOO_LARGE
	    : status == 408 ? PROBLEM_SLOW
	    : status >= 500 ? PROBLEM_UNSUPPORTED
			    : PROBLEM_BAD_REQUEST);
	ex->step = STEP_RECORD;
}

void
exchange_run(struct exchange *ex)
{
	if (ex->running) {
		ex->again = true;
		return;
	}
	ex->running = true;
	do {
		ex->again = false;
		while (!ex->over && exchange_steps[ex->step].fn(ex) == STEP_NEXT)
			if (ex->step == STEP_CLOSE)
				ex->over = true;
			else
				ex->step = (enum step)(ex->step + 1);
	} while (ex->again && !ex->over);
	ex->running = false;
	if (ex->over)
		exchange_free(ex);
}

enum step_result
exchange_fail(struct exchange *ex, const char *why)
{
	if (ex->end == NULL)
		ex->end = why;
	ex->cut = true;
	exchange_jump(ex, STEP_CLOSE);
	return STEP_NEXT;
}

void
exchange_abort(struct exchange *ex, const char *why)
{
	if (ex->over || ex->step == STEP_CLOSE)
		return;
	if (ex->end == NULL)
		ex->end = why;
	ex->cut = true;
	ex->step = STEP_CLOSE;
	exchange_run(ex);
}

void
exchange_timer(struct exchange *ex, uint64_t ms, enum metric_id metric)
{
	if (ms == 0) {
		loop_timer_del(&ex->timer);
		return;
	}
	ex->timer_metric = metric;
	loop_timer_set(&ex->w->net.loop, &ex->timer, ms);
}

void
exchange_wait_commit(struct exchange *ex)
{
	if (ex->waiting)
		return;
	ex->waiting = true;
	ex->t_waits = ex->w->net.loop.now;
	exchange_list(ex, &ex->w->waiting);
	exchange_timer(ex, exchange_conf(ex)->timeouts.commit_ms, METRIC_TMO_COMMIT);
}

void
exchange_wait_room(struct exchange *ex)
{
	struct worker *w = ex->w;

	if (ex->roomless)
		return;
	ex->roomless = true;
	ex->t_waits = w->net.loop.now;
	exchange_list(ex, w->roomless_end);
	w->roomless_end = &ex->next;
	exchange_timer(ex, exchange_conf(ex)->timeouts.commit_ms, METRIC_TMO_COMMIT);
}

void
exchange_waited(struct exchange *ex)
{
	uint64_t us = (ex->w->net.loop.now - ex->t_waits) / 1000;

	exchange_unlist(ex);
	exchange_timer(ex, 0, METRIC_TMO_COMMIT);
	if (ex->waiting)
		metric_time(ex->w->metrics, METRIC_COMMIT_WAIT, us);
	if (ex->roomless)
		metric_time(ex->w->metrics, METRIC_ROOM_WAIT, us);
	ex->waiting = ex->roomless = false;
}

void
exchange_unlist(struct exchange *ex)
{
	if (!ex->listed)
		return;
	*ex->prev = ex->next;
	if (ex->next != NULL)
		ex->next->prev = ex->prev;
	else if (ex->w->roomless_end == &ex->next)
		ex->w->roomless_end = ex->prev;
	ex->listed = false;
	if (ex->leased)
		metric_add(ex->w->metrics, METRIC_TUNNEL_OPEN, -1);
	ex->leased = false;
}

void
exchange_list(struct exchange *ex, struct exchange **list)
{
	exchange_unlist(ex);
	ex->next = *list;
	ex->prev = list;
	if (*list != NULL)
		(*list)->prev = &ex->next;
	*list = ex;
	ex->listed = true;
}

/* A refusal at a limit counts twice: by its reason, and beside the other limits. */
static void
exchange_count_refusal(struct exchange *ex)
{
	static const struct {
		enum reason reason;
		enum metric_id limit;
	} limits[] = {
	    {REASON_HEAD_LARGE, METRIC_LIM_HEAD},
	    {REASON_TRAILER_LARGE, METRIC_LIM_HEAD},
	    {REASON_TARGET_LONG, METRIC_LIM_URI},
	    {REASON_FIELDS_MANY, METRIC_LIM_FIELDS},
	    {REASON_BODY_LARGE, METRIC_LIM_BODY},
	};

	metric_refused(ex->w->metrics, ex->reason);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (limits[i].reason == ex->reason)
			metric_add(ex->w->metrics, limits[i].limit, 1);
}

/* The outcome stands in the log whether or not anybody saw the answer. */
enum step_result
step_close(struct exchange *ex)
{
	uint64_t us = (ex->w->net.loop.now - ex->t_start) / 1000;

	exchange_unlist(ex);
	loop_timer_del(&ex->timer);
	binding_adopted(ex, false); /* nobody answered */
	journal_outcome(ex);
	metric_time(ex->w->metrics, METRIC_REQUEST_TIME, us);
	if (ex->reason != REASON_NONE)
		exchange_count_refusal(ex);
	relay_release(ex, !ex->cut);
	ex->down->done(ex, !ex->cut);
	return STEP_NEXT;
}
