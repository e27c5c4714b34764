/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/mediatype.h"

#include "tests/unit/tap.h"

static bool
is_json(const char *field)
{
	return mediatype_is(span_str(field), SPAN_LIT("application/json"));
}

static void
takes_the_bare_type_and_utf_8_in_any_spelling(void)
{
	CHECK(is_json("application/json"));
	CHECK(is_json("Application/JSON"));
	CHECK(is_json("application/json;charset=utf-8"));
	CHECK(is_json("application/json; charset=UTF-8"));
	CHECK(is_json("application/json ; CharSet=\"utf-8\" "));
}

static void
refuses_what_two_programs_could_read_differently(void)
{
	static const char *const bad[] = {"", "application/jso", "application/jsonx",
	    "application/json2; charset=utf-8", "text/json", "application/json;", "application/json; ",
	    "application/json; charset=utf-7", "application/json; charset=utf-8; charset=utf-7",
	    "application/json; charset=utf-8 x", "application/json; charset= utf-8",
	    "application/json; boundary=x", "application/json, text/plain",
	    "application/json charset=utf-8", "application/json; charset='utf-8'"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (is_json(bad[i])) {
			printf("# taken: %s\n", bad[i]);
			CHECK(false);
		}
}

int
main(void)
{
	TAP_RUN(takes_the_bare_type_and_utf_8_in_any_spelling);
	TAP_RUN(refuses_what_two_programs_could_read_differently);
	return tap_done();
}
