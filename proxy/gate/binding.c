/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/binding.h"

enum { BINDING_ADOPTED_SHARE = 4 };

#include "proxy/gate/continuity.h"
#include "proxy/gate/credential.h"
#include "proxy/gate/heads.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/login.h"
#include "proxy/gate/relay.h"
#include "proxy/gate/rewrite.h"

static bool
binding_add_key(struct session *s, enum recipe_carrier_kind carrier, const uint8_t key[16])
{
	struct session_cred *c;

	for (unsigned i = 0; i < s->n_creds; i++)
		if (memcmp(s->creds[i].key, key, SESSION_KEY_LEN) == 0)
			return true;
	if (s->n_creds == SESSION_CREDS)
		return false;
	c = &s->creds[s->n_creds++];
	memcpy(c->key, key, SESSION_KEY_LEN);
	c->carrier = (uint8_t)carrier;
	c->until_s = 0;
	return true;
}

static void
binding_add_value(struct exchange *ex, struct session *s, enum recipe_carrier_kind carrier,
    struct span name, struct span value)
{
	uint8_t key[SESSION_KEY_LEN];

	credential_key(ex->w, exchange_site(ex)->name, carrier, name, value, key);
	(void)binding_add_key(s, carrier, key);
	table_prelogin_del(ex->w->gate->table, key);
}

static void
binding_cookie_creds(struct exchange *ex, struct session *s)
{
	struct login_cookie set[LOGIN_COOKIES];
	size_t n = login_cookies(ex, set);

	for (size_t i = 0; i < n; i++)
		if (!set[i].deletes)
			binding_add_value(ex, s, RECIPE_COOKIE, set[i].name, set[i].value);
	/* A cookie from before the login that the backend did not replace. */
	for (unsigned i = 0; i < ex->n_creds; i++) {
		const struct credential *c = &ex->creds[i];
		bool replaced = c->carrier != RECIPE_COOKIE; /* a token stays what it is */

		for (size_t k = 0; k < n; k++)
			replaced |= span_eq(set[k].name, c->name);
		if (!replaced && rewrite_passes(ex, c) && c->known != KNOWN_NONE) {
			(void)binding_add_key(s, (enum recipe_carrier_kind)c->carrier, c->key);
			table_prelogin_del(ex->w->gate->table, c->key);
		}
	}
}

static void
binding_token_creds(struct exchange *ex, struct session *s)
{
	const struct conf_site *site = exchange_site(ex);
	struct span token = login_token(ex);

	if (token.n == 0)
		return;
	for (size_t i = 0; i < site->n_carriers; i++)
		if (site->carriers[i].kind != RECIPE_COOKIE)
			binding_add_value(ex, s, site->carriers[i].kind, span_of(NULL, 0), token);
}

static void
binding_fill_session(struct exchange *ex, struct session *s)
{
	const struct conf_site *site = exchange_site(ex);
	uint64_t now = worker_now_s(ex->w);
	struct heads heads = heads_see(ex);

	memset(s, 0, sizeof(*s));
	digest_random(s->id, sizeof(s->id));
	atomic_store(&s->state, SESSION_LIVE);
	atomic_store(&s->last_s, now);
	s->site_n = (uint8_t)(site->name.n < SESSION_SITE_MAX ? site->name.n
							      : SESSION_SITE_MAX - 1);
	memcpy(s->site, site->name.p, s->site_n);
	s->user_n = (uint8_t)ex->user.n;
	if (ex->user.n > 0)
		memcpy(s->user, ex->user.p, ex->user.n);
	s->user_how = ex->user_how;
	s->created_s = now;
	s->expires_s = now + site->lifetime_ms / 1000;
	s->idle_s = site->session_idle_ms / 1000;
	s->contexts[0] = ex->seen;
	s->contexts[0].flags |= CONTEXT_ACCEPTED;
	s->contexts[0].first_s = s->contexts[0].last_s = now;
	s->n_contexts = 1;
	heads_learn(ex, &heads, s, true);
}

/* The session that this login came with, if its credential went along. */
static struct session *
binding_previous(const struct exchange *ex)
{
	return ex->known == KNOWN_LIVE && !ex->strip ? ex->session : NULL;
}

/* A cookie that the browser gives up for the new one. A token is the application's to keep:
 * Ride The Lightning asks for the password before it sends coins, and works on with the
 * token that it had. */
static bool
binding_replaces(const struct exchange *ex)
{
	for (unsigned i = 0; i < ex->n_creds; i++)
		if (ex->creds[i].carrier == RECIPE_COOKIE && ex->creds[i].known == KNOWN_LIVE)
			return true;
	return false;
}

