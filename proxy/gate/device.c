/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/device.h"

#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/device/challenge.h"
#include "proxy/device/token.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/credential.h"
#include "proxy/gate/deviceproof.h"
#include "proxy/gate/journal.h"
#include "proxy/wire/cookie.h"

enum { DEVICE_LINES = EXCHANGE_FIELDS, DEVICE_TOKENS = 4, DEVICE_TEXT = 256, DEVICE_ROUND_S = 10 };

static const struct span device_name = {(const uint8_t *)"__Host-warifu", 13};
static const struct span device_round = {(const uint8_t *)"__Host-warifu-round", 19};

bool
device_is_set(const struct exchange *ex)
{
	return exchange_site(ex)->device_keys != CONF_DEVICE_OFF;
}

bool
device_is_on(const struct exchange *ex)
{
	return exchange_enforces(ex) && device_is_set(ex);
}

/* Where a login came from, as far as that holds for a minute: TLS client and network. */
static void
device_context(const struct exchange *ex, uint8_t out[8])
{
	const struct session_context *c = &ex->seen;
	bool v4 = ex->client.family == 4;
	struct span parts[] = {span_of(c->soft, sizeof(c->soft)),
	    span_of(c->addr, v4 ? 15 : 6)};
	uint8_t sum[DIGEST_LEN];

	hasher_parts(ex->w->hasher, parts, 2, sum);
	memcpy(out, sum, 8);
}

static bool
device_is_context(const struct exchange *ex, const uint8_t context[8])
{
	uint8_t here[8];

	device_context(ex, here);
	return memcmp(here, context, sizeof(here)) == 0;
}

bool
device_is_home(const struct exchange *ex, struct session *s)
{
	bool alike = false;

	session_lock(s);
	for (unsigned i = 0; i < s->n_contexts; i++)
		alike |= (s->contexts[i].flags & CONTEXT_ACCEPTED) != 0 &&
			 session_context_alike(&s->contexts[i], &ex->seen);
	session_unlock(s);
	return alike;
}

/* ---- at the login ---- */

static struct span
device_set_cookie(struct exchange *ex, const char *value, uint64_t age_s)
{
	char *v = arena_get(&ex->arena, DEVICE_TEXT);

	if (v == NULL)
		return span_of(NULL, 0);
	snprintf(v, DEVICE_TEXT,
	    "__Host-warifu=%s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%llu", value,
	    (unsigned long long)age_s);
	return span_str(v);
}

static struct span
device_set_offer(struct exchange *ex, const struct session *s)
{
	char challenge[CHALLENGE_TEXT], *v = arena_get(&ex->arena, DEVICE_TEXT);

	if (v == NULL)
		return span_of(NULL, 0);
	challenge_make(ex->w->mac, CHALLENGE_REGISTER, s->id, s->device.offer_ns, challenge);
	snprintf(v, DEVICE_TEXT,
	    "(ES256 RS256);path=\"" DEVICEPROOF_REGISTER "\";challenge=\"%s\"", challenge);
	return span_str(v);
}

void
device_offer(struct exchange *ex, struct session *s)
{
	struct token t = {.kind = TOKEN_GRACE, .issued_s = s->created_s,
	    .expires_s = s->created_s + DEVICE_GRACE_S};
	char text[TOKEN_TEXT];

	if (!device_is_on(ex))
		return;
	s->device.offer_ns = ex->w->net.loop.wall;
	ex->device.offer = device_set_offer(ex, s);
	memcpy(t.session, s->id, sizeof(t.session));
	device_context(ex, t.context);
	token_make(ex->w->mac, &t, text);
	ex->device.cookie = device_set_cookie(ex, text, DEVICE_GRACE_S);
	metric_add(ex->w->metrics, METRIC_DEV_OFFERED, 1);
}

static void
device_supersede_one(struct exchange *ex, const struct token *t)
{
	struct session *s = table_find_id(ex->w->gate->table, t->session);
	struct journal_event ev = {.event = REC_EVENT_LOGOUT, .ex = ex, .session = s,
	    .end = true, .detail = "replaced by a new login in the same browser"};

	/* From where it is at home only: else a copied cookie would end its session. */
	if (s != NULL && span_eq(session_site(s), exchange_site(ex)->name) &&
	    device_is_home(ex, s) && table_end(s, SESSION_ENDED))
		(void)journal_event(ex->w, &ev, NULL);
	table_unref(s);
}

void
device_supersede(struct exchange *ex)
{
	struct span lines[DEVICE_LINES];
	struct cookie_it it;
	struct cookie_pair pair;
	unsigned tokens = 0;
	struct token t;

	if (!device_is_on(ex))
		return;
	cookie_begin(&it, lines, credential_cookie_lines(ex, lines, DEVICE_LINES));
	while (tokens < DEVICE_TOKENS && cookie_next(&it, &pair)) {
		if (!span_eq(pair.name, device_name))
			continue;
		tokens++;
		if (token_read(ex->w->mac, pair.value, &t) == 0 &&
		    worker_now_s(ex->w) < t.expires_s &&
		    memcmp(t.session, ex->new_session, sizeof(t.session)) != 0)
			device_supersede_one(ex, &t);
	}
}

