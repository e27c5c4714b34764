/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/h2_request.h"
#include "tests/unit/tap.h"

#define GOOD ":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", "/"
#define POST ":method", "POST", ":scheme", "https", ":authority", "a.example", ":path", "/"
#define TUNNEL                                                              \
	":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", \
	    ":authority", "a.example", ":path", "/ws"

static struct field array[16];
static uint8_t block_at[65536], memory[65536];
static struct arena arena;
static struct h2_limits limits = {.uri = 1024, .line = 2048};

static struct span
block_of(const char *const *text)
{
	struct h1_out o = h1_out_over(block_at, sizeof(block_at));

	for (; text[0] != NULL; text += 2)
		CHECK(h2_block_put(&o, span_str(text[0]), span_str(text[1])));
	return h1_out_span(&o);
}

static int
parse(const char *const *text, bool ended, struct h1_request *rq, enum reason *why)
{
	arena_init(&arena, memory, sizeof(memory));
	return h2_request_parse(block_of(text), ended, &arena, rq,
	    fields_over(array, ARRAY_LEN(array)), &limits, why);
}

/* "" if accepted, or the reason's name. */
static const char *
verdict_of(const char *const *text, bool ended)
{
	struct h1_request rq;
	enum reason why;

	return parse(text, ended, &rq, &why) == 0 ? "" : reason_name(why);
}

#define VERDICT(...) verdict_of((const char *const[]){__VA_ARGS__, NULL, NULL}, true)
#define OPEN(...) verdict_of((const char *const[]){__VA_ARGS__, NULL, NULL}, false)
#define READS(ended, rq, ...) \
	(parse((const char *const[]){__VA_ARGS__, NULL, NULL}, ended, rq, &(enum reason){0}) == 0)

static void
says_the_same_as_a_head_of_http1(void)
{
	struct h1_request rq;
	struct span host;

	CHECK(READS(true, &rq, ":method", "GET", ":scheme", "https", ":authority",
	    "A.example:8443", ":path", "/a/b?c=d?e", "accept", "*/*"));
	CHECK_INT(rq.method, METHOD_GET);
	CHECK(span_eq(rq.method_text, SPAN_LIT("GET")));
	CHECK(span_eq(rq.path, SPAN_LIT("/a/b")));
	CHECK(rq.has_query && span_eq(rq.query, SPAN_LIT("c=d?e")));
	CHECK(span_eq(rq.authority.host, SPAN_LIT("A.example")));
	CHECK_INT(rq.authority.port, 8443);
	CHECK(fields_one(&rq.fields, FIELD_HOST, &host) == 0);
	CHECK(span_eq(host, SPAN_LIT("A.example:8443")));
	CHECK(rq.minor == 1 && rq.keep_alive && !rq.upgrade);
	CHECK_INT(rq.framing, H1_NONE);
}

static void
refuses_pseudo_fields_that_are_not_exactly_those_of_a_request(void)
{
	CHECK_STR(VERDICT(GOOD), "");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":path", "/"), "host-missing");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":path", "/", "host", "a.example"), "");
	CHECK_STR(VERDICT(":scheme", "https", ":authority", "a.example", ":path", "/"), "h2-pseudo");
	CHECK_STR(VERDICT(":method", "GET", ":authority", "a.example", ":path", "/"), "h2-pseudo");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example"), "h2-pseudo");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", ""), "h2-pseudo");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "http", ":authority", "a.example", ":path", "/"), "h2-pseudo");
	CHECK_STR(VERDICT(GOOD, ":path", "/b"), "h2-pseudo");
	CHECK_STR(VERDICT(GOOD, ":other", "x"), "h2-pseudo");
	CHECK_STR(VERDICT(GOOD, ":status", "200"), "h2-pseudo");
	CHECK_STR(VERDICT(GOOD, ":Path", "/"), "h2-pseudo");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", "accept", "x", ":authority",
		      "a.example", ":path", "/"),
	    "h2-pseudo");
	CHECK_STR(VERDICT(GOOD, ":protocol", "websocket"), "h2-pseudo");
}

static void
refuses_two_hosts_that_differ(void)
{
	CHECK_STR(VERDICT(GOOD, "host", "A.EXAMPLE"), "");
	CHECK_STR(VERDICT(GOOD, "host", "b.example"), "target-host");
	CHECK_STR(VERDICT(GOOD, "host", "a.example:443"), "target-host");
	CHECK_STR(VERDICT(GOOD, "host", "a.example", "host", "a.example"), "host-repeated");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "u@a.example",
		      ":path", "/"),
	    "host-syntax");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "", ":path", "/"),
	    "host-syntax");
}

