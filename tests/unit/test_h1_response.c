/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/h1.h"
#include "tests/unit/tap.h"

static struct field array[16];
static const struct h1_asked get = {METHOD_GET, false};
static const struct h1_asked head = {METHOD_HEAD, false};
static const struct h1_asked upgrade = {METHOD_GET, true};

static int
parse(const char *text, struct h1_asked asked, struct h1_response *rs, enum reason *why)
{
	size_t used;

	*rs = (struct h1_response){0};
	return h1_response_parse(span_str(text), rs, fields_over(array, ARRAY_LEN(array)),
				 &h1_limits_default, asked, &used, why);
}

static bool
reads(const char *text, struct h1_asked asked, struct h1_response *rs)
{
	enum reason why;

	return parse(text, asked, rs, &why) == 0;
}

static const char *
verdict(const char *text, struct h1_asked asked)
{
	struct h1_response rs;
	enum reason why;
	int r = parse(text, asked, &rs, &why);

	return r == 0 ? "" : r == WF_MORE ? "more" : reason_name(why);
}

static void
reads_status_and_framing(void)
{
	struct h1_response rs;

	CHECK(reads("HTTP/1.1 200 Very OK\r\nContent-Length: 3\r\n\r\nabc", get, &rs));
	CHECK_INT(rs.status, 200);
	CHECK(span_eq(rs.text, SPAN_LIT("Very OK")));
	CHECK(rs.framing == H1_LENGTH && rs.length == 3 && rs.keep_alive);
	CHECK(reads("HTTP/1.1 404 \r\nTransfer-Encoding: Chunked\r\n\r\n", get, &rs));
	CHECK(rs.framing == H1_CHUNKED && rs.text.n == 0);
	CHECK(reads("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", get, &rs));
	CHECK(rs.framing == H1_LENGTH && rs.length == 0);
}

static void
without_framing_the_body_ends_with_the_connection(void)
{
	struct h1_response rs;

	CHECK(reads("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", get, &rs));
	CHECK(rs.framing == H1_CLOSE && !rs.keep_alive);
	CHECK(reads("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
		    "Content-Length: 1\r\n\r\n",
		    get, &rs));
	CHECK(rs.framing == H1_LENGTH && rs.keep_alive);
}

static void
head_204_and_304_have_no_body(void)
{
	struct h1_response rs;

	CHECK(reads("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", head, &rs));
	CHECK(rs.framing == H1_NONE && rs.length == 0 && rs.has_length && rs.stated == 9);
	CHECK(rs.keep_alive);
	CHECK(reads("HTTP/1.1 200 OK\r\n\r\n", head, &rs) && rs.keep_alive);
	CHECK(reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head, &rs));
	CHECK(rs.framing == H1_NONE);
	CHECK(reads("HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n", get, &rs));
	CHECK(rs.framing == H1_NONE && rs.stated == 9);
	CHECK(reads("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", get, &rs));
	CHECK(rs.framing == H1_NONE);
	CHECK_STR(verdict("HTTP/1.1 204 x\r\nContent-Length: 1\r\n\r\n", get),
		  "body-unexpected");
	CHECK_STR(verdict("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n", get),
		  "body-unexpected");
}

static void
interim_responses_are_100_and_103(void)
{
	struct h1_response rs;

	CHECK(reads("HTTP/1.1 100 Continue\r\n\r\n", get, &rs));
	CHECK(rs.interim && rs.keep_alive && rs.framing == H1_NONE);
	CHECK(reads("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", get, &rs) &&
	      rs.interim);
	CHECK_STR(verdict("HTTP/1.1 102 x\r\n\r\n", get), "status-unexpected");
	CHECK_STR(verdict("HTTP/1.0 100 x\r\n\r\n", get), "status-unexpected");
	CHECK_STR(verdict("HTTP/1.1 100 x\r\nContent-Length: 0\r\n\r\n", get),
		  "body-unexpected");
}

