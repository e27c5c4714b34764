/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/journal.h"

#include <stdio.h>

#include "proxy/audit/entry.h"
#include "proxy/base/must.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/connh2.h"
#include "proxy/gate/credential.h"
#include "proxy/gate/rates.h"
#include "proxy/gate/seen.h"
#include "proxy/gate/strangers.h"

enum {
	JOURNAL_ENTRY = 24 * 1024, /* the largest that we make: facts with a long path */
	JOURNAL_OUTCOME = 2048, /* the largest outcome … */
	JOURNAL_OWED = 512, /* … and what is kept for each that is to come: most need less */
	JOURNAL_PATH = 2048,
	JOURNAL_AGENT = 512,
};

void
journal_watch(struct worker *w)
{
	uint64_t committed = ring_committed(&w->ring), now = w->net.loop.now;
	bool late;

	if (committed >= w->late_seq) {
		w->late_seq = ring_next_seq(&w->ring) - 1;
		w->late_since = now;
	}
	late = committed < w->late_seq &&
	    now - w->late_since > worker_conf(w)->timeouts.commit_ms * 1000000u;
	if (late && !w->late)
		(void)atomic_fetch_add(&w->gate->late, 1);
	else if (!late && w->late)
		(void)atomic_fetch_sub(&w->gate->late, 1);
	w->late = late;
}

bool
journal_log_ok(struct worker *w)
{
	enum ring_log_state s = ring_log_state(&w->ring);

	journal_watch(w);
	return atomic_load(&w->gate->late) == 0 &&
	    (s == RING_LOG_OK || s == RING_LOG_STARTING);
}

bool
journal_waits(struct worker *w, uint64_t seq)
{
	return !ring_wait_begin(&w->ring, seq);
}

uint64_t
journal_last(const struct worker *w)
{
	return ring_next_seq(&w->ring) - 1;
}

/* ---- one entry ---- */

static int
journal_open(struct worker *w, struct entry *e, enum rec_kind kind, unsigned flags,
    uint64_t exchange, enum ring_class class)
{
	struct rec_head h = {.kind = (uint8_t)kind, .flags = (uint16_t)flags,
	    .thread = (uint16_t)w->index, .boot = w->gate->boot,
	    .time = w->net.loop.wall, .exchange = exchange};
	size_t most = class == RING_OWED ? JOURNAL_OUTCOME : JOURNAL_ENTRY;
	uint8_t *room;
	int err = ring_reserve(&w->ring, most, class, &room);

	if (err != 0)
		return err;
	h.seq = ring_next_seq(&w->ring);
	entry_begin(e, room, most, &h);
	return 0;
}

void
journal_gap(struct worker *w, int err)
{
	ring_gap(&w->ring);
	metric_add(w->metrics, METRIC_LOG_GAP, 1);
	metric_add(w->metrics, METRIC_LIM_RING, err == WF_EFULL);
}

/* Whatever else comes, there is room for the outcomes of what was recorded. */
static void
journal_owe(struct worker *w, uint64_t outcomes)
{
	w->owed = outcomes;
	ring_keep(&w->ring, outcomes * JOURNAL_OWED);
}

static int
journal_close(struct worker *w, struct entry *e, enum ring_class class, bool durable,
    uint64_t *seq)
{
	size_t len = 0;
	int err = entry_end(e, &len);
	uint64_t n;

	if (err != 0)
		return err;
	n = ring_publish(&w->ring, len, durable ? RING_DURABLE : 0);
	if (class == RING_STRANGER)
		strangers_wrote(w, len);
	if (seq != NULL)
		*seq = n;
	loop_defer(&w->net.loop, &w->notify);
	return 0;
}

/* How long the session's row is needed: where sessions are adopted, until that is over. */
static uint64_t
journal_kept(struct worker *w, const struct session *s)
{
	const struct conf_site *site = conf_site_by_name(worker_conf(w), session_site(s));
	uint64_t until = site == NULL || site->adopt_until < 0 ? 0 : (uint64_t)site->adopt_until;

	return s->expires_s > until ? s->expires_s : until;
}

