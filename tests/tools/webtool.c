/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/webtool.c - portal, console or a bare httpd on inherited descriptors, with
 * made-up data; for tests/blackbox/web_*.py.
 *
 *   webtool portal FD STOPFD [UID]
 *   webtool console FD TLSFD STOPFD [CERT KEY CLIENTCA]     (-1 for none)
 *   webtool echo FD STOPFD            short time-outs, small limits, a POST route
 *
 * WEBTOOL_STATE=down makes the console's scribe look dead.
 */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "proxy/base/must.h"
#include "proxy/web/console.h"
#include "proxy/web/overview.h"
#include "proxy/web/portal.h"

static int
tool_number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

/* --- console --- */

static void
tool_state(void *arg, struct console_state *s)
{
	(void)arg;
	for (unsigned i = 0; i < CONSOLE_PARTS; i++)
		s->parts[i] = CONSOLE_OK;
	if (getenv("WEBTOOL_STATE") != NULL)
		s->parts[CONSOLE_SCRIBE] = CONSOLE_DOWN;
	snprintf(s->version, sizeof(s->version), "0.1.0");
	s->started_s = 1780000000;
	s->now_s = 1780300000;
	s->log_records = 1048577;
	s->log_time_s = 1780299990;
	s->log_head_known = true;
	for (unsigned i = 0; i < CONSOLE_HEAD_LEN; i++) {
		s->log_head[i] = (uint8_t)(i * 7 + 3);
		s->policy[i] = (uint8_t)(i * 11 + 5);
	}
}

static size_t
tool_certs(void *arg, struct console_cert *out, size_t cap)
{
	static const struct {
		const char *name;
		int days;
	} certs[] = {{"wallet.example", 71},
		     {"admin.wallet.example", 12},
		     {"old.example \"><script>\n\\", -3}};
	size_t n;

	(void)arg;
	for (n = 0; n < ARRAY_LEN(certs) && n < cap; n++) {
		snprintf(out[n].name, sizeof(out[n].name), "%s", certs[n].name);
		out[n].not_before_s = 1770000000;
		out[n].not_after_s = 1780300000 + certs[n].days * 86400 + 3600;
	}
	return n;
}

static size_t
tool_upstreams(void *arg, struct console_upstream *out, size_t cap)
{
	(void)arg;
	MUST(cap >= 2);
	snprintf(out[0].name, sizeof(out[0].name), "wallet");
	out[0].up = true;
	snprintf(out[1].name, sizeof(out[1].name), "reports");
	out[1].up = false;
	return 2;
}

static size_t
tool_sites(void *arg, struct console_site *out, size_t cap)
{
	(void)arg;
	MUST(cap >= 2);
	snprintf(out[0].name, sizeof(out[0].name), "wallet.example");
	snprintf(out[0].mode, sizeof(out[0].mode), "enforce");
	snprintf(out[1].name, sizeof(out[1].name), "admin.wallet.example");
	snprintf(out[1].mode, sizeof(out[1].mode), "observe");
	return 2;
}

static size_t
tool_locks(void *arg, struct console_lock *out, size_t cap)
{
	(void)arg;
	MUST(cap >= 2);
	out[0] = (struct console_lock){.what = "sensitive"};
	out[1] = (struct console_lock){.site = "wallet.example", .what = "bypass",
	    .until_s = 1780301800};
	return 2;
}

static void
tool_count(struct metric_lane *a, struct metric_lane *b)
{
	metric_add(a, METRIC_REQ_ALLOW, 812345);
	metric_add(b, METRIC_REQ_ALLOW, 400000);
	metric_add(a, METRIC_REQ_FLAG, 311);
	metric_add(b, METRIC_REQ_CHALLENGE, 42);
	metric_add(b, METRIC_REQ_REFUSE, 7);
	metric_add(b, METRIC_WOULD_CHALLENGE, 19);
	metric_add(a, METRIC_SESS_ACTIVE, 90);
	metric_add(b, METRIC_SESS_ACTIVE, -6);
	metric_add(b, METRIC_CTX_CHALLENGED, 2);
	metric_add(b, METRIC_ALARM_RAISED, 1);
	metric_add(a, METRIC_LOG_LAG, 3);
	metric_refused(a, REASON_REVOKED);
	metric_set(a, METRIC_LOG_HEAD, 1048577);
	metric_time(a, METRIC_DECISION_TIME, 42);
	metric_time(a, METRIC_DECISION_TIME, 77);
	metric_time(b, METRIC_DECISION_TIME, 90000000);
}

