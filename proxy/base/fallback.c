/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/fallback.h"

#include "proxy/base/quote.h"

const struct fallback_field fallback_fields[] = {
    {"Content-Type", FALLBACK_TYPE},
    {"Content-Security-Policy", FALLBACK_CSP},
    {"Cache-Control", "no-store"},
#define HARDEN(name, value) {name, value},
#include "proxy/base/harden.def"
#undef HARDEN
    {NULL, NULL},
};

static void
fallback_words(struct quote *q, enum problem_kind kind, enum problem_lang lang)
{
	QUOTE_LIT(q, "<h1>");
	quote_html(q, span_str(problem_title(kind, lang)));
	QUOTE_LIT(q, "</h1><p>");
	quote_html(q, span_str(problem_detail(kind, lang)));
}

int
fallback_page(enum problem_kind kind, struct span support, char *out, size_t cap,
	      size_t *len)
{
	struct quote q;
	struct span text;
	int rc;

	quote_init(&q, out, cap);
	QUOTE_LIT(&q, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
		      "<meta name=\"viewport\" content=\"width=device-width\">"
		      "<meta name=\"color-scheme\" content=\"light dark\"><title>");
	quote_html(&q, span_str(problem_title(kind, PROBLEM_EN)));
	QUOTE_LIT(&q, "</title>");
	/* The way round that makes a browser prove its device's key. */
	if (kind == PROBLEM_DEVICE)
		QUOTE_LIT(&q, "<meta http-equiv=\"refresh\" content=\"0\">");
	QUOTE_LIT(&q, "<main>");
	fallback_words(&q, kind, PROBLEM_EN);
	QUOTE_LIT(&q, "<section lang=\"ja\">");
	fallback_words(&q, kind, PROBLEM_JA);
	QUOTE_LIT(&q, "</section>");
	if (problem_support_ok(support)) {
		QUOTE_LIT(
		    &q, "<p>Support number / <span lang=\"ja\">お問い合わせ番号</span>: "
			"<strong>");
		quote_html(&q, support);
		QUOTE_LIT(&q, "</strong>");
	}
	QUOTE_LIT(&q, "</main></html>\n");
	rc = quote_done(&q, &text);
	*len = text.n;
	return rc;
}
