/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADMIT: is this a request we can read in one way only, for a site of ours, within limits?
 */
#include "proxy/base/must.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/deviceproof.h"
#include "proxy/gate/login.h"
#include "proxy/gate/rates.h"
#include "proxy/wire/form.h"
#include "proxy/wire/forwarded.h"
#include "proxy/wire/path.h"

static const struct span admit_prefix = {(const uint8_t *)"/.warifu", 8};

/* The site of Host must be the one whose certificate the client was shown (RFC 9110 7.4:
 * 421), whatever snapshot that was. */
static enum reason
admit_site(struct exchange *ex)
{
	struct snapshot *snap = ex->ws->snap;
	const struct conn *c = ex->conn;
	struct span host = ex->req.authority.host;
	const struct conf_site *site;

	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	site = conf_site_find(snap->conf, host, &ex->portal_host);
	if (site == NULL)
		return REASON_HOST_UNKNOWN;
	ex->site = &snap->sites[site->index];
	if (c->site >= 0 &&
	    !span_eq(c->ws->snap->conf->sites[c->site].name, site->name)) {
		ex->site = NULL;
		return REASON_MISDIRECTED;
	}
	if (site->mode == CONF_OBSERVE)
		ex->mode = REC_MODE_OBSERVE;
	else if (locks_bypass(ex->w->gate->locks, site->name, worker_now_s(ex->w)))
		ex->mode = REC_MODE_BYPASS;
	return REASON_NONE;
}

/* A balancer that speaks for itself checks our health; it has no business with a site. */
static enum reason
admit_hop(struct exchange *ex)
{
	return ex->conn->local ? REASON_PROXY_LOCAL : REASON_NONE;
}

/* A field by which a framework behind us would take another method than we see. */
static bool
admit_overrides(const struct exchange *ex)
{
	for (size_t i = 0; i < ex->req.fields.n; i++)
		if (fields_flags(ex->req.fields.at[i].id) & FIELD_IS_OVERRIDE)
			return true;
	return ex->req.query.n > 0 && form_overrides_method(ex->req.query);
}

static enum reason
admit_path(struct exchange *ex)
{
	uint8_t *out;
	enum path_why why;

	if (ex->req.path.n == 1 && ex->req.path.p[0] == '*') {
		ex->normal = ex->plain = ex->req.path; /* OPTIONS *: no route matches it */
		return REASON_NONE;
	}
	out = arena_get(&ex->arena, ex->req.path.n);
	if (out == NULL)
		return REASON_HEAD_LARGE;
	if (path_normalise(ex->req.path, exchange_site(ex)->semicolons ? PATH_SEMICOLON : 0, out, ex->req.path.n, &ex->normal, &why) != 0) {
		ex->normal = span_of(NULL, 0);
		ex->end = path_why_text(why);
		return REASON_PATH_AMBIGUOUS;
	}
	ex->plain = ex->normal;
	if (span_chr(ex->normal, ';') >= 0) {
		out = arena_get(&ex->arena, ex->normal.n);
		if (out == NULL)
			return REASON_HEAD_LARGE;
		ex->plain = path_plain(ex->normal, out);
	}
	return admit_overrides(ex) ? REASON_METHOD_OVERRIDE : REASON_NONE;
}

/* Many a backend leaves the body of such a request unread and takes it for the next one,
 * which then nobody has decided on. */
static enum reason
admit_body(struct exchange *ex)
{
	bool reads = ex->req.method == METHOD_GET || ex->req.method == METHOD_HEAD ||
		     ex->req.method == METHOD_OPTIONS;

	return reads && exchange_has_body(ex) && !exchange_site(ex)->bodies_on_get
		   ? REASON_BODY_METHOD
		   : REASON_NONE;
}

/* Behind a trusted hop the client is who the hop says; else who connected. */
static enum reason
admit_client(struct exchange *ex)
{
	const struct conf_prefixes *hops = &exchange_conf(ex)->trusted_hops;
	struct span lines[FORWARDED_HOPS];
	const struct field *f = NULL;
	size_t n = 0;

	if (!ip_prefix_any(hops->list, hops->n, &ex->conn->client))
		return REASON_NONE;
	for (size_t i = 0; i < ex->req.fields.n; i++) {
		f = &ex->req.fields.at[i];
		if (f->id != FIELD_X_FORWARDED_FOR)
			continue;
		/* The hop's own line is the last: it must not fall off the end. */
		if (n == FORWARDED_HOPS)
			return REASON_FIELD_VALUE;
		lines[n++] = f->value;
	}
	if (n == 0)
		return REASON_NONE;
	if (forwarded_client(&ex->conn->client, lines, n, hops->list, hops->n,
		&ex->client) != 0)
		return REASON_FIELD_VALUE;
	ex->asserted = true;
	return REASON_NONE;
}

