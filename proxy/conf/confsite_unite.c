/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "proxy/conf/confsite.h"

static bool
unite_path_eq(struct span a, struct span b)
{
	if (a.n > 1 && a.p[a.n - 1] == '/')
		a.n--;
	if (b.n > 1 && b.p[b.n - 1] == '/')
		b.n--;
	return span_ieq(a, b);
}

static void
unite_route(struct confread *rd, struct conf_site *s, struct recipe_route r)
{
	if (r.methods == 0)
		return;
	s->routes = pool_grow(rd->pool, s->routes, &s->n_routes, sizeof(r));
	s->routes[s->n_routes - 1] = r;
}

/* r without the methods that one of the first n routes has for the same path. */
static struct recipe_route
unite_left_over(const struct conf_site *s, size_t n, struct recipe_route r)
{
	for (size_t i = 0; i < n; i++)
		if (unite_path_eq(s->routes[i].path, r.path))
			r.methods &= ~s->routes[i].methods;
	return r;
}

static void
unite_endpoints(struct confread *rd, struct conf_site *s, enum recipe_class class,
		const struct recipe_endpoint *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unite_route(rd, s,
			    unite_left_over(s, s->n_routes,
					    (struct recipe_route){.class = class,
								  .methods = e[i].methods,
								  .path = e[i].path}));
}

/* Length without a last "*" and slash: how much of a path the pattern speaks about. */
static size_t
unite_length(struct span p)
{
	if (p.n && p.p[p.n - 1] == '*')
		p.n--;
	if (p.n && p.p[p.n - 1] == '/')
		p.n--;
	return p.n;
}

static size_t
unite_stars(struct span p)
{
	size_t n = 0;

	for (size_t i = 0; i < p.n; i++)
		n += p.p[i] == '*';
	return n;
}

/* The order of conf_route_class: the route that wins comes first. */
static int
unite_compare(const void *x, const void *y)
{
	const struct recipe_route *a = x, *b = y;
	size_t la = unite_length(a->path), lb = unite_length(b->path);
	size_t sa = unite_stars(a->path), sb = unite_stars(b->path);
	bool any_a = a->methods == RECIPE_ANY, any_b = b->methods == RECIPE_ANY;
	int r;

	if (la != lb)
		return la > lb ? -1 : 1;
	if (sa != sb)
		return sa < sb ? -1 : 1;
	if (any_a != any_b)
		return any_b ? -1 : 1;
	if (a->class != b->class)
		return a->class > b->class ? -1 : 1;
	r = memcmp(a->path.p, b->path.p, a->path.n < b->path.n ? a->path.n : b->path.n);
	if (r == 0 && a->path.n != b->path.n)
		r = a->path.n < b->path.n ? -1 : 1;
	return r ? r : a->methods < b->methods ? -1 : a->methods > b->methods;
}

/* What the site says itself goes before what its recipes say about the same path; a login
 * that is not listed is open, a logout is a write. */
static void
unite_routes(struct confread *rd, struct conf_site *s, const struct recipe *own,
	     const struct recipe *shared, const struct lex_token *at)
{
	size_t n = own->n_routes;

	if (own->n_routes + shared->n_routes > CONFSITE_ROUTES) {
		lex_fail(&rd->lx, at, "use patterns such as \"/api/*\"",
			 "this site has more than %d routes", CONFSITE_ROUTES);
		return;
	}
	for (size_t i = 0; i < n; i++)
		unite_route(rd, s, own->routes[i]);
	n = s->n_routes;
	for (size_t i = 0; i < shared->n_routes; i++)
		unite_route(rd, s, unite_left_over(s, n, shared->routes[i]));
	for (size_t i = 0; i < s->n_logins; i++)
		unite_endpoints(rd, s, RECIPE_OPEN, s->logins[i].at, s->logins[i].n_at);
	unite_endpoints(rd, s, RECIPE_WRITE, s->logouts, s->n_logouts);
	if (s->n_routes)
		qsort(s->routes, s->n_routes, sizeof(*s->routes), unite_compare);
}

static bool
unite_carries(const struct conf_site *s, enum recipe_carrier_kind kind, struct span name)
{
	for (size_t i = 0; i < s->n_carriers; i++)
		if (s->carriers[i].kind == kind && span_eq(s->carriers[i].name, name))
			return true;
	return false;
}

