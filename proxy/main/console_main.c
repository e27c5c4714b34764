/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "certs/tlsadmin.h"
#include "proxy/audit/ring.h"
#include "proxy/base/clock.h"
#include "proxy/gate/board.h"
#include "proxy/main/certlist.h"
#include "proxy/main/plant.h"
#include "proxy/web/console.h"

/* A process that has not gone round its loop for so long is as good as dead. */
enum { CONSOLE_MAIN_SILENT_S = 10 };

struct console_main {
	struct plant *p;
	struct metric_view metrics;
	struct console_site sites[CONSOLE_LIST_MAX];
	size_t n_sites;
	struct console_cert certs[CONSOLE_LIST_MAX];
	size_t n_certs;
	struct board_data board; /* the last copy */
	uint8_t policy[CONSOLE_HEAD_LEN];
	char host[256];
	int64_t crl_ends; /* 0: no lists, or they never end */
	struct ring rings[PLANT_RINGS]; /* for what the scribe says of the log */
};

static enum console_health
console_main_process(const struct console_main *c, enum metric_id up, enum metric_id beat)
{
	uint64_t now = clock_wall() / CLOCK_SEC, last = metric_read(&c->metrics, beat);

	if (metric_read(&c->metrics, up) == 0)
		return CONSOLE_DOWN;
	if (last == 0)
		return CONSOLE_STARTING;
	return now > last + CONSOLE_MAIN_SILENT_S ? CONSOLE_DOWN : CONSOLE_OK;
}

static enum console_health
console_main_log(const struct console_main *c)
{
	if (metric_read(&c->metrics, METRIC_LOG_LATE) > 0)
		return CONSOLE_DOWN;
	switch (ring_log_state(&c->rings[0])) {
	case RING_LOG_OK:
		return CONSOLE_OK;
	case RING_LOG_STARTING:
		return CONSOLE_STARTING;
	case RING_LOG_FULL:
		return CONSOLE_FULL;
	default:
		return CONSOLE_DOWN;
	}
}

static enum console_health
console_main_served(const struct console_main *c, int64_t now)
{
	for (size_t i = 0; i < c->n_certs; i++)
		if (c->certs[i].not_after_s <= now)
			return CONSOLE_EXPIRED;
	return CONSOLE_OK;
}

static void
console_main_parts(const struct console_main *c, struct console_state *out)
{
	out->parts[CONSOLE_GATE] =
	    console_main_process(c, METRIC_PROC_GATE, METRIC_BEAT_GATE);
	if (out->parts[CONSOLE_GATE] == CONSOLE_OK &&
	    metric_read(&c->metrics, METRIC_GATE_LOADED) == 0)
		out->parts[CONSOLE_GATE] = CONSOLE_STARTING;
	out->parts[CONSOLE_SCRIBE] =
	    console_main_process(c, METRIC_PROC_SCRIBE, METRIC_BEAT_SCRIBE);
	out->parts[CONSOLE_LOG] = console_main_log(c);
	out->parts[CONSOLE_PORTAL] =
	    console_main_process(c, METRIC_PROC_PORTAL, METRIC_BEAT_PORTAL);
	out->parts[CONSOLE_CERTS] = console_main_served(c, out->now_s);
}

static void
console_main_state(void *arg, struct console_state *out)
{
	struct console_main *c = arg;

	out->now_s = (int64_t)(clock_wall() / CLOCK_SEC);
	console_main_parts(c, out);
	snprintf(out->version, sizeof(out->version), "%s", c->p->build);
	out->started_s = c->p->started_s;
	out->crl_ends_s = c->crl_ends;
	out->log_time_s = (int64_t)metric_read(&c->metrics, METRIC_LOG_WHEN);
	out->log_head_known =
	    ring_get_head(&c->rings[0], &out->log_records, out->log_head) == 0;
	memcpy(out->policy, c->policy, sizeof(out->policy));
}

/* A gate that is writing or gone leaves what was there before. */
static void
console_main_look(struct console_main *c)
{
	struct board_data fresh;

	if (board_read(c->p->board, &fresh))
		c->board = fresh;
}

static size_t
console_main_certs(void *arg, struct console_cert *out, size_t cap)
{
	const struct console_main *c = arg;
	size_t n = c->n_certs < cap ? c->n_certs : cap;

	memcpy(out, c->certs, n * sizeof(out[0]));
	return n;
}

static size_t
console_main_upstreams(void *arg, struct console_upstream *out, size_t cap)
{
	struct console_main *c = arg;
	size_t n = 0;

	console_main_look(c);
	for (; n < c->board.n_upstreams && n < cap; n++) {
		snprintf(out[n].name, sizeof(out[n].name), "%.*s", BOARD_NAME,
		    c->board.upstreams[n].name);
		out[n].up = c->board.upstreams[n].up;
	}
	return n;
}

/* "lock/SITE/CLASS" and "bypass/SITE" to their parts. */
static void
console_main_lock(const struct locks_entry *e, struct console_lock *out)
{
	const char *site = strchr(e->key, '/'), *class_name = strrchr(e->key, '/');

	out->until_s = (int64_t)e->until_s;
	if (site == NULL)
		return;
	site++;
	if (strncmp(e->key, "bypass/", 7) == 0) {
		snprintf(out->site, sizeof(out->site), "%s", site);
		snprintf(out->what, sizeof(out->what), "bypass");
		return;
	}
	snprintf(out->site, sizeof(out->site), "%.*s",
	    class_name < site ? 0 : (int)(class_name - site), site);
	snprintf(out->what, sizeof(out->what), "%.31s", class_name + 1);
}

