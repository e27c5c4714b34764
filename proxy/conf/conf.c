/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/conf/confread.h"
#include "proxy/wire/authority.h"

bool
confread_listen_at(struct confread *rd, struct conf_listen *out)
{
	struct lex_token tok;
	struct authority a;
	struct span host;

	if (!confread_quoted(rd, "an address such as \"0.0.0.0:443\"", &tok))
		return false;
	out->text = pool_str(rd->pool, span_of(tok.text, tok.n));
	if (authority_parse(span_of(tok.text, tok.n), &a) == 0 && a.port != 0) {
		host = a.host;
		if (a.kind == AUTHORITY_IPV6)
			host = span_of(host.p + 1, host.n - 2);
		out->port = a.port;
		if (a.kind != AUTHORITY_NAME && ip_parse(host, &out->ip) == 0)
			return true;
	}
	lex_fail(&rd->lx, &tok, "write \"192.0.2.1:443\" or \"[::]:443\"",
		 "this is not an address with a port");
	return false;
}

static bool
conf_read_listen(struct confread *rd, const struct lex_token *key)
{
	struct conf *c = rd->conf;
	struct conf_listen l = {.kind = CONF_LISTEN_TLS};

	if (!confread_listen_at(rd, &l) || !confread_present(rd, "'tls' or 'redirect'"))
		return false;
	if (lex_accept_word(&rd->lx, "redirect"))
		l.kind = CONF_LISTEN_REDIRECT;
	else if (!lex_expect_word(&rd->lx, "tls"))
		return false;
	if (confread_more(rd) && lex_accept_word(&rd->lx, "proxy-protocol")) {
		l.proxy_protocol = true;
		if (!confread_present(rd, "'from' and a network") ||
		    !lex_expect_word(&rd->lx, "from") ||
		    !confread_prefixes(rd, &l.proxies))
			return false;
	}
	for (size_t i = 0; i < c->n_listens; i++)
		if (ip_eq(&c->listens[i].ip, &l.ip) && c->listens[i].port == l.port)
			lex_fail(&rd->lx, key, NULL, "'%.80s' is listened on twice",
				 l.text);
	c->listens = pool_grow(rd->pool, c->listens, &c->n_listens, sizeof(l));
	c->listens[c->n_listens - 1] = l;
	return true;
}

static bool
conf_read_hops(struct confread *rd, const struct lex_token *key)
{
	(void)key;
	return confread_prefixes(rd, &rd->conf->trusted_hops);
}

/* A block that has rows in conf.def only. */
static bool
conf_read_plain(struct confread *rd, const struct lex_token *key)
{
	struct conf *c = rd->conf;

	if (!confread_open(rd))
		return false;
	for (enum confopt_block b = CONFOPT_USERS; b < CONFOPT_BLOCKS; b++)
		if (lex_is_word(key, confopt_block_name(b))) {
			confread_block(rd, b, (unsigned char *)c + confopt_place(b), NULL,
				       0, key);
			return true;
		}
	must_fail("a block without rows", __FILE__, __LINE__, key->text);
}

static bool
conf_read_console_listen(struct confread *rd, const struct lex_token *key)
{
	(void)key;
	return confread_listen_at(rd, &rd->conf->console.listen);
}

static bool
conf_read_console_monitor(struct confread *rd, const struct lex_token *key)
{
	struct conf_listen *at = &rd->conf->console.monitor;

	if (!confread_listen_at(rd, at))
		return false;
	if (!ip_is_loopback(&at->ip))
		lex_fail(&rd->lx, key, "use 127.0.0.1 or [::1], and listen for all else",
		    "monitor is plain HTTP: it must be a loopback address");
	return true;
}

/* With listen come its three files. */
static void
conf_check_console(struct confread *rd, const struct lex_token *key)
{
	const struct conf_console *c = &rd->conf->console;
	const char *const have[] = {c->certificate, c->key, c->client_ca};
	static const char *const names[] = {"certificate", "key", "client-ca"};

	if (c->listen.text == NULL && c->monitor.text == NULL)
		lex_fail(&rd->lx, key, NULL, "the console block lacks 'listen' or 'monitor'");
	for (size_t i = 0; c->listen.text != NULL && i < ARRAY_LEN(names); i++)
		if (have[i] == NULL)
			lex_fail(&rd->lx, key, NULL, "the console block lacks '%s'", names[i]);
}

static bool
conf_read_console(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item items[] = {
	    {"listen", conf_read_console_listen}, {"monitor", conf_read_console_monitor}};
	struct conf_console *console = &rd->conf->console;

	if (!confread_open(rd))
		return false;
	console->enabled = true;
	console->at = key->pos;
	confread_block(rd, CONFOPT_CONSOLE, console, items, ARRAY_LEN(items), key);
	conf_check_console(rd, key);
	return true;
}

static const struct confread_item conf_items[] = {
    {"listen", conf_read_listen}, {"trusted-hops", conf_read_hops},
    {"users", conf_read_plain},	  {"timeouts", conf_read_plain},
    {"limits", conf_read_plain},  {"geo", conf_read_plain},
    {"portal", conf_read_plain},  {"console", conf_read_console},
    {"log", conf_read_plain},	  {"alarm", conf_read_plain},
    {"site", confread_site},
};