static void
refuses_names_and_values_that_http1_would_read_otherwise(void)
{
	CHECK_STR(VERDICT(GOOD, "Accept", "x"), "field-case");
	CHECK_STR(VERDICT(GOOD, "a b", "x"), "field-name");
	CHECK_STR(VERDICT(GOOD, "a:b", "x"), "field-name");
	CHECK_STR(VERDICT(GOOD, "a\r\nb", "x"), "field-name");
	CHECK_STR(VERDICT(GOOD, "", "x"), "field-name");
	CHECK_STR(VERDICT(GOOD, "a", "x\r\nhost: b"), "field-value");
	CHECK_STR(VERDICT(GOOD, "a", "x\ny"), "field-value");
	CHECK_STR(VERDICT(GOOD, "a", "x\177"), "field-value");
	CHECK_STR(VERDICT(GOOD, "a", " x"), "field-value");
	CHECK_STR(VERDICT(GOOD, "a", "x\t"), "field-value");
	CHECK_STR(VERDICT(GOOD, "a", ""), "");
	CHECK_STR(VERDICT(GOOD, "content_length", "1"), "field-alias");
	CHECK_STR(VERDICT(GOOD, "transfer-encodingx", "chunked"), "field-alias");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example",
		      ":path", "/ HTTP/1.1\r\nX: y"),
	    "field-value");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example",
		      ":path", "/ x"),
	    "target-syntax");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example",
		      ":path", "https://a.example/"),
	    "target-form");
}

static void
refuses_a_nul_in_a_value(void)
{
	struct h1_out o = h1_out_over(block_at, sizeof(block_at));
	struct h1_request rq;
	enum reason why;

	arena_init(&arena, memory, sizeof(memory));
	CHECK(h2_block_put(&o, SPAN_LIT("a"), span_of("x\0y", 3)));
	CHECK(h2_request_parse(h1_out_span(&o), true, &arena, &rq,
		  fields_over(array, ARRAY_LEN(array)), &limits, &why) != 0);
	CHECK_STR(reason_name(why), "field-value");
}

static void
refuses_fields_of_an_http1_connection(void)
{
	CHECK_STR(VERDICT(GOOD, "connection", "close"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "keep-alive", "5"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "proxy-connection", "keep-alive"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "transfer-encoding", "chunked"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "upgrade", "websocket"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "http2-settings", "x"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "te", "gzip"), "connection-field");
	CHECK_STR(VERDICT(GOOD, "te", "trailers"), "");
}

static void
reads_methods_as_http1_does_and_no_connect(void)
{
	CHECK_STR(VERDICT(":method", "get", ":scheme", "https", ":authority", "a.example", ":path", "/"), "method-unknown");
	CHECK_STR(VERDICT(":method", "TRACE", ":scheme", "https", ":authority", "a.example", ":path", "/"), "method-forbidden");
	CHECK_STR(VERDICT(":method", "CONNECT", ":authority", "a.example:443"), "h2-connect");
	CHECK_STR(VERDICT(":method", "OPTIONS", ":scheme", "https", ":authority", "a.example", ":path", "*"), "");
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", "*"), "target-form");
}

static void
knows_where_the_body_ends(void)
{
	struct h1_request rq;

	CHECK(READS(false, &rq, POST, "content-length", "7"));
	CHECK(rq.framing == H1_LENGTH && rq.length == 7);
	CHECK(READS(false, &rq, POST));
	CHECK_INT(rq.framing, H1_CHUNKED);
	CHECK(READS(true, &rq, POST));
	CHECK(rq.framing == H1_LENGTH && rq.length == 0);
	CHECK(READS(true, &rq, GOOD));
	CHECK_INT(rq.framing, H1_NONE);
	CHECK_STR(VERDICT(POST, "content-length", "7"), "body-length");
	CHECK_STR(VERDICT(POST, "content-length", "0"), "");
	CHECK_STR(OPEN(POST, "content-length", "7", "content-length", "7"), "length-repeated");
	CHECK_STR(OPEN(POST, "content-length", "+7"), "length-syntax");
	CHECK_STR(OPEN(POST, "expect", "200-ok"), "expect-unknown");
	CHECK(READS(false, &rq, POST, "expect", "100-continue") && rq.expect_100);
}

static void
joins_cookie_crumbs_in_their_order(void)
{
	struct h1_request rq;
	struct span v;

	CHECK(READS(true, &rq, GOOD, "cookie", "a=1", "x", "y", "cookie", "b=2", "cookie", "c=3"));
	CHECK(fields_one(&rq.fields, FIELD_COOKIE, &v) == 0);
	CHECK(span_eq(v, SPAN_LIT("a=1; b=2; c=3")));
	CHECK(READS(true, &rq, GOOD, "cookie", "a=1"));
	CHECK(fields_one(&rq.fields, FIELD_COOKIE, &v) == 0 && span_eq(v, SPAN_LIT("a=1")));
}

