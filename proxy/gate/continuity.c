/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/continuity.h"

#include <stdio.h>

#include "certs/tlslabel.h"
#include "proxy/base/text.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/journal.h"

enum {
	CONTINUITY_VERSION = 1,
	CONTINUITY_LABEL = 1 + SESSION_ID_LEN + SESSION_CHAIN_LEN,
};

_Static_assert((int)CONTINUITY_LABEL <= (int)TLSLABEL_MAX, "a label fits a ticket");

void
continuity_read(struct conn *c)
{
	struct continuity *k = &c->continuity;
	uint8_t label[TLSLABEL_MAX];

	if (tlslabel_get(c->stream.ssl, label) != CONTINUITY_LABEL ||
	    label[0] != CONTINUITY_VERSION)
		return;
	memcpy(k->session, label + 1, SESSION_ID_LEN);
	memcpy(k->chain, label + 1 + SESSION_ID_LEN, SESSION_CHAIN_LEN);
	k->named = k->held = true;
}

/* Is the TLS client the person's own program, and not somebody on the way? */
static bool
continuity_direct(const struct exchange *ex)
{
	const struct conf_network *net = conf_network_find(exchange_site(ex), &ex->client);
	bool agree;

	if (ex->asserted || (net != NULL && net->inspects))
		return false;
	return !facts_get_bool(&ex->facts, SIG_CLIENT_UA_TLS_AGREE, &agree) || agree;
}

/* Both sessions are in use at once, by two people, at one client. */
static bool
continuity_is_foreign(const struct session *s, const struct session *other, uint64_t now_s)
{
	return other != s && session_is_live(other, now_s) && s->user_n > 0 &&
	       other->user_n > 0 && !span_eq(session_user(s), session_user(other)) &&
	       atomic_load(&other->last_s) > s->created_s;
}

static void
continuity_count(struct conn *c, enum continuity_is is)
{
	static const enum metric_id metrics[] = {METRIC_TICKET_STALE, METRIC_TICKET_OWN,
	    METRIC_TICKET_FOREIGN};

	if (c->resumed && !c->continuity.counted)
		metric_add(c->w->metrics, metrics[is], 1);
	c->continuity.counted = true;
}

enum continuity_is
continuity_judge(struct exchange *ex)
{
	struct conn *c = ex->conn;
	struct session *s = ex->session, *other;
	enum continuity_is is = CONTINUITY_UNKNOWN;
	bool own;

	if (!c->continuity.held || !continuity_direct(ex))
		return CONTINUITY_UNKNOWN;
	session_lock(s);
	own = session_chain_has(s, c->continuity.chain);
	session_unlock(s);
	if (own) {
		is = CONTINUITY_OWN;
	} else {
		other = table_find_id(ex->w->gate->table, c->continuity.session);
		if (other != NULL && continuity_is_foreign(s, other, worker_now_s(ex->w)))
			is = CONTINUITY_FOREIGN;
		table_unref(other);
	}
	continuity_count(c, is);
	return is;
}

void
continuity_claim(struct exchange *ex, struct session *s)
{
	struct continuity *k = &ex->conn->continuity;

	/* Whatever it was to the session before: here it logged in. */
	ex->seen.flags &= (uint8_t)~CONTEXT_FOREIGN;
	s->contexts[0].flags &= (uint8_t)~CONTEXT_FOREIGN;
	if (ex->conn->stream.ssl == NULL || !continuity_direct(ex))
		return;
	if (!k->named)
		digest_random(k->chain, sizeof(k->chain));
	k->named = true;
	session_chain_add(s, k->chain);
}

void
continuity_issue(struct exchange *ex, const struct session *s)
{
	struct conn *c = ex->conn;
	struct continuity *k = &c->continuity;
	uint8_t label[CONTINUITY_LABEL] = {CONTINUITY_VERSION};

	if (c->stream.ssl == NULL || !continuity_direct(ex))
		return;
	memcpy(k->session, s->id, SESSION_ID_LEN);
	k->held = true;
	memcpy(label + 1, k->session, SESSION_ID_LEN);
	memcpy(label + 1 + SESSION_ID_LEN, k->chain, SESSION_CHAIN_LEN);
	if (tlslabel_put(c->stream.ssl, label, sizeof(label)))
		(void)stream_ticket(&c->stream);
}

void
continuity_alarm(struct exchange *ex)
{
	struct journal_event ev = {.event = REC_EVENT_TICKET_FOREIGN, .ex = ex,
	    .session = ex->session, .alarm = true};
	char id[SESSION_ID_LEN * 2 + 1], detail[80];
	struct continuity *k = &ex->conn->continuity;

	if (!ex->ctx_fresh || k->told || !(ex->seen.flags & CONTEXT_FOREIGN))
		return;
	k->told = true;
	text_hex(span_of(k->session, SESSION_ID_LEN), id);
	snprintf(detail, sizeof(detail), "the TLS client is that of session %s", id);
	ev.detail = detail;
	(void)journal_event(ex->w, &ev, NULL);
}