/* What no single line is to blame for. */
static void
conf_check(struct confread *rd)
{
	const struct lex_token whole = {.kind = LEX_END, .pos = {0, 0}};
	const struct conf *c = rd->conf;
	const struct conf_limits *l = &c->limits;
	bool tls = false;

	for (size_t i = 0; i < c->n_listens; i++)
		tls |= c->listens[i].kind == CONF_LISTEN_TLS;
	/* Where a line was faulty, what it would have given is not missing. */
	if (!tls && !lex_failed(&rd->lx))
		lex_fail(&rd->lx, &whole, "add listen \"0.0.0.0:443\" tls",
			 "nothing listens for TLS");
	if (c->n_sites == 0 && !lex_failed(&rd->lx))
		lex_fail(&rd->lx, &whole, "add site NAME { … }", "there is no site");
	if (l->line > l->head || l->uri > l->head)
		lex_fail(&rd->lx, &whole, "raise head-size",
			 "line-size and uri-size must not be larger than head-size");
	if (l->prelogin_address > l->prelogin)
		lex_fail(&rd->lx, &whole, NULL,
			 "prelogin-per-address must not be larger than prelogin");
}

/* Settings whose default follows from others. */
static void
conf_derive(struct confread *rd)
{
	struct conf *c = rd->conf;
	size_t n = strlen(c->state) + sizeof("/log");
	char *folder;

	if (c->log.folder != NULL)
		return;
	folder = pool_get(rd->pool, n);
	snprintf(folder, n, "%s/log", c->state);
	c->log.folder = folder;
}

static struct conf *
conf_new(struct pool *pool, const char *path)
{
	struct conf *c = pool_get(pool, sizeof(*c));

	c->pool = pool;
	c->file = pool_str(pool, span_str(path));
	confopt_defaults(CONFOPT_GLOBAL, c);
	confopt_defaults(CONFOPT_USERS, &c->users);
	confopt_defaults(CONFOPT_TIMEOUTS, &c->timeouts);
	confopt_defaults(CONFOPT_LIMITS, &c->limits);
	confopt_defaults(CONFOPT_GEO, &c->geo);
	confopt_defaults(CONFOPT_PORTAL, &c->portal);
	confopt_defaults(CONFOPT_CONSOLE, &c->console);
	confopt_defaults(CONFOPT_LOG, &c->log);
	confopt_defaults(CONFOPT_ALARM, &c->alarm);
	return c;
}

/* The folder of a path, without its last slash. */
static const char *
conf_folder(struct pool *pool, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? pool_str(pool, span_of(path, (size_t)(slash - path)))
		     : pool_str(pool, span_str("."));
}

int
conf_parse(const char *path, struct span text, unsigned flags, struct conf **out,
	   struct diags *diags)
{
	struct confread rd = {.diags = diags, .flags = flags};
	const struct lex_token whole = {.kind = LEX_END, .pos = {0, 0}};
	size_t errors = diags->errors;
	bool bad;

	*out = NULL;
	rd.pool = pool_new();
	if (rd.pool == NULL)
		return WF_ENOMEM;
	rd.conf = conf_new(rd.pool, path);
	rd.folder = conf_folder(rd.pool, path);
	lex_init(&rd.lx, path, (const char *)text.p, text.n, diags);
	confread_block(&rd, CONFOPT_GLOBAL, rd.conf, conf_items, ARRAY_LEN(conf_items),
		       &whole);
	conf_check(&rd);
	conf_derive(&rd);
	bad = lex_failed(&rd.lx) || diags->errors != errors;
	if (bad && !(flags & CONF_KEEP))
		conf_free(rd.conf);
	else
		*out = rd.conf;
	return bad ? WF_ECONFIG : 0;
}

int
conf_load(const char *path, struct conf **out, struct diags *diags)
{
	return conf_load_flags(path, 0, out, diags);
}

int
conf_load_flags(const char *path, unsigned flags, struct conf **out, struct diags *diags)
{
	const struct diag_source src = {path, NULL, 0};
	char full[PATH_MAX];
	struct span text;
	char *buf;
	FILE *f;
	int r;

	*out = NULL;
	if (realpath(path, full) == NULL || (f = fopen(full, "re")) == NULL) {
		diag_error(diags, &src, (struct diag_pos){0, 0},
			   "name the settings with -c FILE", "cannot be read: %s",
			   strerrordesc_np(errno));
		return WF_EIO;
	}
	buf = malloc(LEX_FILE_MAX + 1);
	if (buf == NULL) {
		fclose(f);
		return WF_ENOMEM;
	}
	text = span_of(buf, fread(buf, 1, LEX_FILE_MAX + 1, f));
	if (ferror(f)) {
		diag_error(diags, &src, (struct diag_pos){0, 0}, NULL, "%s",
			   strerrordesc_np(errno));
		r = WF_EIO;
	} else {
		r = conf_parse(full, text, flags, out, diags);
	}
	fclose(f);
	free(buf);
	return r;
}

void
conf_free(struct conf *c)
{
	if (c != NULL)
		pool_free(c->pool);
}
