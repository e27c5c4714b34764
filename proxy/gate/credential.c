/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/credential.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/wire/chars.h"
#include "proxy/wire/cookie.h"

enum {
	CREDENTIAL_LINES = EXCHANGE_FIELDS,
	CREDENTIAL_NAMES = RECIPE_CARRIERS,
	CREDENTIAL_TOKEN = 32,	 /* no name of a subprotocol is as long */
	CREDENTIAL_ENTRIES = 16, /* of subprotocols; each may cost a look-up */
};

_Static_assert((int)EXCHANGE_CREDS == (int)RECIPE_CARRIERS,
    "each carrier of a site may hold a credential");

static void
credential_len(uint8_t b[4], size_t n)
{
	b[0] = (uint8_t)(n >> 24);
	b[1] = (uint8_t)(n >> 16);
	b[2] = (uint8_t)(n >> 8);
	b[3] = (uint8_t)n;
}

/*
 * One value may be spelt in several ways that a backend reads alike: escaped or not, in
 * quotes, with the padding of base64 or without. All lead to one key, so
 * that another spelling of a bound cookie is that cookie and nothing unknown.
 */
static struct span
credential_canonical(struct span v, uint8_t *buf, size_t cap)
{
	size_t n = 0;

	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v = span_of(v.p + 1, v.n - 2);
	if (v.n > cap)
		return v;
	for (size_t i = 0; i < v.n; i++) {
		bool escaped = v.p[i] == '%' && i + 2 < v.n &&
			       text_unhex(span_of(v.p + i + 1, 2), &buf[n], 1) == 0;

		if (escaped)
			i += 2;
		else
			buf[n] = v.p[i];
		n++;
	}
	while (n > 0 && buf[n - 1] == '=')
		n--;
	return span_of(buf, n);
}

void
credential_key(struct worker *w, struct span site, enum recipe_carrier_kind carrier,
    struct span name, struct span value, uint8_t key[SESSION_KEY_LEN])
{
	uint8_t ls[4], ln[4], lv[4], kind = (uint8_t)carrier, full[DIGEST_LEN], plain[4096];
	struct span parts[] = {span_of(ls, 4), site, span_of(&kind, 1), span_of(ln, 4), name,
	    span_of(lv, 4), value};

	parts[6] = value = credential_canonical(value, plain, sizeof(plain));
	credential_len(ls, site.n);
	credential_len(ln, name.n);
	credential_len(lv, value.n);
	mac_parts(w->mac, parts, sizeof(parts) / sizeof(parts[0]), full);
	memcpy(key, full, SESSION_KEY_LEN);
	digest_wipe(full, sizeof(full));
	digest_wipe(plain, value.n <= sizeof(plain) ? value.n : 0);
}

void
credential_user_hash(struct worker *w, struct span user, uint8_t out[32])
{
	struct span parts[] = {SPAN_LIT("user"), user};

	mac_parts(w->mac, parts, 2, out);
}

size_t
credential_cookie_lines(const struct exchange *ex, struct span *lines, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < ex->req.fields.n && n < cap; i++)
		if (ex->req.fields.at[i].id == FIELD_COOKIE)
			lines[n++] = ex->req.fields.at[i].value;
	return n;
}

static enum reason
credential_add(struct exchange *ex, enum recipe_carrier_kind carrier, struct span name,
    struct span value)
{
	struct credential *c;

	if (ex->n_creds == EXCHANGE_CREDS)
		return REASON_CREDENTIAL_AMBIGUOUS;
	c = &ex->creds[ex->n_creds++];
	c->carrier = (uint8_t)carrier;
	c->name = name;
	c->value = value;
	c->known = KNOWN_STRANGER;
	credential_key(ex->w, exchange_site(ex)->name, carrier, name, value, c->key);
	return REASON_NONE;
}

/*
 * "sid =x" and "sid= x" are the same cookie to one program and another, or none, to the
 * next: the name must stand right before its '=', and the value right behind it.
 */
static bool
credential_is_plain(struct span name, struct span value)
{
	const uint8_t *p = value.p - 1 - name.n;

	return value.p[-1] == '=' && memcmp(p, name.p, name.n) == 0;
}

static enum reason
credential_cookies(struct exchange *ex)
{
	const struct conf_site *site = exchange_site(ex);
	struct span lines[CREDENTIAL_LINES], names[CREDENTIAL_NAMES];
	struct cookie_hit hits[CREDENTIAL_NAMES];
	size_t n = credential_cookie_lines(ex, lines, CREDENTIAL_LINES), k = 0;
	enum reason worst = REASON_NONE, added;

	MUST(site->n_carriers <= CREDENTIAL_NAMES);
	for (size_t i = 0; i < site->n_carriers; i++)
		if (site->carriers[i].kind == RECIPE_COOKIE)
			names[k++] = site->carriers[i].name;
	if (n == 0 || k == 0)
		return REASON_NONE;
	cookie_look(lines, n, names, k, hits);
	for (size_t i = 0; i < k; i++) {
		switch (hits[i].found) {
		case COOKIE_ABSENT:
			break;
		case COOKIE_ONE:
			/* An empty value is what some backends leave behind a logout. */
			if (hits[i].value.n == 0)
				break;
			added = credential_is_plain(names[i], hits[i].value)
				    ? credential_add(ex, RECIPE_COOKIE, names[i],
					  hits[i].value)
				    : REASON_COOKIE_ALIAS;
			worst = worst == REASON_NONE ? added : worst;
			break;
		case COOKIE_TWICE:
			ex->tossing = true;
			worst = REASON_COOKIE_AMBIGUOUS;
			break;
		default:
			if (worst == REASON_NONE)
				worst = REASON_COOKIE_ALIAS;
		}
	}
	return worst;
}

