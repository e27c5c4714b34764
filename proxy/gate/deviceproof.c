/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/deviceproof.h"

#include <stdio.h>

#include "proxy/base/text.h"
#include "proxy/device/challenge.h"
#include "proxy/device/proof.h"
#include "proxy/gate/device.h"
#include "proxy/gate/journal.h"
#include "proxy/gate/rates.h"
#include "proxy/wire/ua.h"

enum { DEVICEPROOF_NAME = 2 + 22, DEVICEPROOF_TEXT = 768 };

/* A challenge is answered at once; a person takes no part. */
#define DEVICEPROOF_AGE_NS (UINT64_C(60) * 1000000000u)

/* ---- names ---- */

/* "s-" and the session's id. */
static void
deviceproof_name(const uint8_t id[SESSION_ID_LEN], char out[DEVICEPROOF_NAME + 1])
{
	out[0] = 's';
	out[1] = '-';
	text_b64url(span_of(id, SESSION_ID_LEN), out + 2);
}

static bool
deviceproof_id(struct span name, uint8_t id[SESSION_ID_LEN])
{
	size_t n;

	return name.n == DEVICEPROOF_NAME && span_starts(name, SPAN_LIT("s-")) &&
	       text_unb64url(span_tail(name, 2), id, SESSION_ID_LEN, &n) == 0 &&
	       n == SESSION_ID_LEN;
}

/* A field's one value, bare or in quotes. */
static bool
deviceproof_field(const struct exchange *ex, const char *name, struct span *out)
{
	struct span v;

	return fields_one_name(&ex->req.fields, span_str(name), &v) == 0 &&
	       proof_unquote(v, out) == 0;
}

enum device_ask
deviceproof_ask(const struct exchange *ex)
{
	if (ex->portal_host || !device_is_set(ex) || ex->req.method != METHOD_POST)
		return DEVICE_ASKS_NOTHING;
	return span_eq(ex->normal, SPAN_LIT(DEVICEPROOF_REGISTER))  ? DEVICE_ASKS_REGISTER
	       : span_eq(ex->normal, SPAN_LIT(DEVICEPROOF_REFRESH)) ? DEVICE_ASKS_REFRESH
								    : DEVICE_ASKS_NOTHING;
}

/* ---- both ---- */

static struct session *
deviceproof_session(struct exchange *ex, const uint8_t id[SESSION_ID_LEN])
{
	struct session *s = table_find_id(ex->w->gate->table, id);

	if (s != NULL && session_is_live(s, worker_now_s(ex->w)) &&
	    span_eq(session_site(s), exchange_site(ex)->name))
		return s;
	table_unref(s);
	return NULL;
}

/* From now on this is a request of that session, with a record of its own. */
static void
deviceproof_take(struct exchange *ex, struct session *s)
{
	ex->session = s;
	ex->known = KNOWN_LIVE;
}

/* The browser's own word, where it gives one. */
static bool
deviceproof_same_origin(const struct exchange *ex)
{
	struct span scheme = SPAN_LIT("https://"), v;
	struct authority a;

	if (fields_one(&ex->req.fields, FIELD_ORIGIN, &v) != 0)
		return fields_find(&ex->req.fields, FIELD_ORIGIN, 0) == NULL;
	return span_istarts(v, scheme) && authority_parse(span_tail(v, scheme.n), &a) == 0 &&
	       authority_host_eq(a.host, ex->req.authority.host);
}

static void
deviceproof_event(struct exchange *ex, struct session *s, const char *detail)
{
	struct journal_event ev = {.event = REC_EVENT_DEVICE_WRONG, .ex = ex, .session = s,
	    .detail = detail, .alarm = true};

	metric_add(ex->w->metrics, METRIC_DEV_WRONG, 1);
	ex->reason = REASON_PROOF_WRONG;
	if (rates_alarm(ex, s))
		(void)journal_event(ex->w, &ev, NULL);
}

/* ---- registration ---- */

