/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/chunk.h"
#include "tests/unit/tap.h"

static struct field array[4];

struct result {
	char body[256];
	size_t n;    /* of the body */
	size_t used; /* of the stream */
	enum reason why;
	bool done;
	struct fields trailers;
};

static struct result
decode(struct span in, bool with_trailers)
{
	struct result r = {.trailers = fields_over(array, ARRAY_LEN(array))};
	struct chunk c = {0};
	struct span data;
	size_t used;

	while (chunk_next(&c, span_tail(in, r.used), with_trailers ? &r.trailers : NULL,
			  &used, &data) == 0) {
		r.used += used;
		if (data.n == 0)
			break;
		MUST(r.n + data.n <= sizeof(r.body));
		memcpy(r.body + r.n, data.p, data.n);
		r.n += data.n;
	}
	r.why = c.why;
	r.done = chunk_done(&c);
	return r;
}

static const char *
verdict(const char *text)
{
	struct result r = decode(span_str(text), true);

	return r.done ? "" : r.why == REASON_NONE ? "more" : reason_name(r.why);
}

static void
what_follows_the_end_is_left_alone(void)
{
	struct result r =
	    decode(SPAN_LIT("3\r\nabc\r\n1;x=\"\\\"\"\r\nd\r\n0\r\n\r\nGET /"), true);

	CHECK(r.done && r.n == 4 && memcmp(r.body, "abcd", 4) == 0);
	CHECK_INT(r.used, 26);
	CHECK_INT(r.trailers.n, 0);
}

static void
sizes_have_at_most_16_digits_and_60_bits(void)
{
	CHECK_STR(verdict("0000000000000001\r\na\r\n0\r\n\r\n"), "");
	CHECK_STR(verdict("00000000000000001\r\na\r\n0\r\n\r\n"), "chunk-size");
	CHECK_STR(verdict("fffffffffffffff\r\na"), "more");
	CHECK_STR(verdict("1000000000000000\r\na"), "chunk-size");
	CHECK_STR(verdict("0000000000000000\r\n\r\n"), "");
	CHECK_STR(verdict("00000000000000000\r\n\r\n"), "chunk-size");
	CHECK_STR(verdict("\r\n\r\n"), "chunk-size");
	CHECK_STR(verdict("g\r\n"), "chunk-size");
	CHECK_STR(verdict("1 \r\na"), "chunk-size");
}

static void
extensions_follow_the_exact_grammar(void)
{
	static const char *const good[] = {
	    "1;a",   "1;a=b", "1;a=b;c;d=e", "1;a=\"\"", "1;a=\" \tx;=\\\"\\\\\"",
	    "1;!#=~"};
	static const char *const bad[] = {
	    "1;",      "1;;a",	     "1;=b",	"1;a=",		"1;a=;b",
	    "1;a b",   "1; a",	     "1;a =b",	"1;a= b",	"1 ;a",
	    "1;a=\"b", "1;a=\"b\"c", "1;a=b\"", "1;a=\"\x01\"", "1;a=\"\\\x7f\"",
	    "1;a=b,c", "1;a=\xe9"};
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof(text), "%s\r\nx\r\n0%s\r\n\r\n", good[i],
			 good[i] + 1);
		CHECK_STR(verdict(text), "");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "%s\r\nx\r\n0\r\n\r\n", bad[i]);
		CHECK(strncmp(verdict(text), "chunk-", 6) == 0);
	}
}

static void
extensions_have_at_most_64_bytes(void)
{
	char text[128];

	for (int n = 60; n < 70; n++) {
		snprintf(text, sizeof(text), "1;%0*d\r\nx\r\n0\r\n\r\n", n - 1, 0);
		CHECK_STR(verdict(text), n <= 64 ? "" : "chunk-extension");
	}
	CHECK_STR(
	    verdict(
		"1;a=12345678901234567890123456789012345678901234567890\r\nx\r\n"
		"1;a="
		"12345678901234567890123456789012345678901234567890\r\nx\r\n0\r\n\r\n"),
	    "");
}