static size_t
console_main_locks(void *arg, struct console_lock *out, size_t cap)
{
	struct console_main *c = arg;
	size_t n = 0;

	console_main_look(c);
	memset(out, 0, cap * sizeof(out[0]));
	for (; n < c->board.n_locks && n < cap; n++)
		console_main_lock(&c->board.locks[n], &out[n]);
	return n;
}

static bool
console_main_bypassed(const struct console_main *c, const char *site)
{
	for (unsigned i = 0; i < c->board.n_locks; i++)
		if (strncmp(c->board.locks[i].key, "bypass/", 7) == 0 &&
		    strcmp(c->board.locks[i].key + 7, site) == 0)
			return true;
	return false;
}

static size_t
console_main_sites(void *arg, struct console_site *out, size_t cap)
{
	struct console_main *c = arg;
	size_t n = c->n_sites < cap ? c->n_sites : cap;

	console_main_look(c);
	memcpy(out, c->sites, n * sizeof(out[0]));
	for (size_t i = 0; i < n; i++)
		if (console_main_bypassed(c, out[i].name))
			snprintf(out[i].mode, sizeof(out[i].mode), "bypass");
	return n;
}

/* Site and file name; a site may have several. */
static void
console_main_remember_certs(struct console_main *c)
{
	struct certlist_item it;

	for (; c->n_certs < CONSOLE_LIST_MAX &&
	       certlist_at(c->p->snap, c->n_certs, &it);
	     c->n_certs++) {
		struct console_cert *k = &c->certs[c->n_certs];
		const char *slash = strrchr(it.file, '/');

		snprintf(k->name, sizeof(k->name), "%.40s %.80s", it.site,
		    slash == NULL ? it.file : slash + 1);
		k->not_after_s = it.ends;
	}
}

/* What is shown of the settings, which do not stay (plant_enter). */
static void
console_main_remember(struct console_main *c)
{
	const struct conf *conf = c->p->snap->conf;
	struct certlist_item crl;

	for (; c->n_sites < conf->n_sites && c->n_sites < CONSOLE_LIST_MAX; c->n_sites++) {
		struct console_site *s = &c->sites[c->n_sites];

		snprintf(s->name, sizeof(s->name), "%s",
		    (const char *)conf->sites[c->n_sites].name.p);
		snprintf(s->mode, sizeof(s->mode), "%s",
		    conf->sites[c->n_sites].mode == CONF_OBSERVE ? "observe" : "enforce");
	}
	console_main_remember_certs(c);
	if (certlist_crl(c->p->snap, &crl))
		c->crl_ends = crl.ends;
	memcpy(c->policy, c->p->snap->sites[0].policy_hash, sizeof(c->policy));
	if (conf->console.host != NULL)
		snprintf(c->host, sizeof(c->host), "%s", conf->console.host);
}

/* The address it listens on and the names that may stand for it. */
static void
console_main_hosts(const struct console_main *c, const struct conf_console *conf,
    struct console_config *cfg)
{
	static char own[2][IP_TEXT];
	const struct conf_listen *at[] = {&conf->listen, &conf->monitor};
	size_t n = 0;

	cfg->hosts[n++] = "localhost";
	cfg->hosts[n++] = "127.0.0.1";
	cfg->hosts[n++] = "[::1]";
	for (size_t i = 0; i < 2; i++)
		if (at[i]->text != NULL && ip_print(&at[i]->ip, own[i]) > 0)
			cfg->hosts[n++] = own[i];
	if (c->host[0] != '\0')
		cfg->hosts[n++] = c->host;
}

/* While files can still be read. */
static int
console_main_tls(const struct conf_console *conf, struct console_config *cfg)
{
	const struct tlsadmin_files files = {.chain = conf->certificate, .key = conf->key,
	    .client_ca = conf->client_ca, .crl = conf->client_crl};
	struct tlsadmin_dates dates;
	char why[320];

	if (cfg->tls_fd < 0 || tlsadmin_open(&cfg->tls, &files, &dates, why, sizeof(why)) == 0)
		return 0;
	fprintf(stderr, "warifu console: %s\n", why);
	return -1;
}

static void
console_main_refused(const char *why)
{
	fprintf(stderr, "warifu console: a client certificate was refused: %s\n", why);
}

int
console_main(struct plant *p)
{
	const struct conf *conf = p->snap->conf;
	struct console_main c = {.p = p};
	struct console_config cfg = {.listen_fd = p->monitor_fd, .figures_only = true,
	    .tls_fd = p->console_fd, .stop_fd = p->console_stop[1], .refused = console_main_refused,
	    .source = {.arg = &c, .state = console_main_state, .sites = console_main_sites,
		.certs = console_main_certs, .upstreams = console_main_upstreams,
		.locks = console_main_locks, .metrics = &c.metrics},
	    .history = p->history};
	int err;

	console_main_remember(&c);
	console_main_hosts(&c, &conf->console, &cfg);
	if (metric_view_open(p->metrics, p->metrics_size, &c.metrics) != 0 ||
	    ring_attach(&c.rings[0], plant_ring(p, 0), p->ring_size, RING_PRODUCER) != 0) {
		fprintf(stderr, "warifu console: the shared memory is not what it was\n");
		return 2;
	}
	if (console_main_tls(&conf->console, &cfg) != 0)
		return 2;
	if (plant_enter(p, ROLE_CONSOLE) != 0)
		return 2;
	err = console_run(&cfg);
	tlsadmin_close(cfg.tls);
	return err == 0 ? 0 : 1;
}
