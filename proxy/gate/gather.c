/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GATHER: what is seen now, beside what was bound at the login. No IO, no allocation.
 *
 * A fact is known only where both sides are: a header that is absent, an address without
 * a record, a program behind an inspecting network leave it unknown (design 2.4).
 */
#include "proxy/gate/gather.h"

#include <stdio.h>

#include "proxy/base/text.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/heads.h"

static void
gather_seen(struct exchange *ex)
{
	struct session_context *s = &ex->seen;
	struct conn *c = ex->conn;
	const struct place *p = conn_place(c, ex->ws->snap, &ex->client);
	const struct conf_network *net = conf_network_find(exchange_site(ex), &ex->client);
	struct span agent = {NULL, 0}, brands = {NULL, 0}, platform = {NULL, 0};
	const struct ua *ua;

	(void)fields_one(&ex->req.fields, FIELD_USER_AGENT, &agent);
	(void)fields_one(&ex->req.fields, FIELD_SEC_CH_UA, &brands);
	(void)fields_one(&ex->req.fields, FIELD_SEC_CH_UA_PLATFORM, &platform);
	ua = ua_read_again(&c->agent, agent, brands, platform);
	s->ua_family = (uint8_t)ua->family;
	s->ua_system = (uint8_t)ua->os;
	s->ua_major = ua->major > 0xffff ? 0 : (uint16_t)ua->major;
	memcpy(s->addr, ex->client.b, sizeof(s->addr));
	s->flags = CONTEXT_HAS_ADDR;
	if (c->has_core && (net == NULL || !net->inspects)) {
		memcpy(s->core, c->core, sizeof(s->core));
		memcpy(s->soft, c->soft, sizeof(s->soft));
		s->tls_family = (uint8_t)c->family;
		s->flags |= CONTEXT_HAS_CORE;
	}
	if (net == NULL || !net->inspects)
		s->h2 = c->h2_print;
	for (int i = 0; i < 2; i++)
		memcpy(s->country[i], p->source[i], 2);
	s->asn = p->asn;
	s->syn = 0;
	s->gap = 0;
	packet_see(ex);
	facts_set_bool(&ex->facts, SIG_PLACE_DECLARED, net != NULL);
	if (p->country[0])
		facts_set_country(&ex->facts, SIG_PLACE_COUNTRY, p->country, 2);
	if (p->asn != 0)
		facts_set_int(&ex->facts, SIG_PLACE_ASN, p->asn);
}

static void
gather_request(struct exchange *ex)
{
	struct facts *f = &ex->facts;
	struct span site = {NULL, 0};

	facts_set_enum(f, SIG_REQUEST_CLASS, ex->class);
	facts_set_text(f, SIG_REQUEST_METHOD, (const char *)ex->req.method_text.p,
	    ex->req.method_text.n);
	facts_set_text(f, SIG_REQUEST_PATH, (const char *)ex->plain.p, ex->plain.n);
	facts_set_bool(f, SIG_REQUEST_WEBSOCKET, ex->websocket);
	if (fields_one(&ex->req.fields, FIELD_SEC_FETCH_SITE, &site) == 0)
		facts_set_bool(f, SIG_REQUEST_CROSS_SITE,
		    span_ieq(site, SPAN_LIT("cross-site")));
	facts_set_int(f, SIG_TIME_HOUR, (int64_t)(worker_now_s(ex->w) / 3600 % 24));
	facts_set_bool(f, SIG_LOCK_ACTIVE,
	    locks_class(ex->w->gate->locks, exchange_site(ex)->name,
		recipe_class_name(ex->class), worker_now_s(ex->w)));
}

void
gather_evidence(struct exchange *ex, enum signal_id id, const char *bound, const char *seen)
{
	struct span b = arena_dup(&ex->arena, span_str(bound));
	struct span s = arena_dup(&ex->arena, span_str(seen));

	facts_set_evidence(&ex->facts, id, (const char *)b.p, b.n, (const char *)s.p, s.n);
}

