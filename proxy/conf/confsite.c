/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/confsite.h"

#include <string.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/wire/authority.h"

/* Fields in which sign-on proxies and networks tell backends who is there, or where. A
 * client that could send one would be whom it likes. Those of proxy/wire/fields.def never pass either. */
static const char *const confsite_strip[] = {"remote-email",
					     "remote-groups",
					     "remote-name",
					     "cf-access-authenticated-user-email",
					     "cf-access-jwt-assertion",
					     "cf-connecting-ip",
					     "client-cert",
					     "client-cert-chain",
					     "client-ip",
					     "fastly-client-ip",
					     "fly-client-ip",
					     "forwarded-for",
					     "ssl-client-cert",
					     "ssl-client-s-dn",
					     "ssl-client-verify",
					     "tailscale-user-login",
					     "tailscale-user-name",
					     "x-amzn-oidc-data",
					     "x-amzn-oidc-identity",
					     "x-auth-request-access-token",
					     "x-auth-request-email",
					     "x-auth-request-groups",
					     "x-auth-request-preferred-username",
					     "x-auth-request-user",
					     "x-authenticated-user",
					     "x-authentik-email",
					     "x-authentik-groups",
					     "x-authentik-username",
					     "x-client-cert",
					     "x-client-verify",
					     "x-cluster-client-ip",
					     "x-forwarded",
					     "x-forwarded-access-token",
					     "x-forwarded-client-cert",
					     "x-goog-authenticated-user-email",
					     "x-goog-authenticated-user-id",
					     "x-goog-iap-jwt-assertion",
					     "x-ms-client-principal",
					     "x-ms-client-principal-id",
					     "x-ms-client-principal-name",
					     "x-remote-groups",
					     "x-remote-user",
					     "x-ssl-client-cert",
					     "x-ssl-client-dn",
					     "x-ssl-client-verify",
					     "x-webauth-email",
					     "x-webauth-groups",
					     "x-webauth-name",
					     "x-webauth-user"};

static bool
confsite_take_host(struct confread *rd, const struct lex_token *tok, struct span *out)
{
	const struct conf *c = rd->conf;

	if (!confread_is_host(tok)) {
		lex_fail(&rd->lx, tok, "a name only, such as wallet.example",
			 "this is not a host name");
		return false;
	}
	*out = confread_lower(rd, tok);
	for (size_t i = 0; i < c->n_sites; i++) {
		const struct conf_site *s = &c->sites[i];
		bool taken = s->portal_host.n && authority_host_eq(s->portal_host, *out);

		for (size_t k = 0; k < s->n_hosts && !taken; k++)
			taken = authority_host_eq(s->hosts[k], *out);
		if (taken) {
			lex_fail(&rd->lx, tok, "a host name belongs to one site",
				 "'%.100s' is a host of site %.100s already",
				 (const char *)out->p, (const char *)s->name.p);
			return false;
		}
	}
	return true;
}

static bool
confsite_host(struct confread *rd, const struct lex_token *key)
{
	struct conf_site *s = rd->site;
	struct lex_token tok;
	struct span host;

	(void)key;
	do {
		if (!confread_text(rd, "a host name", &tok) ||
		    !confsite_take_host(rd, &tok, &host))
			return false;
		s->hosts = pool_grow(rd->pool, s->hosts, &s->n_hosts, sizeof(host));
		s->hosts[s->n_hosts - 1] = host;
	} while (confread_more(rd));
	return true;
}

static bool
confsite_portal(struct confread *rd, const struct lex_token *key)
{
	struct lex_token tok;
	struct span host;

	(void)key;
	if (!confread_text(rd, "a host name", &tok) ||
	    !confsite_take_host(rd, &tok, &host))
		return false;
	rd->site->portal_host = host;
	return true;
}

static bool
confsite_certificate(struct confread *rd, const struct lex_token *key)
{
	struct conf_site *s = rd->site;
	struct conf_key_pair pair = {.at = key->pos};

	if (!confread_path(rd, CONFOPT_FILE, &pair.certificate) ||
	    !confread_present(rd, "'key'") || !lex_expect_word(&rd->lx, "key") ||
	    !confread_path(rd, CONFOPT_FILE, &pair.key))
		return false;
	s->pairs = pool_grow(rd->pool, s->pairs, &s->n_pairs, sizeof(pair));
	s->pairs[s->n_pairs - 1] = pair;
	return true;
}

/* NAME.case beside NAME.policy, where there is one. */
static const char *
confsite_cases(struct confread *rd, const char *policy)
{
	static const char from[] = ".policy", to[] = ".case";
	size_t n = strlen(policy), stem = n;
	char *path = pool_get(rd->pool, n + sizeof(to));

	if (n > sizeof(from) - 1 && strcmp(policy + n - (sizeof(from) - 1), from) == 0)
		stem = n - (sizeof(from) - 1);
	memcpy(path, policy, stem);
	memcpy(path + stem, to, sizeof(to));
	return access(path, F_OK) == 0 ? path : NULL;
}

