/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/cookie.h"

#include "tests/unit/tap.h"

static enum cookie_found
look(const char *line, const char *name, const char *want)
{
	struct span s = span_str(line), value;
	enum cookie_found f = cookie_one(&s, 1, span_str(name), &value);

	if (f == COOKIE_ONE)
		CHECK(want != NULL && span_eq(value, span_str(want)));
	else
		CHECK(value.n == 0);
	return f;
}

static void
iterates_over_all_lines(void)
{
	const struct span lines[] = {SPAN_LIT("a=1; b = 2 ;; c"), SPAN_LIT(""),
				     SPAN_LIT("d=\"x y\";=e")};
	static const char *const want[][2] = {
	    {"a", "1"}, {"b", "2"}, {"", "c"}, {"d", "\"x y\""}, {"", "e"}};
	struct cookie_it it;
	struct cookie_pair p;
	size_t n = 0;

	cookie_begin(&it, lines, 3);
	while (cookie_next(&it, &p) && n < 5) {
		CHECK(span_eq(p.name, span_str(want[n][0])));
		CHECK(span_eq(p.value, span_str(want[n][1])));
		n++;
	}
	CHECK_INT(n, 5);
	CHECK(!cookie_next(&it, &p));
}

static void
finds_the_one_cookie(void)
{
	CHECK_INT(look("sid=abc", "sid", "abc"), COOKIE_ONE);
	CHECK_INT(look("a=1; sid=abc==; b=2", "sid", "abc=="), COOKIE_ONE);
	CHECK_INT(look(" sid = abc ", "sid", "abc"), COOKIE_ONE);
	CHECK_INT(look("sid=", "sid", ""), COOKIE_ONE);
	CHECK_INT(look("a=sid; sidx=1; xsid=2; si=3; sid-x=4", "sid", NULL),
		  COOKIE_ABSENT);
	CHECK_INT(look("", "sid", NULL), COOKIE_ABSENT);
	CHECK_INT(look("my.sid=1", "my.sid", "1"), COOKIE_ONE);
	CHECK_INT(look("__Host-sid=1; x={\"a\":1,\"b\":2}", "__Host-sid", "1"),
		  COOKIE_ONE);
}

static void
a_second_one_on_any_line_is_tossing(void)
{
	const struct span lines[] = {SPAN_LIT("sid=1"), SPAN_LIT("a=b; sid=1")};
	struct span value;
	struct cookie_hit hit;
	struct span name = SPAN_LIT("sid");

	CHECK_INT(look("sid=1; sid=2", "sid", NULL), COOKIE_TWICE);
	CHECK_INT(look("sid=1; a=2; sid=1", "sid", NULL), COOKIE_TWICE);
	CHECK_INT(look("sid=1; sid=", "sid", NULL), COOKIE_TWICE);
	CHECK_INT(cookie_one(lines, 2, name, &value), COOKIE_TWICE);
	cookie_look(lines, 2, &name, 1, &hit);
	CHECK_INT(hit.count, 2);
}

static void
another_spelling_of_the_name_is_not_anonymous(void)
{
	static const char *const alike[] = {
	    "SID=1",
	    "sid%00=1",
	    "s%69d=1",
	    "%73id=1",
	    "%53ID=1",
	    "sid[]=1",
	    "sid[0]=1",
	    "sid%5b0%5d=1",
	    "sid%20=1",
	    "%20sid=1",
	    "sid",
	    "=sid=1",
	    "=sid",
	    "\xc2\xa0sid=1",
	    "sid\xe2\x80\x80=1",
	    "\x85sid=1",
	    "\xe3\x80\x80sid=1",
	    "sid\x0b=1",
	    "\x0csid=1",
	    "a=1, sid=1",
	    "a=1,sid=1",
	    "a=1,b=2, SID=x",
	    "x=\"1\",sid=2",
	};
	char line[64];

	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
		if (look(alike[i], "sid", NULL) != COOKIE_ALIKE) {
			printf("# %s was not seen\n", alike[i]);
			tap_bad = 1;
		}
		snprintf(line, sizeof(line), "sid=2; %s", alike[i]);
		CHECK_INT(look(line, "sid", NULL), COOKIE_ALIKE);
		snprintf(line, sizeof(line), "%s; a=b; sid=2", alike[i]);
		CHECK_INT(look(line, "sid", NULL), COOKIE_ALIKE);
	}
}

static void
dots_brackets_and_blanks_are_underscores_to_php(void)
{
	static const char *const alike[] = {"my.sid=1", "my[sid=1",   "my sid=1",
					    "my+sid=1", "my%2esid=1", "my%5Bsid=1",
					    "MY.SID=1", "my%20sid=1"};

	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
		CHECK_INT(look(alike[i], "my_sid", NULL), COOKIE_ALIKE);
	CHECK_INT(look("my_sid=1", "my.sid", NULL), COOKIE_ALIKE);
	CHECK_INT(look("my-sid=1", "my_sid", NULL), COOKIE_ABSENT);
	CHECK_INT(look("mysid=1", "my_sid", NULL), COOKIE_ABSENT);
	CHECK_INT(look("..Host-a=1", "__Host-a", NULL), COOKIE_ALIKE);
}

