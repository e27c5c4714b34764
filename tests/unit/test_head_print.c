/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/head_print.h"
#include "tests/unit/tap.h"

/* As captured of real programs, cookies and what is asked for left out. */
#define CHROMIUM_PAGE                                                                              \
	"sec-ch-ua", "upgrade-insecure-requests", "user-agent", "accept", "sec-fetch-site",        \
	    "sec-fetch-mode", "sec-fetch-user", "sec-fetch-dest", "referer", "accept-encoding",    \
	    "accept-language", "cookie"
#define FIREFOX_PAGE                                                                               \
	"user-agent", "accept", "accept-language", "accept-encoding", "referer",                   \
	    "upgrade-insecure-requests", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site",     \
	    "sec-fetch-user", "te"

static struct field at[24];

static struct fields
fields_of(const char *const *names)
{
	struct fields f = fields_over(at, ARRAY_LEN(at));

	for (; *names != NULL; names++)
		CHECK_INT(fields_add(&f, span_str(*names), SPAN_LIT("x")), 0);
	return f;
}

static uint64_t
print_of(const char *const *names)
{
	struct fields f = fields_of(names);

	return head_print(&f);
}

#define PRINT(...) print_of((const char *const[]){__VA_ARGS__, NULL})

static const char *
words(uint64_t learned, uint64_t seen)
{
	static char text[2 * HEAD_PRINT_TEXT + 8];
	char was[HEAD_PRINT_TEXT], is[HEAD_PRINT_TEXT];

	head_print_words(learned, seen, was, is);
	CHECK(head_print_differs(learned, seen) == (was[0] != '\0'));
	snprintf(text, sizeof(text), "%s -> %s", was, is);
	return text;
}

static void
the_same_order_is_the_same_whatever_stands_between(void)
{
	uint64_t page = PRINT(CHROMIUM_PAGE);

	CHECK_STR(words(page, page), " -> ");
	CHECK_STR(words(page, PRINT("x-csrf", "accept", "content-type", "sec-fetch-site", "origin",
			    "sec-fetch-mode", "sec-fetch-dest", "accept-encoding", "range",
			    "accept-language", "priority")),
	    " -> ");
	CHECK_STR(words(page, PRINT("Accept", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest",
			    "Accept-Encoding", "Accept-Language", "accept")),
	    " -> ");
}

static void
another_order_is_told_in_words(void)
{
	uint64_t chromium = PRINT(CHROMIUM_PAGE), firefox = PRINT(FIREFOX_PAGE);

	CHECK_STR(words(PRINT("accept-encoding", "accept-language"),
		      PRINT("accept-language", "accept-encoding")),
	    "accept-encoding before accept-language -> accept-language before accept-encoding");
	CHECK(head_print_differs(chromium, firefox) && head_print_differs(firefox, chromium));
}

static void
a_name_that_was_always_there_or_never_is_told(void)
{
	uint64_t page = PRINT(CHROMIUM_PAGE), curl = PRINT("user-agent", "accept");

	CHECK_STR(words(page, curl), "with accept-language -> without accept-language");
	CHECK_STR(words(curl, PRINT("accept", "accept-language")),
	    "without accept-language -> with accept-language");
}

static void
what_came_both_ways_tells_nothing_any_more(void)
{
	uint64_t learned = PRINT("accept", "accept-language") | PRINT("accept-language", "accept") |
			   PRINT("user-agent");

	CHECK(!head_print_differs(learned, PRINT("accept", "accept-language")));
	CHECK(!head_print_differs(learned, PRINT("accept-language", "accept")));
	CHECK(!head_print_differs(learned, PRINT("host")));
	CHECK(head_print_differs(learned, PRINT("sec-fetch-site")));
}

static void
an_encoding_of_its_own_is_passed_over(void)
{
	uint64_t learned = PRINT("accept-encoding", "accept-language");
	struct fields f = fields_over(at, ARRAY_LEN(at));

	CHECK(fields_add(&f, SPAN_LIT("accept-language"), SPAN_LIT("ja")) == 0 &&
	      fields_add(&f, SPAN_LIT("accept-encoding"), SPAN_LIT("identity;q=1, *;q=0")) == 0);
	CHECK(!head_print_differs(learned, head_print(&f)));
}

static void
nothing_learned_speaks_against_nothing(void)
{
	CHECK(PRINT("host") != 0);
	CHECK_STR(words(0, PRINT(CHROMIUM_PAGE)), " -> ");
	CHECK_STR(words(0, PRINT("host")), " -> ");
}

static enum head_kind
kind_of(const char *accept, bool websocket)
{
	struct fields f = fields_over(at, ARRAY_LEN(at));

	if (accept != NULL)
		CHECK_INT(fields_add(&f, SPAN_LIT("Accept"), span_str(accept)), 0);
	return head_kind(&f, websocket);
}

static void
kinds_are_told_by_what_is_accepted(void)
{
	CHECK_INT(kind_of("text/html,application/xhtml+xml,*/*;q=0.8", false), HEAD_PAGE);
	CHECK_INT(kind_of("TEXT/HTML", false), HEAD_PAGE);
	CHECK_INT(kind_of("image/avif,image/webp,*/*;q=0.8", false), HEAD_PART);
	CHECK_INT(kind_of("text/css,*/*;q=0.1", false), HEAD_PART);
	CHECK_INT(kind_of("*/*", false), HEAD_OTHER);
	CHECK_INT(kind_of("", false), HEAD_OTHER);
	CHECK_INT(kind_of(NULL, false), HEAD_OTHER);
	CHECK_INT(kind_of("text/html", true), HEAD_SOCKET);
}

int
main(void)
{
	TAP_RUN(the_same_order_is_the_same_whatever_stands_between);
	TAP_RUN(another_order_is_told_in_words);
	TAP_RUN(a_name_that_was_always_there_or_never_is_told);
	TAP_RUN(what_came_both_ways_tells_nothing_any_more);
	TAP_RUN(an_encoding_of_its_own_is_passed_over);
	TAP_RUN(nothing_learned_speaks_against_nothing);
	TAP_RUN(kinds_are_told_by_what_is_accepted);
	return tap_done();
}
