/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "proxy/conf/confread.h"

#include "proxy/base/must.h"
#include "proxy/wire/path.h"

/* METHOD … : nothing means any. HEAD goes with GET; a WebSocket handshake, though a GET
 * in HTTP/1.1, has a word of its own. */
static bool
confrecipe_methods(struct confread *rd, unsigned *methods)
{
	struct lex_token tok;

	*methods = 0;
	while (lex_peek(&rd->lx)->kind == LEX_WORD && confread_more(rd)) {
		unsigned bit;

		lex_next(&rd->lx, &tok);
		bit = recipe_method_bit(span_of(tok.text, tok.n));
		if (lex_is_word(&tok, "WEBSOCKET"))
			bit = RECIPE_WEBSOCKET;
		else if (bit == RECIPE_HEAD ||
			 (bit == RECIPE_OTHER && !lex_is_word(&tok, "OTHER"))) {
			lex_fail(&rd->lx, &tok,
				 "GET (with HEAD) POST PUT PATCH DELETE OPTIONS "
				 "WEBSOCKET OTHER",
				 "'%.64s' is no method that can be named here", tok.text);
			return false;
		}
		*methods |= bit | (bit == RECIPE_GET ? RECIPE_HEAD : 0);
	}
	if (*methods == 0)
		*methods = RECIPE_ANY;
	return true;
}

static bool
confrecipe_path(struct confread *rd, struct span *out)
{
	struct lex_token tok;
	enum path_why why;

	if (!confread_quoted(rd, "a path in double quotes", &tok))
		return false;
	if (path_pattern_check(span_of(tok.text, tok.n), &why) != 0) {
		lex_fail(&rd->lx, &tok,
			 "write the path as it is after decoding, such as "
			 "\"/admin/*\"",
			 "no request can have this path: %s", path_why_text(why));
		return false;
	}
	*out = confread_span(rd, &tok);
	return true;
}

static bool
confrecipe_endpoints(struct confread *rd, struct recipe_endpoint **list, size_t *n)
{
	struct recipe_endpoint e;

	if (!confrecipe_methods(rd, &e.methods))
		return false;
	do {
		if (!confrecipe_path(rd, &e.path))
			return false;
		*list = pool_grow(rd->pool, *list, n, sizeof(**list));
		(*list)[*n - 1] = e;
	} while (confread_more(rd));
	return true;
}

static bool
confrecipe_route(struct confread *rd, const struct lex_token *key)
{
	struct recipe *r = rd->recipe;
	struct recipe_route route = {.class = RECIPE_OPEN};

	while (strcmp(recipe_class_name(route.class), key->text) != 0)
		route.class ++;
	if (!confrecipe_methods(rd, &route.methods))
		return false;
	do {
		if (!confrecipe_path(rd, &route.path))
			return false;
		r->routes = pool_grow(rd->pool, r->routes, &r->n_routes, sizeof(route));
		r->routes[r->n_routes - 1] = route;
	} while (confread_more(rd));
	return true;
}

static bool
confrecipe_routes(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item items[] = {
	    {"open", confrecipe_route},
	    {"read", confrecipe_route},
	    {"write", confrecipe_route},
	    {"sensitive", confrecipe_route},
	};

	(void)key;
	if (!confread_open(rd))
		return false;
	confread_items(rd, "routes", items, ARRAY_LEN(items));
	return true;
}

static bool
confrecipe_logout(struct confread *rd, const struct lex_token *key)
{
	(void)key;
	return confrecipe_endpoints(rd, &rd->recipe->logouts, &rd->recipe->n_logouts);
}

static bool
confrecipe_token(struct confread *rd, const char *what, struct lex_token *tok)
{
	if (!confread_text(rd, what, tok))
		return false;
	if (confread_is_token(tok))
		return true;
	lex_fail(&rd->lx, tok, NULL, "this cannot be %s", what);
	return false;
}

static bool
confrecipe_credential(struct confread *rd, const struct lex_token *key)
{
	struct recipe *r = rd->recipe;
	struct recipe_carrier c = {.kind = RECIPE_COOKIE};
	struct lex_token tok;

	(void)key;
	if (!confread_text(rd, "cookie, bearer or subprotocol", &tok))
		return false;
	while (c.kind <= RECIPE_SUBPROTOCOL &&
	       !lex_is_word(&tok, recipe_carrier_name(c.kind)))
		c.kind++;
	if (c.kind > RECIPE_SUBPROTOCOL) {
		lex_fail(&rd->lx, &tok, NULL,
			 "a credential is 'cookie NAME', 'bearer' or 'subprotocol'");
		return false;
	}
	if (c.kind == RECIPE_COOKIE ||
	    (c.kind == RECIPE_SUBPROTOCOL && confread_more(rd))) {
		if (!confrecipe_token(rd,
				      c.kind == RECIPE_COOKIE
					  ? "the name of a cookie"
					  : "the prefix of a subprotocol",
				      &tok))
			return false;
		c.name = confread_span(rd, &tok);
	}
	r->carriers = pool_grow(rd->pool, r->carriers, &r->n_carriers, sizeof(c));
	r->carriers[r->n_carriers - 1] = c;
	return true;
}