static bool
binding_same_user(const struct session *a, const struct session *b)
{
	return a->user_n == b->user_n && memcmp(a->user, b->user, a->user_n) == 0;
}

/* A credential of `prev` that the new session would take over unchanged. */
static bool
binding_keeps_key(const struct session *prev, const struct session *s)
{
	for (unsigned i = 0; i < prev->n_creds; i++)
		for (unsigned k = 0; k < s->n_creds; k++)
			if (memcmp(prev->creds[i].key, s->creds[k].key,
				SESSION_KEY_LEN) == 0)
				return true;
	return false;
}

static void
binding_end_previous(struct exchange *ex, struct session *prev)
{
	struct journal_event ev = {.event = REC_EVENT_LOGOUT, .ex = ex, .session = prev,
	    .end = true, .detail = "replaced by a new login"};

	ex->ended_session = table_end(prev, SESSION_ENDED);
	if (ex->ended_session)
		(void)journal_event(ex->w, &ev, NULL);
}

enum step_result
binding_refuse(struct exchange *ex, enum reason why)
{
	struct journal_event ev = {.event = REC_EVENT_LOGIN_FAILED, .ex = ex,
	    .session = binding_previous(ex), .detail = reason_name(why),
	    .alarm = why == REASON_LOGIN_UNCHANGED};
	enum step_result r = relay_broken(ex, why);

	(void)journal_event(ex->w, &ev, NULL);

	ex->page = why == REASON_BIND_FAILED ? PROBLEM_UNAVAILABLE : PROBLEM_REFUSED;
	return r;
}

/* Who has more sessions than anybody needs loses the one that is idle longest. */
static void
binding_trim_user(struct exchange *ex, const struct session *s)
{
	uint64_t max = exchange_conf(ex)->limits.sessions_user;
	struct session *old;

	while (exchange_enforces(ex) &&
	       (old = table_user_surplus(ex->w->gate->table, s, max, worker_now_s(ex->w))) !=
		   NULL) {
		struct journal_event ev = {.event = REC_EVENT_LOGOUT, .ex = ex, .session = old,
		    .end = true, .detail = "the user has too many sessions"};

		if (table_end(old, SESSION_ENDED))
			(void)journal_event(ex->w, &ev, NULL);
		metric_add(ex->w->metrics, METRIC_LIM_SESSIONS, 1);
		table_unref(old);
	}
}

/* Puts the new session into table and ring. */
static int
binding_add(struct exchange *ex, const struct session *from, const struct session *over)
{
	struct journal_event ev = {.event = REC_EVENT_BIND, .ex = ex, .put = true};
	struct session *s;
	int err = table_add(ex->w->gate->table, from, over, worker_now_s(ex->w), &s);

	if (err != 0)
		return err;
	ev.session = s;
	err = journal_event(ex->w, &ev, &ex->wait_seq);
	if (err != 0) {
		(void)table_end(s, SESSION_ENDED);
		table_unref(s);
		return err;
	}
	memcpy(ex->new_session, s->id, sizeof(s->id));
	ex->has_new_session = true;
	continuity_issue(ex, s);
	binding_trim_user(ex, s);
	table_unref(s);
	return 0;
}

/* A session that lives and has one of these credentials, with a reference. */
static struct session *
binding_twin(struct exchange *ex, const struct session *from)
{
	for (unsigned i = 0; i < from->n_creds; i++) {
		struct session *s = table_find(ex->w->gate->table, from->creds[i].key);

		if (s != NULL && session_is_live(s, worker_now_s(ex->w)))
			return s;
		table_unref(s);
	}
	return NULL;
}

/* This context has proved itself; the login's other credentials lead there too. */
static int
binding_accept(struct exchange *ex, struct session *s, const struct session *from)
{
	struct session_context *ctx;
	bool fresh;
	int err = 0;

	session_lock(s);
	for (unsigned i = 0; i < from->n_creds && err == 0; i++)
		err = table_add_cred(ex->w->gate->table, s, &from->creds[i]);
	ctx = err == 0 ? session_context_touch(s, &ex->seen, worker_now_s(ex->w), &fresh) : NULL;
	if (err == 0 && ctx == NULL)
		err = WF_EFULL; /* the next second's login has a credential of its own */
	if (err == 0) {
		ctx->flags |= CONTEXT_ACCEPTED;
		ctx->flags &= (uint8_t)~CONTEXT_CHALLENGED;
		for (unsigned i = 0; i < from->n_chains; i++)
			session_chain_add(s, from->chains[i]);
		s->flags = 0; /* its login was seen now */
		/* Whom the backend cannot tell apart cannot be held to one device's key. */
		s->device = (struct session_device){0};
	}
	session_unlock(s);
	return err;
}

