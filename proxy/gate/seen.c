/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/seen.h"

#include <stdio.h>

#include "proxy/wire/syn.h"
#include "proxy/wire/ua.h"

enum { SEEN_VALUE = 128, SEEN_ELEMENT = 2 * SEEN_VALUE + 96 };

struct seen {
	struct rec *rec;
	const struct exchange *ex;
	const char *rule;
	char last[2 * SEEN_VALUE]; /* two signals of one source say it once */
	unsigned n;
};

/* ---- one side ---- */

static void
seen_country(const struct session_context *c, char *out)
{
	const char *cc = c->country[0][0] != '\0' ? c->country[0] : c->country[1];

	if (cc[0] != '\0')
		snprintf(out, SEEN_VALUE, "%.2s", cc);
}

static void
seen_network(const struct session_context *c, char *out)
{
	if (c->asn != 0)
		snprintf(out, SEEN_VALUE, "AS%u", c->asn);
}

static void
seen_client(const struct session_context *c, char *out)
{
	const char *os = c->ua_system == UA_OS_UNKNOWN ? "" : ua_os_name((enum ua_os)c->ua_system);
	char major[16] = "";

	if (c->ua_major != 0)
		snprintf(major, sizeof(major), " %u", c->ua_major);
	snprintf(out, SEEN_VALUE, "%s%s%s%s", ua_family_name((enum ua_family)c->ua_family), major,
	    os[0] != '\0' ? " " : "", os);
}

static void
seen_address(const struct session_context *c, bool whole, char *out)
{
	struct ip ip = ip_from_bytes(c->addr, sizeof(c->addr));
	struct ip_prefix at = {.ip = ip, .bits = ip.family == 4 ? 32 : 128};
	char text[IP_PREFIX_TEXT];

	if (!(c->flags & CONTEXT_HAS_ADDR))
		return;
	if (!whole) {
		at.ip = ip_truncate(&ip, 24, 48);
		at.bits = ip.family == 4 ? 24 : 48;
	}
	(void)ip_prefix_print(&at, text);
	snprintf(out, SEEN_VALUE, "%s", text);
}

static void
seen_core(const struct session_context *c, char *out)
{
	char hex[TLSFP_CORE_HEX];

	if (!(c->flags & CONTEXT_HAS_CORE))
		return;
	tlsfp_core_hex(c->core, hex);
	snprintf(out, SEEN_VALUE, "%s", hex);
}

static void
seen_family(const struct session_context *c, char *out)
{
	if (c->flags & CONTEXT_HAS_CORE)
		snprintf(out, SEEN_VALUE, "%s",
		    tlsfp_family_name((enum tlsfp_family)c->tls_family));
}

/* Its text stands in the records of the login and of this request; the hash finds it. */
static void
seen_http2(const struct session_context *c, char *out)
{
	if (c->h2 != 0)
		snprintf(out, SEEN_VALUE, "%08x", c->h2);
}

static void
seen_ticket(const struct session_context *c, char *out)
{
	snprintf(out, SEEN_VALUE, "%s",
	    c->flags & CONTEXT_FOREIGN ? "another user's TLS client" : "the login's TLS client");
}

static void
seen_gap(const struct session_context *c, char *out)
{
	if (c->gap != 0)
		snprintf(out, SEEN_VALUE, "%u ms", c->gap - 1u);
}

static void
seen_syn(const struct session_context *c, char *out)
{
	char text[SYN_TEXT];

	if (c->syn == 0)
		return;
	syn_core_text(c->syn, text);
	snprintf(out, SEEN_VALUE, "%s", text);
}

/* Place and client together. */
static void
seen_context(const struct session_context *c, char *out)
{
	char country[SEEN_VALUE] = "", network[SEEN_VALUE] = "", client[SEEN_VALUE] = "";

	seen_country(c, country);
	seen_network(c, network);
	seen_client(c, client);
	snprintf(out, SEEN_VALUE, "%.8s%s%.16s%s%.64s", country, country[0] ? " " : "", network,
	    network[0] ? " " : "", client);
}

