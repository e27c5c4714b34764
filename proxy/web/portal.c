/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/portal.h"

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/base/problem.h"
#include "proxy/base/reason.h"
#include "proxy/base/text.h"
#include "proxy/web/asset.h"
#include "proxy/web/httpd.h"
#include "proxy/web/page.h"

enum { PORTAL_FIELD_MAX = 1024, PORTAL_VALUE_MAX = 253 };

struct portal {
	const struct portal_config *cfg;
	struct asset_set assets;
	struct httpd *httpd;
};

/* One answer: what the gate said, after checking. */
struct portal_notice {
	enum problem_kind kind;
	enum problem_lang lang;
	unsigned status;
	enum page_key why, step1, step2, button;
	struct span site, support, login;
	bool timed;
	int64_t time_s;
	bool json;
};

struct portal_words {
	enum problem_kind kind;
	enum page_key why, step1, step2, button;
};

static const struct portal_words portal_words[] = {
#define NOTICE(problem, why, step1, step2, button) \
	{PROBLEM_##problem, TEXT_##why, TEXT_##step1, TEXT_##step2, TEXT_##button},
#include "proxy/web/notice.def"
};

static const struct {
	enum reason reason;
	enum page_key why;
} portal_whys[] = {
#define NOTICE_WHY(reason, why) {REASON_##reason, TEXT_##why},
#include "proxy/web/notice.def"
};

/* --- reading the gate's fields --- */

static void
portal_choose_words(struct portal_notice *n, struct span reason_name)
{
	enum reason reason = reason_by_name(reason_name);

	n->why = TEXT_NOTHING;
	n->step1 = TEXT_DO_GENERAL_1;
	n->step2 = TEXT_DO_GENERAL_2;
	n->button = TEXT_NOTHING;
	for (size_t i = 0; i < ARRAY_LEN(portal_words); i++) {
		const struct portal_words *w = &portal_words[i];

		if (w->kind != n->kind)
			continue;
		n->why = w->why;
		n->step1 = w->step1;
		n->step2 = w->step2;
		n->button = w->button;
	}
	for (size_t i = 0; i < ARRAY_LEN(portal_whys); i++)
		if (reason != REASON_NONE && portal_whys[i].reason == reason)
			n->why = portal_whys[i].why;
}

/* Some media range of the list is `type`, whatever its weight. */
static bool
portal_accepts(struct span accept, struct span type)
{
	for (size_t i = 0; i + type.n <= accept.n; i++)
		if (span_istarts(span_tail(accept, i), type))
			return true;
	return false;
}

static bool
portal_wants_json(struct httpd_request *rq)
{
	struct span accept;

	httpd_field(rq, "Accept", PORTAL_FIELD_MAX, &accept);
	return !portal_accepts(accept, SPAN_LIT("text/html")) &&
	       (portal_accepts(accept, SPAN_LIT("application/json")) ||
		portal_accepts(accept, SPAN_LIT("application/problem+json")));
}

static void
portal_read_status(struct httpd_request *rq, struct portal_notice *n)
{
	struct span v;
	uint64_t status;

	n->status = problem_status(n->kind);
	httpd_field(rq, "Warifu-Status", 3, &v);
	if (v.n == 3 && text_uint(v, 599, &status) == 0 && status >= 400)
		n->status = (unsigned)status;
}

static void
portal_read(struct httpd_request *rq, struct portal_notice *n)
{
	struct span v;
	uint64_t ns;

	*n = (struct portal_notice){.lang = page_lang_of(rq),
				    .json = portal_wants_json(rq)};
	httpd_field(rq, "Warifu-Page", PROBLEM_SUPPORT_MAX, &v);
	problem_find(v, &n->kind);
	portal_read_status(rq, n);
	httpd_field(rq, "Warifu-Reason", PROBLEM_SUPPORT_MAX, &v);
	portal_choose_words(n, v);
	httpd_field(rq, "Warifu-Site", PORTAL_VALUE_MAX, &n->site);
	httpd_field(rq, "Warifu-Support", PROBLEM_SUPPORT_MAX, &v);
	if (problem_support_ok(v))
		n->support = v;
	httpd_field(rq, "Warifu-Login", PROBLEM_PATH_MAX, &v);
	if (problem_local_path(v))
		n->login = v;
	httpd_field(rq, "Warifu-Time", PROBLEM_SUPPORT_MAX, &v);
	if (clock_iso_parse(v, &ns) == 0) {
		n->timed = true;
		n->time_s = (int64_t)(ns / CLOCK_SEC);
	}
}

/* --- the page --- */

static void
portal_steps(struct page *p, const struct portal_notice *n)
{
	PAGE_HTML(p, "<h2>");
	page_text(p, TEXT_NOW);
	PAGE_HTML(p, "</h2>\n<ol class=\"steps\">\n<li>");
	page_text(p, n->step1);
	PAGE_HTML(p, "</li>\n");
	if (n->step2 != TEXT_NOTHING) {
		PAGE_HTML(p, "<li>");
		page_text(p, n->step2);
		PAGE_HTML(p, "</li>\n");
	}
	PAGE_HTML(p, "</ol>\n");
	if (n->button != TEXT_NOTHING && n->login.n) {
		PAGE_HTML(p, "<a class=\"button\" href=\"");
		quote_html(p->out, n->login);
		PAGE_HTML(p, "\">");
		page_text(p, n->button);
		PAGE_HTML(p, "</a>\n");
	}
}

static void
portal_why(struct page *p, enum page_key why)
{
	if (why == TEXT_NOTHING)
		return;
	PAGE_HTML(p, "<h2>");
	page_text(p, TEXT_WHY);
	PAGE_HTML(p, "</h2>\n<p>");
	page_text(p, why);
	PAGE_HTML(p, "</p>\n");
}

/* A read-only input: Tab selects all of it, and a phone offers to copy it. */
static void
portal_number(struct page *p, struct span support)
{
	PAGE_HTML(p, "<label class=\"number\"><span>");
	page_text(p, TEXT_SUPPORT);
	PAGE_HTML(p, "</span><input type=\"text\" readonly value=\"");
	quote_html(p->out, support);
	PAGE_HTML(p, "\" aria-describedby=\"hint\"></label>\n<p class=\"hint\" "
		     "id=\"hint\">");
	page_text(p, TEXT_SUPPORT_HINT);
	PAGE_HTML(p, "</p>\n");
}

static void
portal_contact(struct page *p, const struct portal_config *cfg)
{
	struct span contact = p->lang == PROBLEM_JA && cfg->contact_ja.n
				  ? cfg->contact_ja
				  : cfg->contact_en;

	PAGE_HTML(p, "<dt>");
	page_text(p, TEXT_CONTACT);
	PAGE_HTML(p, "</dt><dd>");
	if (contact.n)
		page_value(p, contact, 400);
	else
		page_text(p, TEXT_CONTACT_NONE);
	PAGE_HTML(p, "</dd>\n");
}

static void
portal_help(struct page *p, const struct portal_config *cfg,
	    const struct portal_notice *n)
{
	PAGE_HTML(p, "<section class=\"help\">\n<h2>");
	page_text(p, TEXT_HELP);
	PAGE_HTML(p, "</h2>\n");
	if (n->support.n)
		portal_number(p, n->support);
	PAGE_HTML(p, "<dl>\n");
	portal_contact(p, cfg);
	if (n->timed) {
		PAGE_HTML(p, "<dt>");
		page_text(p, TEXT_TIME);
		PAGE_HTML(p, "</dt><dd>");
		page_time(p, n->time_s, cfg->zone_minutes, cfg->zone_name);
		PAGE_HTML(p, "</dd>\n");
	}
	if (n->site.n) {
		PAGE_HTML(p, "<dt>");
		page_text(p, TEXT_SITE);
		PAGE_HTML(p, "</dt><dd>");
		page_value(p, n->site, PORTAL_VALUE_MAX);
		PAGE_HTML(p, "</dd>\n");
	}
	PAGE_HTML(p, "</dl>\n</section>\n");
}

static void
portal_heading(struct page *p, const struct portal_notice *n, bool first)
{
	if (first)
		PAGE_HTML(p, "<h1>");
	else
		PAGE_HTML(p, "<h2>");
	quote_html(p->out, span_str(problem_title(n->kind, p->lang)));
	if (first)
		PAGE_HTML(p, "</h1>\n<p class=\"lead\">");
	else
		PAGE_HTML(p, "</h2>\n<p>");
	quote_html(p->out, span_str(problem_detail(n->kind, p->lang)));
	PAGE_HTML(p, "</p>\n");
}

/* The same in the other language, folded: the page stands at the address of the refused
 * request, so a link with ?lang= would ask the backend's address again. */
static void
portal_other_language(const struct page *page, const struct portal_notice *n)
{
	struct page p = *page;

	p.lang = page->lang == PROBLEM_JA ? PROBLEM_EN : PROBLEM_JA;
	PAGE_HTML(&p, "<details lang=\"");
	quote_html(p.out, span_str(page_lang_name(p.lang)));
	if (p.lang == PROBLEM_JA)
		PAGE_HTML(&p, "\">\n<summary>日本語で読む</summary>\n");
	else
		PAGE_HTML(&p, "\">\n<summary>Read this in English</summary>\n");
	portal_heading(&p, n, false);
	portal_steps(&p, n);
	PAGE_HTML(&p, "</details>\n");
}

static void
portal_write(const struct portal *po, const struct portal_notice *n, struct quote *out)
{
	struct page p = {
	    .out = out, .lang = n->lang, .assets = &po->assets, .footer = TEXT_FOOTER};

	page_begin(&p, problem_title(n->kind, n->lang), n->site);
	PAGE_HTML(&p, "<article class=\"card\">\n");
	portal_heading(&p, n, true);
	portal_steps(&p, n);
	portal_why(&p, n->why);
	portal_help(&p, po->cfg, n);
	portal_other_language(&p, n);
	PAGE_HTML(&p, "</article>\n");
	page_end(&p);
}

/* --- routes --- */

static int
portal_page(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct portal *po = arg;
	struct portal_notice n;

	portal_read(rq, &n);
	rp->status = n.status;
	rp->lang = page_lang_name(n.lang);
	rp->vary = "Accept, Accept-Language";
	if (n.json) {
		struct problem p = {n.kind, n.lang, n.status, n.support, n.login};

		rp->type = PROBLEM_TYPE;
		return problem_write(&p, rp->body.p, rp->body.cap, &rp->body.n);
	}
	rp->type = "text/html; charset=utf-8";
	portal_write(po, &n, &rp->body);
	return 0;
}

static int
portal_css(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct portal *po = arg;

	asset_reply(&po->assets, ASSET_CSS, rq, rp);
	return 0;
}

static int
portal_svg(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	const struct portal *po = arg;

	asset_reply(&po->assets, ASSET_SVG, rq, rp);
	return 0;
}

static int
portal_healthz(void *arg, struct httpd_request *rq, struct httpd_reply *rp)
{
	(void)arg, (void)rq;
	rp->fixed = SPAN_LIT("ok\n");
	return 0;
}

static void
portal_stop(void *arg)
{
	struct portal *po = arg;

	httpd_stop(po->httpd);
}

static void
portal_tick(void *arg, uint64_t mono_ms)
{
	const struct portal *po = arg;

	if (po->cfg->tick != NULL)
		po->cfg->tick(po->cfg->arg, mono_ms);
}

int
portal_run(const struct portal_config *cfg)
{
	static const struct httpd_route routes[] = {
	    {"GET", "/page", portal_page, 0},
	    {"GET", ASSET_PREFIX "warifu.css", portal_css, 0},
	    {"GET", ASSET_PREFIX "warifu.svg", portal_svg, 0},
	    {"GET", "/healthz", portal_healthz, 0},
	};
	struct portal po = {.cfg = cfg};
	struct httpd_config hc = {.listen_fd = cfg->listen_fd,
				  .routes = routes,
				  .nroutes = ARRAY_LEN(routes),
				  .arg = &po,
				  .tick = portal_tick,
				  .peer_uid = cfg->peer_uid,
				  .reply_max = 65536};
	int rc;

	asset_init(&po.assets);
	rc = httpd_start(&hc, &po.httpd);
	if (rc == 0 && cfg->stop_fd >= 0)
		rc = httpd_watch(po.httpd, cfg->stop_fd, portal_stop, &po);
	if (rc == 0)
		rc = httpd_run(po.httpd);
	httpd_free(po.httpd);
	return rc;
}
