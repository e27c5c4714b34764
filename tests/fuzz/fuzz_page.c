/* SPDX-License-Identifier: Apache-2.0 */
/* Values from outside inside a page: what is written has as many tags as the page without
 * them, so nothing in a value became one. Input: language, zone, then two values. */
#include "proxy/base/must.h"
#include "proxy/web/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE_CAP = 65536, VALUE_MAX = 2048 };

static size_t
tags(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '<' || s.p[i] == '>' || s.p[i] == '"' || s.p[i] == '\'';
	return n;
}

static size_t
write_page(struct span place, struct span value, const uint8_t *how)
{
	static char buf[PAGE_CAP];
	static struct asset_set assets;
	struct quote q;
	struct span out;
	struct page p = {.out = &q, .assets = &assets, .footer = TEXT_FOOTER,
	    .lang = how[0] & 1 ? PROBLEM_JA : PROBLEM_EN, .wide = how[0] & 2,
	    .langs = how[0] & 4};

	quote_init(&q, buf, sizeof(buf));
	page_begin(&p, "title", place);
	page_value(&p, value, how[1]);
	page_time(&p, (int64_t)how[1] << (how[0] & 31), how[2] * 6 - 720, place);
	page_number(&p, (uint64_t)how[1] << (how[0] & 63));
	page_end(&p);
	MUST(quote_done(&q, &out) == 0);
	return tags(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in, place, value;

	if (size < 4 || size > VALUE_MAX)
		return 0;
	in = span_of(data + 4, size - 4);
	place = span_of(in.p, data[3] > in.n ? in.n : data[3]);
	value = span_tail(in, place.n);
	MUST(write_page(place, value, data) ==
	     write_page(place.n ? SPAN_LIT("x") : span_of(NULL, 0), SPAN_LIT("y"), data));
	return 0;
}