static bool
confsite_policy(struct confread *rd, const struct lex_token *key)
{
	rd->site->policy_at = key->pos;
	if (lex_accept_word(&rd->lx, "starter"))
		return true;
	if (!confread_path(rd, CONFOPT_FILE, &rd->site->policy))
		return false;
	if (confread_more(rd))
		return lex_expect_word(&rd->lx, "cases") &&
		       confread_path(rd, CONFOPT_FILE, &rd->site->cases);
	if (!(rd->flags & CONF_NO_FILES))
		rd->site->cases = confsite_cases(rd, rd->site->policy);
	return true;
}

static bool
confsite_recipe(struct confread *rd, const struct lex_token *key)
{
	struct conf_site *s = rd->site;
	struct recipe *own = rd->recipe;
	const char *path;

	if (!confread_path(rd, CONFOPT_FILE, &path))
		return false;
	s->recipes = pool_grow(rd->pool, s->recipes, &s->n_recipes, sizeof(*s->recipes));
	s->recipes[s->n_recipes - 1] = path;
	if (rd->flags & CONF_NO_RECIPES)
		return true;
	rd->recipe = rd->shared;
	confread_recipe_file(rd, key, path);
	rd->recipe = own;
	return true;
}

static bool
confsite_origin(struct confread *rd, const struct lex_token *key)
{
	struct conf_site *s = rd->site;
	struct lex_token tok;
	struct authority a;

	(void)key;
	do {
		if (!confread_quoted(rd, "an origin such as \"https://idp.example\"",
				     &tok))
			return false;
		if (strncmp(tok.text, "https://", 8) != 0 ||
		    authority_parse(span_of(tok.text + 8, tok.n - 8), &a) != 0) {
			lex_fail(&rd->lx, &tok,
				 "https://, a host, perhaps a port, no path",
				 "this is not an origin");
			return false;
		}
		s->login_origins =
		    pool_grow(rd->pool, s->login_origins, &s->n_login_origins,
			      sizeof(*s->login_origins));
		s->login_origins[s->n_login_origins - 1] = confread_lower(rd, &tok);
	} while (confread_more(rd));
	return true;
}

static bool
confsite_network(struct confread *rd, const struct lex_token *key)
{
	struct conf_site *s = rd->site;
	struct conf_network net = {.inspects = false};
	struct lex_token tok;

	(void)key;
	if (!confread_text(rd, "a name for the network", &tok))
		return false;
	net.name = confread_span(rd, &tok);
	if (!confread_prefixes(rd, &net.prefixes))
		return false;
	if (net.prefixes.n == 0) {
		lex_fail(&rd->lx, lex_peek(&rd->lx), NULL,
			 "expected a network such as 192.0.2.0/24");
		return false;
	}
	net.inspects = lex_accept_word(&rd->lx, "inspects");
	s->networks = pool_grow(rd->pool, s->networks, &s->n_networks, sizeof(net));
	s->networks[s->n_networks - 1] = net;
	return true;
}

static bool
confsite_methods(struct confread *rd, const struct lex_token *key)
{
	struct conf_site *s = rd->site;
	struct lex_token tok;

	(void)key;
	do {
		if (!confread_text(rd, "a method", &tok))
			return false;
		if (!confread_is_token(&tok) || lex_is_word(&tok, "CONNECT") ||
		    lex_is_word(&tok, "TRACE")) {
			lex_fail(&rd->lx, &tok, NULL, "'%.64s' is never served",
				 tok.text);
			return false;
		}
		s->methods =
		    pool_grow(rd->pool, s->methods, &s->n_methods, sizeof(*s->methods));
		s->methods[s->n_methods - 1] = confread_span(rd, &tok);
	} while (confread_more(rd));
	return true;
}

static bool
confsite_adopt(struct confread *rd, const struct lex_token *key)
{
	struct lex_token tok;

	(void)key;
	if (!confread_present(rd, "'until' and a date") ||
	    !lex_expect_word(&rd->lx, "until") ||
	    !lex_expect(&rd->lx, LEX_DATE, NULL, &tok))
		return false;
	rd->site->adopt_until = tok.num;
	return true;
}

static bool
confsite_session(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item items[] = {{"adopt", confsite_adopt}};

	if (!confread_open(rd))
		return false;
	confread_block(rd, CONFOPT_SESSION, rd->site, items, ARRAY_LEN(items), key);
	if (rd->site->session_idle_ms > rd->site->lifetime_ms)
		rd->site->session_idle_ms = rd->site->lifetime_ms;
	return true;
}