/*
 * Many backends take the second word of Authorization as the token, whatever the first
 * is. So where a site's sessions travel as bearer tokens, nothing but "Bearer TOKEN" may
 * stand there.
 */
static enum reason
credential_bearer(struct exchange *ex)
{
	struct span v, scheme = SPAN_LIT("bearer ");

	if (fields_one(&ex->req.fields, FIELD_AUTHORIZATION, &v) != 0)
		return REASON_NONE;
	if (!span_istarts(v, scheme))
		return REASON_CREDENTIAL_AMBIGUOUS;
	v = span_tail(v, scheme.n);
	if (v.n == 0 || span_chr(v, ' ') >= 0 || span_chr(v, '\t') >= 0 ||
	    span_chr(v, ',') >= 0)
		return REASON_CREDENTIAL_AMBIGUOUS;
	return credential_add(ex, RECIPE_BEARER, span_of(NULL, 0), v);
}

/* The prefix that this entry begins with; NULL: it holds no credential. *exact: also by
 * case, as a careful backend would compare. */
static const struct span *
credential_prefix(const struct conf_site *site, struct span entry, bool *exact)
{
	const struct span *found = NULL;

	*exact = false;
	for (size_t i = 0; i < site->n_carriers && !*exact; i++) {
		const struct recipe_carrier *c = &site->carriers[i];

		if (c->kind != RECIPE_SUBPROTOCOL || !span_istarts(entry, c->name))
			continue;
		found = &c->name;
		*exact = span_starts(entry, c->name);
	}
	return found;
}

/*
 * Where tokens have no prefix, others may stand behind the first (Ride The Lightning sends
 * "1"). One that is a session's, or as long as tokens are, has no business there.
 */
static bool
credential_is_token(struct exchange *ex, struct span entry)
{
	uint8_t key[SESSION_KEY_LEN];
	struct session *s;

	if (entry.n >= CREDENTIAL_TOKEN)
		return true;
	credential_key(ex->w, exchange_site(ex)->name, RECIPE_SUBPROTOCOL, span_of(NULL, 0),
	    entry, key);
	s = table_find(ex->w->gate->table, key);
	table_unref(s);
	return s != NULL;
}

/*
 * A backend may take the first entry, the last, any with the prefix, or the whole value:
 * a credential stands first and alone, or the request has two readings. An empty entry
 * moves what is "first".
 */
static enum reason
credential_entry(struct exchange *ex, struct span entry, bool first)
{
	const struct span *prefix;
	struct span token;
	bool exact;

	if (entry.n == 0)
		return REASON_CREDENTIAL_AMBIGUOUS;
	prefix = credential_prefix(exchange_site(ex), entry, &exact);
	if (prefix == NULL)
		return REASON_NONE;
	if (!first && prefix->n == 0)
		return credential_is_token(ex, entry) ? REASON_CREDENTIAL_AMBIGUOUS
						      : REASON_NONE;
	if (!first || !exact)
		return REASON_CREDENTIAL_AMBIGUOUS;
	token = span_tail(entry, prefix->n);
	return token.n == 0 ? REASON_NONE
			    : credential_add(ex, RECIPE_SUBPROTOCOL, span_of(NULL, 0), token);
}

static enum reason
credential_subprotocol(struct exchange *ex)
{
	const struct fields *f = &ex->req.fields;
	enum reason r = REASON_NONE;
	unsigned n = 0;

	if (!ex->websocket)
		return REASON_NONE;
	for (size_t i = 0; i < f->n && r == REASON_NONE; i++) {
		struct span rest = f->at[i].value;
		ptrdiff_t comma = 0;

		if (f->at[i].id != FIELD_SEC_WEBSOCKET_PROTOCOL)
			continue;
		do {
			if (n == CREDENTIAL_ENTRIES)
				return REASON_CREDENTIAL_AMBIGUOUS;
			comma = span_chr(rest, ',');
			r = credential_entry(ex,
			    chars_trim(span_of(rest.p, comma < 0 ? rest.n : (size_t)comma)),
			    n++ == 0);
			rest = span_tail(rest, (size_t)comma + 1);
		} while (comma >= 0 && r == REASON_NONE);
	}
	return r;
}

static bool
credential_travels(const struct conf_site *site, enum recipe_carrier_kind kind)
{
	for (size_t i = 0; i < site->n_carriers; i++)
		if (site->carriers[i].kind == kind)
			return true;
	return false;
}

enum reason
credential_collect(struct exchange *ex)
{
	const struct conf_site *site = exchange_site(ex);
	enum reason worst = credential_cookies(ex), r = REASON_NONE;

	if (credential_travels(site, RECIPE_BEARER))
		r = credential_bearer(ex);
	worst = worst == REASON_NONE ? r : worst;
	r = REASON_NONE;
	if (credential_travels(site, RECIPE_SUBPROTOCOL))
		r = credential_subprotocol(ex);
	return worst == REASON_NONE ? r : worst;
}