/*
 * The backend answered with the very credential of a session that lives: some make tokens
 * of nothing but the user and the second. The two cannot be told apart there, so they are
 * one session here, with one holder more; the holders before lose nothing, and a copy in
 * any other context is as foreign as it was. Another user's it must not be.
 */
static int
binding_join(struct exchange *ex, const struct session *from, enum reason *why)
{
	struct journal_event ev = {.event = REC_EVENT_BIND, .ex = ex, .put = true,
	    .detail = "one more holder: the backend gave a live session's credential again"};
	struct session *s = binding_twin(ex, from);
	int err = WF_EEXISTS;

	if (s == NULL)
		return WF_MORE; /* it ended in between */
	if (s->user_n > 0 && !binding_same_user(s, from)) {
		*why = REASON_LOGIN_UNCHANGED;
	} else {
		err = binding_accept(ex, s, from);
		ev.session = s;
		if (err == 0)
			err = journal_event(ex->w, &ev, &ex->wait_seq);
		if (err == 0)
			continuity_issue(ex, s);
	}
	table_unref(s);
	return err;
}

static int
binding_bind(struct exchange *ex, const struct session *from, const struct session *over,
    enum reason *why)
{
	int err = WF_MORE;

	for (int tries = 0; tries < 3 && err == WF_MORE; tries++) {
		err = binding_add(ex, from, over);
		if (err == WF_EEXISTS)
			err = binding_join(ex, from, why);
	}
	return err;
}

enum step_result
binding_login(struct exchange *ex)
{
	struct session *prev = binding_previous(ex);
	const struct session *over = binding_replaces(ex) ? prev : NULL;
	enum reason why = REASON_BIND_FAILED;
	struct session s;

	login_read_user(ex);
	if (ex->user.n == 0 && ex->login->user_from != RECIPE_USER_NONE &&
	    exchange_enforces(ex))
		return binding_refuse(ex, REASON_LOGIN_USER);
	binding_fill_session(ex, &s);
	continuity_claim(ex, &s);
	device_offer(ex, &s);
	binding_cookie_creds(ex, &s);
	binding_token_creds(ex, &s);
	if (s.n_creds == 0) {
		exchange_learned(ex, "login without a session credential");
		return STEP_NEXT;
	}
	if (prev != NULL && exchange_enforces(ex) && prev->user_n > 0 &&
	    binding_keeps_key(prev, &s) && !binding_same_user(prev, &s))
		return binding_refuse(ex, REASON_LOGIN_UNCHANGED);
	if (binding_bind(ex, &s, over, &why) != 0)
		return exchange_enforces(ex) ? binding_refuse(ex, why) : STEP_NEXT;
	metric_add(ex->w->metrics, METRIC_EV_LOGIN, 1);
	/* A challenge is answered by logging in again (security model 8). */
	metric_add(ex->w->metrics, METRIC_CHAL_PASSED, ex->ctx_challenged);
	exchange_learned(ex, "login");
	if (over != NULL)
		binding_end_previous(ex, prev);
	if (ex->has_new_session)
		device_supersede(ex);
	return STEP_WAIT;
}

int
binding_adopt(struct exchange *ex)
{
	struct session s, *out;
	int err;

	/* A share of the table: whoever invents cookies leaves room for logins. */
	if (table_adopted(ex->w->gate->table) >=
	    exchange_conf(ex)->limits.sessions / BINDING_ADOPTED_SHARE)
		return WF_EFULL;

	binding_fill_session(ex, &s);
	s.n_contexts = 0; /* the first request's context becomes the reference */
	s.flags = SESSION_ADOPTED;
	for (unsigned i = 0; i < ex->n_creds; i++)
		(void)binding_add_key(&s, (enum recipe_carrier_kind)ex->creds[i].carrier,
		    ex->creds[i].key);
	err = table_add(ex->w->gate->table, &s, NULL, s.created_s, &out);
	if (err != 0)
		return err;
	table_unref(ex->session);
	ex->session = out;
	ex->adopting = true;
	for (unsigned i = 0; i < ex->n_creds; i++)
		ex->creds[i].known = KNOWN_LIVE;
	return 0;
}

void
binding_adopted(struct exchange *ex, bool known)
{
	struct journal_event ev = {.event = REC_EVENT_ADOPT, .ex = ex, .put = true,
	    .session = ex->session};

	if (!ex->adopting)
		return;
	ex->adopting = false;
	if (!known) {
		table_forget(ex->w->gate->table, ex->session);
		return;
	}
	(void)journal_event(ex->w, &ev, NULL);
	metric_add(ex->w->metrics, METRIC_EV_ADOPTED, 1);
}
