/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/form.h"

#include "tests/unit/tap.h"

static void
reads_pairs_raw_and_decoded(void)
{
	uint8_t buf[128];
	struct form f;
	struct form_pair p;

	form_init(&f, SPAN_LIT("a=1&&b+c=%E5%89%B2&d&=e&f="));
	CHECK(form_next(&f, buf, sizeof(buf), &p));
	CHECK(span_eq(p.name, SPAN_LIT("a")) && span_eq(p.value, SPAN_LIT("1")));
	CHECK(form_next(&f, buf, sizeof(buf), &p));
	CHECK(span_eq(p.name, SPAN_LIT("b c")) && span_eq(p.value, SPAN_LIT("割")));
	CHECK(span_eq(p.raw_name, SPAN_LIT("b+c")));
	CHECK(span_eq(p.raw_value, SPAN_LIT("%E5%89%B2")));
	CHECK(!p.odd);
	CHECK(form_next(&f, buf, sizeof(buf), &p));
	CHECK(span_eq(p.name, SPAN_LIT("d")) && !p.has_eq);
	CHECK(form_next(&f, buf, sizeof(buf), &p));
	CHECK(p.name.n == 0 && span_eq(p.value, SPAN_LIT("e")) && p.has_eq);
	CHECK(form_next(&f, buf, sizeof(buf), &p));
	CHECK(span_eq(p.name, SPAN_LIT("f")) && p.value.n == 0 && p.has_eq);
	CHECK(!form_next(&f, buf, sizeof(buf), &p));
}

static void
marks_what_backends_read_differently(void)
{
	static const char *const odd[] = {"q=100%", "q=%4",  "q=%zz",
					  "%=1",    "q=%ff", "q=%c0%af"};
	uint8_t buf[64];
	struct form f;
	struct form_pair p;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		form_init(&f, span_str(odd[i]));
		CHECK(form_next(&f, buf, sizeof(buf), &p) && p.odd);
	}
	form_init(&f, SPAN_LIT("q=100%"));
	CHECK(form_next(&f, buf, sizeof(buf), &p) && span_eq(p.value, SPAN_LIT("100%")));
}

static int
one(const char *body, const char *name, const char *want)
{
	uint8_t buf[128];
	struct span value;
	int err = form_one(span_str(body), span_str(name), buf, sizeof(buf), &value);

	CHECK(err == 0 || value.n == 0);
	if (err == 0)
		CHECK(want != NULL && span_eq(value, span_str(want)));
	return err;
}

static void
finds_the_only_field(void)
{
	CHECK_INT(one("username=alice&password=x%26y", "username", "alice"), 0);
	CHECK_INT(one("x=1&user%6eame=al%69ce", "username", "alice"), 0);
	CHECK_INT(one("username=", "username", ""), 0);
	CHECK_INT(one("username", "username", ""), 0);
	CHECK_INT(one("user+name=a", "user name", "a"), 0);
	CHECK_INT(one("a=username", "username", NULL), WF_ENOTFOUND);
	CHECK_INT(one("usernam=1&username2=b&xusername=c", "username", NULL),
		  WF_ENOTFOUND);
	CHECK_INT(one("", "username", NULL), WF_ENOTFOUND);
}

static void
a_second_reading_of_the_name_is_ambiguous(void)
{
	static const char *const second[] = {
	    "username=b",     "user%6eame=b",  "Username=b",	   "USERNAME=b",
	    "username[]=b",   "username[x]=b", "username%5b%5d=b", "+username=b",
	    "%20username=b",  "username+=b",   "username%00=b",	   "username%00x=b",
	    "x=1;username=b", "x;Username=b",  "username",
	};
	char body[128];

	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		snprintf(body, sizeof(body), "username=a&%s", second[i]);
		CHECK_INT(one(body, "username", NULL), WF_EAMBIGUOUS);
		snprintf(body, sizeof(body), "%s&username=a", second[i]);
		CHECK_INT(one(body, "username", NULL), WF_EAMBIGUOUS);
	}
	CHECK_INT(one("user.name=a", "user_name", NULL), WF_EAMBIGUOUS);
	CHECK_INT(one("user[name=a", "user_name", NULL), WF_EAMBIGUOUS);
	CHECK_INT(one("Username=a", "username", NULL), WF_EAMBIGUOUS);
}

