/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/login.h"

#include "proxy/base/text.h"
#include "proxy/gate/credential.h"
#include "proxy/wire/form.h"
#include "proxy/wire/jsonr.h"
#include "proxy/wire/jws.h"
#include "proxy/wire/mediatype.h"
#include "proxy/wire/setcookie.h"

enum { LOGIN_TEXT = 4096 };

bool
login_needs_body(const struct recipe_login *l)
{
	if (l->credential_json || l->user_from == RECIPE_USER_JSON ||
	    l->user_from == RECIPE_USER_JWT)
		return true;
	for (size_t i = 0; i < l->n_when; i++)
		if (l->when[i].where == RECIPE_JSON_PRESENT ||
		    l->when[i].where == RECIPE_JSON_EQUALS)
			return true;
	return false;
}

bool
login_needs_request(const struct recipe_login *l)
{
	return l->user_from == RECIPE_USER_FORM || l->user_from == RECIPE_USER_REQUEST_JSON;
}

static bool
login_is_carrier(const struct conf_site *site, struct span name)
{
	for (size_t i = 0; i < site->n_carriers; i++)
		if (site->carriers[i].kind == RECIPE_COOKIE &&
		    span_eq(site->carriers[i].name, name))
			return true;
	return false;
}

static void
login_cookie_put(struct login_cookie set[LOGIN_COOKIES], size_t *n,
    const struct login_cookie *c)
{
	for (size_t i = 0; i < *n; i++)
		if (span_eq(set[i].name, c->name) && span_ieq(set[i].domain, c->domain) &&
		    span_eq(set[i].path, c->path)) {
			memmove(&set[i], &set[i + 1], (*n - i - 1) * sizeof(set[0]));
			(*n)--;
			break;
		}
	if (*n < LOGIN_COOKIES)
		set[(*n)++] = *c;
}

static bool
login_cookie_lives(const struct login_cookie *set, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (!set[i].deletes && span_eq(set[i].name, name))
			return true;
	return false;
}

size_t
login_cookies(const struct exchange *ex, struct login_cookie out[LOGIN_COOKIES])
{
	int64_t now = (int64_t)worker_now_s(ex->w);
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < ex->res.fields.n; i++) {
		const struct field *f = &ex->res.fields.at[i];
		struct setcookie c;

		if (f->id != FIELD_SET_COOKIE || setcookie_parse(f->value, &c) != 0 ||
		    c.prefix_broken || !login_is_carrier(exchange_site(ex), c.name))
			continue;
		login_cookie_put(out, &n,
		    &(struct login_cookie){.name = c.name, .value = c.value,
			.domain = c.domain, .path = c.path,
			.deletes = setcookie_deletes(&c, now)});
	}
	for (size_t i = 0; i < n; i++)
		if (!out[i].deletes || !login_cookie_lives(out, n, out[i].name))
			out[kept++] = out[i];
	return kept;
}

/* ---- conditions ---- */

/* The path of a Location on this site; empty if it leads elsewhere. */
static struct span
login_location(const struct exchange *ex)
{
	struct span v, scheme = SPAN_LIT("https://");
	struct authority a;
	ptrdiff_t slash;

	if (fields_one(&ex->res.fields, FIELD_LOCATION, &v) != 0)
		return span_of(NULL, 0);
	if (v.n > 0 && v.p[0] == '/' && !(v.n > 1 && v.p[1] == '/'))
		return v;
	if (span_istarts(v, SPAN_LIT("http://")))
		scheme = SPAN_LIT("http://");
	if (!span_istarts(v, scheme))
		return span_of(NULL, 0);
	v = span_tail(v, scheme.n);
	slash = span_chr(v, '/');
	if (slash < 0 || authority_parse(span_of(v.p, (size_t)slash), &a) != 0 ||
	    !authority_host_eq(a.host, ex->req.authority.host))
		return span_of(NULL, 0);
	return span_tail(v, (size_t)slash);
}

/* Is this a value that the request came with, in any spelling, or another of its session? */
static bool
login_cookie_known(const struct exchange *ex, const uint8_t key[SESSION_KEY_LEN])
{
	bool known = false;

	for (unsigned i = 0; i < ex->n_creds; i++)
		if (memcmp(ex->creds[i].key, key, SESSION_KEY_LEN) == 0)
			return true;
	if (ex->known != KNOWN_LIVE)
		return false;
	session_lock(ex->session);
	known = session_cred_good(ex->session, key, worker_now_s(ex->w));
	session_unlock(ex->session);
	return known;
}

static bool
login_cookie_changed(const struct exchange *ex, struct span name)
{
	struct login_cookie set[LOGIN_COOKIES];
	size_t n = login_cookies(ex, set);
	struct span last = {NULL, 0};
	uint8_t key[SESSION_KEY_LEN];

	for (size_t i = 0; i < n; i++)
		if (span_eq(set[i].name, name))
			last = set[i].deletes ? span_of(NULL, 0) : set[i].value;
	if (last.n == 0)
		return false;
	credential_key(ex->w, exchange_site(ex)->name, RECIPE_COOKIE, name, last, key);
	return !login_cookie_known(ex, key);
}

static struct span
login_answer(const struct exchange *ex)
{
	return ex->res_captured && !ex->res_cap.full
		   ? span_of(ex->res_cap.p, ex->res_cap.n)
		   : span_of(NULL, 0);
}