static void
journal_put_session(struct entry *e, struct worker *w, struct session *s, bool end)
{
	struct entry_session row = {0};
	uint8_t blob[SESSION_BLOB_MAX], user[32];
	uint64_t expires = journal_kept(w, s) * 1000000000u;

	if (end) {
		entry_session_end(e, s->id, (uint8_t)atomic_load(&s->state), expires);
		return;
	}
	credential_user_hash(w, session_user(s), user);
	session_lock(s);
	memcpy(row.id, s->id, sizeof(row.id));
	row.state = (uint8_t)atomic_load(&s->state);
	row.expires = expires;
	row.site = session_site(s);
	row.user = s->user_n ? span_of(user, sizeof(user)) : span_of(NULL, 0);
	session_stamp(s);
	row.blob = span_of(blob, session_encode(s, blob));
	session_unlock(s);
	entry_session_put(e, &row);
}

/* ---- the fields of a decision ---- */

static void
journal_put_list(struct rec *r, uint16_t tag, const struct policy *p,
    const uint64_t *set, unsigned n)
{
	if (n == 0)
		return;
	rec_list_begin(r, tag);
	for (size_t i = 0; i < policy_rule_count(p); i++)
		if (decision_has(set, i))
			rec_list_add(r, span_str(policy_rule_info(p, i)->id));
	rec_list_end(r);
}

static void
journal_put_request(struct rec *r, const struct exchange *ex)
{
	struct span type;
	uint8_t hash[DIGEST_LEN];
	struct span parts[] = {SPAN_LIT("query"), ex->req.query};

	rec_put_bytes(r, REC_TAG_METHOD, ex->req.method_text);
	rec_put_text(r, REC_TAG_CLASS, recipe_class_name(ex->class));
	if (ex->normal.n > 0)
		rec_put_cut(r, REC_TAG_PATH, ex->normal, JOURNAL_PATH);
	else
		rec_put_cut(r, REC_TAG_PATH, ex->req.path, JOURNAL_PATH);
	if (ex->req.query.n > 0) {
		mac_parts(ex->w->mac, parts, 2, hash);
		rec_put_bytes(r, REC_TAG_QUERY_HASH, span_of(hash, 16));
	}
	if (fields_one(&ex->req.fields, FIELD_CONTENT_TYPE, &type) == 0)
		rec_put_cut(r, REC_TAG_CONTENT_TYPE, type, 128);
	rec_put_text(r, REC_TAG_PROTOCOL,
	    ex->conn->http2	? "HTTP/2"
	    : ex->req.minor > 0 ? "HTTP/1.1"
				: "HTTP/1.0");
	if (ex->req.framing == H1_LENGTH)
		rec_put_u64(r, REC_TAG_BODY_LEN, ex->req.length);
}

static void
journal_put_place(struct rec *r, const struct exchange *ex)
{
	const struct place *p = conn_place(ex->conn, ex->ws->snap, &ex->client);
	const struct snapshot *s = ex->ws->snap;
	static const uint16_t tags[] = {REC_TAG_GEO_DB, REC_TAG_GEO_DB2, REC_TAG_ASN_DB};
	static const int files[] = {PLACE_COUNTRY_A, PLACE_COUNTRY_B, PLACE_ASN};

	if (p->source[0][0])
		rec_put_text(r, REC_TAG_COUNTRY, p->source[0]);
	if (p->source[1][0])
		rec_put_text(r, REC_TAG_COUNTRY2, p->source[1]);
	if (p->asn != 0)
		rec_put_u64(r, REC_TAG_ASN, p->asn);
	if (p->as_name[0])
		rec_put_text(r, REC_TAG_ASN_ORG, p->as_name);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (s->has_version[files[i]])
			rec_put_bytes(r, tags[i],
			    span_of(s->versions[files[i]].sha256, 8));
	if (ex->asserted || ex->conn->via_proxy) {
		const struct ip *hop = ex->asserted ? &ex->conn->client : &ex->conn->peer;

		rec_put_bytes(r, REC_TAG_HOP,
		    hop->family == 4 ? span_of(hop->b + 12, 4) : span_of(hop->b, 16));
		rec_put_text(r, REC_TAG_HOP_HOW,
		    ex->asserted ? "x-forwarded-for" : "proxy-protocol");
	}
}

