/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "certs/tlsctx.h"
#include "certs/tlsout.h"
#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/gate/rewrite.h"
#include "proxy/gate/rules.h"

enum { SNAPSHOT_WHY = CERTS_WHY, SNAPSHOT_PAIRS = 64, SNAPSHOT_SITES = 256 };

struct build {
	struct snapshot *s;
	const struct snapshot_reader *r;
	const struct snapshot_opt *opt;
	struct diags *diags;
	struct diag_source src; /* the settings file as a whole */
};

static void
build_fail_at(struct build *b, struct diag_pos at, const char *what, const char *why)
{
	diag_error(b->diags, &b->src, at, NULL, "%s: %s", what, why);
}

static void
build_fail(struct build *b, const char *what, const char *why)
{
	build_fail_at(b, (struct diag_pos){0, 0}, what, why);
}

/* ---- backends ---- */

static bool
build_blob(struct build *b, const char *path, bool secret, struct certs_blob *out)
{
	char why[SNAPSHOT_WHY];
	struct span bytes;

	*out = (struct certs_blob){.name = path};
	if (path == NULL)
		return true;
	if (b->r->read(b->r->arg, path, secret, &bytes, why, sizeof(why)) != 0) {
		build_fail(b, path, why);
		return false;
	}
	out->p = bytes.p;
	out->n = bytes.n;
	return true;
}

static void
build_tlsout(struct build *b, const struct conf_backend *be, const struct conf_server *sv,
    struct tlsout **out)
{
	const char *ca = be->tls_ca != NULL ? be->tls_ca : tlsout_system_ca();
	struct tlsout_opt opt = {.insecure = !be->tls_verify};
	struct certs_pair ident;
	char why[SNAPSHOT_WHY];

	opt.verify_host = be->tls_name != NULL ? be->tls_name : (const char *)sv->host.p;
	if (be->tls_verify && !build_blob(b, ca, false, &opt.ca))
		return;
	if (be->tls_cert != NULL) {
		if (!build_blob(b, be->tls_cert, false, &ident.chain) ||
		    !build_blob(b, be->tls_key, true, &ident.key))
			return;
		opt.ident = &ident;
	}
	if (tlsout_open(out, &opt, why, sizeof(why)) != 0)
		build_fail_at(b, sv->at, sv->text, why);
}

static int
build_unix(const char *path, uint8_t out[128])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	MUST(sizeof(sun) <= 128);
	if (strlen(path) >= sizeof(sun.sun_path))
		return WF_ERANGE;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	memcpy(out, &sun, sizeof(sun));
	return (int)sizeof(sun);
}

static int
build_address(struct build *b, const struct conf_server *sv, uint8_t out[128], char *why)
{
	struct sockaddr_storage ss = {0};
	size_t n;

	if (sv->scheme == CONF_UNIX)
		return build_unix(sv->path, out);
	if (sv->ip.family == 0)
		return b->r->resolve(b->r->arg, (const char *)sv->host.p, sv->port, out, why,
		    SNAPSHOT_WHY);
	n = ip_to_sockaddr(&sv->ip, sv->port, &ss);
	memcpy(out, &ss, n);
	return (int)n;
}

static void
build_target(struct build *b, const struct conf_backend *be, const struct conf_server *sv,
    struct upstream_target *t, struct tlsout **tls)
{
	const struct conf_timeouts *to = &b->s->conf->timeouts;
	char why[SNAPSHOT_WHY] = "the socket's path is too long";
	int n = build_address(b, sv, t->addr, why);

	if (n < 0) {
		build_fail_at(b, sv->at, sv->text, why);
		return;
	}
	t->name = sv->text;
	t->addr_n = (uint32_t)n;
	t->connect_ms = (unsigned)to->connect_ms;
	t->idle_ms = (unsigned)to->upstream_idle_ms;
	t->max_idle = (unsigned)be->kept_connections;
	t->max_conns = (unsigned)be->connections;
	if (sv->scheme == CONF_HTTPS) {
		build_tlsout(b, be, sv, tls);
		t->tls = *tls;
	}
}

static bool
build_backend(struct build *b, struct snapshot_site *site)
{
	const struct conf_backend *be = &site->conf->backend;

	site->n_targets = be->n_servers;
	site->targets = calloc(be->n_servers, sizeof(*site->targets));
	site->list = calloc(be->n_servers, sizeof(*site->list));
	site->tlsout = calloc(be->n_servers, sizeof(*site->tlsout));
	if (site->targets == NULL || site->list == NULL || site->tlsout == NULL)
		return false;
	for (size_t i = 0; i < be->n_servers; i++) {
		site->list[i] = &site->targets[i];
		build_target(b, be, &be->servers[i], &site->targets[i], &site->tlsout[i]);
	}
	return true;
}

