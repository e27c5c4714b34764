/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/page.h"

#include "proxy/base/clock.h"
#include "proxy/base/must.h"

static const char *const page_texts[TEXT_COUNT][2] = {
#define TEXT(key, en, ja) {en, ja},
#include "proxy/web/text.def"
#undef TEXT
};

const char *
page_sentence(enum page_key key, enum problem_lang lang)
{
	MUST((unsigned)key < TEXT_COUNT);
	return page_texts[key][lang == PROBLEM_JA];
}

void
page_text(struct page *p, enum page_key key)
{
	quote_html(p->out, span_str(page_sentence(key, p->lang)));
}

void
page_value(struct page *p, struct span value, size_t max)
{
	size_t n = value.n;

	if (n > max) {
		/* Not inside a character. */
		for (n = max; n > 0 && (value.p[n] & 0xc0) == 0x80;)
			n--;
	}
	quote_html(p->out, span_of(value.p, n));
	if (n < value.n)
		PAGE_HTML(p, "…");
}

static void
page_two_digits(struct page *p, unsigned v)
{
	if (v < 10)
		PAGE_HTML(p, "0");
	quote_uint(p->out, v);
}

static void
page_zone(struct page *p, int minutes, struct span name)
{
	if (name.n) {
		page_value(p, name, 16);
		return;
	}
	PAGE_HTML(p, "UTC");
	if (minutes == 0)
		return;
	quote_raw(p->out, minutes < 0 ? SPAN_LIT("-") : SPAN_LIT("+"));
	minutes = minutes < 0 ? -minutes : minutes;
	page_two_digits(p, (unsigned)minutes / 60);
	PAGE_HTML(p, ":");
	page_two_digits(p, (unsigned)minutes % 60);
}

void
page_time(struct page *p, int64_t unix_s, int zone_minutes, struct span zone_name)
{
	struct clock_date d = clock_date(unix_s + zone_minutes * INT64_C(60));
	char iso[CLOCK_ISO_TEXT];

	clock_iso(unix_s > 0 ? (uint64_t)unix_s * CLOCK_SEC : 0, iso);
	PAGE_HTML(p, "<time datetime=\"");
	quote_html(p->out, span_str(iso));
	PAGE_HTML(p, "\">");
	quote_int(p->out, d.year);
	PAGE_HTML(p, "-");
	page_two_digits(p, d.month);
	PAGE_HTML(p, "-");
	page_two_digits(p, d.day);
	PAGE_HTML(p, " ");
	page_two_digits(p, d.hour);
	PAGE_HTML(p, ":");
	page_two_digits(p, d.minute);
	PAGE_HTML(p, ":");
	page_two_digits(p, d.sec);
	PAGE_HTML(p, " ");
	page_zone(p, zone_minutes, zone_name);
	PAGE_HTML(p, "</time>");
}

void
page_number(struct page *p, uint64_t v)
{
	uint64_t group = 1;

	while (v / group >= 1000)
		group *= 1000;
	quote_uint(p->out, v / group);
	for (; group > 1; group /= 1000) {
		uint64_t part = v % group / (group / 1000);

		PAGE_HTML(p, ",");
		if (part < 100)
			PAGE_HTML(p, "0");
		page_two_digits(p, (unsigned)part);
	}
}

static void
page_asset(struct page *p, enum asset_name name)
{
	quote_html(p->out, span_str(asset_path(name)));
	PAGE_HTML(p, "?v=");
	quote_html(p->out, span_str(p->assets->tag[name]));
}

static void
page_head(struct page *p, const char *title)
{
	PAGE_HTML(p, "<!doctype html>\n<html lang=\"");
	quote_html(p->out, span_str(page_lang_name(p->lang)));
	PAGE_HTML(p, "\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, "
		     "initial-scale=1\">\n"
		     "<meta name=\"color-scheme\" content=\"light dark\">\n"
		     "<meta name=\"robots\" content=\"noindex\">\n<title>");
	quote_html(p->out, span_str(title));
	PAGE_HTML(p, " - warifu</title>\n<link rel=\"stylesheet\" href=\"");
	page_asset(p, ASSET_CSS);
	PAGE_HTML(p, "\">\n<link rel=\"icon\" type=\"image/svg+xml\" href=\"");
	page_asset(p, ASSET_SVG);
	PAGE_HTML(p, "\">\n</head>\n");
}

void
page_begin(struct page *p, const char *title, struct span place)
{
	page_head(p, title);
	if (p->wide)
		PAGE_HTML(p, "<body class=\"wide\">\n");
	else
		PAGE_HTML(p, "<body>\n");
	PAGE_HTML(p, "<header class=\"top\"><img src=\"");
	page_asset(p, ASSET_SVG);
	PAGE_HTML(p, "\" alt=\"\" width=\"36\" height=\"36\"><span class=\"brand\">");
	page_text(p, TEXT_BRAND);
	PAGE_HTML(p, "</span><span class=\"place\">");
	page_value(p, place, 253);
	PAGE_HTML(p, "</span>");
	if (p->langs && p->lang == PROBLEM_JA)
		PAGE_HTML(p, "<a class=\"langs\" href=\"?lang=en\" lang=\"en\" "
			     "hreflang=\"en\">English</a>");
	else if (p->langs)
		PAGE_HTML(p, "<a class=\"langs\" href=\"?lang=ja\" lang=\"ja\" "
			     "hreflang=\"ja\">日本語</a>");
	PAGE_HTML(p, "</header>\n<main>\n");
}

void
page_end(struct page *p)
{
	PAGE_HTML(p, "</main>\n<footer class=\"foot\"><p>");
	page_text(p, p->footer);
	PAGE_HTML(p, "</p></footer>\n</body>\n</html>\n");
}

const char *
page_lang_name(enum problem_lang lang)
{
	return lang == PROBLEM_JA ? "ja" : "en";
}

enum problem_lang
page_lang_of(struct httpd_request *rq)
{
	struct span v;

	if (httpd_query(rq, "lang", 2, &v) == 0) {
		if (span_eq(v, SPAN_LIT("ja")))
			return PROBLEM_JA;
		if (span_eq(v, SPAN_LIT("en")))
			return PROBLEM_EN;
	}
	httpd_field(rq, "Accept-Language", 1024, &v);
	return problem_lang_of(v);
}