/* `bound` and `seen` are looked at only where they differ: their words cost more than the
 * comparison, and nearly every request is like the one before it. */
static void
gather_same(struct exchange *ex, enum signal_id id, bool same, const char *bound,
    const char *seen)
{
	facts_set_bool(&ex->facts, id, same);
	if (!same)
		gather_evidence(ex, id, bound, seen);
}

static void
gather_tls(struct exchange *ex, const struct session_context *b)
{
	const struct session_context *s = &ex->seen;
	char bound[TLSFP_CORE_HEX], seen[TLSFP_CORE_HEX];
	bool strict, soft;

	if (!(b->flags & s->flags & CONTEXT_HAS_CORE))
		return;
	strict = memcmp(b->core, s->core, 16) == 0;
	soft = memcmp(b->soft, s->soft, 16) == 0;
	if (!strict || !soft) {
		tlsfp_core_hex(b->core, bound);
		tlsfp_core_hex(s->core, seen);
	}
	gather_same(ex, SIG_CLIENT_CORE_SAME, strict, bound, seen);
	gather_same(ex, SIG_CLIENT_CORE_COMPATIBLE, soft, bound, seen);
	gather_same(ex, SIG_CLIENT_FAMILY_SAME, b->tls_family == s->tls_family,
	    tlsfp_family_name((enum tlsfp_family)b->tls_family),
	    tlsfp_family_name((enum tlsfp_family)s->tls_family));
}

/* Who spoke HTTP/1.1 then, or speaks it now, tells nothing by this. */
static void
gather_http2(struct exchange *ex, const struct session_context *b)
{
	const struct session_context *s = &ex->seen;
	char bound[16], seen[16];

	if (b->h2 == 0 || s->h2 == 0)
		return;
	if (b->h2 != s->h2) {
		snprintf(bound, sizeof(bound), "%08x", b->h2);
		snprintf(seen, sizeof(seen), "%08x", s->h2);
	}
	gather_same(ex, SIG_CLIENT_H2_SAME, b->h2 == s->h2, bound, seen);
}

/* A browser's name in the User-Agent against the TLS library that browser uses. */
static void
gather_agreement(struct exchange *ex)
{
	const struct session_context *s = &ex->seen;
	enum tlsfp_family want;

	switch ((enum ua_family)s->ua_family) {
	case UA_CHROMIUM:
		want = TLSFP_BORINGSSL;
		break;
	case UA_FIREFOX:
		want = TLSFP_NSS;
		break;
	case UA_SAFARI:
		want = TLSFP_APPLE;
		break;
	default:
		return;
	}
	/* On iOS every browser is the system's; Safari's family is not told there. */
	if (!(s->flags & CONTEXT_HAS_CORE) || s->ua_system == UA_OS_IOS)
		return;
	gather_same(ex, SIG_CLIENT_UA_TLS_AGREE, s->tls_family == (uint8_t)want,
	    ua_family_name((enum ua_family)s->ua_family),
	    tlsfp_family_name((enum tlsfp_family)s->tls_family));
}

static void
gather_agent(struct exchange *ex, const struct session_context *b)
{
	const struct session_context *s = &ex->seen;
	char bound[16], seen[16];
	bool forward;

	if (b->ua_family != UA_UNKNOWN && s->ua_family != UA_UNKNOWN)
		gather_same(ex, SIG_CLIENT_SOFTWARE_SAME, b->ua_family == s->ua_family,
		    ua_family_name((enum ua_family)b->ua_family),
		    ua_family_name((enum ua_family)s->ua_family));
	if (b->ua_system != UA_OS_UNKNOWN && s->ua_system != UA_OS_UNKNOWN)
		gather_same(ex, SIG_CLIENT_SYSTEM_SAME, b->ua_system == s->ua_system,
		    ua_os_name((enum ua_os)b->ua_system),
		    ua_os_name((enum ua_os)s->ua_system));
	if (b->ua_family != s->ua_family || b->ua_major == 0 || s->ua_major == 0)
		return;
	forward = s->ua_major >= b->ua_major;
	if (!forward) {
		snprintf(bound, sizeof(bound), "%u", b->ua_major);
		snprintf(seen, sizeof(seen), "%u", s->ua_major);
	}
	facts_set_int(&ex->facts, SIG_CLIENT_VERSION_STEP,
	    (int64_t)s->ua_major - (int64_t)b->ua_major);
	gather_same(ex, SIG_CLIENT_VERSION_FORWARD, forward, bound, seen);
}

