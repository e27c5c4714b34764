/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/console.h"

#include "proxy/base/json.h"
#include "proxy/base/must.h"
#include "proxy/web/metrics.h"
#include "proxy/web/overview.h"
#include "proxy/web/page.h"
#include "proxy/web/tlsdoor.h"

enum { CONSOLE_GRACE_MS = 2000 };

struct console {
	struct console_source source;
	struct asset_set assets;
	struct httpd *httpd;
	struct overview_history own, *history;
	bool figures_only;  /* pages go through the door with TLS */
};

static int
console_healthz(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	(void)arg, (void)rq;
	rp->fixed = SPAN_LIT("ok\n");
	return 0;
}

static int
console_readyz(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct console *co = arg;
	struct console_state s = {0};
	struct json j;
	struct span doc;
	int rc;

	(void)rq;
	co->source.state(co->source.arg, &s);
	json_init(&j, rp->body.p, rp->body.cap);
	json_object(&j);
	json_kbool(&j, "ready", overview_ready(&s));
	json_key(&j, "parts");
	json_object(&j);
	for (unsigned i = 0; i < CONSOLE_PARTS; i++)
		json_ktext(&j, metrics_part_name((enum console_part)i),
			   metrics_health_name(s.parts[i]));
	json_object_end(&j);
	json_object_end(&j);
	rc = json_done(&j, &doc);
	rp->body.n = doc.n;
	rp->type = "application/json";
	rp->status = overview_ready(&s) ? 200 : 503;
	return rc;
}

static int
console_metrics(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct console *co = arg;

	(void)rq;
	rp->type = METRICS_TYPE;
	metrics_write(&co->source, &rp->body);
	return 0;
}

static int
console_overview(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct console *co = arg;
	struct page p = {.out = &rp->body,
			 .lang = page_lang_of(rq),
			 .assets = &co->assets,
			 .wide = true,
			 .langs = true,
			 .footer = TEXT_C_FOOTER};

	/* Who came by the monitors' door has shown no certificate. */
	if (co->figures_only && httpd_who(rq).n == 0) {
		rp->status = 404;
		rp->fixed = SPAN_LIT("not found; figures are under /metrics\n");
		return 0;
	}
	rp->type = "text/html; charset=utf-8";
	rp->lang = page_lang_name(p.lang);
	rp->vary = "Accept-Language";
	overview_write(&p, &co->source, co->history);
	return 0;
}

static int
console_css(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct console *co = arg;

	asset_reply(&co->assets, ASSET_CSS, rq, rp);
	return 0;
}

static int
console_svg(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct console *co = arg;

	asset_reply(&co->assets, ASSET_SVG, rq, rp);
	return 0;
}

static void
console_tick(void *arg, uint64_t mono_ms)
{
	struct console *co = arg;

	overview_history_tick(co->history, co->source.metrics, mono_ms);
}

static void
console_stop(void *arg)
{
	struct console *co = arg;

	httpd_stop(co->httpd);
}

static int
console_deliver(void *arg, int fd, const struct sockaddr *addr, socklen_t len,
		struct span who)
{
	struct console *co = arg;

	return httpd_add(co->httpd, fd, addr, len, who);
}

static int
console_open_door(struct console *co, const struct console_config *cfg,
		  struct tlsdoor **door)
{
	struct tlsdoor_config dc = {.listen_fd = cfg->tls_fd,
				    .ctx = cfg->tls,
				    .deliver = console_deliver,
				    .refused = cfg->refused,
				    .arg = co};

	*door = NULL;
	if (cfg->tls_fd < 0)
		return 0;
	MUST(cfg->tls != NULL);
	return tlsdoor_open(&dc, door);
}

int
console_run(const struct console_config *cfg)
{
	static const struct httpd_route routes[] = {
	    {"GET", "/", console_overview, 0},
	    {"GET", "/metrics", console_metrics, 0},
	    {"GET", "/healthz", console_healthz, 0},
	    {"GET", "/readyz", console_readyz, 0},
	    {"GET", ASSET_PREFIX "warifu.css", console_css, 0},
	    {"GET", ASSET_PREFIX "warifu.svg", console_svg, 0},
	};
	struct console co = {.source = cfg->source, .figures_only = cfg->figures_only,
			     .history = cfg->history ? cfg->history : &co.own};
	struct httpd_config hc = {.listen_fd = cfg->listen_fd,
				  .routes = routes,
				  .nroutes = ARRAY_LEN(routes),
				  .arg = &co,
				  .tick = console_tick,
				  .peer_uid = -1};
	struct tlsdoor *door = NULL;
	int rc;

	memcpy(hc.hosts, cfg->hosts, sizeof(hc.hosts));
	asset_init(&co.assets);
	rc = httpd_start(&hc, &co.httpd);
	if (rc == 0 && cfg->stop_fd >= 0)
		rc = httpd_watch(co.httpd, cfg->stop_fd, console_stop, &co);
	if (rc == 0)
		rc = console_open_door(&co, cfg, &door);
	if (rc == 0)
		rc = httpd_run(co.httpd);
	tlsdoor_close(door, CONSOLE_GRACE_MS);
	httpd_free(co.httpd);
	return rc;
}
