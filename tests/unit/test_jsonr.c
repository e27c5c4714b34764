/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/jsonr.h"

#include "tests/unit/tap.h"

static void
accepts_what_rfc_8259_allows(void)
{
	static const char *const good[] = {"null",
					   " true ",
					   "false",
					   "0",
					   "-0",
					   "-1.5e+10",
					   "1E400",
					   "0.1",
					   "\"\"",
					   "[]",
					   "{}",
					   "[1,2]",
					   "{\"\":\"\"}",
					   "{\"a\":{\"a\":[{}]}}",
					   "\t\r\n [ ] ",
					   "\"\\u0000\"",
					   "\"\\ud83d\\ude00\"",
					   "\"割\"",
					   "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
					   "\"\x7f\"",
					   "{\"a\":1,\"a\":2}"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (jsonr_check(span_str(good[i])) != 0) {
			printf("# refused: %s\n", good[i]);
			tap_bad = 1;
		}
}

static void
refuses_everything_else(void)
{
	static const char *const bad[] = {"",
					  " ",
					  "nul",
					  "nulll",
					  "True",
					  "01",
					  "-",
					  "+1",
					  ".5",
					  "1.",
					  "1e",
					  "1e+",
					  "0x1",
					  "NaN",
					  "-Infinity",
					  "'a'",
					  "\"",
					  "\"\\",
					  "\"\\x\"",
					  "\"\\u12\"",
					  "\"\\u12g4\"",
					  "\"\\ud83d\"",
					  "\"\\ude00\"",
					  "\"\\ud83d\\u0041\"",
					  "\"\\ud83dx\"",
					  "\"\t\"",
					  "\"\xff\"",
					  "\"\xc0\xaf\"",
					  "\"\xed\xa0\x80\"",
					  "[",
					  "]",
					  "[1",
					  "[1,",
					  "[1,]",
					  "[,1]",
					  "[1 2]",
					  "{",
					  "{\"a\"",
					  "{\"a\":",
					  "{\"a\":1",
					  "{\"a\":1,",
					  "{\"a\":1,}",
					  "{a:1}",
					  "{1:1}",
					  "{\"a\" 1}",
					  "{\"a\":1 \"b\":2}",
					  "[1}",
					  "{\"a\":1]",
					  "1 2",
					  "{}x",
					  "\xef\xbb\xbf{}",
					  "// c\n1",
					  "[1]/**/"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (jsonr_check(span_str(bad[i])) >= 0) {
			printf("# accepted: %s\n", bad[i]);
			tap_bad = 1;
		}
	CHECK_INT(jsonr_check(SPAN_LIT("\"a\0b\"")), WF_ESYNTAX);
	CHECK_INT(jsonr_check(SPAN_LIT("\"\\\0\"")), WF_ESYNTAX);
	CHECK_INT(jsonr_check(SPAN_LIT("{} {}")), WF_ETRAILING);
	CHECK_INT(jsonr_check(SPAN_LIT("[tru")), WF_ETRUNCATED);
}

static void
depth_is_bounded(void)
{
	char doc[200];

	for (unsigned d = 31; d <= 34; d++) {
		memset(doc, '[', d);
		memset(doc + d, ']', d);
		CHECK_INT(jsonr_check(span_of(doc, 2 * d)), d <= 32 ? 0 : WF_ERANGE);
	}
	memset(doc, '[', sizeof(doc));
	CHECK_INT(jsonr_check(span_of(doc, sizeof(doc))), WF_ERANGE);
}

static const char sample[] =
    "{\"user\": {\"name\" : \"al\\u00efce\", \"id\":42, \"tags\":[\"x\", {\"y\":true}]},"
    " \"https://a.b/c\":\"dotted\", \"a\\\\b\":1, \"n\":null, \"\":0}";

static int
at(const char *path, enum jsonr_type type, const char *raw)
{
	uint8_t buf[64];
	struct jsonr v;
	int err = jsonr_path(span_str(sample), path, buf, sizeof(buf), &v);

	CHECK_INT(v.type, err == 0 ? type : JSONR_NONE);
	if (err == 0)
		CHECK(span_eq(v.raw, span_str(raw)));
	return err;
}

static void
finds_values_by_path(void)
{
	struct span s;
	uint8_t buf[64];

	CHECK_INT(at("user.name", JSONR_STRING, "\"al\\u00efce\""), 0);
	CHECK_INT(at("user.id", JSONR_NUMBER, "42"), 0);
	CHECK_INT(at("user.tags.0", JSONR_STRING, "\"x\""), 0);
	CHECK_INT(at("user.tags.1.y", JSONR_TRUE, "true"), 0);
	CHECK_INT(at("user.tags.1", JSONR_OBJECT, "{\"y\":true}"), 0);
	CHECK_INT(at("https://a\\.b/c", JSONR_STRING, "\"dotted\""), 0);
	CHECK_INT(at("a\\\\b", JSONR_NUMBER, "1"), 0);
	CHECK_INT(at("n", JSONR_NULL, "null"), 0);
	CHECK_INT(at("", JSONR_OBJECT, sample), 0);
	CHECK_INT(jsonr_string(span_str(sample), "user.name", buf, sizeof(buf), &s), 0);
	CHECK(span_eq(s, SPAN_LIT("alïce")));
}

static void
what_is_not_there_is_not_found(void)
{
	static const char *const paths[] = {
	    "x",	   "user.x",	   "user.name.x",  "user.tags.2",
	    "user.tags.x", "user.tags.01", "user.tags.-1", "n.x",
	    "User",	   "user.",	   ".user",	   "user..name",
	    "user.id.0"};
	uint8_t buf[64];
	struct span s;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CHECK_INT(at(paths[i], JSONR_NONE, ""), WF_ENOTFOUND);
	CHECK_INT(jsonr_string(span_str(sample), "user.id", buf, sizeof(buf), &s),
		  WF_ESYNTAX);
	CHECK_INT(s.n, 0);
}

static void
a_key_that_comes_twice_is_ambiguous(void)
{
	static const char *const docs[] = {
	    "{\"sub\":\"a\",\"sub\":\"b\"}", "{\"sub\":\"a\",\"s\\u0075b\":\"b\"}",
	    "{\"sub\":\"a\",\"SUB\":\"b\"}", "{\"Sub\":\"a\",\"sub\":\"b\"}",
	    "{\"SUB\":1,\"Sub\":2}"};
	uint8_t buf[64];
	struct span s;

	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
		CHECK_INT(jsonr_string(span_str(docs[i]), "sub", buf, sizeof(buf), &s),
			  WF_EAMBIGUOUS);
	/* Elsewhere it does not matter. */
	CHECK_INT(
	    jsonr_string(
		SPAN_LIT("{\"x\":1,\"x\":2,\"sub\":\"a\",\"y\":{\"sub\":1,\"sub\":2}}"),
		"sub", buf, sizeof(buf), &s),
	    0);
	CHECK_INT(jsonr_string(SPAN_LIT("{\"a\":{\"sub\":\"1\"},\"a\":{}}"), "a.sub", buf,
			       sizeof(buf), &s),
		  WF_EAMBIGUOUS);
}

static void
a_broken_rest_spoils_the_whole_document(void)
{
	uint8_t buf[64];
	struct span s;

	CHECK(jsonr_string(SPAN_LIT("{\"sub\":\"a\"} x"), "sub", buf, sizeof(buf), &s) <
	      0);
	CHECK(jsonr_string(SPAN_LIT("{\"sub\":\"a\",\"b\":tru}"), "sub", buf, sizeof(buf),
			   &s) < 0);
	CHECK(jsonr_string(SPAN_LIT("{\"sub\":\"a\""), "sub", buf, sizeof(buf), &s) < 0);
}

static void
says_when_the_string_does_not_fit(void)
{
	uint8_t buf[4];
	struct span s;

	CHECK_INT(jsonr_string(SPAN_LIT("\"\\ud83d\\ude00\""), "", buf, 4, &s), 0);
	CHECK_INT(s.n, 4);
	CHECK_INT(jsonr_string(SPAN_LIT("\"\\ud83d\\ude00\""), "", buf, 3, &s), WF_EFULL);
	CHECK_INT(s.n, 0);
	CHECK_INT(jsonr_string(SPAN_LIT("\"abcde\""), "", buf, 4, &s), WF_EFULL);
}

static void
reads_unsigned_numbers(void)
{
	static const struct {
		const char *doc;
		int err;
	} cases[] = {{"0", 0},
		     {"18446744073709551615", 0},
		     {"18446744073709551616", WF_ERANGE},
		     {"-1", WF_ESYNTAX},
		     {"1.0", WF_ESYNTAX},
		     {"1e3", WF_ESYNTAX},
		     {"\"1\"", WF_ESYNTAX}};
	uint8_t buf[8];
	struct jsonr v;
	uint64_t n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_INT(jsonr_path(span_str(cases[i].doc), "", buf, sizeof(buf), &v),
			  0);
		CHECK_INT(jsonr_uint(&v, &n), cases[i].err);
	}
}

static void
too_many_keys_are_refused(void)
{
	uint8_t buf[8];
	struct jsonr v;
	char path[400];

	CHECK_INT(
	    jsonr_path(SPAN_LIT("{}"), "0.1.2.3.4.5.6.7.8.9.a.b.c.d.e.f.g", buf, 8, &v),
	    WF_ERANGE);
	memset(path, 'k', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	CHECK_INT(jsonr_path(SPAN_LIT("{}"), path, buf, 8, &v), WF_ERANGE);
}

int
main(void)
{
	TAP_RUN(accepts_what_rfc_8259_allows);
	TAP_RUN(refuses_everything_else);
	TAP_RUN(depth_is_bounded);
	TAP_RUN(finds_values_by_path);
	TAP_RUN(what_is_not_there_is_not_found);
	TAP_RUN(a_key_that_comes_twice_is_ambiguous);
	TAP_RUN(a_broken_rest_spoils_the_whole_document);
	TAP_RUN(says_when_the_string_does_not_fit);
	TAP_RUN(reads_unsigned_numbers);
	TAP_RUN(too_many_keys_are_refused);
	return tap_done();
}
