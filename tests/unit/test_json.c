/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/json.h"

#include "tests/unit/tap.h"

static void
writes_nested_values_with_their_commas(void)
{
	char buf[256];
	struct json j;
	struct span out;

	json_init(&j, buf, sizeof(buf));
	json_object(&j);
	json_kstr(&j, "a", SPAN_LIT("x"));
	json_key(&j, "b");
	json_array(&j);
	json_uint(&j, 1);
	json_int(&j, -2);
	json_object(&j);
	json_object_end(&j);
	json_array(&j);
	json_array_end(&j);
	json_null(&j);
	json_array_end(&j);
	json_kbool(&j, "c", true);
	json_ktext(&j, "d", NULL);
	json_kuint(&j, "e", UINT64_MAX);
	json_kint(&j, "f", INT64_MIN);
	json_key(&j, "g");
	json_hex(&j, SPAN_LIT("\x00\xff"));
	json_key(&j, "h");
	json_raw(&j, SPAN_LIT("{\"i\":0}"));
	json_object_end(&j);
	CHECK_INT(json_done(&j, &out), 0);
	CHECK(span_eq(
	    out, SPAN_LIT("{\"a\":\"x\",\"b\":[1,-2,{},[],null],\"c\":true,\"d\":null,"
			  "\"e\":18446744073709551615,\"f\":-9223372036854775808,"
			  "\"g\":\"00ff\",\"h\":{\"i\":0}}")));
}

static void
written(struct span in, const char *want)
{
	char buf[256];
	struct json j;
	struct span out;

	json_init(&j, buf, sizeof(buf));
	json_str(&j, in);
	CHECK_INT(json_done(&j, &out), 0);
	if (!span_eq(out, span_str(want))) {
		printf("# wanted %s, got %.*s\n", want, (int)out.n, (const char *)out.p);
		tap_bad = 1;
	}
}

static void
nothing_from_outside_leaves_its_string(void)
{
	written(SPAN_LIT(""), "\"\"");
	written(SPAN_LIT("plain /text"), "\"plain /text\"");
	written(SPAN_LIT("a\"b\\c"), "\"a\\\"b\\\\c\"");
	written(SPAN_LIT("\n\r\t\x01\x7f"), "\"\\n\\r\\t\\u0001\\u007f\"");
	written(SPAN_LIT("a\0b"), "\"a\\u0000b\"");
	written(SPAN_LIT("</script><!--&"), "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
	written(SPAN_LIT("割符 \xf0\x9f\x98\x80"), "\"割符 \xf0\x9f\x98\x80\"");
	written(SPAN_LIT("\xe2\x80\xa8\xe2\x80\xae\xc2\x85"),
		"\"\\u2028\\u202e\\u0085\"");
	written(SPAN_LIT("\xef\xbb\xbf"), "\"\\ufeff\"");
}

static void
bytes_that_are_no_utf8_are_replaced_one_by_one(void)
{
	written(SPAN_LIT("a\xff\xfe z"), "\"a\\ufffd\\ufffd z\"");
	written(SPAN_LIT("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
	written(SPAN_LIT("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
	written(SPAN_LIT("\xe5\x89"), "\"\\ufffd\\ufffd\"");
	written(SPAN_LIT("\xe5\x89\xb2\xe5"), "\"割\\ufffd\"");
}

static void
a_full_buffer_is_said_once_at_the_end(void)
{
	char buf[8];
	struct span out;

	for (size_t cap = 0; cap <= 8; cap++) {
		struct json j;

		memset(buf, '#', sizeof(buf));
		json_init(&j, buf, cap);
		json_array(&j);
		json_str(&j, SPAN_LIT("\xff"));
		json_array_end(&j);
		CHECK_INT(json_done(&j, &out), WF_EFULL);
		CHECK_INT(out.n, 0);
		for (size_t i = cap; i < sizeof(buf); i++)
			CHECK(buf[i] == '#');
	}
}

static void
the_exact_size_suffices(void)
{
	char buf[7];
	struct json j;
	struct span out;

	json_init(&j, buf, 7);
	json_object(&j);
	json_kint(&j, "a", 1);
	json_object_end(&j);
	CHECK_INT(json_done(&j, &out), 0);
	CHECK_INT(out.n, 7);
}

int
main(void)
{
	TAP_RUN(writes_nested_values_with_their_commas);
	TAP_RUN(nothing_from_outside_leaves_its_string);
	TAP_RUN(bytes_that_are_no_utf8_are_replaced_one_by_one);
	TAP_RUN(a_full_buffer_is_said_once_at_the_end);
	TAP_RUN(the_exact_size_suffices);
	return tap_done();
}