static bool
login_json(struct exchange *ex, const struct recipe_condition *c)
{
	uint8_t buf[LOGIN_TEXT];
	struct jsonr v;

	if (jsonr_path(login_answer(ex), (const char *)c->name.p, buf, sizeof(buf), &v) != 0)
		return false;
	if (c->where == RECIPE_JSON_PRESENT)
		return v.type != JSONR_NULL && !(v.type == JSONR_STRING && v.str.n == 0);
	return span_eq(v.type == JSONR_STRING ? v.str : v.raw, c->value);
}

static bool
login_holds(struct exchange *ex, const struct recipe_condition *c)
{
	struct span at;
	bool is;

	switch (c->where) {
	case RECIPE_LOCATION:
		at = login_location(ex);
		is = c->prefix ? span_starts(at, c->value) : span_eq(at, c->value);
		return c->negated ? at.n > 0 && !is : is;
	case RECIPE_SET_COOKIE:
		return login_cookie_changed(ex, c->name);
	default:
		return login_json(ex, c);
	}
}

static bool
login_status(const struct exchange *ex)
{
	const struct recipe_login *l = ex->login;

	if (l->n_status == 0)
		return ex->res.status >= 200 && ex->res.status < 400;
	for (size_t i = 0; i < l->n_status; i++)
		if (l->status[i] == ex->res.status)
			return true;
	return false;
}

bool
login_succeeded(struct exchange *ex)
{
	if (!login_status(ex))
		return false;
	for (size_t i = 0; i < ex->login->n_when; i++)
		if (!login_holds(ex, &ex->login->when[i]))
			return false;
	return true;
}

/* ---- who ---- */

struct span
login_token(struct exchange *ex)
{
	uint8_t *buf = arena_get(&ex->arena, LOGIN_TEXT);
	struct span v = {NULL, 0};

	if (buf == NULL || !ex->login->credential_json ||
	    jsonr_string(login_answer(ex), (const char *)ex->login->credential.p, buf,
		LOGIN_TEXT, &v) != 0)
		return span_of(NULL, 0);
	return v;
}

enum reason
login_admit(const struct exchange *ex)
{
	const struct recipe_login *l = ex->login;
	struct span want = l->user_from == RECIPE_USER_FORM
			       ? SPAN_LIT("application/x-www-form-urlencoded")
			       : SPAN_LIT("application/json");
	struct span type, coding;

	if (!login_needs_request(l) || ex->req.framing == H1_NONE ||
	    (ex->req.framing == H1_LENGTH && ex->req.length == 0))
		return REASON_NONE;
	if (fields_one(&ex->req.fields, FIELD_CONTENT_TYPE, &type) != 0 ||
	    !mediatype_is(type, want) ||
	    fields_one(&ex->req.fields, FIELD_CONTENT_ENCODING, &coding) != WF_ENOTFOUND ||
	    (ex->req.framing == H1_LENGTH && ex->req.length > EXCHANGE_CAPTURE))
		return REASON_LOGIN_BODY;
	return REASON_NONE;
}

static int
login_find_user(struct exchange *ex, uint8_t *buf, size_t cap, struct span *user)
{
	const struct recipe_login *l = ex->login;
	struct span body = span_of(ex->req_cap.p, ex->req_cap.full ? 0 : ex->req_cap.n);
	const char *path = (const char *)l->user_name.p;

	switch (l->user_from) {
	case RECIPE_USER_FORM:
		return form_one(body, l->user_name, buf, cap, user);
	case RECIPE_USER_REQUEST_JSON:
		return jsonr_string(body, path, buf, cap, user);
	case RECIPE_USER_JSON:
		return jsonr_string(login_answer(ex), path, buf, cap, user);
	case RECIPE_USER_JWT:
		return jws_claim_text(login_token(ex), path, buf, cap, user);
	case RECIPE_USER_HEADER:
		return fields_one_name(&ex->res.fields, l->user_name, user);
	default:
		return WF_ENOTFOUND;
	}
}

void
login_read_user(struct exchange *ex)
{
	static const uint8_t how[] = {
	    [RECIPE_USER_FORM] = SESSION_USER_FORM,
	    [RECIPE_USER_REQUEST_JSON] = SESSION_USER_REQUEST_JSON,
	    [RECIPE_USER_JSON] = SESSION_USER_JSON,
	    [RECIPE_USER_JWT] = SESSION_USER_JWT,
	    [RECIPE_USER_HEADER] = SESSION_USER_HEADER,
	};
	uint8_t buf[LOGIN_TEXT], *copy;
	struct span user = {NULL, 0};

	ex->user = span_of(NULL, 0);
	if (login_find_user(ex, buf, sizeof(buf), &user) != 0 || user.n == 0 ||
	    user.n >= SESSION_USER_MAX || !text_printable(user))
		return;
	copy = arena_get(&ex->arena, user.n);
	if (copy == NULL)
		return;
	for (size_t i = 0; i < user.n; i++)
		copy[i] = ex->login->fold_lower ? span_lower(user.p[i]) : user.p[i];
	ex->user = span_of(copy, user.n);
	ex->user_how = how[ex->login->user_from];
	digest_wipe(buf, sizeof(buf));
}
