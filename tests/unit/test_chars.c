/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/chars.h"
#include "tests/unit/tap.h"

static bool
letter_or_digit(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
among(int c, const char *set)
{
	return c > 0 && c < 0x80 && strchr(set, c) != NULL;
}

static void
each_bit_says_what_the_grammar_says(void)
{
	for (int c = 0; c < 256; c++) {
		uint8_t b = (uint8_t)c;
		bool visible = c > 0x20 && c < 0x7f;

		CHECK_INT(chars_is(b, CHARS_TOKEN),
			  letter_or_digit(c) || among(c, "!#$%&'*+-.^_`|~"));
		CHECK_INT(chars_is(b, CHARS_TARGET), visible && !among(c, "\"#<>"));
		CHECK_INT(chars_is(b, CHARS_VALUE),
			  visible || c == ' ' || c == '\t' || c >= 0x80);
		CHECK_INT(chars_is(b, CHARS_HOST), letter_or_digit(c) || among(c, "-._"));
		CHECK_INT(chars_is(b, CHARS_DIGIT), c >= '0' && c <= '9');
		CHECK_INT(chars_is(b, CHARS_HEX), among(c, "0123456789abcdefABCDEF"));
		CHECK_INT(chars_is(b, CHARS_QDTEXT), c == '\t' || c == ' ' ||
							 (visible && !among(c, "\"\\")) ||
							 c >= 0x80);
	}
}

static void
a_value_ends_at_its_first_bad_byte_wherever_that_stands(void)
{
	uint8_t text[32];

	for (size_t at = 0; at < sizeof(text); at++) {
		for (int c = 0; c < 256; c++) {
			bool ok = chars_is((uint8_t)c, CHARS_VALUE);

			memset(text, at & 1 ? 0x80 : ' ', sizeof(text));
			text[at] = (uint8_t)c;
			text[sizeof(text) - 1 - at / 2] = 0xff;
			if (text[at] != (uint8_t)c)
				continue;
			CHECK_INT(chars_value_run(span_of(text, sizeof(text))),
				  ok ? sizeof(text) : at);
			CHECK_INT(chars_value(span_of(text, sizeof(text))), ok);
		}
	}
}

static void
trimming_takes_only_blanks_at_the_ends(void)
{
	CHECK(span_eq(chars_trim(SPAN_LIT(" \t a b\t ")), SPAN_LIT("a b")));
	CHECK_INT(chars_trim(SPAN_LIT(" \t ")).n, 0);
	CHECK(span_eq(chars_trim(SPAN_LIT("\v1")), SPAN_LIT("\v1")));
}

static void
the_empty_run_is_a_value_but_no_token(void)
{
	CHECK(!chars_all(SPAN_LIT(""), CHARS_TOKEN));
	CHECK(chars_value(SPAN_LIT("")));
	CHECK(!chars_value(SPAN_LIT("a\0b")));
}

int
main(void)
{
	TAP_RUN(each_bit_says_what_the_grammar_says);
	TAP_RUN(a_value_ends_at_its_first_bad_byte_wherever_that_stands);
	TAP_RUN(trimming_takes_only_blanks_at_the_ends);
	TAP_RUN(the_empty_run_is_a_value_but_no_token);
	return tap_done();
}
