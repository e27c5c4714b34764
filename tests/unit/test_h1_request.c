/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/wire/h1.h"
#include "tests/unit/tap.h"

#define HOST "Host: a.example\r\n"
#define WS                                                          \
	"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" \
	"Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct field array[16];

static int
parse_with(const char *text, const struct h1_limits *limits, struct h1_request *rq,
	   enum reason *why)
{
	size_t used;
	int r;

	*rq = (struct h1_request){0};
	r = h1_request_parse(span_str(text), rq, fields_over(array, ARRAY_LEN(array)),
			     limits, &used, why);
	CHECK(r == 0 || used == 0);
	return r;
}

static bool
reads(const char *text, struct h1_request *rq)
{
	enum reason why;

	return parse_with(text, &h1_limits_default, rq, &why) == 0;
}

/* "" if accepted, "more", or the reason's name. */
static const char *
verdict(const char *text)
{
	struct h1_request rq;
	enum reason why;
	int r = parse_with(text, &h1_limits_default, &rq, &why);

	return r == 0 ? "" : r == WF_MORE ? "more" : reason_name(why);
}

static void
says_what_is_asked_and_of_whom(void)
{
	struct h1_request rq;

	CHECK(reads("POST /a/b?c=d?e HTTP/1.1\r\nHost: A.example:8443\r\n"
		    "Content-Length: 7\r\nExpect: 100-Continue\r\n\r\n1234567",
		    &rq));
	CHECK_INT(rq.method, METHOD_POST);
	CHECK(span_eq(rq.target, SPAN_LIT("/a/b?c=d?e")));
	CHECK(span_eq(rq.path, SPAN_LIT("/a/b")));
	CHECK(rq.has_query && span_eq(rq.query, SPAN_LIT("c=d?e")));
	CHECK(span_eq(rq.authority.host, SPAN_LIT("A.example")));
	CHECK_INT(rq.authority.port, 8443);
	CHECK(rq.framing == H1_LENGTH && rq.length == 7);
	CHECK(rq.keep_alive && rq.expect_100 && !rq.upgrade && rq.minor == 1);
	CHECK_INT(rq.fields.n, 3);
}