static void
journal_put_tls(struct rec *r, const struct exchange *ex)
{
	const struct conn *c = ex->conn;
	const char *h2 = connh2_print(c);
	unsigned proof = PROOF_NONE;
	char core[TLSFP_CORE_HEX];

	if (c->has_core) {
		rec_put_text(r, REC_TAG_JA4, c->ja4);
		tlsfp_core_hex(c->core, core);
		rec_put_text(r, REC_TAG_CORE, core);
		if (c->resumed)
			rec_put_u64(r, REC_TAG_RESUMED, 1);
	}
	if (h2[0] != '\0')
		rec_put_text(r, REC_TAG_H2, h2);
	if (!c->has_core)
		return;
	(void)facts_get_enum(&ex->facts, SIG_DEVICE_PROOF, &proof);
	rec_put_text(r, REC_TAG_DEVICE_TIER, signal_word(SIG_DEVICE_PROOF, proof));
	if (ex->device.is == DEVICE_FRESH)
		rec_put_bytes(r, REC_TAG_DEVICE_KEY,
		    span_of(ex->device.thumb, sizeof(ex->device.thumb)));
}

static void
journal_put_verdict(struct rec *r, const struct exchange *ex)
{
	const struct decision *d = &ex->decision;

	rec_put_u64(r, REC_TAG_VERDICT,
	    (uint64_t)(ex->decided ? d->verdict : ex->verdict));
	rec_put_u64(r, REC_TAG_ENFORCED, (uint64_t)ex->verdict);
	if (ex->decided) {
		journal_put_list(r, REC_TAG_RULES, ex->site->policy, d->matched, d->n_matched);
		journal_put_list(r, REC_TAG_OBSERVED, ex->site->policy, d->observed,
		    d->n_observed);
	}
	if (ex->reason != REASON_NONE)
		rec_put_text(r, REC_TAG_REASON, reason_name(ex->reason));
	/* Every input of the decision, so that a replay computes the same verdict. */
	if (ex->decided)
		rec_put_facts(r, &ex->facts);
	if (ex->site != NULL)
		rec_put_bytes(r, REC_TAG_POLICY, span_of(ex->site->policy_hash, 32));
	rec_put_bytes(r, REC_TAG_SETTINGS, span_of(ex->ws->snap->settings_hash, 32));
	rec_put_text(r, REC_TAG_BUILD, ex->w->gate->build);
	rec_put_u64(r, REC_TAG_T_DECIDE,
	    ex->t_decided > ex->t_start ? (ex->t_decided - ex->t_start) / 1000 : 0);
}

static void
journal_put_address(struct rec *r, uint16_t tag, const struct ip *ip)
{
	if (ip->family == 4)
		rec_put_bytes(r, tag, span_of(ip->b + 12, 4));
	else if (ip->family == 6)
		rec_put_bytes(r, tag, span_of(ip->b, 16));
}

static void
journal_put_person(struct rec *r, const struct exchange *ex)
{
	const struct conn *c = ex->conn;
	struct span agent;

	rec_personal(r);
	if (ex->session != NULL && ex->session->user_n > 0)
		rec_put_bytes(r, REC_TAG_USER, session_user(ex->session));
	else if (ex->user.n > 0)
		rec_put_bytes(r, REC_TAG_USER, ex->user);
	journal_put_address(r, REC_TAG_PEER, &c->peer);
	rec_put_u64(r, REC_TAG_PEER_PORT, c->peer_port);
	journal_put_address(r, REC_TAG_CLIENT, &ex->client);
	if (fields_one(&ex->req.fields, FIELD_USER_AGENT, &agent) == 0)
		rec_put_cut(r, REC_TAG_USER_AGENT, agent, JOURNAL_AGENT);
	if (ex->n_creds > 0)
		rec_put_bytes(r, REC_TAG_CREDENTIAL, span_of(ex->creds[0].key, 16));
	seen_put(r, ex);
	if (ex->decided)
		rec_put_facts(r, &ex->facts);
}

