/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/quote.h"

#include "tests/unit/tap.h"

static char buffer[256];

/* What an escaper makes of a string, as a C string. */
static const char *
made(void (*escape)(struct quote *, struct span), struct span s)
{
	struct quote q;
	struct span out;

	quote_init(&q, buffer, sizeof(buffer) - 1);
	escape(&q, s);
	CHECK_INT(quote_done(&q, &out), 0);
	buffer[out.n] = '\0';
	return buffer;
}

static void
html_cannot_leave_text_or_attribute(void)
{
	CHECK_STR(made(quote_html, SPAN_LIT("\"><script>alert('1')&</script>")),
		  "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&amp;&lt;/script&gt;");
	CHECK_STR(made(quote_html, SPAN_LIT("割符 – é 😀")), "割符 – é 😀");
}

static void
controls_and_broken_utf8_become_one_sign(void)
{
	CHECK_STR(made(quote_html, SPAN_LIT("a\0b\nc\x7f")), "a�b�c�");
	CHECK_STR(made(quote_html, SPAN_LIT("\xc2\x85|\xff|\xc0\xaf|\xed\xa0\x80")),
		  "�|�|��|���");
	CHECK_STR(made(quote_html, SPAN_LIT("cut \xe5\x89")), "cut ��");
}

static void
text_that_reorders_or_hides_is_shown_as_such(void)
{
	CHECK_STR(made(quote_html, SPAN_LIT("a\xe2\x80\xae"
					    "b")),
		  "a�b");
	CHECK_STR(made(quote_html, SPAN_LIT("a\xe2\x80\x8b"
					    "b")),
		  "a�b");
	CHECK_STR(made(quote_html, SPAN_LIT("a\xe2\x81\xa6"
					    "b\xef\xbb\xbf")),
		  "a�b�");
}

static void
label_cannot_end_its_line_or_quotes(void)
{
	CHECK_STR(made(quote_label, SPAN_LIT("a\"} 1\nx \\ <b>")), "a\\\"} 1�x \\\\ <b>");
}

static void
numbers_are_written_without_float(void)
{
	struct quote q;
	struct span out;

	quote_init(&q, buffer, sizeof(buffer) - 1);
	quote_uint(&q, UINT64_MAX);
	QUOTE_LIT(&q, " ");
	quote_int(&q, INT64_MIN);
	QUOTE_LIT(&q, " ");
	quote_fixed(&q, 1500000, 6);
	QUOTE_LIT(&q, " ");
	quote_fixed(&q, 50, 6);
	QUOTE_LIT(&q, " ");
	quote_fixed(&q, 3000000, 6);
	CHECK_INT(quote_done(&q, &out), 0);
	buffer[out.n] = '\0';
	CHECK_STR(buffer, "18446744073709551615 -9223372036854775808 1.5 0.00005 3");
}

static void
what_does_not_fit_is_refused_whole(void)
{
	struct quote q;
	struct span out;

	quote_init(&q, buffer, 8);
	quote_html(&q, SPAN_LIT("abc&"));
	CHECK_INT(quote_done(&q, &out), 0);
	quote_html(&q, SPAN_LIT("<"));
	CHECK(q.full);
	QUOTE_LIT(&q, "");
	CHECK_INT(quote_done(&q, &out), WF_EFULL);
	CHECK_INT(out.n, 0);
	CHECK_INT(q.n, 8);
}

int
main(void)
{
	TAP_RUN(html_cannot_leave_text_or_attribute);
	TAP_RUN(controls_and_broken_utf8_become_one_sign);
	TAP_RUN(text_that_reorders_or_hides_is_shown_as_such);
	TAP_RUN(label_cannot_end_its_line_or_quotes);
	TAP_RUN(numbers_are_written_without_float);
	TAP_RUN(what_does_not_fit_is_refused_whole);
	return tap_done();
}