static void
an_empty_query_is_not_no_query(void)
{
	struct h1_request rq;

	CHECK(reads("GET /? HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(rq.has_query && rq.query.n == 0 && rq.path.n == 1);
	CHECK(reads("GET / HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(!rq.has_query);
}

static void
absolute_targets_must_name_the_same_host(void)
{
	struct h1_request rq;

	CHECK(reads("GET http://A.EXAMPLE/x?y HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(rq.absolute && span_eq(rq.path, SPAN_LIT("/x")));
	CHECK(span_eq(rq.query, SPAN_LIT("y")));
	CHECK(reads("GET HTTPS://a.example HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(span_eq(rq.path, SPAN_LIT("/")));
	CHECK(reads("OPTIONS http://a.example HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(span_eq(rq.path, SPAN_LIT("*")));
	CHECK(reads("OPTIONS http://a.example? HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(span_eq(rq.path, SPAN_LIT("/")));
	CHECK_STR(verdict("GET http://b.example/ HTTP/1.1\r\n" HOST "\r\n"),
		  "target-host");
	CHECK_STR(verdict("GET http://a.example:80/ HTTP/1.1\r\n" HOST "\r\n"),
		  "target-host");
	CHECK_STR(verdict("GET http://u@a.example/ HTTP/1.1\r\n" HOST "\r\n"),
		  "target-host");
	CHECK_STR(verdict("GET http:///x HTTP/1.1\r\n" HOST "\r\n"), "target-form");
	CHECK_STR(verdict("GET ftp://a.example/ HTTP/1.1\r\n" HOST "\r\n"),
		  "target-form");
}

static void
the_star_is_for_options_only(void)
{
	struct h1_request rq;

	CHECK(reads("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", &rq));
	CHECK(span_eq(rq.path, SPAN_LIT("*")));
	CHECK_STR(verdict("GET * HTTP/1.1\r\n" HOST "\r\n"), "target-form");
	CHECK_STR(verdict("OPTIONS *x HTTP/1.1\r\n" HOST "\r\n"), "target-form");
}

static void
methods_are_listed_and_tunnels_never_are(void)
{
	const struct span extra[] = {SPAN_LIT("QUERY"), SPAN_LIT("TRACE"),
				     SPAN_LIT("CONNECT")};
	struct h1_limits limits = h1_limits_default;
	struct h1_request rq;
	enum reason why;

	CHECK_STR(verdict("QUERY / HTTP/1.1\r\n" HOST "\r\n"), "method-unknown");
	CHECK_STR(verdict("Get / HTTP/1.1\r\n" HOST "\r\n"), "method-unknown");
	limits.methods = extra;
	limits.n_methods = ARRAY_LEN(extra);
	CHECK_INT(parse_with("QUERY / HTTP/1.1\r\n" HOST "\r\n", &limits, &rq, &why), 0);
	CHECK_INT(rq.method, METHOD_EXTRA);
	CHECK(span_eq(rq.method_text, SPAN_LIT("QUERY")));
	CHECK(parse_with("TRACE / HTTP/1.1\r\n" HOST "\r\n", &limits, &rq, &why) < 0);
	CHECK_INT(why, REASON_METHOD_FORBIDDEN);
	CHECK(parse_with("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", &limits, &rq, &why) < 0);
	CHECK_INT(why, REASON_METHOD_FORBIDDEN);
}

static void
http2_without_negotiation_is_told_so(void)
{
	CHECK_STR(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http2-preface");
	CHECK_STR(verdict("PRI * HTTP/2.0\r\n"), "http2-preface");
}

static void
a_wrong_first_line_is_refused_before_the_head_is_complete(void)
{
	CHECK_STR(verdict("GET /\r\n"), "version-syntax");
	CHECK_STR(verdict("GET / HTTP/1.1\n"), "bare-lf");
	CHECK_STR(verdict("\x16\x03\x01\n"), "bare-lf");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n"), "more");
	CHECK_STR(verdict(""), "more");
	CHECK_STR(verdict("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), "request-line");
}

static void
keep_alive_is_the_default_of_1_1_only(void)
{
	struct h1_request rq;

	CHECK(reads("GET / HTTP/1.0\r\n" HOST "\r\n", &rq) && !rq.keep_alive);
	CHECK(reads("GET / HTTP/1.0\r\n" HOST "Connection: Keep-Alive\r\n\r\n", &rq));
	CHECK(rq.keep_alive);
	CHECK(reads("GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n", &rq));
	CHECK(!rq.keep_alive);
	CHECK(reads("GET / HTTP/1.0\r\n" HOST "Connection: keep-alive, close\r\n\r\n",
		    &rq));
	CHECK(!rq.keep_alive);
}

static void
only_100_continue_may_be_expected(void)
{
	struct h1_request rq;

	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n"),
		  "expect-unknown");
	CHECK(reads("GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n", &rq));
	CHECK(!rq.expect_100);
	CHECK(reads("PUT / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n"
		    "Content-Length: 1\r\n\r\n",
		    &rq));
	CHECK(!rq.expect_100);
}

static void
websocket_handshakes_are_exact_or_refused(void)
{
	struct h1_request rq;

	CHECK(reads("GET /ws HTTP/1.1\r\n" HOST WS KEY "\r\n", &rq) && rq.upgrade);
	CHECK_STR(verdict("POST /ws HTTP/1.1\r\n" HOST WS KEY "\r\n"), "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.0\r\n" HOST WS KEY "\r\n"), "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST WS "\r\n"), "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST WS KEY "Content-Length: 1\r\n\r\n"),
		  "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST WS KEY KEY "\r\n"),
		  "field-repeated");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST WS KEY
			  "Sec-WebSocket-Version: 13\r\n\r\n"),
		  "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST WS
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n"),
		  "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST WS
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n\r\n"),
		  "upgrade-syntax");
	CHECK_STR(verdict("GET /ws HTTP/1.1\r\n" HOST KEY "Connection: upgrade\r\n"
			  "Upgrade: h2c, websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"),
		  "upgrade-syntax");
}

static void
other_upgrades_are_dropped_and_not_followed(void)
{
	struct h1_request rq;

	CHECK(reads("GET / HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\n"
		    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		    &rq));
	CHECK(!rq.upgrade && rq.keep_alive);
	CHECK(fields_drop_hop(&rq.hop, fields_find(&rq.fields, FIELD_UPGRADE, 0)));
	CHECK(fields_drop_hop(&rq.hop, fields_find(&rq.fields, FIELD_HTTP2_SETTINGS, 0)));
	CHECK(reads("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n", &rq));
	CHECK(!rq.upgrade);
}

static void
fields_that_decide_may_occur_once(void)
{
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST
			  "Authorization: a\r\nAuthorization: a\r\n\r\n"),
		  "field-repeated");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST "Origin: a\r\norigin: b\r\n\r\n"),
		  "field-repeated");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST "Cookie: a=1\r\nCookie: b=2\r\n\r\n"),
		  "");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST
			  "Connection: cookie\r\nCookie: a=1\r\n\r\n"),
		  "connection-names");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST "User_Agent: x\r\n\r\n"),
		  "field-alias");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST "Warifu_Site: x\r\n\r\n"),
		  "field-alias");
	CHECK_STR(verdict("GET / HTTP/1.1\r\n" HOST "my_own: x\r\n\r\n"), "");
}

