/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DECIDE: the policy on the facts, then what warifu does about it.
 *
 * The policy is asked for every request. Around it stand five rules that no policy can
 * switch off where a site enforces: without a live session only open routes are served;
 * a session whose device has a key is no good without a fresh proof of it;
 * a session out of an older state, which may have been revoked since, is challenged; a
 * challenged holder keeps its open routes, without its credential, so that it can log in
 * anew. An observed site passes everything but what an administrator ended, or may have
 * ended (decision 013): that is no verdict of the policy.
 */
#include "proxy/gate/deviceproof.h"
#include "proxy/gate/exchange.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/rates.h"

/* Open routes, and the login whatever its class, if nothing about its path is in doubt:
 * reached by everybody, without a credential. */
static bool
decide_reachable(const struct exchange *ex)
{
	return ex->class == RECIPE_OPEN ||
	       (ex->login != NULL && span_eq(ex->plain, ex->normal));
}

/* No live session: open routes, or the way to the login. */
static void
decide_stranger(struct exchange *ex)
{
	ex->strip = true;
	if (decide_reachable(ex) || ex->verdict >= VERDICT_CHALLENGE)
		return;
	ex->verdict = VERDICT_REFUSE;
	ex->reason = REASON_ROUTE_CLOSED;
	ex->answer = ANSWER_LOGIN;
	ex->page = PROBLEM_LOGIN;
	if (ex->known == KNOWN_REVOKED) {
		ex->reason = REASON_REVOKED;
		ex->answer = ANSWER_PAGE;
		ex->page = PROBLEM_REVOKED;
	}
}

static void
decide_challenge(struct exchange *ex)
{
	if (decide_reachable(ex)) {
		/* The login itself must work; the credential stays behind. */
		ex->strip = true;
		return;
	}
	ex->reason = REASON_POLICY_CHALLENGE;
	ex->answer = ANSWER_PAGE;
	ex->page = PROBLEM_CHALLENGE;
	ex->durable = ex->known == KNOWN_LIVE;
}

static void
decide_refuse(struct exchange *ex)
{
	bool locked = false;

	(void)facts_get_bool(&ex->facts, SIG_LOCK_ACTIVE, &locked);
	ex->reason = locked ? REASON_LOCKED : REASON_POLICY_REFUSE;
	ex->page = locked ? PROBLEM_LOCKED : PROBLEM_REFUSED;
	ex->answer = ANSWER_PAGE;
	ex->durable = ex->known == KNOWN_LIVE;
}

/*
 * An open route is served to everybody, but a session's credential goes along only where
 * the policy would let this holder read with it: else a thief would use open routes with
 * the owner's cookie, and his own login would end the owner's session.
 */
static void
decide_open(struct exchange *ex)
{
	struct decision read;

	facts_set_enum(&ex->facts, SIG_REQUEST_CLASS, CLASS_READ);
	policy_decide(ex->site->policy, &ex->facts, &read);
	facts_set_enum(&ex->facts, SIG_REQUEST_CLASS, CLASS_OPEN);
	if (read.verdict >= VERDICT_CHALLENGE)
		ex->strip = true;
}

static bool
decide_doubtful(const struct exchange *ex)
{
	return ex->known == KNOWN_LIVE && (ex->session->flags & SESSION_DOUBTFUL) != 0;
}

/* A session with a key is no good without it. Open routes are, without the session. */
static void
decide_device(struct exchange *ex)
{
	if (ex->device.is != DEVICE_LACKING || ex->verdict > VERDICT_CHALLENGE)
		return;
	if (decide_reachable(ex))
		ex->strip = true;
	else
		device_refuse(ex);
}

static void
decide_enforce(struct exchange *ex)
{
	if (ex->known != KNOWN_LIVE)
		decide_stranger(ex);
	else if (decide_doubtful(ex) && ex->verdict < VERDICT_CHALLENGE)
		ex->verdict = VERDICT_CHALLENGE;
	else if (ex->class == RECIPE_OPEN)
		decide_open(ex);
	if (ex->answer == ANSWER_BACKEND)
		decide_device(ex);
	if (ex->answer != ANSWER_BACKEND)
		return;
	switch (ex->verdict) {
	case VERDICT_CHALLENGE:
		if (decide_reachable(ex) || !device_roams(ex))
			decide_challenge(ex);
		break;
	case VERDICT_REFUSE:
		decide_refuse(ex);
		break;
	case VERDICT_REVOKE:
		decide_refuse(ex);
		if (ex->known == KNOWN_LIVE)
			ex->page = PROBLEM_REVOKED;
		break;
	default:
		break;
	}
}

/* No revoked session lives again (design 2.2), whatever the mode. */
static void
decide_observed(struct exchange *ex)
{
	ex->verdict = VERDICT_ALLOW;
	if (ex->known == KNOWN_REVOKED)
		decide_stranger(ex);
	if (!decide_doubtful(ex))
		return;
	ex->verdict = VERDICT_CHALLENGE;
	decide_challenge(ex);
}

/*
 * A holder that was challenged stays so until it logs in; others of the same session are
 * not touched (security model 8).
 */
static void
decide_mark(struct exchange *ex)
{
	struct session *s = ex->session;
	struct session_context *ctx;
	bool fresh;

	if (ex->known != KNOWN_LIVE || ex->verdict != VERDICT_CHALLENGE ||
	    ex->class == RECIPE_OPEN || ex->ctx_challenged ||
	    device_refused(ex))
		return;
	session_lock(s);
	ctx = session_context_touch(s, &ex->seen, worker_now_s(ex->w), &fresh);
	if (ctx != NULL)
		ctx->flags |= CONTEXT_CHALLENGED;
	session_unlock(s);
	ex->ctx_fresh = true; /* the session is stored again */
	metric_add(ex->w->metrics, METRIC_CHAL_ISSUED, 1);
}

static void
decide_count(struct exchange *ex)
{
	static const enum metric_id done[] = {METRIC_REQ_ALLOW, METRIC_REQ_FLAG,
	    METRIC_REQ_CHALLENGE, METRIC_REQ_REFUSE, METRIC_REQ_REVOKE};
	static const enum metric_id would[] = {METRIC_WOULD_FLAG, METRIC_WOULD_FLAG,
	    METRIC_WOULD_CHALLENGE, METRIC_WOULD_REFUSE, METRIC_WOULD_REVOKE};
	struct metric_lane *m = ex->w->metrics;

	metric_add(m, done[ex->verdict], 1);
	if (!exchange_enforces(ex) && ex->decision.verdict > VERDICT_ALLOW)
		metric_add(m, would[ex->decision.verdict], 1);
	metric_time(m, METRIC_DECISION_TIME, (ex->t_decided - ex->t_start) / 1000);
}

enum step_result
step_decide(struct exchange *ex)
{
	if (ex->device.ask != DEVICE_ASKS_NOTHING)
		return deviceproof_decide(ex);
	if (!rates_request(ex))
		return exchange_refuse(ex, REASON_RATE_LIMIT, PROBLEM_TOO_MANY);
	policy_decide(ex->site->policy, &ex->facts, &ex->decision);
	ex->decided = true;
	ex->verdict = ex->decision.verdict;
	ex->answer = ANSWER_BACKEND;
	if (exchange_enforces(ex))
		decide_enforce(ex);
	else
		decide_observed(ex);
	decide_mark(ex);
	ex->t_decided = ex->w->net.loop.mono_ns();
	decide_count(ex);
	return STEP_NEXT;
}