/* Why this is not the key of the login that offered the challenge; NULL: it is. */
static const char *
deviceproof_flaw(struct exchange *ex, struct session *s, const struct proof *p, uint64_t stamp)
{
	bool offered;

	session_lock(s);
	offered = s->device.key.alg == DEVKEY_NONE && s->device.offer_ns == stamp;
	session_unlock(s);
	if (!offered)
		return "the session has a key, or made another offer";
	if (ex->w->net.loop.wall > stamp + DEVICEPROOF_AGE_NS)
		return "the offer is over";
	if (!device_is_home(ex, s))
		return "not from where the login came";
	if (p->authorization.n > 0 || !p->has_key || proof_verify(p, &p->key) != 0 ||
	    devkey_thumbprint(&p->key, ex->device.thumb) != 0)
		return "the key does not fit the proof";
	return NULL;
}

static void
deviceproof_register(struct exchange *ex)
{
	struct proof *p = arena_get(&ex->arena, sizeof(*p));
	uint8_t id[SESSION_ID_LEN];
	struct session *s;
	struct span text;
	uint64_t stamp;
	const char *flaw;

	ex->device.status = 400;
	ex->reason = REASON_PROOF_WRONG;
	if (p == NULL || !deviceproof_same_origin(ex) ||
	    !deviceproof_field(ex, "secure-session-response", &text) ||
	    proof_read(text, p) != 0 ||
	    challenge_read(ex->w->mac, CHALLENGE_REGISTER, p->jti, id, &stamp) != 0 ||
	    (s = deviceproof_session(ex, id)) == NULL)
		return;
	flaw = deviceproof_flaw(ex, s, p, stamp);
	if (flaw != NULL) {
		deviceproof_event(ex, s, flaw);
		table_unref(s);
		return;
	}
	ex->reason = REASON_NONE;
	ex->device.status = 200;
	ex->device.key = &p->key;
	ex->device.stamp_ns = stamp;
	deviceproof_take(ex, s);
}

/* ---- refresh ---- */

/* Stamps only grow, also when the clock goes back: else it would lock out the device. */
static void
deviceproof_ask_again(struct exchange *ex, struct session *s)
{
	char challenge[CHALLENGE_TEXT], name[DEVICEPROOF_NAME + 1];
	uint64_t stamp = ex->w->net.loop.wall;
	char *v = arena_get(&ex->arena, DEVICEPROOF_TEXT);

	session_lock(s);
	if (stamp <= s->device.stamp_ns)
		stamp = s->device.stamp_ns + 1;
	session_unlock(s);
	challenge_make(ex->w->mac, CHALLENGE_REFRESH, s->id, stamp, challenge);
	deviceproof_name(s->id, name);
	ex->device.status = v == NULL ? 503 : 403;
	if (v == NULL)
		return;
	snprintf(v, DEVICEPROOF_TEXT, "\"%s\";id=\"%s\"", challenge, name);
	ex->device.challenge = span_str(v);
}

/* The browser ends its side in order. */
static void
deviceproof_over(struct exchange *ex, struct span name)
{
	char *v = arena_get(&ex->arena, DEVICEPROOF_TEXT);

	ex->device.status = v == NULL ? 503 : 200;
	if (v == NULL)
		return;
	snprintf(v, DEVICEPROOF_TEXT, "{\"session_identifier\":\"%.*s\",\"continue\":false}",
	    (int)name.n, (const char *)name.p);
	ex->device.body = span_str(v);
}

/*
 * The device that logged in is here: what the policy would have asked the person for is
 * answered, for this place and program. Lock held. True: it was new.
 */
static bool
deviceproof_accept(struct exchange *ex, struct session *s)
{
	struct session_context *c;
	bool fresh, roamed;

	c = session_context_touch(s, &ex->seen, worker_now_s(ex->w), &fresh);
	if (c == NULL)
		return false;
	roamed = !(c->flags & CONTEXT_ACCEPTED);
	c->flags |= CONTEXT_ACCEPTED;
	c->flags &= (uint8_t)~CONTEXT_CHALLENGED;
	c->forced = 0;
	return roamed;
}

/* The one proof that a challenge is good for: it is spent here, whatever comes of the rest. */
static bool
deviceproof_spend(struct exchange *ex, struct session *s, uint64_t stamp)
{
	bool good;

	session_lock(s);
	good = stamp > s->device.stamp_ns &&
	       ex->w->net.loop.wall <= stamp + DEVICEPROOF_AGE_NS;
	if (good) {
		memcpy(ex->device.thumb, s->device.thumb, sizeof(ex->device.thumb));
		s->device.stamp_ns = stamp;
		s->device.proof_s = worker_now_s(ex->w);
		s->device.bound = true;
		ex->bound = s->contexts[0];
		ex->device.roamed = deviceproof_accept(ex, s);
	}
	session_unlock(s);
	return good;
}

