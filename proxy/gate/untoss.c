/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/untoss.h"

#include <stdio.h>

#include "proxy/base/must.h"

/* Together fewer fields and bytes than a browser or a proxy in between would refuse. */
enum { UNTOSS_DOMAINS = 6, UNTOSS_PATHS = 9, UNTOSS_FIELDS = 96, UNTOSS_BYTES = 24 * 1024 };

struct untoss {
	struct exchange *ex;
	struct fields *out;
	struct span domains[UNTOSS_DOMAINS]; /* the first is empty: none */
	size_t n_domains;
	struct span paths[UNTOSS_PATHS];
	size_t n_paths;
	size_t bytes;
};

/* No domain, the host, and its parents down to two labels. */
static void
untoss_domains(struct untoss *u)
{
	struct span host = u->ex->req.authority.host;
	ptrdiff_t dot;

	u->domains[u->n_domains++] = span_of(NULL, 0);
	if (u->ex->req.authority.kind != AUTHORITY_NAME)
		return;
	while (u->n_domains < UNTOSS_DOMAINS && (dot = span_chr(host, '.')) > 0 &&
	       (size_t)dot + 1 < host.n) {
		u->domains[u->n_domains++] = host;
		host = span_tail(host, (size_t)dot + 1);
	}
}

/* "/", and for /a/b also /a, /a/, /a/b and /a/b/ (as far as written). */
static void
untoss_paths(struct untoss *u)
{
	struct span path = u->ex->req.path;

	u->paths[u->n_paths++] = SPAN_LIT("/");
	if (span_chr(path, ';') >= 0)
		return;
	for (size_t i = 1; i < path.n && u->n_paths + 1 < UNTOSS_PATHS; i++) {
		if (path.p[i] != '/')
			continue;
		u->paths[u->n_paths++] = span_of(path.p, i);
		u->paths[u->n_paths++] = span_of(path.p, i + 1);
	}
	if (path.n > 1 && path.p[path.n - 1] != '/' && u->n_paths < UNTOSS_PATHS)
		u->paths[u->n_paths++] = path;
}

static void
untoss_one(struct untoss *u, struct span name, struct span domain, struct span path)
{
	size_t cap = name.n + domain.n + path.n + 64;
	char *v;
	int n;

	if (u->bytes + cap > UNTOSS_BYTES || (v = arena_get(&u->ex->arena, cap)) == NULL)
		return;
	n = snprintf(v, cap, "%.*s=; Path=%.*s%s%.*s; Max-Age=0; Secure", (int)name.n,
	    (const char *)name.p, (int)path.n, (const char *)path.p,
	    domain.n > 0 ? "; Domain=" : "", (int)domain.n, (const char *)domain.p);
	MUST(n > 0 && (size_t)n < cap);
	u->bytes += cap;
	(void)fields_add(u->out, SPAN_LIT("Set-Cookie"), span_of(v, (size_t)n));
}

static void
untoss_name(struct untoss *u, struct span name)
{
	for (size_t p = 0; p < u->n_paths; p++)
		for (size_t d = 0; d < u->n_domains; d++)
			untoss_one(u, name, u->domains[d], u->paths[p]);
}

void
untoss(struct exchange *ex, struct reply *r)
{
	struct untoss u = {.ex = ex, .out = &r->fields};
	const struct conf_site *site = exchange_site(ex);
	struct field *at;

	if (!ex->tossing || !exchange_enforces(ex) || ex->answer == ANSWER_BACKEND)
		return;
	at = arena_get(&ex->arena, (r->fields.n + UNTOSS_FIELDS) * sizeof(*at));
	if (at == NULL)
		return;
	if (r->fields.n > 0)
		memcpy(at, r->fields.at, r->fields.n * sizeof(*at));
	r->fields.at = at;
	r->fields.cap = r->fields.n + UNTOSS_FIELDS;
	untoss_domains(&u);
	untoss_paths(&u);
	for (size_t i = 0; i < site->n_carriers; i++)
		if (site->carriers[i].kind == RECIPE_COOKIE)
			untoss_name(&u, site->carriers[i].name);
}
