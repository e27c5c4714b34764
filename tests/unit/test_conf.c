/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/conf_sample.h"

#include "proxy/conf/confopt.h"

#include <unistd.h>

static char *
slurp(const char *path)
{
	char *buf = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");
	size_t n;

	if (buf == NULL || f == NULL)
		abort();
	n = fread(buf, 1, (1 << 20) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

static void
loads_a_small_file_with_defaults(void)
{
	struct conf *c;

	CHECK_INT(parse(GOOD, CONF_NO_FILES, &c), 0);
	if (c == NULL) {
		diags_print(ds, stdout);
		return;
	}
	CHECK_INT(ds->warnings, 0);
	CHECK_STR(c->state, "/var/lib/warifu");
	CHECK_STR(c->log.folder, "/var/lib/warifu/log");
	CHECK_INT(c->limits.head, 32768);
	CHECK_INT(c->limits.fields, 100);
	CHECK_INT(c->limits.sessions, 200000);
	CHECK_INT(c->timeouts.tunnel_lease_ms, 60000);
	CHECK_INT(c->limits.rate_session.count, 100);
	CHECK_INT(c->n_listens, 1);
	CHECK_INT(c->listens[0].port, 8443);
	CHECK_INT(c->listens[0].ip.family, 4);
	CHECK_INT(c->n_sites, 1);
	CHECK_INT(c->sites[0].mode, CONF_OBSERVE);
	CHECK(c->sites[0].policy == NULL);
	CHECK_STR(c->sites[0].pairs[0].certificate, "/etc/warifu/c");
	CHECK(c->sites[0].backend.tls_verify);
	CHECK_INT(c->sites[0].backend.servers[0].port, 1);
	CHECK_INT(c->sites[0].logins[0].status[0], 302);
	CHECK(!c->console.enabled);
	conf_free(c);
}

static const char everything[] =
    "state \"s\"\nthreads 4\n"
    "listen \"[2001:db8::1]:443\" tls proxy-protocol from 10.0.0.0/8 "
    "2001:db8::/32\n"
    "listen \"0.0.0.0:80\" redirect\ntrusted-hops 192.0.2.1 "
    "::ffff:198.51.100.0/120\n"
    "timeouts {\n head 2 min\n upstream-idle off\n}\n"
    "limits {\n body-size off\n rate-per-user off\n rate-per-session 7 per 2s "
    "burst 9\n}\n"
    "log {\n on-full pass\n}\nalarm {\n syslog on\n}\n"
    "console {\n listen \"127.0.0.1:9443\"\n certificate \"a\"\n key \"b\"\n"
    " client-ca \"c\"\n}\n"
    "site w {\n host W.Example other.example\n certificate \"c\" key \"k\"\n"
    " mode enforce\n policy \"p\"\n portal v.example\n semicolons-in-paths on\n"
    " methods PROPFIND REPORT\n"
    " login-origin \"https://IDP.example:8443\"\n"
    " network office 192.0.2.0/24\n network all 0.0.0.0/0 inspects\n"
    " credential cookie sid\n credential bearer\n credential subprotocol \"t.\"\n"
    " harmless csrf\n logout POST \"/bye\"\n"
    " login {\n request POST \"/in\" \"/in2\"\n success status 200 201\n"
    "  success location prefix \"/home\"\n  success cookie sid changed\n"
    "  success location not prefix \"/in\"\n  success location not \"/x\"\n"
    "  success json \"ok\" equals \"1\"\n  success json \"a.b\" present\n"
    "  user jwt \"sub\"\n  fold lower\n  credential bearer json \"token\"\n }\n"
    " backend {\n  server \"https://[::1]\"\n  server \"unix:/run/x\"\n"
    "  tls-name b.example\n  retries off\n }\n"
    " session {\n  lifetime 1h\n  adopt until 2030-01-02\n }\n"
    " headers {\n  strip X-Mine\n  pass X-Remote-User\n  hsts 1d\n }\n}\n";

static void
reads_the_file_s_own_settings(void)
{
	struct conf *c = must_parse(everything);

	CHECK_STR(c->state, "/etc/warifu/s");
	CHECK_STR(c->log.folder, "/etc/warifu/s/log");
	CHECK_INT(c->threads, 4);
	CHECK(c->listens[0].proxy_protocol && c->listens[0].proxies.n == 2);
	CHECK_INT(c->listens[1].kind, CONF_LISTEN_REDIRECT);
	CHECK_INT(c->trusted_hops.list[1].ip.family, 4);
	CHECK_INT(c->trusted_hops.list[1].bits, 24);
	CHECK_INT(c->timeouts.head_ms, 120000);
	CHECK_INT(c->timeouts.upstream_idle_ms, 0);
	CHECK_INT(c->limits.body, 0);
	CHECK_INT(c->limits.rate_user.count, 0);
	CHECK_INT(c->limits.rate_session.burst, 9);
	CHECK_INT(c->log.on_full, CONF_PASS);
	CHECK(c->alarm.syslog && c->console.enabled);
	conf_free(c);
}

static void
reads_a_site_s_names(void)
{
	struct conf *c = must_parse(everything);
	const struct conf_site *s = &c->sites[0];
	struct ip ip = ip_v4(192, 0, 2, 9);
	bool portal;

	CHECK_INT(s->mode, CONF_ENFORCE);
	CHECK_STR(s->policy, "/etc/warifu/p");
	CHECK(span_eq(s->hosts[0], span_str("w.example")));
	CHECK_INT(s->n_methods, 2);
	CHECK(span_eq(s->login_origins[0], span_str("https://idp.example:8443")));
	CHECK(conf_network_find(s, &ip) == &s->networks[0]);
	ip = ip_v4(8, 8, 8, 8);
	CHECK(conf_network_find(s, &ip)->inspects);
	CHECK(conf_site_find(c, span_str("OTHER.example"), &portal) == s && !portal);
	CHECK(conf_site_find(c, span_str("v.example"), &portal) == s && portal);
	CHECK(conf_site_find(c, span_str("x.example"), &portal) == NULL && !portal);
	CHECK(conf_site_by_name(c, span_str("w")) == s);
	conf_free(c);
}

static void
reads_a_site_s_sessions(void)
{
	struct conf *c = must_parse(everything);
	const struct conf_site *s = &c->sites[0];
	bool mine = false, passed = false;

	CHECK_INT(s->n_carriers, 3);
	CHECK_INT(s->logins[0].n_at, 2);
	CHECK_INT(s->logins[0].n_when, 6);
	CHECK(!s->logins[0].when[0].negated && s->logins[0].when[2].negated &&
	      s->logins[0].when[2].prefix && !s->logins[0].when[3].prefix);
	CHECK_INT(s->logins[0].user_from, RECIPE_USER_JWT);
	CHECK(s->logins[0].fold_lower && s->logins[0].credential_json);
	CHECK_INT(s->backend.servers[0].port, 443);
	CHECK_INT(s->backend.servers[0].ip.family, 6);
	CHECK_STR(s->backend.servers[1].path, "/run/x");
	CHECK_INT(s->backend.retries, 0);
	CHECK_INT(s->session_idle_ms, 3600000);
	CHECK_INT(s->adopt_until, 1893542400);
	for (size_t i = 0; i < s->n_strip; i++) {
		mine |= span_eq(s->strip[i], span_str("x-mine"));
		passed |= span_eq(s->strip[i], span_str("x-remote-user"));
	}
	CHECK(mine && !passed);
	conf_free(c);
}

static char *
dumped(const struct conf *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		abort();
	CHECK_INT(conf_dump(c, f), 0);
	fclose(f);
	return text;
}

static void
the_example_loads_and_its_dump_reads_back(void)
{
	char *text = slurp("docs/examples/warifu.conf"), *once, *twice;
	char path[512], cwd[256];
	uint8_t h1[32], h2[32];
	struct conf *c, *d;

	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	snprintf(path, sizeof(path), "%s/docs/examples/warifu.conf", cwd);
	diags_init(ds);
	CHECK_INT(conf_parse(path, span_str(text), CONF_NO_FILES, &c, ds), 0);
	if (c == NULL) {
		diags_print(ds, stdout);
		free(text);
		return;
	}
	CHECK_INT(ds->warnings, 0);
	once = dumped(c);
	diags_init(ds);
	CHECK_INT(conf_parse(path, span_str(once), CONF_NO_FILES, &d, ds), 0);
	if (d != NULL) {
		twice = dumped(d);
		CHECK_STR(twice, once);
		free(twice);
		CHECK_INT(conf_hash(c, h1), 0);
		CHECK_INT(conf_hash(d, h2), 0);
		CHECK(memcmp(h1, h2, 32) == 0);
		d->limits.fields++;
		CHECK_INT(conf_hash(d, h2), 0);
		CHECK(memcmp(h1, h2, 32) != 0);
	}
	conf_free(d);
	conf_free(c);
	free(once);
	free(text);
}

static void
a_reload_changes_what_it_may(void)
{
	struct conf *a, *b;

	CHECK_INT(parse(GOOD, CONF_NO_FILES, &a), 0);
	CHECK_INT(parse("limits {\n fields 50\n}\n" GOOD, CONF_NO_FILES, &b), 0);
	CHECK_INT(conf_reloadable(a, b, ds), 0);
	conf_free(b);
	CHECK_INT(parse("state \"/x\"\nlimits {\n sessions 1000\n}\nlisten \"0.0.0.0:1\" "
			"tls\n" GOOD,
			CONF_NO_FILES, &b),
		  0);
	diags_init(ds);
	CHECK_INT(conf_reloadable(a, b, ds), WF_ECONFIG);
	/* state, the log's folder in it, sessions, listen */
	CHECK_INT(ds->errors, 4);
	conf_free(b);
	conf_free(a);
}

/* Every default must be within its own limits, and every row reachable. */
static void
the_table_is_sound(void)
{
	size_t n;
	const struct confopt *o = confopt_all(&n);

	for (size_t i = 0; i < n; i++) {
		if (o[i].kind == CONFOPT_COUNT || o[i].kind == CONFOPT_DURATION ||
		    o[i].kind == CONFOPT_SIZE)
			CHECK(o[i].def >= o[i].min && o[i].def <= o[i].max &&
			      o[i].max <= INT64_MAX);
		for (size_t k = 0; k < i; k++)
			CHECK(o[k].block != o[i].block ||
			      strcmp(o[k].key, o[i].key) != 0);
	}
	CHECK(n > 80);
}

int
main(void)
{
	sample_init();
	TAP_RUN(loads_a_small_file_with_defaults);
	TAP_RUN(reads_the_file_s_own_settings);
	TAP_RUN(reads_a_site_s_names);
	TAP_RUN(reads_a_site_s_sessions);
	TAP_RUN(the_example_loads_and_its_dump_reads_back);
	TAP_RUN(a_reload_changes_what_it_may);
	TAP_RUN(the_table_is_sound);
	free(ds);
	return tap_done();
}