static bool
confsite_fields(struct confread *rd, struct span **list, size_t *n, bool known)
{
	struct lex_token tok;

	do {
		bool found = false;

		if (!confread_text(rd, "the name of a field", &tok))
			return false;
		for (size_t i = 0; i < ARRAY_LEN(confsite_strip); i++)
			found |= span_ieq(span_of(tok.text, tok.n),
					  span_str(confsite_strip[i]));
		if (!confread_is_token(&tok) || (known && !found)) {
			lex_fail(&rd->lx, &tok, NULL, "'%.64s' is %s", tok.text,
				 known ? "not on the built-in list"
				       : "no name of a field");
			return false;
		}
		*list = pool_grow(rd->pool, *list, n, sizeof(**list));
		(*list)[*n - 1] = confread_lower(rd, &tok);
	} while (confread_more(rd));
	return true;
}

static bool
confsite_strip_more(struct confread *rd, const struct lex_token *key)
{
	(void)key;
	return confsite_fields(rd, &rd->site->strip, &rd->site->n_strip, false);
}

static bool
confsite_pass(struct confread *rd, const struct lex_token *key)
{
	(void)key;
	return confsite_fields(rd, &rd->site->pass, &rd->site->n_pass, true);
}

static bool
confsite_headers(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item items[] = {
	    {"strip", confsite_strip_more},
	    {"pass", confsite_pass},
	};

	if (!confread_open(rd))
		return false;
	confread_block(rd, CONFOPT_HEADERS, rd->site, items, ARRAY_LEN(items), key);
	return true;
}

void
confsite_add_strip(struct confread *rd, struct conf_site *s)
{
	for (size_t i = 0; i < ARRAY_LEN(confsite_strip); i++) {
		struct span name = span_str(confsite_strip[i]);
		bool skip = false;

		for (size_t k = 0; k < s->n_pass; k++)
			skip |= span_eq(s->pass[k], name);
		for (size_t k = 0; k < s->n_strip; k++)
			skip |= span_eq(s->strip[k], name);
		if (skip)
			continue;
		s->strip = pool_grow(rd->pool, s->strip, &s->n_strip, sizeof(name));
		s->strip[s->n_strip - 1] = name;
	}
}

static bool
confsite_body(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item own[] = {{"host", confsite_host},
						   {"portal", confsite_portal},
						   {"certificate", confsite_certificate},
						   {"policy", confsite_policy},
						   {"recipe", confsite_recipe},
						   {"backend", confsite_backend},
						   {"session", confsite_session},
						   {"headers", confsite_headers},
						   {"login-origin", confsite_origin},
						   {"network", confsite_network},
						   {"methods", confsite_methods}};
	struct confread_item items[ARRAY_LEN(own) + 8];
	size_t n;
	const struct confread_item *recipe = confread_recipe_items(&n);

	MUST(n <= 8);
	memcpy(items, own, sizeof(own));
	memcpy(items + ARRAY_LEN(own), recipe, n * sizeof(*recipe));
	confread_block(rd, CONFOPT_SITE, rd->site, items, ARRAY_LEN(own) + n, key);
	return true;
}

bool
confread_site(struct confread *rd, const struct lex_token *key)
{
	struct conf *c = rd->conf;
	struct recipe own = {.file = c->file}, shared = {.file = NULL};
	size_t errors = rd->diags->errors;
	struct lex_token name;
	struct conf_site *s;

	if (!confread_text(rd, "the site's name", &name))
		return false;
	if (!confread_is_token(&name)) {
		lex_fail(&rd->lx, &name, NULL, "a site's name is a plain word");
		return false;
	}
	for (size_t i = 0; i < c->n_sites; i++)
		if (span_eq(c->sites[i].name, span_of(name.text, name.n)))
			lex_fail(&rd->lx, &name, NULL, "there is a site '%.100s' already",
				 name.text);
	if (!confread_open(rd))
		return false;
	c->sites = pool_grow(rd->pool, c->sites, &c->n_sites, sizeof(*c->sites));
	s = &c->sites[c->n_sites - 1];
	confopt_defaults(CONFOPT_SITE, s);
	confopt_defaults(CONFOPT_SESSION, s);
	confopt_defaults(CONFOPT_HEADERS, s);
	confopt_defaults(CONFOPT_BACKEND, &s->backend);
	s->name = confread_span(rd, &name);
	s->index = c->n_sites - 1;
	s->at = key->pos;
	rd->site = s;
	rd->recipe = &own;
	rd->shared = &shared;
	confsite_body(rd, &name);
	confsite_unite(rd, s, &own, &shared, &name);
	/* Where a line was faulty, what it would have given is not missing. */
	if (rd->diags->errors == errors)
		confsite_check(rd, s, &name);
	rd->site = NULL;
	rd->recipe = rd->shared = NULL;
	return true;
}
