/* SPDX-License-Identifier: Apache-2.0 */
/* What the portal reads and writes: no value leaves its quotes, no path leaves the site.
 */
#include "proxy/base/must.h"
#include "proxy/base/problem.h"
#include "proxy/base/quote.h"
#include "proxy/base/text.h"
#include "proxy/web/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_escapers(struct span in)
{
	static char html[8 * 4096], label[8 * 4096];
	struct quote q;
	struct span out;

	quote_init(&q, html, sizeof(html));
	quote_html(&q, in);
	MUST(quote_done(&q, &out) == 0);
	MUST(text_printable(out));
	MUST(span_chr(out, '<') < 0 && span_chr(out, '>') < 0 && span_chr(out, '"') < 0 &&
	     span_chr(out, '\'') < 0);
	quote_init(&q, label, sizeof(label));
	quote_label(&q, in);
	MUST(quote_done(&q, &out) == 0);
	MUST(text_printable(out));
	for (size_t i = 0; i < out.n; i++) {
		if (out.p[i] == '\\')
			i++;
		else
			MUST(out.p[i] != '"');
		MUST(i < out.n);
	}
}

static void
fuzz_problem(struct span in)
{
	char body[PROBLEM_BODY_MAX];
	struct problem p = {.kind = PROBLEM_CHALLENGE, .support = in, .login = in};
	enum problem_kind kind;
	size_t len;

	p.lang = problem_lang_of(in);
	problem_find(in, &kind);
	MUST(problem_write(&p, body, sizeof(body), &len) == 0);
	MUST(text_printable(span_of(body, len)));
	if (problem_local_path(in))
		MUST(in.p[0] == '/' && (in.n == 1 || in.p[1] != '/') &&
		     span_chr(in, '\\') < 0 && route_target_ok(in));
}

static void
fuzz_route(struct span in)
{
	const char *hosts[] = {"localhost", "[::1]", NULL};
	struct span v;

	MUST(route_path(in).n <= in.n);
	if (route_query(in, "lang", 2, &v) == 0)
		MUST(v.n <= 2);
	if (route_host_in(in, hosts, 3))
		MUST(span_istarts(in, SPAN_LIT("localhost")) ||
		     span_starts(in, SPAN_LIT("[::1]")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size > 4096 ? 4096 : size);

	fuzz_escapers(in);
	fuzz_problem(in);
	fuzz_route(in);
	return 0;
}