static bool
confrecipe_harmless(struct confread *rd, const struct lex_token *key)
{
	struct recipe *r = rd->recipe;
	struct lex_token tok;

	(void)key;
	do {
		if (!confrecipe_token(rd, "the name of a cookie", &tok))
			return false;
		r->harmless = pool_grow(rd->pool, r->harmless, &r->n_harmless,
					sizeof(*r->harmless));
		r->harmless[r->n_harmless - 1] = confread_span(rd, &tok);
	} while (confread_more(rd));
	return true;
}

/* "a.b.0": names joined by dots; a dot or backslash of a name has a backslash before it.
 */
static bool
confrecipe_json_path(struct confread *rd, struct span *out)
{
	struct lex_token tok;
	bool good = true, empty = true;

	if (!confread_quoted(rd, "a path such as \"user.name\"", &tok))
		return false;
	for (size_t i = 0; i < tok.n; i++) {
		if (tok.text[i] == '.') {
			good = good && !empty;
			empty = true;
			continue;
		}
		if (tok.text[i] == '\\')
			good = good && ++i < tok.n && strchr(".\\", tok.text[i]) != NULL;
		empty = false;
	}
	if (!good || empty) {
		lex_fail(&rd->lx, &tok, NULL, "this is no path into a JSON document");
		return false;
	}
	*out = confread_span(rd, &tok);
	return true;
}

static bool
confrecipe_status(struct confread *rd)
{
	struct recipe_login *l = rd->login;
	struct lex_token tok;

	if (!confread_present(rd, "a status such as 302"))
		return false;
	while (confread_more(rd)) {
		if (!lex_expect(&rd->lx, LEX_NUMBER, "a status such as 302", &tok))
			return false;
		if (tok.num < 200 || tok.num > 399) {
			lex_fail(&rd->lx, &tok, NULL, "a login succeeds with 200 to 399");
			return false;
		}
		if (l->n_status == RECIPE_STATUS_MAX) {
			lex_fail(&rd->lx, &tok, NULL, "more than %d statuses",
				 RECIPE_STATUS_MAX);
			return false;
		}
		l->status[l->n_status++] = (uint16_t)tok.num;
	}
	return true;
}

/* location ["not"] ["prefix"] "…" | cookie NAME changed | json "…" present | json "…" equals "…"
 */
static bool
confrecipe_condition(struct confread *rd, const struct lex_token *kind,
		     struct recipe_condition *c)
{
	struct lex_token tok;

	if (lex_is_word(kind, "location")) {
		c->where = RECIPE_LOCATION;
		c->negated = lex_accept_word(&rd->lx, "not");
		c->prefix = lex_accept_word(&rd->lx, "prefix");
		if (!confread_quoted(rd, "a Location in double quotes", &tok))
			return false;
		c->value = confread_span(rd, &tok);
		return true;
	}
	if (lex_is_word(kind, "cookie")) {
		c->where = RECIPE_SET_COOKIE;
		if (!confrecipe_token(rd, "the name of a cookie", &tok))
			return false;
		c->name = confread_span(rd, &tok);
		return confread_present(rd, "'changed'") &&
		       lex_expect_word(&rd->lx, "changed");
	}
	if (!confrecipe_json_path(rd, &c->name))
		return false;
	c->where = RECIPE_JSON_PRESENT;
	if (lex_accept_word(&rd->lx, "present"))
		return true;
	c->where = RECIPE_JSON_EQUALS;
	if (!confread_present(rd, "'present' or 'equals'") ||
	    !lex_expect_word(&rd->lx, "equals") || !confread_text(rd, "a value", &tok))
		return false;
	c->value = confread_span(rd, &tok);
	return true;
}

static bool
confrecipe_success(struct confread *rd, const struct lex_token *key)
{
	struct recipe_login *l = rd->login;
	struct recipe_condition c = {.where = RECIPE_LOCATION};
	struct lex_token tok;

	(void)key;
	if (!confread_text(rd, "status, location, cookie or json", &tok))
		return false;
	if (lex_is_word(&tok, "status"))
		return confrecipe_status(rd);
	if (!lex_is_word(&tok, "location") && !lex_is_word(&tok, "cookie") &&
	    !lex_is_word(&tok, "json")) {
		lex_fail(&rd->lx, &tok, NULL,
			 "success is told by status, location, cookie or json");
		return false;
	}
	if (!confrecipe_condition(rd, &tok, &c))
		return false;
	l->when = pool_grow(rd->pool, l->when, &l->n_when, sizeof(c));
	l->when[l->n_when - 1] = c;
	return true;
}