static bool
build_sites(struct build *b)
{
	const struct conf *c = b->s->conf;

	b->s->sites = calloc(c->n_sites, sizeof(*b->s->sites));
	if (b->s->sites == NULL)
		return false;
	for (size_t i = 0; i < c->n_sites; i++) {
		b->s->sites[i].conf = &c->sites[i];
		for (int id = FIELD_OTHER + 1; id < FIELD_COUNT; id++)
			b->s->sites[i].claims[id] = rewrite_claims(&c->sites[i],
			    fields_name((enum field_id)id));
		(void)rules_load(&b->s->sites[i], b->r, b->opt->deep, &b->src, b->diags);
		if (!build_backend(b, &b->s->sites[i]))
			return false;
		b->s->n_targets += b->s->sites[i].n_targets;
	}
	b->s->targets = calloc(b->s->n_targets + 1, sizeof(*b->s->targets));
	if (b->s->targets == NULL)
		return false;
	b->s->n_targets = 0;
	for (size_t i = 0; i < c->n_sites; i++)
		for (size_t k = 0; k < b->s->sites[i].n_targets; k++)
			b->s->targets[b->s->n_targets++] = b->s->sites[i].list[k];
	return true;
}

static void
build_portal(struct build *b)
{
	struct upstream_target *t = &b->s->portal;
	int n = build_unix(b->s->conf->portal.socket, t->addr);

	if (n < 0) {
		build_fail(b, b->s->conf->portal.socket, "the socket's path is too long");
		return;
	}
	t->addr_n = (uint32_t)n;
	t->name = "portal";
	t->connect_ms = 1000;
	t->idle_ms = 30000;
	t->max_idle = 16;
	b->s->targets[b->s->n_targets++] = t;
}

/* ---- certificates ---- */

/* A site's names as certs/store wants them: its own hosts, and the portal's. */
static size_t
build_hosts(const struct conf_site *c, const char **hosts, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_hosts && n < cap; i++)
		hosts[n++] = (const char *)c->hosts[i].p;
	if (c->portal_host.n > 0 && n < cap)
		hosts[n++] = (const char *)c->portal_host.p;
	return n;
}

/* The bytes of all pairs of a site; every file that cannot be read is told. */
static bool
build_pairs(struct build *b, const struct conf_site *cs, struct certs_pair *p,
    struct certs_site *out)
{
	char why[SNAPSHOT_WHY];
	struct span bytes;
	bool ok = true;

	for (size_t k = 0; k < cs->n_pairs && k < CERTS_PAIRS_MAX; k++, out->n_pairs++) {
		const struct conf_key_pair *kp = &cs->pairs[k];

		p[k].chain = (struct certs_blob){.name = kp->certificate};
		p[k].key = (struct certs_blob){.name = kp->key};
		if (b->r->read(b->r->arg, kp->certificate, false, &bytes, why, sizeof(why)) != 0) {
			build_fail_at(b, kp->at, "certificate", why);
			ok = false;
		} else {
			p[k].chain.p = bytes.p;
			p[k].chain.n = bytes.n;
		}
		if (b->r->read(b->r->arg, kp->key, true, &bytes, why, sizeof(why)) != 0) {
			build_fail_at(b, kp->at, "key", why);
			ok = false;
		} else {
			p[k].key.p = bytes.p;
			p[k].key.n = bytes.n;
		}
	}
	return ok;
}

/*
 * certs_open ends at the first fault. So that one look shows all, each site is tried
 * alone; what only the whole has (one host at two sites) is told if no site is at fault.
 */
static void
build_certs_faults(struct build *b, const struct certs_site *sites, size_t n,
    const char *whole)
{
	const struct conf *c = b->s->conf;
	struct certs_opt opt = {.now = b->opt->now, .default_site = -1};
	char why[SNAPSHOT_WHY];
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		struct certs *one = NULL;

		if (certs_open(&one, &sites[i], 1, &opt, why, sizeof(why)) != 0) {
			build_fail_at(b, c->sites[i].n_pairs > 0 ? c->sites[i].pairs[0].at
								 : c->sites[i].at,
			    "certificates", why);
			found = true;
		}
		certs_close(one);
	}
	if (!found)
		build_fail(b, "certificates", whole);
}

static bool
build_certs(struct build *b)
{
	const struct conf *c = b->s->conf;
	struct certs_site *sites = calloc(c->n_sites, sizeof(*sites));
	struct certs_pair *pairs = calloc(c->n_sites, CERTS_PAIRS_MAX * sizeof(*pairs));
	const char **hosts = calloc(c->n_sites, SNAPSHOT_PAIRS * sizeof(*hosts));
	struct certs_opt opt = {.now = b->opt->now, .default_site = -1};
	char why[SNAPSHOT_WHY];
	bool ok = sites != NULL && pairs != NULL && hosts != NULL;

	for (size_t i = 0; sites != NULL && pairs != NULL && hosts != NULL && i < c->n_sites;
	     i++) {
		const struct conf_site *cs = &c->sites[i];
		const char **h = &hosts[i * SNAPSHOT_PAIRS];

		sites[i] = (struct certs_site){.name = (const char *)cs->name.p, .hosts = h,
		    .n_hosts = build_hosts(cs, h, SNAPSHOT_PAIRS),
		    .pairs = &pairs[i * CERTS_PAIRS_MAX]};
		if (!build_pairs(b, cs, &pairs[i * CERTS_PAIRS_MAX], &sites[i]))
			ok = false;
	}
	if (ok && certs_open(&b->s->certs, sites, c->n_sites, &opt, why, sizeof(why)) != 0) {
		build_certs_faults(b, sites, c->n_sites, why);
		ok = false;
	}
	for (size_t i = 0; ok && certs_warning(b->s->certs, i) != NULL; i++)
		diag_warn(b->diags, &b->src, (struct diag_pos){0, 0}, NULL, "%s",
		    certs_warning(b->s->certs, i));
	free(sites);
	free(pairs);
	free(hosts);
	return ok;
}