/* ---- an ordinary request ---- */

/* One cookie of ours. Several may be good at once: the browser fetches the next before the
 * last is over. */
static enum device_is
device_read(struct exchange *ex, const struct session_device *d, struct span value)
{
	uint64_t now = worker_now_s(ex->w);
	struct token t;

	if (token_read(ex->w->mac, value, &t) != 0 ||
	    memcmp(t.session, ex->session->id, sizeof(t.session)) != 0 || now >= t.expires_s)
		return DEVICE_LACKING;
	if (t.kind == TOKEN_DBSC ? t.issued_s < d->since_s : !device_is_context(ex, t.context))
		return DEVICE_LACKING;
	if (t.expires_s > ex->device.until_s)
		ex->device.until_s = t.expires_s;
	if (t.kind != TOKEN_DBSC)
		return DEVICE_GRACE;
	if (t.issued_s > ex->device.proof_s)
		ex->device.proof_s = t.issued_s;
	return DEVICE_FRESH;
}

static void
device_cookie_seen(struct exchange *ex, const struct session_device *d,
    const struct cookie_pair *pair, unsigned *tokens)
{
	enum device_is is;

	if (span_eq(pair->name, device_round) && pair->value.n == 1 && pair->value.p[0] >= '1' &&
	    pair->value.p[0] <= '9')
		ex->device.bounces = (unsigned)(pair->value.p[0] - '0');
	if (!span_eq(pair->name, device_name))
		return;
	ex->device.carried = true;
	if ((*tokens)++ >= DEVICE_TOKENS)
		return;
	is = device_read(ex, d, pair->value);
	if (is < ex->device.is)
		ex->device.is = is;
}

/* The answer to its registration arrived: stored with this request's decision. */
static void
device_bound(struct exchange *ex)
{
	session_lock(ex->session);
	ex->session->device.bound = true;
	session_unlock(ex->session);
	ex->device.news = true;
}

void
device_know(struct exchange *ex)
{
	struct span lines[DEVICE_LINES];
	struct session_device d;
	struct cookie_it it;
	struct cookie_pair pair;
	unsigned tokens = 0;

	if (!device_is_on(ex))
		return;
	session_lock(ex->session);
	d = ex->session->device;
	session_unlock(ex->session);
	if (d.key.alg == DEVKEY_NONE)
		return;
	ex->device.is = DEVICE_LACKING;
	memcpy(ex->device.thumb, d.thumb, sizeof(ex->device.thumb));
	cookie_begin(&it, lines, credential_cookie_lines(ex, lines, DEVICE_LINES));
	while (cookie_next(&it, &pair))
		device_cookie_seen(ex, &d, &pair, &tokens);
	ex->device.keyed = d.bound || ex->device.is == DEVICE_FRESH;
	if (ex->device.is == DEVICE_FRESH && !d.bound)
		device_bound(ex);
	else if (ex->device.is == DEVICE_LACKING && !d.bound)
		ex->device.is = DEVICE_NONE;
}

void
device_gather(struct exchange *ex)
{
	uint64_t now = worker_now_s(ex->w), at = ex->device.proof_s;

	if (ex->device.is != DEVICE_FRESH)
		return;
	facts_set_enum(&ex->facts, SIG_DEVICE_PROOF, PROOF_DBSC);
	facts_set_int(&ex->facts, SIG_DEVICE_PROOF_AGE,
	    now > at ? (int64_t)(now - at) * 1000 : 0);
}

/* The browser's word that it tried. Anybody can say so: it opens nothing, but a person whose
 * browser has used up its signatures is better told to wait than to log in. */
static bool
device_skipped(const struct exchange *ex)
{
	return fields_find_name(&ex->req.fields, SPAN_LIT("secure-session-skipped"), 0) != NULL;
}

void
device_refuse(struct exchange *ex)
{
	bool late = device_skipped(ex);

	ex->verdict = VERDICT_CHALLENGE;
	ex->reason = late ? REASON_PROOF_LATE : REASON_PROOF_MISSING;
	ex->answer = ANSWER_PAGE;
	ex->page = late ? PROBLEM_UNAVAILABLE : PROBLEM_CHALLENGE;
	ex->durable = true;
	metric_add(ex->w->metrics, METRIC_DEV_MISSING, 1);
	if (late)
		return;
	if (!act_is_page(ex)) {
		ex->page = PROBLEM_DEVICE;
	} else if (ex->req.method == METHOD_GET && ex->device.bounces < DEVICE_BOUNCES) {
		ex->page = PROBLEM_DEVICE;
		ex->device.sends_round = true;
	}
}