static bool
admit_at(const struct exchange *ex, const struct recipe_endpoint *at, size_t n,
    struct span path)
{
	for (size_t i = 0; i < n; i++)
		if (recipe_endpoint_match(&at[i], ex->req.method_text, path))
			return true;
	return false;
}

/* The class by this reading of the path; a login's own path is open unless it is listed as
 * something else. The login or logout that the path is, is so in either reading. */
static enum recipe_class
admit_class(struct exchange *ex, struct span path, const struct recipe_route **route)
{
	const struct conf_site *site = exchange_site(ex);
	enum recipe_class class = conf_route_find(site, ex->req.method_text, ex->websocket,
	    path, route);

	for (size_t i = 0; i < site->n_logins; i++)
		if (admit_at(ex, site->logins[i].at, site->logins[i].n_at, path))
			ex->login = &site->logins[i];
	if (admit_at(ex, site->logouts, site->n_logouts, path))
		ex->logout = site->logouts;
	return class;
}

/* Where a semicolon may stand in a path, the backend may yet be one that reads parameters
 * behind it: the stricter of both readings counts. */
static void
admit_route(struct exchange *ex)
{
	const struct recipe_route *route;
	enum recipe_class class;

	ex->websocket = ex->req.upgrade;
	ex->class = admit_class(ex, ex->normal, &ex->route);
	if (span_eq(ex->plain, ex->normal))
		return;
	class = admit_class(ex, ex->plain, &route);
	if (class > ex->class) {
		ex->class = class;
		ex->route = route;
	}
}

/*
 * A form's hidden field can ask a framework for another method as well. What is sensitive
 * is judged as the worst that it can be; below that, the body is looked through on its
 * way (relayup.c). One without a type is a form to some.
 */
static enum reason
admit_form(struct exchange *ex)
{
	struct span type = SPAN_LIT("application/x-www-form-urlencoded"), given = {NULL, 0};

	if (ex->req.method != METHOD_POST || ex->class == RECIPE_SENSITIVE ||
	    !exchange_has_body(ex) || !exchange_enforces(ex))
		return REASON_NONE;
	(void)fields_one(&ex->req.fields, FIELD_CONTENT_TYPE, &given);
	ex->scans_form = given.n == 0 || span_istarts(given, type);
	/* Some unpack what is packed; no browser packs a form. */
	return ex->scans_form && fields_find(&ex->req.fields, FIELD_CONTENT_ENCODING, 0) != NULL
		   ? REASON_METHOD_OVERRIDE
		   : REASON_NONE;
}

static enum reason
admit_limits(struct exchange *ex)
{
	if (!rates_login(ex))
		return REASON_RATE_LIMIT;
	if (ex->req.framing == H1_LENGTH &&
	    ex->req.length > exchange_conf(ex)->limits.body &&
	    exchange_conf(ex)->limits.body != 0)
		return REASON_BODY_LARGE;
	return REASON_NONE;
}

/* A login that another site's page sends would make people work in a thief's account. */
static enum reason
admit_login_origin(struct exchange *ex)
{
	const struct conf_site *site = exchange_site(ex);
	struct span from = {NULL, 0}, origin = {NULL, 0};

	if (ex->login == NULL || !exchange_enforces(ex) ||
	    ex->req.method == METHOD_GET || ex->req.method == METHOD_HEAD)
		return REASON_NONE;
	(void)fields_one(&ex->req.fields, FIELD_SEC_FETCH_SITE, &from);
	(void)fields_one(&ex->req.fields, FIELD_ORIGIN, &origin);
	for (size_t i = 0; i < site->n_login_origins; i++)
		if (span_ieq(origin, site->login_origins[i]))
			return REASON_NONE;
	if (from.n > 0 && !span_ieq(from, SPAN_LIT("same-origin")) &&
	    !span_ieq(from, SPAN_LIT("none")))
		return REASON_LOGIN_CROSS_SITE;
	/* "null" hides an origin; only the browser's own word makes it ours. */
	if (span_eq(origin, SPAN_LIT("null")))
		return from.n > 0 ? REASON_NONE : REASON_LOGIN_CROSS_SITE;
	if (origin.n > 0) {
		struct authority a;
		struct span scheme = SPAN_LIT("https://");

		if (!span_istarts(origin, scheme) ||
		    authority_parse(span_tail(origin, scheme.n), &a) != 0 ||
		    !authority_host_eq(a.host, ex->req.authority.host))
			return REASON_LOGIN_CROSS_SITE;
	}
	return REASON_NONE;
}