enum deviceproof_is { DEVICEPROOF_GOOD, DEVICEPROOF_STALE, DEVICEPROOF_WRONG };

static enum deviceproof_is
deviceproof_judge(struct exchange *ex, struct session *s, struct span text)
{
	struct proof *p = arena_get(&ex->arena, sizeof(*p));
	uint8_t id[SESSION_ID_LEN];
	struct devkey key;
	uint64_t stamp;

	if (p == NULL)
		return DEVICEPROOF_STALE;
	session_lock(s);
	key = s->device.key;
	session_unlock(s);
	if (proof_read(text, p) != 0 || p->has_key || proof_verify(p, &key) != 0)
		return DEVICEPROOF_WRONG;
	if (challenge_read(ex->w->mac, CHALLENGE_REFRESH, p->jti, id, &stamp) != 0 ||
	    memcmp(id, s->id, sizeof(id)) != 0)
		return DEVICEPROOF_STALE;
	return deviceproof_spend(ex, s, stamp) ? DEVICEPROOF_GOOD : DEVICEPROOF_STALE;
}

static void
deviceproof_answer(struct exchange *ex, struct session *s, struct span text)
{
	switch (deviceproof_judge(ex, s, text)) {
	case DEVICEPROOF_GOOD:
		metric_add(ex->w->metrics, METRIC_DEV_PROVEN, 1);
		ex->device.status = 200;
		return;
	case DEVICEPROOF_STALE:
		metric_add(ex->w->metrics, METRIC_DEV_STALE, 1);
		break;
	case DEVICEPROOF_WRONG:
		deviceproof_event(ex, s, "a signature that is not the device's");
		break;
	}
	deviceproof_ask_again(ex, s);
}

static void
deviceproof_refresh(struct exchange *ex)
{
	uint8_t id[SESSION_ID_LEN];
	struct session *s = NULL;
	struct span name, text;
	bool keyed = false;

	ex->device.status = 400;
	ex->reason = REASON_PROOF_WRONG;
	if (!deviceproof_same_origin(ex) ||
	    !deviceproof_field(ex, "sec-secure-session-id", &name) || !deviceproof_id(name, id))
		return;
	ex->reason = REASON_NONE;
	s = deviceproof_session(ex, id);
	if (s != NULL) {
		session_lock(s);
		keyed = s->device.key.alg != DEVKEY_NONE;
		session_unlock(s);
	}
	if (!keyed) {
		deviceproof_over(ex, name);
	} else if (deviceproof_field(ex, "secure-session-response", &text)) {
		deviceproof_answer(ex, s, text);
	} else {
		metric_add(ex->w->metrics, METRIC_DEV_ASKED, 1);
		deviceproof_ask_again(ex, s);
	}
	if (ex->device.status == 200 && keyed)
		deviceproof_take(ex, s);
	else
		table_unref(s);
}

enum step_result
deviceproof_decide(struct exchange *ex)
{
	ex->answer = ANSWER_DEVICE;
	ex->verdict = VERDICT_ALLOW;
	if (ex->device.ask == DEVICE_ASKS_REGISTER)
		deviceproof_register(ex);
	else
		deviceproof_refresh(ex);
	ex->t_decided = ex->w->net.loop.mono_ns();
	return STEP_NEXT;
}

/* ---- what follows ---- */

/* The instructions that Chromium keeps: the name, where to refresh, which cookie. */
static struct span
deviceproof_instructions(struct exchange *ex)
{
	char name[DEVICEPROOF_NAME + 1], *v = arena_get(&ex->arena, DEVICEPROOF_TEXT);

	if (v == NULL)
		return span_of(NULL, 0);
	deviceproof_name(ex->session->id, name);
	snprintf(v, DEVICEPROOF_TEXT,
	    "{\"session_identifier\":\"%s\",\"refresh_url\":\"" DEVICEPROOF_REFRESH "\","
	    "\"scope\":{\"include_site\":false,\"scope_specification\":"
	    "[{\"type\":\"exclude\",\"domain\":\"*\",\"path\":\"/.warifu/\"}]},"
	    "\"credentials\":[{\"type\":\"cookie\",\"name\":\"__Host-warifu\","
	    "\"attributes\":\"Path=/; Secure; HttpOnly; SameSite=Lax\"}]}",
	    name);
	return span_str(v);
}