static void
gather_country(struct exchange *ex, const struct session_context *b)
{
	const struct place *seen = conn_place(ex->conn, ex->ws->snap, &ex->client);
	struct place bound = {.sources = seen->sources};
	enum place_answer a;

	for (int i = 0; i < PLACE_SOURCES; i++)
		memcpy(bound.source[i], b->country[i], 2);
	if (bound.source[0][0] && (memcmp(bound.source[0], bound.source[1], 2) == 0 ||
				      seen->sources == 1))
		memcpy(bound.country, bound.source[0], 3);
	else if (seen->sources == 2)
		memcpy(bound.country, bound.source[1], 3);
	a = place_country_changed(&bound, seen);
	if (a != PLACE_UNKNOWN)
		gather_same(ex, SIG_PLACE_COUNTRY_CHANGED, a == PLACE_TRUE, bound.country,
		    seen->country);
	if (a == PLACE_TRUE)
		gather_evidence(ex, SIG_PLACE_COUNTRY_CHANGED, bound.source[0],
		    seen->source[0]);
	else if (a == PLACE_FALSE)
		facts_set_evidence(&ex->facts, SIG_PLACE_COUNTRY_CHANGED, NULL, 0, NULL, 0);
}

static void
gather_network(struct exchange *ex, const struct session_context *b)
{
	const struct session_context *s = &ex->seen;
	char bound[16], seen[16];

	if (b->asn != 0 && s->asn != 0) {
		if (b->asn != s->asn) {
			snprintf(bound, sizeof(bound), "AS%u", b->asn);
			snprintf(seen, sizeof(seen), "AS%u", s->asn);
		}
		gather_same(ex, SIG_PLACE_ASN_SAME, b->asn == s->asn, bound, seen);
	}
	if (!(b->flags & CONTEXT_HAS_ADDR))
		return;
	/* Addresses are about a person: no evidence in the public part, but in seen.c. */
	facts_set_bool(&ex->facts, SIG_PLACE_ADDRESS_SAME, memcmp(b->addr, s->addr, 16) == 0);
	facts_set_bool(&ex->facts, SIG_PLACE_PREFIX_SAME, session_prefix_same(b->addr, s->addr));
}

/* The accepted context that this one is, or is an update of, or the login's to compare
 * with. Lock held. */
static const struct session_context *
gather_reference(const struct session *s, const struct session_context *seen)
{
	const struct session_context *best = &s->contexts[0];

	for (unsigned i = s->n_contexts; i-- > 0;) {
		const struct session_context *c = &s->contexts[i];

		if (!(c->flags & CONTEXT_ACCEPTED) || !session_context_alike(c, seen))
			continue;
		best = c;
		if (session_context_same(c, seen))
			break;
	}
	return best;
}

/* Before the context is looked for: one at another user's client is a holder of its own. */
static void
gather_ticket(struct exchange *ex)
{
	const struct conn *c = ex->conn;
	char id[2 * SESSION_ID_LEN + 1], seen[80];

	switch (continuity_judge(ex)) {
	case CONTINUITY_OWN:
		facts_set_bool(&ex->facts, SIG_CLIENT_TICKET_SAME, true);
		facts_set_enum(&ex->facts, SIG_DEVICE_PROOF, PROOF_TICKET);
		facts_set_int(&ex->facts, SIG_DEVICE_PROOF_AGE,
		    (int64_t)((ex->w->net.loop.now - c->accepted_ns) / 1000000));
		break;
	case CONTINUITY_FOREIGN:
		ex->seen.flags |= CONTEXT_FOREIGN;
		text_hex(span_of(c->continuity.session, SESSION_ID_LEN), id);
		snprintf(seen, sizeof(seen), "that of session %s", id);
		gather_same(ex, SIG_CLIENT_TICKET_SAME, false, "the login's TLS client", seen);
		break;
	default:
		break;
	}
}

