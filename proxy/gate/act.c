/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACT: the verdict becomes a choice of upstream. A revocation takes effect here.
 */
#include <stdlib.h>

#include "proxy/gate/deviceproof.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/login.h"

static void
act_revoke(struct exchange *ex)
{
	struct journal_event ev = {.event = REC_EVENT_REVOKE, .ex = ex,
	    .session = ex->session, .end = true, .alarm = true, .actor = "policy"};

	if (ex->known != KNOWN_LIVE || ex->verdict != VERDICT_REVOKE ||
	    !table_end(ex->session, SESSION_REVOKED))
		return;
	(void)journal_event(ex->w, &ev, NULL);
	metric_add(ex->w->metrics, METRIC_REV_RULE, 1);
	metric_add(ex->w->metrics, METRIC_EV_REVOKED, 1);
}

/* Room for a login's bodies; only logins pay for it. */
static bool
act_captures(struct exchange *ex)
{
	if (ex->login == NULL)
		return true;
	if (login_needs_request(ex->login)) {
		ex->req_cap.p = malloc(EXCHANGE_CAPTURE);
		if (ex->req_cap.p == NULL)
			return false;
	}
	if (login_needs_body(ex->login)) {
		ex->res_cap.p = malloc(EXCHANGE_CAPTURE);
		if (ex->res_cap.p == NULL)
			return false;
	}
	return true;
}

static bool
act_wants_page(const struct exchange *ex)
{
	struct span v;

	/* A page is for a person who navigates; a program or a subresource gets JSON. */
	if (ex->req.method != METHOD_GET && ex->req.method != METHOD_POST)
		return false;
	if (fields_one(&ex->req.fields, FIELD_SEC_FETCH_DEST, &v) == 0)
		return span_ieq(v, SPAN_LIT("document")) || span_ieq(v, SPAN_LIT("iframe"));
	if (fields_one(&ex->req.fields, FIELD_ACCEPT, &v) != 0)
		return false;
	for (size_t i = 0; i + 9 <= v.n; i++)
		if (span_istarts(span_tail(v, i), SPAN_LIT("text/html")))
			return true;
	return false;
}

bool
act_is_page(const struct exchange *ex)
{
	return ex->site != NULL && !ex->websocket && act_wants_page(ex);
}

enum step_result
step_act(struct exchange *ex)
{
	act_revoke(ex);
	if (ex->answer == ANSWER_BACKEND && !act_captures(ex))
		return exchange_refuse(ex, REASON_OVERLOAD, PROBLEM_UNAVAILABLE);
	if (ex->answer == ANSWER_DEVICE)
		return deviceproof_act(ex);
	/* Without somebody who can read a page, or a site to speak for, we answer alone. */
	if ((ex->answer == ANSWER_PAGE && (!act_is_page(ex) || ex->page == PROBLEM_DEVICE)) ||
	    (ex->answer == ANSWER_LOGIN && (exchange_site(ex)->login_page.n == 0 ||
					       ex->req.method != METHOD_GET ||
					       !act_is_page(ex))))
		exchange_jump(ex, STEP_DELIVER);
	return STEP_NEXT;
}