static void
limits_crumbs_fields_and_lines(void)
{
	const char *many[2 * (H2_CRUMBS_MAX + 8)] = {GOOD};
	char longer[2049];
	size_t n = 8;

	for (; n < 8 + 2 * H2_CRUMBS_MAX; n += 2) {
		many[n] = "cookie";
		many[n + 1] = "a=1";
	}
	CHECK_STR(verdict_of(many, true), "");
	many[n] = "cookie";
	many[n + 1] = "a=1";
	CHECK_STR(verdict_of(many, true), "crumbs-many");
	for (n = 8; n < 8 + 2 * ARRAY_LEN(array); n += 2) {
		many[n] = "x";
		many[n + 1] = "";
	}
	many[n] = NULL;
	CHECK_STR(verdict_of(many, true), "fields-many"); /* the host needs a place, too */
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	CHECK_STR(VERDICT(GOOD, "x", longer), "head-large");
	CHECK_STR(VERDICT(GOOD, "cookie", longer + 1024, "cookie", longer + 1024), "head-large");
	longer[0] = '/';
	CHECK_STR(VERDICT(":method", "GET", ":scheme", "https", ":authority", "a.example",
		      ":path", longer),
	    "target-long");
}

static void
reads_an_extended_connect_as_a_websocket_handshake(void)
{
	struct h1_request rq;

	CHECK(READS(false, &rq, TUNNEL, "sec-websocket-version", "13"));
	CHECK(rq.upgrade && rq.method == METHOD_GET && rq.framing == H1_NONE);
	CHECK(span_eq(rq.method_text, SPAN_LIT("GET")));
	CHECK_STR(OPEN(TUNNEL), "upgrade-syntax");
	CHECK_STR(OPEN(TUNNEL, "sec-websocket-version", "8"), "upgrade-syntax");
	CHECK_STR(OPEN(TUNNEL, "sec-websocket-version", "13", "content-length", "0"), "upgrade-syntax");
	CHECK_STR(VERDICT(TUNNEL, "sec-websocket-version", "13"), "upgrade-syntax");
	CHECK_STR(OPEN(":method", "CONNECT", ":protocol", "connect-udp", ":scheme", "https",
		      ":authority", "a.example", ":path", "/"),
	    "h2-protocol");
}

static void
trailers_obey_the_rules_of_a_chunked_body(void)
{
	struct fields f = fields_over(array, 2);
	enum reason why;

	CHECK(h2_request_trailers(block_of((const char *const[]){"etag", "x", NULL}), &f, &why) == 0);
	CHECK_INT(f.n, 1);
	CHECK(h2_request_trailers(block_of((const char *const[]){":path", "/", NULL}), &f, &why) != 0);
	CHECK_STR(reason_name(why), "h2-pseudo");
	CHECK(h2_request_trailers(block_of((const char *const[]){"cookie", "a=1", NULL}), &f, &why) != 0);
	CHECK_STR(reason_name(why), "trailer-forbidden");
	CHECK(h2_request_trailers(block_of((const char *const[]){"Etag", "x", NULL}), &f, &why) != 0);
	CHECK_STR(reason_name(why), "field-case");
	CHECK(h2_request_trailers(block_of((const char *const[]){"etag", "x", "date", "y", "etag", "z", NULL}), &f, &why) != 0);
	CHECK_STR(reason_name(why), "trailer-large");
}

static void
a_block_takes_what_fits_and_gives_it_back(void)
{
	uint8_t small[20];
	struct h1_out o = h1_out_over(small, sizeof(small));
	struct span rest, name, value;

	CHECK(h2_block_put(&o, SPAN_LIT("ab"), SPAN_LIT("cde")));
	CHECK(!h2_block_put(&o, SPAN_LIT("long"), SPAN_LIT("value")));
	CHECK_INT(o.n, 9);
	rest = h1_out_span(&o);
	CHECK(h2_block_next(&rest, &name, &value));
	CHECK(span_eq(name, SPAN_LIT("ab")) && span_eq(value, SPAN_LIT("cde")));
	CHECK(!h2_block_next(&rest, &name, &value));
	rest = span_of(small, 8); /* cut short */
	CHECK(!h2_block_next(&rest, &name, &value));
}

int
main(void)
{
	TAP_RUN(says_the_same_as_a_head_of_http1);
	TAP_RUN(refuses_pseudo_fields_that_are_not_exactly_those_of_a_request);
	TAP_RUN(refuses_two_hosts_that_differ);
	TAP_RUN(refuses_names_and_values_that_http1_would_read_otherwise);
	TAP_RUN(refuses_a_nul_in_a_value);
	TAP_RUN(refuses_fields_of_an_http1_connection);
	TAP_RUN(reads_methods_as_http1_does_and_no_connect);
	TAP_RUN(knows_where_the_body_ends);
	TAP_RUN(joins_cookie_crumbs_in_their_order);
	TAP_RUN(limits_crumbs_fields_and_lines);
	TAP_RUN(reads_an_extended_connect_as_a_websocket_handshake);
	TAP_RUN(trailers_obey_the_rules_of_a_chunked_body);
	TAP_RUN(a_block_takes_what_fits_and_gives_it_back);
	return tap_done();
}