/* For 429 a browser would throw its key away. */
static void
admit_device(struct exchange *ex)
{
	ex->class = RECIPE_OPEN;
	if (rates_asset(ex))
		exchange_jump(ex, STEP_GATHER);
	else
		(void)exchange_refuse(ex, REASON_OVERLOAD, PROBLEM_UNAVAILABLE);
}

/* Under the reserved prefix nothing is the backend's. */
static bool
admit_reserved(struct exchange *ex)
{
	static const struct span assets = {(const uint8_t *)"/.warifu/s/", 11};

	if (!ex->portal_host && !(span_istarts(ex->plain, admit_prefix) &&
				    (ex->plain.n == admit_prefix.n ||
					ex->plain.p[admit_prefix.n] == '/')))
		return false;
	ex->device.ask = deviceproof_ask(ex);
	if (ex->device.ask != DEVICE_ASKS_NOTHING) {
		admit_device(ex);
	} else if (!rates_asset(ex)) {
		(void)exchange_refuse(ex, REASON_RATE_LIMIT, PROBLEM_TOO_MANY);
	} else if (ex->req.method == METHOD_GET && span_starts(ex->normal, assets)) {
		ex->answer = ANSWER_ASSET;
		ex->asset = ex->normal;
		ex->class = RECIPE_OPEN;
		ex->verdict = VERDICT_ALLOW;
		exchange_jump(ex, STEP_RECORD);
	} else {
		(void)exchange_refuse(ex, REASON_RESERVED_PATH, PROBLEM_NOT_FOUND);
	}
	return true;
}

static enum problem_kind
admit_page(enum reason r)
{
	switch (reason_info(r)->status) {
	case 404:
		return PROBLEM_NOT_FOUND;
	case 413:
		return PROBLEM_TOO_LARGE;
	case 414:
		return PROBLEM_URI_TOO_LONG;
	case 421:
		return PROBLEM_MISDIRECTED;
	case 429:
		return PROBLEM_TOO_MANY;
	case 431:
		return PROBLEM_FIELDS_TOO_LARGE;
	case 403:
		return PROBLEM_REFUSED;
	case 503:
		return PROBLEM_UNAVAILABLE;
	default:
		return PROBLEM_BAD_REQUEST;
	}
}

enum step_result
step_admit(struct exchange *ex)
{
	static enum reason (*const checks[])(struct exchange *ex) = {
	    admit_site, admit_hop, admit_body, admit_path, admit_client};
	enum reason r = REASON_NONE;

	if (!atomic_load(&ex->w->gate->loaded))
		return exchange_refuse(ex, REASON_NOT_READY, PROBLEM_UNAVAILABLE);
	for (size_t i = 0; i < ARRAY_LEN(checks) && r == REASON_NONE; i++)
		r = checks[i](ex);
	if (r != REASON_NONE)
		return exchange_refuse(ex, r, admit_page(r));
	if (admit_reserved(ex))
		return STEP_NEXT;
	admit_route(ex);
	/* What another site's page sends must not use up the logins of this address. */
	r = admit_login_origin(ex);
	if (r == REASON_NONE && ex->login != NULL && exchange_enforces(ex))
		r = login_admit(ex);
	if (r == REASON_NONE)
		r = admit_form(ex);
	if (r == REASON_NONE)
		r = admit_limits(ex);
	if (r != REASON_NONE)
		return exchange_refuse(ex, r, admit_page(r));
	metric_add(ex->w->metrics,
	    (enum metric_id)(METRIC_CLASS_OPEN + (unsigned)ex->class), 1);
	return STEP_NEXT;
}