static void
journal_put_about(struct rec *r, const struct exchange *ex, const struct session *s)
{
	static const char *const how[] = {"unknown", "form", "request-json", "json", "jwt",
	    "header"};

	if (ex->site != NULL)
		rec_put_bytes(r, REC_TAG_SITE, exchange_site(ex)->name);
	if (s != NULL)
		rec_put_bytes(r, REC_TAG_SESSION, span_of(s->id, sizeof(s->id)));
	rec_put_u64(r, REC_TAG_MODE, ex->mode);
	if (s != NULL && s->user_n > 0 && s->user_how < ARRAY_LEN(how))
		rec_put_text(r, REC_TAG_USER_SOURCE, how[s->user_how]);
	rec_put_u64(r, REC_TAG_CONNECTION, ex->conn->number);
}

/* ---- decision and outcome ---- */

static enum ring_class
journal_class(const struct exchange *ex)
{
	if (ex->known != KNOWN_LIVE || ex->adopting)
		return RING_STRANGER;
	return ex->durable ? RING_CRITICAL : RING_ORDINARY;
}

int
journal_decision(struct exchange *ex, uint64_t *seq)
{
	struct entry e;
	int err;

	*seq = 0;
	if (!rates_record(ex)) {
		strangers_count(ex->w, &ex->client, ex->reason, ex->class);
		return 0;
	}
	err = journal_open(ex->w, &e, REC_DECISION, ex->durable ? REC_F_DURABLE : 0, ex->id,
	    journal_class(ex));
	if (err != 0 && ex->known != KNOWN_LIVE) {
		strangers_count(ex->w, &ex->client, ex->reason, ex->class);
		return 0;
	}
	if (err != 0)
		return err;
	journal_put_about(&e.rec, ex, ex->session);
	journal_put_request(&e.rec, ex);
	journal_put_place(&e.rec, ex);
	packet_record(&e.rec, ex);
	journal_put_tls(&e.rec, ex);
	journal_put_verdict(&e.rec, ex);
	journal_put_person(&e.rec, ex);
	entry_leaf_end(&e);
	if (ex->known == KNOWN_LIVE && (ex->ctx_fresh || ex->durable || ex->device.news) &&
	    !ex->adopting)
		journal_put_session(&e, ex->w, ex->session, false);
	err = journal_close(ex->w, &e, journal_class(ex), ex->durable, seq);
	ex->recorded = err == 0;
	if (ex->recorded)
		journal_owe(ex->w, ex->w->owed + 1);
	return err;
}

static void
journal_put_outcome(struct rec *r, const struct exchange *ex)
{
	rec_put_u64(r, REC_TAG_STATUS, ex->status);
	rec_put_u64(r, REC_TAG_BYTES_IN, ex->bytes_in);
	rec_put_u64(r, REC_TAG_BYTES_OUT, ex->bytes_out);
	if (ex->t_answered > ex->t_sent && ex->t_sent != 0)
		rec_put_u64(r, REC_TAG_T_BACKEND, (ex->t_answered - ex->t_sent) / 1000);
	rec_put_u64(r, REC_TAG_T_TOTAL, (ex->w->net.loop.now - ex->t_start) / 1000);
	if (ex->end != NULL)
		rec_put_text(r, REC_TAG_END, ex->end);
	if (ex->n_learned > 0) {
		rec_list_begin(r, REC_TAG_LEARNED);
		for (unsigned i = 0; i < ex->n_learned; i++)
			rec_list_add(r, span_str(ex->learned_what[i]));
		rec_list_end(r);
	}
	if (ex->has_new_session)
		rec_put_bytes(r, REC_TAG_SESSION_NEW,
		    span_of(ex->new_session, sizeof(ex->new_session)));
	if (ex->answer == ANSWER_BACKEND && ex->up_ready && ex->up != NULL)
		rec_put_text(r, REC_TAG_UPSTREAM, ex->up->target->name);
	else if (ex->answer != ANSWER_BACKEND)
		rec_put_text(r, REC_TAG_UPSTREAM, "warifu");
}