/* Of two registrations that come at once the first has it. */
static bool
deviceproof_enrol(struct exchange *ex, struct session *s)
{
	struct session_device *d = &s->device;
	bool mine;

	session_lock(s);
	mine = d->key.alg == DEVKEY_NONE && d->offer_ns == ex->device.stamp_ns;
	if (mine) {
		d->key = *ex->device.key;
		memcpy(d->thumb, ex->device.thumb, sizeof(d->thumb));
		d->since_s = d->proof_s = worker_now_s(ex->w);
		d->stamp_ns = ex->device.stamp_ns;
		d->offer_ns = 0;
	}
	session_unlock(s);
	return mine;
}

static void
deviceproof_fail(struct exchange *ex, unsigned status)
{
	ex->device.status = status;
	ex->device.key = NULL;
	ex->device.cookie = ex->device.body = span_of(NULL, 0);
}

/* Its answer never went out, so no browser has this key. */
static void
deviceproof_take_back(struct exchange *ex)
{
	struct session *s = ex->session;
	struct journal_event ev = {.event = REC_EVENT_DEVICE_REVOKE, .ex = ex, .session = s,
	    .put = true, .detail = "the registration was not durable in time"};

	session_lock(s);
	s->device = (struct session_device){0};
	session_unlock(s);
	(void)journal_event(ex->w, &ev, NULL);
}

/* "JP AS17676 -> JP AS9605": from where the login came, and from where the proof. */
static void
deviceproof_roamed(struct exchange *ex, char *out, size_t cap)
{
	const struct session_context *a = &ex->bound, *b = &ex->seen;

	metric_add(ex->w->metrics, METRIC_DEV_ROAMED, 1);
	snprintf(out, cap, "accepted for its proof: %.2s AS%u %s %u -> %.2s AS%u %s %u", a->country[0],
	    a->asn, ua_family_name((enum ua_family)a->ua_family), a->ua_major, b->country[0], b->asn,
	    ua_family_name((enum ua_family)b->ua_family), b->ua_major);
}

static void
deviceproof_tell(struct exchange *ex)
{
	char detail[128];
	struct session *s = ex->session;
	struct journal_event ev = {.event = REC_EVENT_DEVICE_PROOF, .ex = ex, .session = s,
	    .put = true, .device = span_of(ex->device.thumb, sizeof(ex->device.thumb))};

	if (ex->device.key != NULL) {
		ev.event = REC_EVENT_DEVICE_ENROL;
		if (!deviceproof_enrol(ex, s)) {
			deviceproof_fail(ex, 400);
			return;
		}
		ex->device.body = deviceproof_instructions(ex);
		metric_add(ex->w->metrics, METRIC_DEV_ENROLLED, 1);
	}
	if (ex->device.roamed) {
		deviceproof_roamed(ex, detail, sizeof(detail));
		ev.detail = detail;
	}
	ex->device.cookie = device_cookie(ex, s, worker_now_s(ex->w));
	if (journal_event(ex->w, &ev, &ex->wait_seq) == 0)
		return;
	if (ex->device.key != NULL)
		deviceproof_take_back(ex);
	deviceproof_fail(ex, 503);
}

/*
 * A key is on disk before the browser counts on it: a session that came back without it
 * would answer its refreshes with an end. What a proof moves is told, and waited for alike:
 * a log that does not answer gives no cookies (design 2.8).
 */
enum step_result
deviceproof_act(struct exchange *ex)
{
	bool timed_out = ex->waiting && ex->wait_seq == 0;

	if (!ex->waiting) {
		ex->wait_seq = 0;
		if (ex->known == KNOWN_LIVE && ex->device.status == 200)
			deviceproof_tell(ex);
	}
	if (timed_out) {
		if (ex->device.key != NULL)
			deviceproof_take_back(ex);
		deviceproof_fail(ex, 503);
	}
	if (ex->wait_seq != 0 && journal_waits(ex->w, ex->wait_seq)) {
		exchange_wait_commit(ex);
		return STEP_WAIT;
	}
	exchange_waited(ex);
	exchange_jump(ex, STEP_DELIVER);
	return STEP_NEXT;
}