bool
device_roams(struct exchange *ex)
{
	struct session_context *c;
	bool fresh, sent = false;

	if (!ex->device.keyed || ex->ctx_accepted || ex->websocket)
		return false;
	session_lock(ex->session);
	c = session_context_touch(ex->session, &ex->seen, worker_now_s(ex->w), &fresh);
	if (c != NULL && c->forced < DEVICE_BOUNCES) {
		c->forced++;
		sent = true;
	}
	session_unlock(ex->session);
	if (!sent)
		return false;
	ex->reason = REASON_PROOF_WANTED;
	ex->answer = ANSWER_PAGE;
	ex->page = PROBLEM_DEVICE;
	ex->durable = true;
	metric_add(ex->w->metrics, METRIC_DEV_WANTED, 1);
	return true;
}

bool
device_refused(const struct exchange *ex)
{
	return ex->reason == REASON_PROOF_MISSING || ex->reason == REASON_PROOF_LATE ||
	       ex->reason == REASON_PROOF_WANTED;
}

bool
device_lapsed(const struct exchange *ex)
{
	struct session *s = ex->session;
	uint64_t age_s = (ex->w->net.loop.now - ex->t_start) / CLOCK_SEC;
	bool keyed;

	if (!device_is_on(ex) || !exchange_is_stream(ex))
		return false;
	session_lock(s);
	keyed = s->device.key.alg != DEVKEY_NONE && s->device.bound;
	session_unlock(s);
	/* What was opened before there was a key has a minute to come back with one. */
	return keyed && (ex->device.until_s == 0 ? age_s >= DEVICE_GRACE_S
						 : worker_now_s(ex->w) >= ex->device.until_s);
}

/* ---- the answer ---- */

struct span
device_cookie(struct exchange *ex, const struct session *s, uint64_t proof_s)
{
	uint64_t life = exchange_site(ex)->device_cookie_ms / 1000;
	uint64_t late = life / 2 < DEVICE_LATE_S ? life / 2 : DEVICE_LATE_S;
	struct token t = {.kind = TOKEN_DBSC, .issued_s = proof_s, .expires_s = proof_s + life + late};
	char text[TOKEN_TEXT];

	memcpy(t.session, s->id, sizeof(t.session));
	token_make(ex->w->mac, &t, text);
	return device_set_cookie(ex, text, life);
}

static void
device_add(struct reply *r, struct span name, struct span value)
{
	if (value.n > 0)
		(void)fields_add(&r->fields, name, value);
}

/* The same request again, on this host whatever its path looks like. */
static void
device_again(struct exchange *ex, struct reply *r)
{
	const struct h1_request *rq = &ex->req;
	struct span host = {NULL, 0};
	size_t cap;
	char *v;

	(void)fields_one(&rq->fields, FIELD_HOST, &host);
	cap = host.n + rq->path.n + rq->query.n + sizeof("https://?");
	v = arena_get(&ex->arena, cap);
	if (v == NULL)
		return;
	snprintf(v, cap, "https://%.*s%.*s%s%.*s", (int)host.n, (const char *)host.p,
	    (int)rq->path.n, (const char *)rq->path.p, rq->has_query ? "?" : "",
	    (int)rq->query.n, (const char *)rq->query.p);
	device_add(r, SPAN_LIT("Location"), span_str(v));
}

/* What the browser holds is of no use: without it, it proves its key before the next request. */
static void
device_fields_lacking(struct exchange *ex, struct reply *r)
{
	char *round;

	if (ex->reason == REASON_PROOF_WANTED)
		device_again(ex, r);
	if (ex->device.carried)
		device_add(r, SPAN_LIT("Set-Cookie"), device_set_cookie(ex, "", 0));
	if (!ex->device.sends_round || (round = arena_get(&ex->arena, DEVICE_TEXT)) == NULL)
		return;
	snprintf(round, DEVICE_TEXT,
	    "__Host-warifu-round=%u; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%d",
	    ex->device.bounces + 1, DEVICE_ROUND_S);
	device_add(r, SPAN_LIT("Set-Cookie"), span_str(round));
}

void
device_fields(struct exchange *ex, struct reply *r)
{
	const struct device *d = &ex->device;
	bool backend = ex->answer == ANSWER_BACKEND;

	if (ex->site == NULL || (ex->answer != ANSWER_DEVICE && !device_is_on(ex)))
		return;
	if (ex->reason == REASON_PROOF_MISSING || ex->reason == REASON_PROOF_WANTED) {
		device_fields_lacking(ex, r);
	} else if (ex->answer == ANSWER_DEVICE || (backend && ex->has_new_session)) {
		device_add(r, SPAN_LIT("Secure-Session-Registration"), d->offer);
		device_add(r, SPAN_LIT("Secure-Session-Challenge"), d->challenge);
		device_add(r, SPAN_LIT("Set-Cookie"), d->cookie);
	} else if (backend && ex->ended_session) {
		device_add(r, SPAN_LIT("Set-Cookie"), device_set_cookie(ex, "", 0));
	}
}
