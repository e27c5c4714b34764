/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/page.h - HTML that can only escape.
 *
 * Three ways to write, and no other: PAGE_HTML takes a string literal of ours, page_text
 * a sentence of text.def, page_value anything from outside. The last two escape. No page
 * has inline style or script; the Content-Security-Policy forbids both.
 *
 * Ownership  writes into the caller's quote.
 * Errors     latched in the quote.
 * Threads    pure.
 */
#ifndef WARIFU_WEB_PAGE_H
#define WARIFU_WEB_PAGE_H

#include "proxy/base/problem.h"
#include "proxy/base/quote.h"
#include "proxy/web/asset.h"

enum page_key {
#define TEXT(key, en, ja) TEXT_##key,
#include "proxy/web/text.def"
#undef TEXT
	TEXT_COUNT
};

struct page {
	struct quote *out;
	enum problem_lang lang;
	const struct asset_set *assets;
	bool wide;  /* many columns: the console */
	bool langs; /* links to ?lang=: only where the page is its own address */
	enum page_key footer; /* TEXT_FOOTER or TEXT_C_FOOTER */
};

#define PAGE_HTML(page, literal) QUOTE_LIT((page)->out, literal)

const char *page_sentence(enum page_key key, enum problem_lang lang);
void page_text(struct page *p, enum page_key key);

/* Escaped, at most max bytes of it; what was cut ends in an ellipsis. */
void page_value(struct page *p, struct span value, size_t max);

/* "2024-05-31 13:05 JST" as <time>; minutes east of UTC. */
void page_time(struct page *p, int64_t unix_s, int zone_minutes, struct span zone_name);

/* 1,234,567 */
void page_number(struct page *p, uint64_t v);

/* Everything up to and with <main>, and from </main> on. The place stands right in the
 * header: the site's name, or empty. */
void page_begin(struct page *p, const char *title, struct span place);
void page_end(struct page *p);

/* "ja" or "en". */
const char *page_lang_name(enum problem_lang lang);

/* What ?lang= says, else Accept-Language. */
enum problem_lang page_lang_of(struct httpd_request *rq);

#endif