void
journal_outcome(struct exchange *ex)
{
	struct entry e;
	int err;

	if (!ex->recorded)
		return;
	journal_owe(ex->w, ex->w->owed - 1);
	err = journal_open(ex->w, &e, REC_OUTCOME, 0, ex->id, RING_OWED);
	if (err != 0) {
		journal_gap(ex->w, err);
		return;
	}
	if (ex->site != NULL)
		rec_put_bytes(&e.rec, REC_TAG_SITE, exchange_site(ex)->name);
	if (ex->session != NULL)
		rec_put_bytes(&e.rec, REC_TAG_SESSION,
		    span_of(ex->session->id, sizeof(ex->session->id)));
	journal_put_outcome(&e.rec, ex);
	entry_leaf_end(&e);
	(void)journal_close(ex->w, &e, journal_class(ex), false, NULL);
}

/* ---- events ---- */

static void
journal_put_event(struct rec *r, const struct journal_event *ev)
{
	const struct session *s = ev->session;

	rec_put_u64(r, REC_TAG_EVENT, ev->event);
	if (s != NULL)
		rec_put_bytes(r, REC_TAG_SITE, session_site(s));
	else if (ev->ex != NULL && ev->ex->site != NULL)
		rec_put_bytes(r, REC_TAG_SITE, exchange_site(ev->ex)->name);
	if (s != NULL)
		rec_put_bytes(r, REC_TAG_SESSION, span_of(s->id, sizeof(s->id)));
	if (ev->device.n > 0)
		rec_put_bytes(r, REC_TAG_DEVICE_KEY, ev->device);
	if (s != NULL && ev->put)
		rec_put_u64(r, REC_TAG_EXPIRES, s->expires_s * 1000000000u);
	if (ev->actor != NULL)
		rec_put_text(r, REC_TAG_ACTOR, ev->actor);
	if (ev->detail != NULL)
		rec_put_text(r, REC_TAG_DETAIL, ev->detail);
	if (ev->until_s != 0)
		rec_put_u64(r, REC_TAG_UNTIL, ev->until_s * 1000000000u);
	if (ev->key.n > 0)
		rec_put_bytes(r, REC_TAG_KEY, ev->key);
	if (s != NULL && s->user_n > 0) {
		rec_personal(r);
		rec_put_bytes(r, REC_TAG_USER, session_user(s));
		if (ev->ex != NULL)
			journal_put_address(r, REC_TAG_CLIENT, &ev->ex->client);
	}
}

int
journal_event(struct worker *w, const struct journal_event *ev, uint64_t *seq)
{
	struct entry_kv kv = {.key = ev->key, .value = ev->note, .expires = ev->until_s * 1000000000u};
	struct entry e;
	int err;

	err = journal_open(w, &e, REC_EVENT,
	    REC_F_DURABLE | (ev->alarm ? (unsigned)REC_F_ALARM : 0),
	    ev->ex == NULL ? 0 : ev->ex->id, RING_CRITICAL);
	if (err != 0) {
		journal_gap(w, err);
		return err;
	}
	journal_put_event(&e.rec, ev);
	entry_leaf_end(&e);
	if (ev->session != NULL && (ev->put || ev->end))
		journal_put_session(&e, w, ev->session, ev->end);
	if (ev->key_set)
		entry_kv_put(&e, &kv);
	if (ev->key_del)
		entry_kv_del(&e, ev->key);
	if (ev->alarm)
		metric_add(w->metrics, METRIC_ALARM_RAISED, 1);
	return journal_close(w, &e, RING_CRITICAL, true, seq);
}
