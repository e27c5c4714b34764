/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/changes.h"

#include <stdarg.h>
#include <stdio.h>

#include "proxy/base/must.h"
#include "proxy/main/certlist.h"

struct changes {
	char *out;
	size_t cap;
	size_t n;
	const char *part; /* "site x" while nothing of it was told */
	bool told;
};

__attribute__((format(printf, 2, 3))) static void
changes_add(struct changes *c, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(c->out + c->n, c->cap - c->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		c->n = c->n + (size_t)n < c->cap ? c->n + (size_t)n : c->cap - 1;
}

static void
changes_tell(struct changes *c, const char *site, const char *what)
{
	if (c->told && c->part == site) {
		changes_add(c, ", %s", what);
		return;
	}
	changes_add(c, "%s", c->told ? "; " : "");
	if (site != NULL)
		changes_add(c, "site %s: ", site);
	changes_add(c, "%s", what);
	c->told = true;
	c->part = site;
}

static const struct snapshot_site *
changes_find(const struct snapshot *s, struct span name)
{
	const struct conf_site *site = conf_site_by_name(s->conf, name);

	return site == NULL ? NULL : &s->sites[site->index];
}

static bool
changes_backend(const struct conf_backend *a, const struct conf_backend *b)
{
	if (a->n_servers != b->n_servers)
		return true;
	for (size_t i = 0; i < a->n_servers; i++)
		if (!span_eq(span_str(a->servers[i].text), span_str(b->servers[i].text)))
			return true;
	return false;
}

static void
changes_site(struct changes *c, const struct snapshot_site *old,
    const struct snapshot_site *now)
{
	const char *name = (const char *)now->conf->name.p;

	if (old->conf->mode != now->conf->mode)
		changes_tell(c, name, now->conf->mode == CONF_OBSERVE ? "mode observe"
								       : "mode enforce");
	if (memcmp(old->policy_hash, now->policy_hash, sizeof(now->policy_hash)) != 0)
		changes_tell(c, name, "another policy");
	if (changes_backend(&old->conf->backend, &now->conf->backend))
		changes_tell(c, name, "other servers");
	if (old->conf->n_routes != now->conf->n_routes)
		changes_tell(c, name, "routes");
}

static void
changes_certs(struct changes *c, const struct snapshot *old, const struct snapshot *now)
{
	struct certlist_item a, b;
	bool more_a, more_b, same = true;

	for (size_t i = 0; same; i++) {
		more_a = certlist_at(old, i, &a);
		more_b = certlist_at(now, i, &b);
		if (!more_a && !more_b)
			return;
		same = more_a && more_b && a.ends == b.ends &&
		    span_eq(span_str(a.file), span_str(b.file));
	}
	changes_tell(c, NULL, "certificates");
}

/* Other files: their bytes decide, whatever they say of themselves. */
static bool
changes_geo(const struct snapshot *old, const struct snapshot *now)
{
	for (size_t i = 0; i < ARRAY_LEN(now->versions); i++)
		if (old->has_version[i] != now->has_version[i] ||
		    (now->has_version[i] &&
			memcmp(old->versions[i].sha256, now->versions[i].sha256,
			    sizeof(now->versions[i].sha256)) != 0))
			return true;
	return false;
}

void
changes_text(const struct snapshot *old, const struct snapshot *now, char *out, size_t cap)
{
	struct changes c = {.out = out, .cap = cap};

	out[0] = '\0';
	for (size_t i = 0; i < now->conf->n_sites; i++) {
		const struct conf_site *site = &now->conf->sites[i];
		const struct snapshot_site *was = changes_find(old, site->name);

		if (was == NULL)
			changes_tell(&c, (const char *)site->name.p, "new");
		else
			changes_site(&c, was, &now->sites[i]);
	}
	for (size_t i = 0; i < old->conf->n_sites; i++)
		if (changes_find(now, old->conf->sites[i].name) == NULL)
			changes_tell(&c, (const char *)old->conf->sites[i].name.p, "gone");
	changes_certs(&c, old, now);
	if (old->console.crl_from != now->console.crl_from ||
	    old->console.crl_ends != now->console.crl_ends)
		changes_tell(&c, NULL, "the console's revocation list");
	if (changes_geo(old, now))
		changes_tell(&c, NULL, "geo files");
	if (!c.told && memcmp(old->settings_hash, now->settings_hash, 32) != 0)
		changes_tell(&c, NULL, "other settings");
	if (!c.told)
		changes_tell(&c, NULL, "nothing changed");
}
