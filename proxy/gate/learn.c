/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LEARN: what the backend's answer says about sessions, before the client sees it.
 *
 * A login that succeeded makes a new session out of this request's context; its binding
 * is on disk before the cookie leaves (design 2.2). A cookie that the backend replaces
 * inherits the session's contexts, never the requester's. A logout ends the session. In
 * an observed site the same is learned, but nothing waits.
 */
#include "proxy/gate/learn.h"

#include "proxy/base/must.h"
#include "proxy/gate/binding.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/credential.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/login.h"
#include "proxy/gate/relay.h"

enum { LEARN_GRACE_S = 60 }; /* a replaced value: requests that were under way with it */

enum learn_phase { LEARN_READ, LEARN_JUDGE, LEARN_COMMIT };

/* ---- what it says ---- */

static void
learn_logout(struct exchange *ex)
{
	struct journal_event ev = {.event = REC_EVENT_LOGOUT, .ex = ex,
	    .session = ex->session, .end = true};

	if (!table_end(ex->session, SESSION_ENDED))
		return;
	ex->ended_session = true;
	ex->learn_failed |= journal_event(ex->w, &ev, &ex->wait_seq) != 0;
	metric_add(ex->w->metrics, METRIC_EV_LOGOUT, 1);
	exchange_learned(ex, "logout");
}

/*
 * The value that this request carried is replaced. What answers to parallel requests set
 * stays good: which of them the browser keeps is not known here, and the oldest gives way
 * when there are too many.
 */
static void
learn_end_value(struct exchange *ex, struct session *s, struct span name)
{
	for (unsigned i = 0; i < ex->n_creds; i++)
		for (unsigned k = 0; k < s->n_creds; k++)
			if (ex->creds[i].carrier == RECIPE_COOKIE &&
			    span_eq(ex->creds[i].name, name) && s->creds[k].until_s == 0 &&
			    memcmp(s->creds[k].key, ex->creds[i].key, SESSION_KEY_LEN) == 0)
				s->creds[k].until_s = worker_now_s(ex->w) + LEARN_GRACE_S;
}

static void
learn_rotate(struct exchange *ex, const struct login_cookie *set)
{
	struct journal_event ev = {.event = REC_EVENT_ROTATE, .ex = ex,
	    .session = ex->session, .put = true};
	struct session_cred cred = {.carrier = RECIPE_COOKIE};
	struct session *s = ex->session;
	int err;

	credential_key(ex->w, exchange_site(ex)->name, RECIPE_COOKIE, set->name, set->value,
	    cred.key);
	session_lock(s);
	for (unsigned i = 0; i < s->n_creds; i++)
		if (memcmp(s->creds[i].key, cred.key, SESSION_KEY_LEN) == 0) {
			session_unlock(s);
			return; /* the same value again: a rolling expiry */
		}
	learn_end_value(ex, s, set->name);
	err = table_add_cred(ex->w->gate->table, s, &cred);
	session_unlock(s);
	ex->learn_failed |= err != 0 || journal_event(ex->w, &ev, &ex->wait_seq) != 0;
	metric_add(ex->w->metrics, METRIC_EV_ROTATED, 1);
	exchange_learned(ex, "rotated");
}

static void
learn_prelogin(struct exchange *ex, const struct login_cookie *set)
{
	struct table_prelogin e = {.created_s = worker_now_s(ex->w)};
	uint8_t key[SESSION_KEY_LEN];

	limits_address_key(&ex->client, e.source);
	credential_key(ex->w, exchange_site(ex)->name, RECIPE_COOKIE, set->name, set->value,
	    key);
	metric_add(ex->w->metrics, METRIC_LIM_PRELOGIN,
	    !table_prelogin_add(ex->w->gate->table, key, &e));
}