static void
a_value_that_may_be_cut_is_refused(void)
{
	CHECK_INT(one("username=a;b", "username", NULL), WF_EAMBIGUOUS);
	CHECK_INT(one("username=a%3bb", "username", "a;b"), 0);
	CHECK_INT(one("username=a%", "username", NULL), WF_ESYNTAX);
	CHECK_INT(one("username=%ff", "username", NULL), WF_ESYNTAX);
}

static void
says_when_the_value_does_not_fit(void)
{
	uint8_t buf[2];
	struct span v;

	CHECK_INT(form_one(SPAN_LIT("u=abc"), SPAN_LIT("u"), buf, 2, &v), WF_EFULL);
	CHECK_INT(form_one(SPAN_LIT("u=ab"), SPAN_LIT("u"), buf, 2, &v), 0);
}

static void
finds_method_overrides(void)
{
	static const char *const yes[] = {
	    "_method=DELETE",
	    "a=1&_method=put",
	    "_METHOD=x",
	    "%5fmethod=x",
	    "a;_method=x",
	    "_method",
	    "X-HTTP-Method-Override=PUT",
	    "x_http_method_override=PUT",
	    "_method[]=x",
	    "+_method=x",
	    ".method=x",
	};
	static const char *const no[] = {"", "method=1", "a=_method", "_methods=1",
					 "x=%5fmethod"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		CHECK(form_overrides_method(span_str(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		CHECK(!form_overrides_method(span_str(no[i])));
}

static bool
scan_in(struct span raw, size_t step)
{
	struct form_scan s = {.n = 0};

	for (size_t at = 0; at < raw.n; at += step) {
		struct span rest = span_tail(raw, at);

		if (rest.n > step)
			rest.n = step;
		if (form_scan_feed(&s, rest))
			return true;
	}
	return form_scan_end(&s);
}

static void
finds_method_overrides_in_pieces_of_any_size(void)
{
	static const char *const yes[] = {"_method=DELETE", "a=1&_method=PUT", "a=1;_method=PUT",
	    "%5fmethod=PUT&b=2", "%5F%6d%65%74%68%6F%64[]=x", "+%20+_method=PUT", "a&_method",
	    "_METHOD%00x=1", "a=b=c&x-http-method-override=PUT"};
	static const char *const no[] = {"method=x", "a=_method", "a=1&b=_method=2", "__method=1",
	    "_method2=x", ""};
	static char far[70000], blanks[1000];

	for (size_t step = 1; step < 20; step++) {
		for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
			CHECK(scan_in(span_str(yes[i]), step));
		for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
			CHECK(!scan_in(span_str(no[i]), step));
	}
	memset(far, 'a', sizeof(far) - 1);
	memcpy(far + sizeof(far) - 12, "&_method=PUT", 11);
	CHECK(scan_in(span_str(far), 1000));
	memset(blanks, '+', sizeof(blanks) - 1);
	memcpy(blanks + 500, "_method", 7);
	CHECK(scan_in(span_str(blanks), 7));
	for (size_t i = 0; i < 5; i++) { /* the cut falls into an escape at some of these */
		memset(far, 0, sizeof(far));
		memcpy(far, "+_method++++", 8 + i);
		for (size_t k = 0; k < 60; k++)
			memcpy(far + strlen(far), "%20", 3);
		CHECK(scan_in(span_str(far), 5));
	}
}

int
main(void)
{
	TAP_RUN(reads_pairs_raw_and_decoded);
	TAP_RUN(marks_what_backends_read_differently);
	TAP_RUN(finds_the_only_field);
	TAP_RUN(a_second_reading_of_the_name_is_ambiguous);
	TAP_RUN(a_value_that_may_be_cut_is_refused);
	TAP_RUN(says_when_the_value_does_not_fit);
	TAP_RUN(finds_method_overrides);
	TAP_RUN(finds_method_overrides_in_pieces_of_any_size);
	return tap_done();
}