static void
quotes_and_legacy_rules_have_codes_of_their_own(void)
{
	CHECK_INT(look("sid=\"abc\"", "sid", NULL), COOKIE_QUOTED);
	CHECK_INT(look("sid=\"abc", "sid", NULL), COOKIE_QUOTED);
	CHECK_INT(look("a=\"x\"; sid=abc", "sid", "abc"), COOKIE_ONE);
	CHECK_INT(look("$Version=1; sid=abc", "sid", NULL), COOKIE_LEGACY);
	CHECK_INT(look("sid=abc; $version=1", "sid", NULL), COOKIE_LEGACY);
	CHECK_INT(look("$Version=1; a=b", "sid", NULL), COOKIE_LEGACY);
	CHECK_INT(look("sid=\"a\"; sid=b", "sid", NULL), COOKIE_TWICE);
	CHECK_INT(look("sid=\"a\"; Sid=b", "sid", NULL), COOKIE_ALIKE);
}

static void
one_pass_answers_for_several_names(void)
{
	const struct span line = SPAN_LIT("csrf=x; sid=1; Remember=2; sid2=3");
	const struct span names[] = {SPAN_LIT("sid"), SPAN_LIT("remember"),
				     SPAN_LIT("none"), SPAN_LIT("csrf")};
	struct cookie_hit hits[4];

	cookie_look(&line, 1, names, 4, hits);
	CHECK_INT(hits[0].found, COOKIE_ONE);
	CHECK_INT(hits[1].found, COOKIE_ALIKE);
	CHECK(span_eq(hits[1].other, SPAN_LIT("Remember=2")));
	CHECK_INT(hits[2].found, COOKIE_ABSENT);
	CHECK_INT(hits[3].found, COOKIE_ONE);
	CHECK(span_eq(hits[3].value, SPAN_LIT("x")));
}

static void
rewrite(const char *line, const char *want, size_t want_dropped)
{
	const struct span s = span_str(line),
			  names[] = {SPAN_LIT("sid"), SPAN_LIT("tok")};
	uint8_t buf[128];
	struct span out;
	size_t dropped = 99;

	CHECK_INT(cookie_rewrite(&s, 1, names, 2, buf, sizeof(buf), &out, &dropped), 0);
	CHECK_INT(dropped, want_dropped);
	if (!span_eq(out, span_str(want))) {
		printf("# %s became %.*s\n", line, (int)out.n, (const char *)out.p);
		tap_bad = 1;
	}
}

static void
rewriting_strips_every_spelling(void)
{
	rewrite("a=1; sid=2; b=3", "a=1; b=3", 1);
	rewrite("sid=2", "", 1);
	rewrite("sid=2; SID=3; s%69d=4; tok=5; sid[x]=6; sid", "", 6);
	rewrite("a=1,sid=2; b=3", "b=3", 1);
	rewrite("$Version=1; a=1; tok=2", "a=1", 2);
	rewrite("a=1;b=2;;  c=3 ;", "a=1; b=2; c=3", 0);
	rewrite("x; =y; z=\"q\"", "x; =y; z=\"q\"", 0);
}

static void
rewriting_joins_lines_and_keeps_all_without_names(void)
{
	const struct span lines[] = {SPAN_LIT("$Version=1; a=1"), SPAN_LIT("sid=2")};
	uint8_t buf[32];
	struct span out;

	CHECK_INT(cookie_rewrite(lines, 2, NULL, 0, buf, sizeof(buf), &out, NULL), 0);
	CHECK(span_eq(out, SPAN_LIT("$Version=1; a=1; sid=2")));
	CHECK_INT(cookie_rewrite(lines, 2, NULL, 0, buf, 22, &out, NULL), 0);
	CHECK_INT(cookie_rewrite(lines, 2, NULL, 0, buf, 21, &out, NULL), WF_EFULL);
	CHECK_INT(out.n, 0);
}

static void
every_answer_has_a_sentence(void)
{
	for (int i = COOKIE_ABSENT; i <= COOKIE_TWICE; i++)
		CHECK(strlen(cookie_found_text((enum cookie_found)i)) > 10);
}

int
main(void)
{
	TAP_RUN(iterates_over_all_lines);
	TAP_RUN(finds_the_one_cookie);
	TAP_RUN(a_second_one_on_any_line_is_tossing);
	TAP_RUN(another_spelling_of_the_name_is_not_anonymous);
	TAP_RUN(dots_brackets_and_blanks_are_underscores_to_php);
	TAP_RUN(quotes_and_legacy_rules_have_codes_of_their_own);
	TAP_RUN(one_pass_answers_for_several_names);
	TAP_RUN(rewriting_strips_every_spelling);
	TAP_RUN(rewriting_joins_lines_and_keeps_all_without_names);
	TAP_RUN(every_answer_has_a_sentence);
	return tap_done();
}