static void
trailers_become_fields(void)
{
	struct result r =
	    decode(SPAN_LIT("0\r\nServer-Timing: x\r\nX-Sum:  1 \r\n\r\nrest"), true);

	CHECK(r.done && r.trailers.n == 2);
	CHECK(span_eq(array[1].name, SPAN_LIT("X-Sum")));
	CHECK(span_eq(array[1].value, SPAN_LIT("1")));
	CHECK_INT(array[0].id, FIELD_SERVER_TIMING);
	r = decode(SPAN_LIT("0\r\nX-Sum: 1\r\n\r\n"), false);
	CHECK(!r.done && r.why == REASON_TRAILER_FORBIDDEN);
	CHECK_INT(r.trailers.n, 0);
}

static void
trailers_that_could_change_the_head_are_refused(void)
{
	static const char *const names[] = {"Content-Length",
					    "Transfer-Encoding",
					    "Host",
					    "Cookie",
					    "Set-Cookie",
					    "Authorization",
					    "Connection",
					    "Content-Type",
					    "Location",
					    "X-Forwarded-For",
					    "Remote-User",
					    "Warifu-Site",
					    "Secure-Session-Response",
					    "Content_Length",
					    "Warifu_Site",
					    "Trailer",
					    "Content-Encoding"};
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(text, sizeof(text), "0\r\n%s: 1\r\n\r\n", names[i]);
		CHECK_STR(verdict(text), "trailer-forbidden");
	}
	CHECK_STR(verdict("0\r\nX : 1\r\n\r\n"), "field-space");
	CHECK_STR(verdict("0\r\nX: 1\n\r\n"), "bare-lf");
	CHECK_STR(verdict("0\r\nX: 1\r\n y\r\n\r\n"), "field-folded");
	CHECK_STR(verdict("0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n"), "");
	CHECK_STR(verdict("0\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n"), "trailer-large");
}

static void
trailers_have_a_size(void)
{
	static char text[8192] = "0\r\nX: ";
	size_t n = strlen(text);

	memset(text + n, 'y', CHUNK_TRAILER_MAX);
	CHECK_STR(verdict(text), "trailer-large");
	memcpy(text + 3 + CHUNK_TRAILER_MAX - 4, "\r\n\r\n", 5);
	CHECK_STR(verdict(text), "");
}

static void
the_first_error_stays(void)
{
	struct chunk c = {0};
	struct span data;
	size_t used;

	CHECK(chunk_next(&c, SPAN_LIT("x"), NULL, &used, &data) < 0);
	CHECK(chunk_next(&c, SPAN_LIT("1\r\na\r\n0\r\n\r\n"), NULL, &used, &data) < 0);
	CHECK_INT(c.why, REASON_CHUNK_SIZE);
	CHECK_INT(used, 0);
}

static void
the_end_stays_too(void)
{
	struct chunk c = {0};
	struct span data;
	size_t used;

	CHECK_INT(chunk_next(&c, SPAN_LIT("0\r\n\r\n"), NULL, &used, &data), 0);
	CHECK(chunk_done(&c) && used == 5);
	CHECK_INT(chunk_next(&c, SPAN_LIT("x"), NULL, &used, &data), 0);
	CHECK(data.n == 0 && used == 0);
}

static void
what_is_written_is_read_back(void)
{
	uint8_t bytes[128];
	struct h1_out o = h1_out_over(bytes, sizeof(bytes));
	struct result r;

	chunk_write_size(&o, 26);
	h1_out_put(&o, SPAN_LIT("abcdefghijklmnopqrstuvwxyz"));
	chunk_write_end(&o);
	chunk_write_last(&o);
	CHECK(h1_out_ok(&o) && span_starts(h1_out_span(&o), SPAN_LIT("1a\r\nabc")));
	r = decode(h1_out_span(&o), false);
	CHECK(r.done && r.n == 26 && r.used == o.n);
	chunk_write_size(&o, 0);
	CHECK(!h1_out_ok(&o));
}

int
main(void)
{
	TAP_RUN(what_follows_the_end_is_left_alone);
	TAP_RUN(sizes_have_at_most_16_digits_and_60_bits);
	TAP_RUN(extensions_follow_the_exact_grammar);
	TAP_RUN(extensions_have_at_most_64_bytes);
	TAP_RUN(trailers_become_fields);
	TAP_RUN(trailers_that_could_change_the_head_are_refused);
	TAP_RUN(trailers_have_a_size);
	TAP_RUN(the_first_error_stays);
	TAP_RUN(the_end_stays_too);
	TAP_RUN(what_is_written_is_read_back);
	return tap_done();
}
