/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/h1_write.h"
#include "tests/unit/tap.h"

static uint8_t bytes[1024];

static bool
wrote(const struct h1_out *o, const char *text)
{
	bool same = h1_out_ok(o) && span_eq(h1_out_span(o), span_str(text));

	if (!same)
		printf("# wrote: %.*s\n", (int)o->n, (const char *)o->p);
	return same;
}

static bool
not_x_own(void *ctx, const struct field *x)
{
	(void)ctx;
	return !span_ieq(x->name, SPAN_LIT("x-own"));
}

static void
a_request_is_written_from_its_parsed_form(void)
{
	static const char in[] =
	    "POST http://a.example/p?q=1 HTTP/1.0\r\nhost: a.example\r\n"
	    "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
	    "cOOkie:  a=1 \r\nX-Own: 1\r\nWarifu-Site: evil\r\nTE: trailers\r\n"
	    "Content-Length: 05\r\nUpgrade: h2c\r\nX-Empty:\r\n\r\n";
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));
	struct field array[16];
	struct h1_request rq = {0};
	enum reason why;
	size_t used;

	CHECK_INT(h1_request_parse(span_str(in), &rq, fields_over(array, 16),
				   &h1_limits_default, &used, &why),
		  0);
	h1_write_request_line(&o, rq.method_text, rq.path, rq.has_query, rq.query);
	h1_write_field(&o, SPAN_LIT("Host"), rq.authority.host);
	h1_write_copy(&o, &rq.fields, &rq.hop, not_x_own, NULL);
	h1_write_framing(&o, rq.framing, rq.length);
	h1_write_connection(&o, H1_WRITE_KEEP);
	h1_write_end(&o);
	CHECK(wrote(&o, "POST /p?q=1 HTTP/1.1\r\nHost: a.example\r\ncOOkie: a=1\r\n"
			"X-Empty: \r\nContent-Length: 5\r\n\r\n"));
}

static void
a_response_gets_the_standard_text_and_own_framing(void)
{
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));

	h1_write_status_line(&o, 502);
	h1_write_field_uint(&o, SPAN_LIT("Age"), 0);
	h1_write_framing(&o, H1_CHUNKED, 0);
	h1_write_connection(&o, H1_WRITE_CLOSE);
	h1_write_end(&o);
	CHECK(wrote(&o, "HTTP/1.1 502 Bad Gateway\r\nAge: 0\r\n"
			"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
	o = h1_out_over(bytes, sizeof(bytes));
	h1_write_status_line(&o, 599);
	h1_write_framing(&o, H1_NONE, 0);
	h1_write_framing(&o, H1_CLOSE, 0);
	h1_write_connection(&o, H1_WRITE_WEBSOCKET);
	CHECK(
	    wrote(&o, "HTTP/1.1 599 \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
}

static bool
field_is_ok(struct span name, struct span value)
{
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));

	h1_write_field(&o, name, value);
	return h1_out_ok(&o);
}

static void
nothing_can_add_a_line_of_its_own(void)
{
	CHECK(field_is_ok(SPAN_LIT("A"), SPAN_LIT("b\tc \xe9")));
	CHECK(!field_is_ok(SPAN_LIT("A"), SPAN_LIT("b\r\nC: d")));
	CHECK(!field_is_ok(SPAN_LIT("A"), SPAN_LIT("b\nC: d")));
	CHECK(!field_is_ok(SPAN_LIT("A"), SPAN_LIT("b\0c")));
	CHECK(!field_is_ok(SPAN_LIT("A: b\r\nC"), SPAN_LIT("d")));
	CHECK(!field_is_ok(SPAN_LIT(""), SPAN_LIT("d")));
}

static bool
line_is_ok(const char *method, const char *path, const char *query)
{
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));

	h1_write_request_line(&o, span_str(method), span_str(path), query != NULL,
			      span_str(query ? query : ""));
	return h1_out_ok(&o);
}

static void
request_lines_are_checked_too(void)
{
	CHECK(line_is_ok("GET", "/", NULL));
	CHECK(line_is_ok("GET", "/a", ""));
	CHECK(line_is_ok("OPTIONS", "*", NULL));
	CHECK(!line_is_ok("GET ", "/", NULL));
	CHECK(!line_is_ok("", "/", NULL));
	CHECK(!line_is_ok("GET", "", NULL));
	CHECK(!line_is_ok("GET", "a", NULL));
	CHECK(!line_is_ok("GET", "/a?b", NULL));
	CHECK(!line_is_ok("GET", "/a b", NULL));
	CHECK(!line_is_ok("GET", "/a", "b c"));
	CHECK(!line_is_ok("GET", "/a", "b\r\n"));
}

static void
what_does_not_fit_is_said_and_not_cut(void)
{
	struct h1_out o = h1_out_over(bytes, 10);

	h1_write_field(&o, SPAN_LIT("Ab"), SPAN_LIT("cdef"));
	CHECK(h1_out_ok(&o) && o.n == 10);
	o = h1_out_over(bytes, 9);
	h1_write_field(&o, SPAN_LIT("Ab"), SPAN_LIT("cdef"));
	CHECK(o.overflow && !h1_out_ok(&o) && o.n == 8);
	h1_out_put(&o, SPAN_LIT("x"));
	CHECK_INT(o.n, 8);
}

static void
numbers_have_no_leading_zeros(void)
{
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));

	h1_out_uint(&o, 0);
	h1_out_put(&o, SPAN_LIT(" "));
	h1_out_uint(&o, UINT64_MAX);
	h1_out_put(&o, SPAN_LIT(" "));
	h1_out_hex(&o, UINT64_MAX);
	CHECK(wrote(&o, "0 18446744073709551615 ffffffffffffffff"));
}

int
main(void)
{
	TAP_RUN(a_request_is_written_from_its_parsed_form);
	TAP_RUN(a_response_gets_the_standard_text_and_own_framing);
	TAP_RUN(nothing_can_add_a_line_of_its_own);
	TAP_RUN(request_lines_are_checked_too);
	TAP_RUN(what_does_not_fit_is_said_and_not_cut);
	TAP_RUN(numbers_have_no_leading_zeros);
	return tap_done();
}