static void
lengths_end_below_2_to_the_60(void)
{
	struct h1_request rq;

	CHECK(reads("PUT / HTTP/1.1\r\n" HOST
		    "Content-Length: 1152921504606846975\r\n\r\n",
		    &rq));
	CHECK(rq.length == ((uint64_t)1 << 60) - 1);
	CHECK_STR(verdict("PUT / HTTP/1.1\r\n" HOST
			  "Content-Length: 1152921504606846976\r\n\r\n"),
		  "length-syntax");
	CHECK_STR(verdict("PUT / HTTP/1.1\r\n" HOST
			  "Content-Length: 00000000000000000001\r\n\r\n"),
		  "length-syntax");
}

/* Clear by the grammar, yet http-parser or llhttp read them otherwise. */
static void
framing_that_other_parsers_misread_is_refused(void)
{
	CHECK_STR(
	    verdict("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\t\r\n\r\n"),
	    "coding-unknown");
	CHECK_STR(
	    verdict("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding:\tchunked\r\n\r\n"),
	    "coding-unknown");
	CHECK_STR(
	    verdict("PUT / HTTP/1.1\r\n" HOST "Transfer-Encodings: chunked\r\n\r\n"),
	    "field-alias");
	CHECK_STR(
	    verdict("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding:  chunked \r\n\r\n"),
	    "");
}

static void
limits_hold_to_the_byte(void)
{
	static const char text[] = "GET /12345 HTTP/1.1\r\n" HOST "\r\n";
	struct h1_limits limits = {.line = 19, .head = sizeof(text) - 1};
	struct h1_request rq;
	enum reason why;

	CHECK_INT(parse_with(text, &limits, &rq, &why), 0);
	limits.line--;
	CHECK(parse_with(text, &limits, &rq, &why) < 0);
	CHECK_INT(why, REASON_TARGET_LONG);
	limits.line++;
	limits.head--;
	CHECK(parse_with(text, &limits, &rq, &why) < 0);
	CHECK_INT(why, REASON_HEAD_LARGE);
	limits.head = 30;
	CHECK(parse_with("GET /12345 HTTP/1.1\r\nX: 678901", &limits, &rq, &why) < 0);
	CHECK_INT(why, REASON_HEAD_LARGE);
}

static void
more_fields_than_the_array_are_refused(void)
{
	char text[1024] = "GET / HTTP/1.1\r\n" HOST;

	for (size_t i = 0, n = strlen(text); i < 15; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X%zu: y\r\n%s", i,
				      i == 14 ? "\r\n" : "");
	CHECK_STR(verdict(text), "");
	memcpy(strstr(text, "\r\n\r\n"), "\r\nA:\r\n\r\n", 9);
	CHECK_STR(verdict(text), "fields-many");
}

/* A client that sends a byte at a time must not cost more than one that does not. */
static void
byte_by_byte_is_not_quadratic(void)
{
	static char text[32768];
	static struct field many[4096];
	size_t n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST), used;
	struct h1_request rq = {0};
	enum reason why;
	int r = WF_MORE;

	while (n < sizeof(text) - 16)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X: %zu\r\n", n);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	for (size_t i = 0; i <= n && r == WF_MORE; i++) {
		size_t before = rq.scan.lines.seen;

		r = h1_request_parse(span_of(text, i), &rq, fields_over(many, 4096),
				     &h1_limits_default, &used, &why);
		CHECK(rq.scan.lines.seen >= before && rq.scan.lines.seen + 1 >= i);
	}
	CHECK_INT(r, 0);
	CHECK_INT(used, n);
}

static void
after_more_nothing_points_into_the_bytes(void)
{
	static const char text[] = "GET /secret HTTP/1.1\r\nHo";
	struct h1_request rq;
	enum reason why;

	CHECK_INT(parse_with(text, &h1_limits_default, &rq, &why), WF_MORE);
	CHECK(rq.target.p == NULL && rq.path.p == NULL && rq.method_text.p == NULL);
}

int
main(void)
{
	TAP_RUN(says_what_is_asked_and_of_whom);
	TAP_RUN(an_empty_query_is_not_no_query);
	TAP_RUN(absolute_targets_must_name_the_same_host);
	TAP_RUN(the_star_is_for_options_only);
	TAP_RUN(methods_are_listed_and_tunnels_never_are);
	TAP_RUN(http2_without_negotiation_is_told_so);
	TAP_RUN(a_wrong_first_line_is_refused_before_the_head_is_complete);
	TAP_RUN(keep_alive_is_the_default_of_1_1_only);
	TAP_RUN(only_100_continue_may_be_expected);
	TAP_RUN(websocket_handshakes_are_exact_or_refused);
	TAP_RUN(other_upgrades_are_dropped_and_not_followed);
	TAP_RUN(fields_that_decide_may_occur_once);
	TAP_RUN(lengths_end_below_2_to_the_60);
	TAP_RUN(framing_that_other_parsers_misread_is_refused);
	TAP_RUN(limits_hold_to_the_byte);
	TAP_RUN(more_fields_than_the_array_are_refused);
	TAP_RUN(byte_by_byte_is_not_quadratic);
	TAP_RUN(after_more_nothing_points_into_the_bytes);
	return tap_done();
}