static void
gather_session(struct exchange *ex)
{
	struct session *s = ex->session;
	uint64_t now = worker_now_s(ex->w), last = atomic_load(&s->last_s);
	struct session_context bound, *ctx;
	struct heads heads = heads_see(ex);

	gather_ticket(ex);
	if (ex->step == STEP_GATHER) /* what a lease asks about brought its proof long ago */
		device_know(ex);
	device_gather(ex);
	session_lock(s);
	bound = *gather_reference(s, &ex->seen);
	ctx = session_context_touch(s, &ex->seen, now, &ex->ctx_fresh);
	ex->ctx_challenged = ctx == NULL || (ctx->flags & CONTEXT_CHALLENGED) != 0;
	ex->ctx_accepted = ctx != NULL && (ctx->flags & CONTEXT_ACCEPTED) != 0;
	if (ctx != NULL)
		ex->seen.gap = ctx->gap;
	heads_learn(ex, &heads, s, ex->ctx_accepted);
	session_unlock(s);
	ex->bound = bound;
	ex->has_bound = true;
	metric_add(ex->w->metrics, METRIC_EV_NEW_CONTEXT, ex->ctx_fresh);
	facts_set_bool(&ex->facts, SIG_SESSION_ADOPTED, (s->flags & SESSION_ADOPTED) != 0);
	facts_set_bool(&ex->facts, SIG_SESSION_DOUBTFUL, (s->flags & SESSION_DOUBTFUL) != 0);
	facts_set_int(&ex->facts, SIG_SESSION_AGE,
	    now > s->created_s ? (int64_t)(now - s->created_s) * 1000 : 0);
	facts_set_int(&ex->facts, SIG_SESSION_IDLE,
	    now > last ? (int64_t)(now - last) * 1000 : 0);
	if (s->user_n > 0)
		facts_set_text(&ex->facts, SIG_USER_NAME, s->user, s->user_n);
	gather_tls(ex, &bound);
	gather_http2(ex, &bound);
	heads_gather(ex, &heads);
	gather_agent(ex, &bound);
	gather_country(ex, &bound);
	gather_network(ex, &bound);
	packet_gather(ex, &bound);
	/* Who is challenged does not keep an absent owner's session from running out. */
	if (!ex->ctx_challenged)
		atomic_store_explicit(&s->last_s, now, memory_order_relaxed);
}

enum step_result
step_gather(struct exchange *ex)
{
	bool live = ex->known == KNOWN_LIVE;

	facts_clear(&ex->facts);
	gather_request(ex);
	gather_seen(ex);
	facts_set_bool(&ex->facts, SIG_SESSION_BOUND, live);
	facts_set_bool(&ex->facts, SIG_SESSION_ADOPTED, false);
	facts_set_bool(&ex->facts, SIG_SESSION_DOUBTFUL, false);
	gather_agreement(ex);
	facts_set_enum(&ex->facts, SIG_DEVICE_PROOF, PROOF_NONE);
	if (live)
		gather_session(ex);
	else
		packet_gather(ex, NULL);
	facts_set_bool(&ex->facts, SIG_SESSION_NEW_CONTEXT, ex->ctx_fresh);
	facts_set_bool(&ex->facts, SIG_CONTEXT_CHALLENGED, ex->ctx_challenged);
	facts_set_bool(&ex->facts, SIG_CONTEXT_ACCEPTED, ex->ctx_accepted);
	return STEP_NEXT;
}