static void
switching_protocols_needs_to_be_asked_for(void)
{
	static const char ok[] =
	    "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n";
	struct h1_response rs;

	CHECK(reads(ok, upgrade, &rs) && rs.upgraded && !rs.interim && !rs.keep_alive);
	CHECK_STR(verdict(ok, get), "status-unexpected");
	CHECK_STR(verdict("HTTP/1.1 101 x\r\nConnection: Upgrade\r\n\r\n", upgrade),
		  "status-unexpected");
	CHECK_STR(verdict("HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
			  upgrade),
		  "status-unexpected");
	CHECK_STR(verdict("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n", upgrade),
		  "status-unexpected");
}

static void
two_readings_of_the_framing_are_refused(void)
{
	static const char cl[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n";
	char text[128];

	snprintf(text, sizeof(text), "%sTransfer-Encoding: chunked\r\n\r\n", cl);
	CHECK_STR(verdict(text, get), "length-and-coding");
	CHECK_STR(verdict(text, head), "length-and-coding");
	snprintf(text, sizeof(text), "%sContent-Length: 3\r\n\r\n", cl);
	CHECK_STR(verdict(text, get), "length-repeated");
	CHECK_STR(
	    verdict("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", get),
	    "coding-unknown");
	CHECK_STR(verdict("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", get),
		  "coding-old");
	CHECK_STR(verdict("HTTP/1.1 304 x\r\nContent-Length: 1, 1\r\n\r\n", get),
		  "length-syntax");
}

static void
malformed_heads_are_refused(void)
{
	static const char *const bad[] = {
	    "HTTP/1.1 200OK\r\n\r\n",	   "HTTP/1.1  200 OK\r\n\r\n",
	    "HTTP/1.1 2000 OK\r\n\r\n",	   "HTTP/1.1 20 OK\r\n\r\n",
	    "HTTP/1.1 600 x\r\n\r\n",	   "HTTP/1.1 099 x\r\n\r\n",
	    "HTTP/2.0 200 OK\r\n\r\n",	   "HTTP/1.2 200 OK\r\n\r\n",
	    "http/1.1 200 OK\r\n\r\n",	   "HTTP/1.1\t200 OK\r\n\r\n",
	    "\r\nHTTP/1.1 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
	    "HTTP/1.1 200 O\x01K\r\n\r\n", "HTTP/1.1 +20 x\r\n\r\n",
	    "HTTP/1.1 200 a\rb\r\n\r\n"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_STR(verdict(bad[i], get), "status-line");
	CHECK_STR(verdict("HTTP/1.1 200 OK\nA: b\n\n", get), "bare-lf");
	CHECK_STR(verdict("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", get), "field-folded");
	CHECK_STR(verdict("HTTP/1.1 200 OK\r\nLocation: /\rX: y\r\n\r\n", get),
		  "bare-cr");
	CHECK_STR(verdict("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", get), "field-space");
	CHECK_STR(verdict("HTTP/1.1 200 OK\r\nConnection: Set-Cookie\r\n\r\n", get),
		  "connection-names");
}

static void
set_cookie_lines_stay_apart(void)
{
	struct h1_response rs;

	CHECK(reads("HTTP/1.1 302 Found\r\nSet-Cookie: a=1; Expires=Wed, 21 Oct 2015\r\n"
		    "Location: /\r\nset-cookie: b=2\r\nContent-Length: 0\r\n\r\n",
		    get, &rs));
	CHECK_INT(rs.fields.n, 4);
	CHECK(fields_find(&rs.fields, FIELD_SET_COOKIE, 0) == &array[0]);
	CHECK(fields_find(&rs.fields, FIELD_SET_COOKIE, 1) == &array[2]);
	CHECK(span_eq(array[2].value, SPAN_LIT("b=2")));
}

int
main(void)
{
	TAP_RUN(reads_status_and_framing);
	TAP_RUN(without_framing_the_body_ends_with_the_connection);
	TAP_RUN(head_204_and_304_have_no_body);
	TAP_RUN(interim_responses_are_100_and_103);
	TAP_RUN(switching_protocols_needs_to_be_asked_for);
	TAP_RUN(two_readings_of_the_framing_are_refused);
	TAP_RUN(malformed_heads_are_refused);
	TAP_RUN(set_cookie_lines_stay_apart);
	return tap_done();
}