static bool
confrecipe_user(struct confread *rd, const struct lex_token *key)
{
	static const char *const words[] = {"none", "form", "request-json",
					    "json", "jwt",  "header"};
	struct recipe_login *l = rd->login;
	struct lex_token tok;
	size_t i = 0;

	if (l->user_name.n)
		lex_fail(&rd->lx, key, "keep one of the two", "'user' is given twice");
	if (!confread_text(rd, "where the user's name is", &tok))
		return false;
	while (i < ARRAY_LEN(words) && !lex_is_word(&tok, words[i]))
		i++;
	if (i == ARRAY_LEN(words)) {
		lex_fail(&rd->lx, &tok, NULL,
			 "the user's name comes from form, "
			 "request-json, json, jwt or header");
		return false;
	}
	l->user_from = (enum recipe_user_from)i;
	switch (l->user_from) {
	case RECIPE_USER_NONE:
		return true;
	case RECIPE_USER_REQUEST_JSON:
	case RECIPE_USER_JSON:
	case RECIPE_USER_JWT:
		return confrecipe_json_path(rd, &l->user_name);
	case RECIPE_USER_HEADER:
		if (!confrecipe_token(rd, "the name of a field", &tok))
			return false;
		l->user_name = confread_lower(rd, &tok);
		return true;
	default:
		if (!confread_text(rd, "the name of a form field", &tok))
			return false;
		l->user_name = confread_span(rd, &tok);
		return true;
	}
}

static bool
confrecipe_fold(struct confread *rd, const struct lex_token *key)
{
	struct lex_token tok;

	(void)key;
	if (!confread_text(rd, "lower or none", &tok))
		return false;
	rd->login->fold_lower = lex_is_word(&tok, "lower");
	if (rd->login->fold_lower || lex_is_word(&tok, "none"))
		return true;
	lex_fail(&rd->lx, &tok, NULL, "'fold' is either lower or none");
	return false;
}

static bool
confrecipe_issued(struct confread *rd, const struct lex_token *key)
{
	(void)key;
	if (!confread_present(rd, "'bearer json'") ||
	    !lex_expect_word(&rd->lx, "bearer") || !lex_expect_word(&rd->lx, "json") ||
	    !confrecipe_json_path(rd, &rd->login->credential))
		return false;
	rd->login->credential_json = true;
	return true;
}

static bool
confrecipe_request(struct confread *rd, const struct lex_token *key)
{
	size_t before = rd->login->n_at;

	if (!confrecipe_endpoints(rd, &rd->login->at, &rd->login->n_at))
		return false;
	if (rd->login->at[before].methods != RECIPE_ANY)
		return true;
	lex_fail(&rd->lx, key, "write request POST \"/login\"",
		 "a login names its methods");
	return false;
}

static bool
confrecipe_page(struct confread *rd, const struct lex_token *key)
{
	if (rd->login->page.n)
		lex_fail(&rd->lx, key, "keep one of the two", "'page' is given twice");
	if (!confrecipe_path(rd, &rd->login->page))
		return false;
	if (span_chr(rd->login->page, '*') < 0)
		return true;
	lex_fail(&rd->lx, key, "name one page", "nobody can be sent to a pattern");
	return false;
}

/* A login that any answer makes true would bind failed ones. */
static void
confrecipe_check_login(struct confread *rd, const struct lex_token *key)
{
	const struct recipe_login *l = rd->login;

	if (l->n_at == 0)
		lex_fail(&rd->lx, key, "add request POST \"/…\"",
			 "this login names no request");
	if (l->n_status == 0 && l->n_when == 0)
		lex_fail(
		    &rd->lx, key,
		    "add success status, location, cookie or json: what a failed login "
		    "does not show",
		    "this login does not say what success is");
	if (l->user_from == RECIPE_USER_JWT && !l->credential_json)
		lex_fail(&rd->lx, key, "add credential bearer json \"…\"",
			 "user jwt needs the token that the login answers with");
}

static bool
confrecipe_login(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item items[] = {
	    {"request", confrecipe_request},   {"success", confrecipe_success},
	    {"user", confrecipe_user},	       {"fold", confrecipe_fold},
	    {"credential", confrecipe_issued}, {"page", confrecipe_page},
	};
	struct recipe *r = rd->recipe;

	if (!confread_open(rd))
		return false;
	r->logins = pool_grow(rd->pool, r->logins, &r->n_logins, sizeof(*r->logins));
	rd->login = &r->logins[r->n_logins - 1];
	confread_items(rd, "login", items, ARRAY_LEN(items));
	confrecipe_check_login(rd, key);
	rd->login = NULL;
	return true;
}

static const struct confread_item confrecipe_all[] = {
    {"credential", confrecipe_credential}, {"harmless", confrecipe_harmless},
    {"login", confrecipe_login},	   {"logout", confrecipe_logout},
    {"routes", confrecipe_routes},
};

const struct confread_item *
confread_recipe_items(size_t *n)
{
	*n = ARRAY_LEN(confrecipe_all);
	return confrecipe_all;
}

void
confread_recipe_file(struct confread *rd, const struct lex_token *at, const char *path)
{
	struct lex outer = rd->lx;
	struct span text;
	bool failed;

	if (!confread_slurp(rd, at, path, &text))
		return;
	lex_init(&rd->lx, path, (const char *)text.p, text.n, rd->diags);
	confread_items(rd, "", confrecipe_all, ARRAY_LEN(confrecipe_all));
	failed = lex_failed(&rd->lx);
	rd->lx = outer;
	rd->lx.failed |= failed;
}
