/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KNOW: which session do this request's credentials lead to?
 */
#include "proxy/gate/binding.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/credential.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/rates.h"
#include "proxy/gate/revoked.h"

static void
know_stranger(struct exchange *ex, struct credential *c)
{
	struct table_prelogin pre;
	uint8_t source[MAP_KEY];

	limits_address_key(&ex->client, source);
	if (table_prelogin_find(ex->w->gate->table, c->key, &pre) &&
	    memcmp(pre.source, source, sizeof(source)) == 0)
		c->known = KNOWN_PRELOGIN;
}

/* A value that the backend replaced is good for a moment, for requests under way. */
static bool
know_good(struct session *s, const struct credential *c, uint64_t now_s)
{
	bool good;

	session_lock(s);
	good = session_cred_good(s, c->key, now_s);
	session_unlock(s);
	return good;
}

/* One credential; false when it leads to another live session than one before it. */
static bool
know_one(struct exchange *ex, struct credential *c)
{
	struct session *s = table_find(ex->w->gate->table, c->key);

	if (s != NULL && !know_good(s, c, worker_now_s(ex->w))) {
		table_unref(s);
		s = NULL;
	}
	if (s == NULL) {
		know_stranger(ex, c);
	} else if (session_is_live(s, worker_now_s(ex->w))) {
		c->known = KNOWN_LIVE;
		if (ex->known == KNOWN_LIVE && ex->session != s) {
			table_unref(s);
			return false;
		}
	} else {
		c->known = atomic_load(&s->state) == SESSION_REVOKED ? KNOWN_REVOKED
								      : KNOWN_ENDED;
	}
	/* A live session is the one; an ended one is kept for the record. */
	if (s != NULL && (ex->session == NULL || c->known > ex->known)) {
		table_unref(ex->session);
		ex->session = s;
	} else {
		table_unref(s);
	}
	if (c->known > ex->known)
		ex->known = c->known;
	return true;
}

/*
 * A session that began before warifu stood here. Only until the date in the settings,
 * and it carries a mark: it reaches nothing sensitive without a login.
 */
static void
know_adopt(struct exchange *ex)
{
	const struct conf_site *site = exchange_site(ex);
	uint64_t now = worker_now_s(ex->w);

	if (ex->known != KNOWN_STRANGER || site->adopt_until <= (int64_t)now ||
	    ex->class == RECIPE_OPEN)
		return;
	if (!rates_adopt(ex))
		return;
	if (binding_adopt(ex) == 0)
		ex->known = KNOWN_LIVE;
}

/* Somebody planted a cookie beside the owner's: worth a record of its own. */
static void
know_tossing(struct exchange *ex)
{
	struct journal_event ev = {.event = REC_EVENT_TOSSING, .ex = ex,
	    .session = ex->session, .alarm = true};

	if (rates_event(ex))
		(void)journal_event(ex->w, &ev, NULL);
}

enum step_result
step_know(struct exchange *ex)
{
	enum reason r = credential_collect(ex);

	for (unsigned i = 0; i < ex->n_creds; i++)
		if (!know_one(ex, &ex->creds[i]) && r == REASON_NONE)
			r = REASON_CREDENTIAL_AMBIGUOUS;
	know_adopt(ex);
	if (ex->tossing)
		know_tossing(ex);
	if (r != REASON_NONE && (exchange_enforces(ex) || revoked_in_any_reading(ex)))
		return exchange_refuse(ex, r,
		    ex->tossing ? PROBLEM_TOSSING : PROBLEM_BAD_REQUEST);
	return STEP_NEXT;
}