static void
unite_statements(struct confread *rd, struct conf_site *s, const struct recipe *r)
{
	for (size_t i = 0; i < r->n_carriers; i++) {
		if (unite_carries(s, r->carriers[i].kind, r->carriers[i].name))
			continue;
		s->carriers = pool_grow(rd->pool, s->carriers, &s->n_carriers,
					sizeof(*s->carriers));
		s->carriers[s->n_carriers - 1] = r->carriers[i];
	}
	for (size_t i = 0; i < r->n_logins; i++) {
		s->logins =
		    pool_grow(rd->pool, s->logins, &s->n_logins, sizeof(*s->logins));
		s->logins[s->n_logins - 1] = r->logins[i];
	}
	for (size_t i = 0; i < r->n_logouts; i++) {
		s->logouts =
		    pool_grow(rd->pool, s->logouts, &s->n_logouts, sizeof(*s->logouts));
		s->logouts[s->n_logouts - 1] = r->logouts[i];
	}
	for (size_t i = 0; i < r->n_harmless; i++) {
		s->harmless = pool_grow(rd->pool, s->harmless, &s->n_harmless,
					sizeof(*s->harmless));
		s->harmless[s->n_harmless - 1] = r->harmless[i];
	}
}

static void
unite_check_login(struct confread *rd, const struct conf_site *s,
		  const struct recipe_login *l, const struct lex_token *at)
{
	for (size_t i = 0; i < l->n_when; i++)
		if (l->when[i].where == RECIPE_SET_COOKIE &&
		    !unite_carries(s, RECIPE_COOKIE, l->when[i].name))
			lex_fail(&rd->lx, at,
				 "add credential cookie NAME, or correct the name",
				 "a login waits for the cookie '%.80s', which is no "
				 "credential here",
				 (const char *)l->when[i].name.p);
	if (l->credential_json && !unite_carries(s, RECIPE_BEARER, span_str("")))
		lex_fail(
		    &rd->lx, at, "add credential bearer",
		    "a login answers with a bearer token, which is no credential here");
}

static bool
unite_is_open_page(const struct conf_site *s, struct span path)
{
	return span_chr(path, '*') < 0 &&
	       conf_route_class(s, SPAN_LIT("GET"), false, path) == RECIPE_OPEN;
}

/* The page that a recipe names, else the first login that is a page itself: one that is
 * not open to everybody would send people round in a circle. */
static void
unite_login_page(struct conf_site *s)
{
	for (size_t i = 0; i < s->n_logins && s->login_page.n == 0; i++)
		s->login_page = s->logins[i].page;
	for (size_t i = 0; i < s->n_logins; i++)
		for (size_t k = 0; k < s->logins[i].n_at && s->login_page.n == 0; k++)
			if (unite_is_open_page(s, s->logins[i].at[k].path))
				s->login_page = s->logins[i].at[k].path;
}

void
confsite_check(struct confread *rd, const struct conf_site *s, const struct lex_token *at)
{
	bool complete = !(rd->flags & CONF_NO_RECIPES) || s->n_recipes == 0;

	for (size_t i = 0; i < s->n_logins; i++)
		unite_check_login(rd, s, &s->logins[i], at);
	if (s->login_page.n && !unite_is_open_page(s, s->login_page))
		lex_fail(&rd->lx, at, "add open GET with this path to its routes",
			 "the login page '%.80s' is not open, so nobody could log in",
			 (const char *)s->login_page.p);
	for (size_t i = 0; i < s->n_harmless; i++)
		if (unite_carries(s, RECIPE_COOKIE, s->harmless[i]))
			lex_fail(&rd->lx, at, NULL,
				 "the cookie '%.80s' is both a credential and harmless",
				 (const char *)s->harmless[i].p);
	if (s->n_hosts == 0)
		lex_fail(&rd->lx, at, "add host NAME", "this site has no host");
	if (s->n_pairs == 0)
		lex_fail(&rd->lx, at, "add certificate \"FILE\" key \"FILE\"",
			 "this site has no certificate");
	if (s->backend.n_servers == 0)
		lex_fail(&rd->lx, at, "add backend { server \"http://…\" }",
			 "this site has no backend");
	if (s->n_carriers == 0 && complete)
		lex_fail(&rd->lx, at, "add recipe \"FILE\" or credential cookie NAME",
			 "this site names no session credential");
	if (s->n_carriers > RECIPE_CARRIERS)
		lex_fail(&rd->lx, at, NULL, "this site has more than %d credentials",
			 RECIPE_CARRIERS);
	if (s->n_logins == 0 && s->adopt_until == 0 && complete)
		lex_fail(&rd->lx, at, "add recipe \"FILE\" or login { … }",
			 "this site knows no login, so nothing would ever be bound");
	if (s->portal_host.n == 0)
		diag_warn(rd->diags, &rd->lx.src, at->pos,
			  "give the portal a host of its own: portal verify.example",
			  "site '%.80s' has no portal host: script of the application "
			  "could fake "
			  "step-up pages",
			  (const char *)s->name.p);
}

void
confsite_unite(struct confread *rd, struct conf_site *s, const struct recipe *own,
	       const struct recipe *shared, const struct lex_token *at)
{
	unite_statements(rd, s, own);
	unite_statements(rd, s, shared);
	unite_routes(rd, s, own, shared, at);
	unite_login_page(s);
	confsite_add_strip(rd, s);
}