static SSL_CTX *
tool_tls(char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	MUST(ctx != NULL);
	MUST(SSL_CTX_use_certificate_chain_file(ctx, argv[0]) == 1);
	MUST(SSL_CTX_use_PrivateKey_file(ctx, argv[1], SSL_FILETYPE_PEM) == 1);
	if (argv[2][0] != '\0') {
		MUST(SSL_CTX_load_verify_locations(ctx, argv[2], NULL) == 1);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	}
	return ctx;
}

static int
tool_console(int argc, char **argv)
{
	struct metric_lane *a, *b;
	struct metric_view view;
	size_t size = metric_area_size(2);
	void *mem =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	SSL_CTX *tls = argc >= 6 ? tool_tls(argv + 3) : NULL;
	struct console_config cfg = {
	    .listen_fd = tool_number(argv[0]),
	    .tls_fd = tool_number(argv[1]),
	    .tls = tls,
	    .stop_fd = tool_number(argv[2]),
	    .hosts = {"localhost", "127.0.0.1", "[::1]", "console.example"},
	    .source = {.state = tool_state,
		       .certs = tool_certs,
		       .upstreams = tool_upstreams,
		       .sites = tool_sites, .locks = tool_locks,
		       .metrics = &view}};
	static struct overview_history hour;
	int rc;

	for (uint64_t i = 0; i < 45; i++)
		overview_history_add(&hour, (struct overview_requests){
						1000 + i * i % 97 * 20, i % 11 == 3 ? 200 : 3});
	cfg.history = &hour;
	MUST(mem != MAP_FAILED);
	metric_area_init(mem, 2);
	MUST(metric_lane_take(mem, size, 0, &a) == 0);
	MUST(metric_lane_take(mem, size, 1, &b) == 0);
	MUST(metric_view_open(mem, size, &view) == 0);
	tool_count(a, b);
	rc = console_run(&cfg);
	SSL_CTX_free(tls);
	munmap(mem, size);
	return rc;
}

/* --- portal --- */

static int
tool_portal(int argc, char **argv)
{
	struct portal_config cfg = {
	    .listen_fd = tool_number(argv[0]),
	    .stop_fd = tool_number(argv[1]),
	    .peer_uid = argc > 2 ? tool_number(argv[2]) : -1,
	    .contact_en = SPAN_LIT("IT help desk, extension 4100, help@wallet.example"),
	    .contact_ja = SPAN_LIT("情報システム部 内線 4100（help@wallet.example）"),
	    .zone_minutes = 540,
	    .zone_name = SPAN_LIT("JST")};

	return portal_run(&cfg);
}

/* --- echo --- */

struct tool_echo {
	struct httpd *httpd;
};

static int
tool_echo_body(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	(void)arg;
	quote_html(&rp->body, httpd_body(rq));
	return 0;
}

static int
tool_echo_big(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	(void)arg, (void)rq;
	for (unsigned i = 0; i < 1000; i++)
		QUOTE_LIT(&rp->body, "0123456789");
	return 0;
}

static int
tool_echo_over(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	while (!rp->body.full)
		tool_echo_big(arg, rq, rp);
	return 0;
}

static void
tool_echo_stop(void *arg)
{
	struct tool_echo *e = arg;

	httpd_stop(e->httpd);
}

static int
tool_echo(int argc, char **argv)
{
	static const struct httpd_route routes[] = {
	    {"POST", "/echo", tool_echo_body, 64},
	    {"GET", "/big", tool_echo_big, 0},
	    {"GET", "/over", tool_echo_over, 0},
	};
	struct tool_echo e = {NULL};
	struct httpd_config cfg = {.listen_fd = tool_number(argv[0]),
				   .routes = routes,
				   .nroutes = ARRAY_LEN(routes),
				   .arg = &e,
				   .peer_uid = -1,
				   .head_s = 2,
				   .idle_s = 2,
				   .reply_s = 2,
				   .target_max = 100,
				   .fields_max = 20,
				   .connections = 20,
				   .connections_addr = 20,
				   .reply_max = 20000};
	int rc = httpd_start(&cfg, &e.httpd);

	(void)argc;
	if (rc == 0)
		rc = httpd_watch(e.httpd, tool_number(argv[1]), tool_echo_stop, &e);
	if (rc == 0)
		rc = httpd_run(e.httpd);
	httpd_free(e.httpd);
	return rc;
}

int
main(int argc, char **argv)
{
	int rc = WF_ENOTFOUND;

	if (argc >= 4 && strcmp(argv[1], "portal") == 0)
		rc = tool_portal(argc - 2, argv + 2);
	else if (argc >= 5 && strcmp(argv[1], "console") == 0)
		rc = tool_console(argc - 2, argv + 2);
	else if (argc >= 4 && strcmp(argv[1], "echo") == 0)
		rc = tool_echo(argc - 2, argv + 2);
	if (rc != 0)
		fprintf(stderr, "webtool: %s\n", err_text(rc));
	return rc ? 1 : 0;
}