static bool
build_tls(struct build *b)
{
	static const uint8_t alpn[] = "\x02h2\x08http/1.1";
	size_t skip = b->s->conf->http2 ? 0 : 3;
	struct tlsctx_opt opt = {.alpn = alpn + skip, .alpn_n = sizeof(alpn) - 1 - skip,
	    .ticket_secret = b->opt->ticket_secret,
	    .ticket_interval = (int64_t)(b->s->conf->ticket_rotation_ms / 1000),
	    .tickets = 0, /* one goes out with each login (continuity.h) */
	    .now = b->opt->now};
	char why[SNAPSHOT_WHY];

	if (tlsctx_open(&b->s->tls, b->s->certs, &opt, why, sizeof(why)) == 0)
		return true;
	build_fail(b, "TLS", why);
	return false;
}

/* ---- places ---- */

static bool
build_place(struct build *b)
{
	const struct conf_geo *g = &b->s->conf->geo;
	const char *paths[PLACE_ROLES] = {g->country, g->country_second, g->city, g->asn};
	struct place_file files[PLACE_ROLES];
	char why[PLACE_WHY];
	size_t n = 0;
	bool ok = true;

	for (int role = 0; role < PLACE_ROLES; role++) {
		if (paths[role] == NULL)
			continue;
		memset(&files[n], 0, sizeof(files[n]));
		if (b->r->geo(b->r->arg, paths[role], &files[n], why, sizeof(why)) != 0) {
			build_fail(b, paths[role], why);
			ok = false;
			continue;
		}
		files[n].role = (enum place_role)role;
		files[n++].name = paths[role];
	}
	if (!ok)
		return false;
	if (place_open(&b->s->place, files, n, b->opt->deep, why, sizeof(why)) != 0) {
		build_fail(b, "geo", why);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		b->s->has_version[files[i].role] = place_version(b->s->place, i,
		    &b->s->versions[files[i].role]);
	return true;
}

/* ---- the whole ---- */

struct snapshot *
snapshot_build(struct conf *conf, const struct snapshot_reader *r,
    const struct snapshot_opt *opt, struct diags *diags)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct build b = {.s = s, .r = r, .opt = opt, .diags = diags};
	size_t errors = diags->errors;

	if (s == NULL) {
		conf_free(conf);
		return NULL;
	}
	atomic_store(&s->refs, 1);
	s->number = opt->number;
	s->conf = conf;
	b.src.file = conf->file;
	if (conf_hash(conf, s->settings_hash) != 0 || !build_sites(&b))
		build_fail(&b, "settings", "out of memory");
	else
		build_portal(&b);
	if (build_certs(&b))
		(void)build_tls(&b);
	(void)build_place(&b);
	if (diags->errors > errors) {
		snapshot_unref(s);
		return NULL;
	}
	return s;
}

void
snapshot_faults(struct conf *conf, const struct snapshot_reader *r,
    const struct snapshot_opt *opt, struct diags *diags)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	struct build b = {.s = s, .r = r, .opt = opt, .diags = diags};
	bool certs = conf->n_sites > 0;

	if (s == NULL) {
		conf_free(conf);
		return;
	}
	atomic_store(&s->refs, 1);
	s->conf = conf;
	b.src.file = conf->file;
	s->sites = calloc(conf->n_sites + 1, sizeof(*s->sites));
	for (size_t i = 0; s->sites != NULL && i < conf->n_sites; i++) {
		s->sites[i].conf = &conf->sites[i];
		(void)rules_load(&s->sites[i], r, true, &b.src, diags);
		certs = certs && conf->sites[i].n_pairs > 0 && conf->sites[i].n_hosts > 0;
	}
	if (certs)
		(void)build_certs(&b);
	(void)build_place(&b);
	snapshot_unref(s);
}

void
snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add(&s->refs, 1);
}

static void
snapshot_free_site(struct snapshot_site *site)
{
	policy_free(site->policy);
	for (size_t i = 0; site->tlsout != NULL && i < site->n_targets; i++)
		tlsout_close(site->tlsout[i]);
	free(site->tlsout);
	free(site->list);
	free(site->targets);
}

void
snapshot_unref(struct snapshot *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	tlsctx_close(s->tls);
	certs_close(s->certs);
	place_close(s->place);
	for (size_t i = 0; s->sites != NULL && i < s->conf->n_sites; i++)
		snapshot_free_site(&s->sites[i]);
	free(s->sites);
	free(s->targets);
	conf_free(s->conf);
	free(s);
}
