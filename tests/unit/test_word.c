/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/word.h"

#include "tests/unit/tap.h"

static void
what_is_put_in_comes_out_and_stays_one_word(void)
{
	static const char *const values[] = {"", "alice", "Tanaka Taro", "100 % sure", "a=b c=d",
	    "line\nfeed\r\ttab", "\x7f\x01", "日本 花子", "%41", "--reason"};
	char line[512], out[128];
	struct word_line w;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct span rest, raw;

		word_init(&w, line, sizeof(line));
		word_add(&w, NULL, SPAN_LIT("first"));
		word_add(&w, "key", span_str(values[i]));
		word_add(&w, NULL, SPAN_LIT("last"));
		CHECK(!w.full);
		CHECK(strpbrk(line, "\n\r\t\x7f\x01") == NULL);
		rest = span_str(line);
		CHECK(word_next(&rest, &raw) && span_eq(raw, SPAN_LIT("first")));
		CHECK(word_next(&rest, &raw) && span_starts(raw, SPAN_LIT("key=")));
		CHECK(word_next(&rest, &raw) && span_eq(raw, SPAN_LIT("last")));
		CHECK(!word_next(&rest, &raw));
		CHECK(word_get(span_str(line), "key", out, sizeof(out)));
		CHECK_STR(out, values[i]);
	}
}

static void
a_value_cannot_stand_for_another_key(void)
{
	char line[256], out[64];
	struct word_line w;

	word_init(&w, line, sizeof(line));
	word_add(&w, "user", SPAN_LIT("x id=stolen"));
	CHECK(!word_get(span_str(line), "id", out, sizeof(out)));
	CHECK_STR(out, "");
	CHECK(!word_get(SPAN_LIT("userid=1"), "user", out, sizeof(out)));
}

static void
what_does_not_fit_or_is_broken_is_refused(void)
{
	char line[8], out[4];
	struct word_line w;

	word_init(&w, line, sizeof(line));
	word_add(&w, NULL, SPAN_LIT("1234567"));
	CHECK(!w.full);
	word_add(&w, NULL, SPAN_LIT("8"));
	CHECK(w.full);
	CHECK_STR(line, "1234567");
	CHECK_INT(word_decode(SPAN_LIT("abc"), out, sizeof(out)), 0);
	CHECK_INT(word_decode(SPAN_LIT("abcd"), out, sizeof(out)), WF_EFULL);
	CHECK_INT(word_decode(SPAN_LIT("%"), out, sizeof(out)), WF_ESYNTAX);
	CHECK_INT(word_decode(SPAN_LIT("%4"), out, sizeof(out)), WF_ESYNTAX);
	CHECK_INT(word_decode(SPAN_LIT("%zz"), out, sizeof(out)), WF_ESYNTAX);
	CHECK_INT(word_decode(SPAN_LIT("a%00"), out, sizeof(out)), WF_ESYNTAX);
}

int
main(void)
{
	TAP_RUN(what_is_put_in_comes_out_and_stays_one_word);
	TAP_RUN(a_value_cannot_stand_for_another_key);
	TAP_RUN(what_does_not_fit_or_is_broken_is_refused);
	return tap_done();
}
