/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECORD: nothing is acted on before it is handed over; what must be is on disk first.
 */
#include "proxy/gate/continuity.h"
#include "proxy/gate/exchange.h"
#include "proxy/gate/journal.h"

/*
 * The log cannot take this decision. Sensitive routes fail closed; for the others the
 * settings say. Observed sites pass, and the gap is counted (design 2.7).
 */
static enum step_result
record_failed(struct exchange *ex)
{
	const struct conf *conf = exchange_conf(ex);
	enum conf_on_failure choice = ring_log_state(&ex->w->ring) == RING_LOG_FULL
					  ? conf->log.on_full
					  : conf->log.on_down;

	if (!exchange_enforces(ex) || ex->answer != ANSWER_BACKEND)
		return STEP_NEXT;
	/* A login would not become durable, so its cookie could not be handed out. */
	if (ex->class == RECIPE_OPEN && ex->login == NULL)
		return STEP_NEXT;
	if (ex->class != RECIPE_SENSITIVE && ex->login == NULL && choice == CONF_PASS)
		return STEP_NEXT;
	return exchange_refuse(ex, REASON_RECORD_UNAVAILABLE, PROBLEM_UNAVAILABLE);
}

static enum step_result
record_wait(struct exchange *ex)
{
	if (!journal_waits(ex->w, ex->wait_seq)) {
		exchange_waited(ex);
		return STEP_NEXT;
	}
	exchange_wait_commit(ex);
	return STEP_WAIT;
}

/*
 * More came than the scribe could write, and the ring is full. A session's request then
 * waits for room, each in its turn, for as long as a commit may take; its connection is not
 * read meanwhile, and that slows down who is too fast. Strangers are summed up instead, and
 * an observed site waits for no log.
 */
static bool
record_may_wait(const struct exchange *ex)
{
	return ex->known == KNOWN_LIVE && !ex->adopting && exchange_enforces(ex) &&
	       journal_log_ok(ex->w);
}

static int
record_hand_over(struct exchange *ex)
{
	struct worker *w = ex->w;
	bool late = ex->roomless && ex->wait_seq == 0, waits = !late && record_may_wait(ex);
	int err = WF_EFULL;

	if (!late && (!waits || w->roomless == NULL || w->roomless == ex))
		err = journal_decision(ex, &ex->wait_seq);
	if (err != WF_EFULL || !waits)
		return err;
	exchange_wait_room(ex);
	ex->wait_seq = journal_last(w);
	if (w->roomless != ex || journal_waits(w, ex->wait_seq))
		return WF_MORE;
	return journal_decision(ex, &ex->wait_seq); /* a commit came in between */
}

enum step_result
step_record(struct exchange *ex)
{
	int err;

	if (ex->waiting)
		return record_wait(ex);
	/* Before the record, so that it says what was done. */
	if (!ex->roomless && (ex->known == KNOWN_LIVE || ex->login != NULL) &&
	    !journal_log_ok(ex->w))
		(void)record_failed(ex);
	continuity_alarm(ex);
	err = record_hand_over(ex);
	if (err == WF_MORE)
		return STEP_WAIT;
	if (ex->roomless)
		exchange_waited(ex);
	if (err != 0) {
		journal_gap(ex->w, err);
		return record_failed(ex);
	}
	if (ex->durable)
		return record_wait(ex);
	return STEP_NEXT;
}