/* What this signal compares; empty: unknown, or nothing. */
static void
seen_value(enum signal_id id, const struct session_context *c, char *out)
{
	out[0] = '\0';
	switch (id) {
	case SIG_CLIENT_CORE_SAME:
	case SIG_CLIENT_CORE_COMPATIBLE:
		seen_core(c, out);
		break;
	case SIG_CLIENT_FAMILY_SAME:
		seen_family(c, out);
		break;
	case SIG_CLIENT_SOFTWARE_SAME:
	case SIG_CLIENT_SYSTEM_SAME:
	case SIG_CLIENT_VERSION_FORWARD:
	case SIG_CLIENT_VERSION_STEP:
		seen_client(c, out);
		break;
	case SIG_CLIENT_H2_SAME:
		seen_http2(c, out);
		break;
	case SIG_CLIENT_TICKET_SAME:
		seen_ticket(c, out);
		break;
	case SIG_NETWORK_RTT_GAP:
		seen_gap(c, out);
		break;
	case SIG_NETWORK_SYN_SAME:
		seen_syn(c, out);
		break;
	case SIG_PLACE_COUNTRY_CHANGED:
		seen_country(c, out);
		break;
	case SIG_PLACE_ASN_SAME:
		seen_network(c, out);
		break;
	case SIG_PLACE_PREFIX_SAME:
	case SIG_PLACE_ADDRESS_SAME:
		seen_address(c, id == SIG_PLACE_ADDRESS_SAME, out);
		break;
	case SIG_CONTEXT_CHALLENGED:
	case SIG_CONTEXT_ACCEPTED:
	case SIG_SESSION_NEW_CONTEXT:
		seen_context(c, out);
		break;
	default:
		break;
	}
}

/* ---- both ---- */

static void
seen_add(struct seen *s, enum signal_id id, const char *bound, const char *now)
{
	char text[SEEN_ELEMENT], pair[2 * SEEN_VALUE];

	snprintf(pair, sizeof(pair), "%.120s -> %.120s", bound, now);
	if (bound[0] == '\0' || now[0] == '\0' || strcmp(bound, now) == 0 ||
	    strcmp(pair, s->last) == 0 || s->n == SEEN_MOST)
		return;
	memcpy(s->last, pair, sizeof(pair));
	snprintf(text, sizeof(text), "%s %s: %s", s->rule, signal_info(id)->name, pair);
	if (s->n++ == 0)
		rec_list_begin(s->rec, REC_TAG_SEEN);
	rec_list_add(s->rec, span_str(text));
}

static void
seen_signal(struct seen *s, enum signal_id id)
{
	const struct exchange *ex = s->ex;
	char bound[SEEN_VALUE], now[SEEN_VALUE];

	seen_value(id, &ex->bound, bound);
	seen_value(id, &ex->seen, now);
	/* Here the program's word is beside what its handshake says. */
	if (id == SIG_CLIENT_UA_TLS_AGREE) {
		snprintf(bound, sizeof(bound), "%s",
		    ua_family_name((enum ua_family)ex->seen.ua_family));
		seen_family(&ex->seen, now);
	}
	/* Of requests, not of a context: in the words that the fact has. */
	if (id == SIG_CLIENT_HEADERS_SAME) {
		const struct facts_evidence *why = &ex->facts.why[id];

		snprintf(bound, sizeof(bound), "%.*s", why->bound_n, why->bound_n ? why->bound : "");
		snprintf(now, sizeof(now), "%.*s", why->seen_n, why->seen_n ? why->seen : "");
	}
	seen_add(s, id, bound, now);
}

static bool
seen_is_whole(enum signal_id id)
{
	return id == SIG_CONTEXT_CHALLENGED || id == SIG_CONTEXT_ACCEPTED ||
	       id == SIG_SESSION_NEW_CONTEXT;
}

/* The whole context only where the rule went by nothing closer. */
static void
seen_rule(struct seen *s, const struct policy_rule *rule)
{
	unsigned before = s->n;

	s->rule = rule->id;
	s->last[0] = '\0';
	for (int whole = 0; whole < 2 && (whole == 0 || s->n == before); whole++)
		for (int id = 0; id < SIGNAL_COUNT; id++)
			if (decision_has(rule->reads, (size_t)id) &&
			    seen_is_whole((enum signal_id)id) == (whole == 1))
				seen_signal(s, (enum signal_id)id);
}

void
seen_put(struct rec *r, const struct exchange *ex)
{
	const struct decision *d = &ex->decision;
	struct seen s = {.rec = r, .ex = ex};
	const struct policy *p;

	if (!ex->decided || !ex->has_bound || d->n_matched + d->n_observed == 0)
		return;
	p = ex->site->policy;
	for (size_t i = 0; i < policy_rule_count(p); i++)
		if (decision_has(d->matched, i) || decision_has(d->observed, i))
			seen_rule(&s, policy_rule_info(p, i));
	if (s.n > 0)
		rec_list_end(r);
}
