/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/lease.h"

#include "proxy/gate/journal.h"
#include "proxy/gate/relay.h"

/* Does anything of a session go along? Who is served as a stranger needs no session; and the
 * answer that ended it comes whole, a tunnel behind that answer does not. */
static bool
lease_applies(const struct exchange *ex)
{
	return ex->known == KNOWN_LIVE && !ex->strip && (!ex->ended_session || ex->tunnel) &&
	       ex->answer == ANSWER_BACKEND;
}

/* The site as it is now; NULL: it is gone. */
static const struct conf_site *
lease_site(const struct exchange *ex)
{
	return conf_site_by_name(ex->w->cur->snap->conf, exchange_site(ex)->name);
}

/* A bypass may have ended, or the site's mode been changed. */
static bool
lease_enforces(const struct exchange *ex, const struct conf_site *site)
{
	if (site == NULL)
		return exchange_enforces(ex);
	return site->mode != CONF_OBSERVE &&
	       !locks_bypass(ex->w->gate->locks, site->name, worker_now_s(ex->w));
}

/* At an observed site only what was ended for good counts (decision 013). */
static bool
lease_over(const struct exchange *ex, bool enforces)
{
	return enforces ? !session_is_live(ex->session, worker_now_s(ex->w))
			: atomic_load(&ex->session->state) == SESSION_REVOKED;
}

/* The policy in force now, on facts gathered now; the record keeps those of the decision. */
static enum reason
lease_decide(struct exchange *ex, const struct conf_site *site)
{
	struct facts facts = ex->facts;
	struct arena arena = ex->arena;
	struct decision d;
	bool locked = false;

	if (site == NULL)
		return REASON_POLICY_REFUSE;
	(void)step_gather(ex);
	policy_decide(ex->w->cur->snap->sites[site->index].policy, &ex->facts, &d);
	(void)facts_get_bool(&ex->facts, SIG_LOCK_ACTIVE, &locked);
	ex->facts = facts;
	ex->arena = arena; /* evidence; a tunnel may see a thousand leases */
	if (d.verdict < VERDICT_CHALLENGE)
		return device_lapsed(ex) ? REASON_PROOF_MISSING : REASON_NONE;
	if (d.verdict == VERDICT_CHALLENGE)
		return REASON_POLICY_CHALLENGE;
	return locked ? REASON_LOCKED : REASON_POLICY_REFUSE;
}

enum reason
lease_holds(struct exchange *ex)
{
	const struct conf_site *site;
	bool enforces;

	/* Nothing can have changed since: the decision was made in this very batch. */
	if (!lease_applies(ex) || ex->t_decided >= ex->w->net.loop.now)
		return REASON_NONE;
	site = lease_site(ex);
	enforces = lease_enforces(ex, site);
	if (lease_over(ex, enforces))
		return REASON_REVOKED;
	return enforces ? lease_decide(ex, site) : REASON_NONE;
}

static void
lease_cut(struct exchange *ex, enum reason why)
{
	struct journal_event ev = {.event = REC_EVENT_LEASE_CUT, .ex = ex,
	    .session = ex->session,
	    .detail = why == REASON_REVOKED	    ? "the session ended"
		      : why == REASON_PROOF_MISSING ? "the device's proof is over"
						    : "the policy no longer allows it"};

	(void)journal_event(ex->w, &ev, NULL);
	metric_add(ex->w->metrics, METRIC_LEASE_CUT, 1);
	if (ex->step == STEP_RELAY)
		relay_withdraw(ex, why);
	else
		exchange_abort(ex, ev.detail);
}

/* What a login or a logout did at the backend must be learned, whoever ended the session
 * meanwhile; and LEARN decides for itself. */
static bool
lease_waits(const struct exchange *ex)
{
	if (ex->step == STEP_RELAY)
		return ex->req_sent && (ex->login != NULL || ex->logout != NULL);
	return ex->step != STEP_DELIVER;
}

void
lease_tick(struct exchange *ex)
{
	struct worker *w = ex->w;
	const struct conf_site *site = lease_site(ex);
	bool enforces = lease_enforces(ex, site);
	enum reason why;

	if (lease_waits(ex))
		return;
	if (lease_over(ex, enforces)) {
		lease_cut(ex, REASON_REVOKED);
		return;
	}
	if (!enforces || w->net.loop.now < ex->lease_ns)
		return;
	ex->lease_ns = w->net.loop.now +
		       exchange_conf(ex)->timeouts.tunnel_lease_ms * 1000000u;
	why = lease_decide(ex, site);
	if (why != REASON_NONE)
		lease_cut(ex, why);
	else
		metric_add(w->metrics, METRIC_LEASE_RENEWED, 1);
}

void
lease_take(struct exchange *ex)
{
	if (!lease_applies(ex))
		return;
	if (!ex->listed) {
		ex->lease_ns = ex->w->net.loop.now +
			       exchange_conf(ex)->timeouts.tunnel_lease_ms * 1000000u;
		exchange_list(ex, &ex->w->leased);
	}
	if (ex->step == STEP_DELIVER && !ex->leased) {
		ex->leased = true;
		metric_add(ex->w->metrics, METRIC_TUNNEL_OPEN, 1);
	}
}