static void
learn_cookies(struct exchange *ex)
{
	struct login_cookie set[LOGIN_COOKIES];
	size_t n = login_cookies(ex, set);
	bool live = ex->known == KNOWN_LIVE && !ex->strip;

	for (size_t i = 0; i < n; i++) {
		if (live && set[i].deletes)
			learn_logout(ex);
		else if (live)
			learn_rotate(ex, &set[i]);
		else if (!set[i].deletes)
			learn_prelogin(ex, &set[i]);
	}
}

static enum step_result
learn_judge(struct exchange *ex)
{
	ex->learn_phase = LEARN_COMMIT;
	ex->wait_seq = 0;
	if (ex->login != NULL) {
		if (login_succeeded(ex))
			return binding_login(ex);
		metric_add(ex->w->metrics, METRIC_EV_LOGIN_FAILED, 1);
		if (ex->req.method != METHOD_GET && ex->req.method != METHOD_HEAD)
			exchange_learned(ex, "login failed");
	}
	if (ex->logout != NULL && ex->known == KNOWN_LIVE && !ex->strip &&
	    ex->res.status < 400)
		learn_logout(ex);
	else
		learn_cookies(ex);
	return STEP_WAIT;
}

/* Its record may yet become durable, but its cookie goes to nobody. */
static void
learn_take_back(struct exchange *ex)
{
	struct session *s = table_find_id(ex->w->gate->table, ex->new_session);
	struct journal_event ev = {.event = REC_EVENT_LOGOUT, .ex = ex, .session = s,
	    .end = true, .detail = "the login was not durable in time"};

	if (s != NULL && table_end(s, SESSION_ENDED))
		(void)journal_event(ex->w, &ev, NULL);
	table_unref(s);
}

/* What was learned is durable, or the login did not happen as far as anybody can tell. */
static enum step_result
learn_commit(struct exchange *ex)
{
	bool timed_out = ex->waiting && ex->wait_seq == 0;

	if (timed_out && ex->has_new_session)
		learn_take_back(ex);
	if (timed_out || (ex->learn_failed && exchange_enforces(ex))) {
		exchange_waited(ex);
		return binding_refuse(ex, REASON_BIND_FAILED);
	}
	if (ex->wait_seq == 0 || !exchange_enforces(ex) ||
	    !journal_waits(ex->w, ex->wait_seq)) {
		exchange_waited(ex);
		return STEP_NEXT;
	}
	exchange_wait_commit(ex);
	return STEP_WAIT;
}

enum step_result
step_learn(struct exchange *ex)
{
	enum step_result r;
	int err;

	if (ex->answer == ANSWER_BACKEND && ex->adopting)
		binding_adopted(ex, ex->res.status < 300 || ex->res.status == 304);
	if (ex->answer != ANSWER_BACKEND)
		return STEP_NEXT;
	relay_pump_request(ex);
	if (ex->withdrawn)
		return relay_give_up(ex);
	if (ex->learn_phase == LEARN_READ) {
		ex->waiting = false;
		if (ex->res.upgraded)
			ex->learn_phase = LEARN_JUDGE; /* a handshake sets cookies, too */
	}
	if (ex->learn_phase == LEARN_READ) {
		/* An observed answer is looked at while it passes (learn_late). */
		if (ex->res_cap.p != NULL && !exchange_enforces(ex)) {
			ex->learn_late = true;
			return STEP_NEXT;
		}
		if (ex->login != NULL && ex->res_cap.p != NULL) {
			err = learn_read_body(ex);
			if (err == WF_MORE)
				return STEP_WAIT;
			if (err < 0)
				return relay_broken(ex, REASON_UPSTREAM_BAD_RESPONSE);
		}
		ex->learn_phase = LEARN_JUDGE;
	}
	if (ex->learn_phase == LEARN_JUDGE) {
		r = learn_judge(ex);
		if (r == STEP_NEXT)
			return r;
	}
	return learn_commit(ex);
}

void
learn_late(struct exchange *ex)
{
	if (!ex->learn_late)
		return;
	ex->res_captured = !ex->res_cap.full;
	(void)learn_judge(ex);
}
