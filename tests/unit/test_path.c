/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/path.h"

#include "tests/unit/tap.h"

struct path_case {
	const char *raw;
	const char *normal; /* NULL: refused */
	enum path_why why;
};

static void
try_case(const struct path_case *c, unsigned flags)
{
	uint8_t buf[256];
	struct span normal;
	enum path_why why;
	int err =
	    path_normalise(span_str(c->raw), flags, buf, sizeof(buf), &normal, &why);

	if ((err == 0) != (c->normal != NULL) || why != c->why) {
		printf("# %s: err %d, %s\n", c->raw, err, path_why_text(why));
		tap_bad = 1;
	}
	if (err == 0 && c->normal != NULL && !span_eq(normal, span_str(c->normal))) {
		printf("# %s: became %.*s\n", c->raw, (int)normal.n,
		       (const char *)normal.p);
		tap_bad = 1;
	}
}

#define TRY_ALL(cases, flags)                                           \
	for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) \
	try_case(&(cases)[i], flags)

static void
decodes_ordinary_characters_once(void)
{
	static const struct path_case cases[] = {
	    {"/", "/", PATH_FINE},
	    {"/a/b", "/a/b", PATH_FINE},
	    {"/a/b/", "/a/b/", PATH_FINE},
	    {"/%61dmin", "/admin", PATH_FINE},
	    {"/AdMiN", "/AdMiN", PATH_FINE},
	    {"/users/%40me", "/users/@me", PATH_FINE},
	    {"/a%20b", "/a b", PATH_FINE},
	    {"/a+b", "/a+b", PATH_FINE},
	    {"/x|y^[z]", "/x|y^[z]", PATH_FINE},
	    {"/.well-known/x", "/.well-known/x", PATH_FINE},
	    {"/a.b/c", "/a.b/c", PATH_FINE},
	    {"/100%25", "/100%", PATH_FINE},
	    {"/100%25of", "/100%of", PATH_FINE},
	    {"/v1/x:verb", "/v1/x:verb", PATH_FINE},
	    {"/%E5%89%B2%E7%AC%A6", "/割符", PATH_FINE},
	    {"/%EF%BC%88%EF%BD%81%EF%BC%89", "/（ａ）", PATH_FINE},
	    {"/%F0%9F%98%80", "/\xf0\x9f\x98\x80", PATH_FINE},
	};

	TRY_ALL(cases, 0);
}

static void
refuses_what_climbs_or_collapses(void)
{
	static const struct path_case cases[] = {
	    {"//", NULL, PATH_EMPTY},
	    {"//a", NULL, PATH_EMPTY},
	    {"/a//b", NULL, PATH_EMPTY},
	    {"/a//", NULL, PATH_EMPTY},
	    {"/.", NULL, PATH_DOTS},
	    {"/..", NULL, PATH_DOTS},
	    {"/a/./b", NULL, PATH_DOTS},
	    {"/a/../b", NULL, PATH_DOTS},
	    {"/a/%2e%2E/b", NULL, PATH_DOTS},
	    {"/a/.%2e/b", NULL, PATH_DOTS},
	    {"/%2e", NULL, PATH_DOTS},
	    {"/.../a", NULL, PATH_DOTS},
	    {"/admin.", NULL, PATH_TAIL},
	    {"/admin%20", NULL, PATH_TAIL},
	    {"/admin%2e/x", NULL, PATH_TAIL},
	    {"/admin. . /x", NULL, PATH_RAW},
	    {"/admin.%20./x", NULL, PATH_TAIL},
	    {"/web.config::$DATA", NULL, PATH_STREAM},
	};

	TRY_ALL(cases, 0);
}

static void
refuses_hidden_separators(void)
{
	static const struct path_case cases[] = {
	    {"/a%2fb", NULL, PATH_SLASH},
	    {"/a%2Fb", NULL, PATH_SLASH},
	    {"/a%5cb", NULL, PATH_SLASH},
	    {"/a\\b", NULL, PATH_SLASH},
	    {"/a%3fb", NULL, PATH_DELIM},
	    {"/a%23b", NULL, PATH_DELIM},
	    {"/a?b", NULL, PATH_RAW},
	    {"/a#b", NULL, PATH_RAW},
	    {"/a;jsessionid=1", NULL, PATH_PARAM},
	    {"/a%3bjsessionid=1", NULL, PATH_PARAM},
	    {"/a/..;/b", NULL, PATH_PARAM},
	    {"/;a/b", NULL, PATH_PARAM},
	};

	TRY_ALL(cases, 0);
}

static void
semicolon_flag_still_refuses_ways_up(void)
{
	static const struct path_case cases[] = {
	    {"/a;b=1", "/a;b=1", PATH_FINE}, {"/a%3bb", "/a;b", PATH_FINE},
	    {"/a/..;/b", NULL, PATH_DOTS},   {"/a/.;x/b", NULL, PATH_DOTS},
	    {"/a.;x", NULL, PATH_TAIL},	     {"/a/;x/b", NULL, PATH_PARAM},
	};

	TRY_ALL(cases, PATH_SEMICOLON);
}

static void
refuses_double_encoding(void)
{
	static const struct path_case cases[] = {
	    {"/a%252fb", NULL, PATH_TWICE},	{"/a%252e", NULL, PATH_TWICE},
	    {"/a%25%32%66b", NULL, PATH_TWICE}, {"/a%2525", NULL, PATH_TWICE},
	    {"/a%25u002f", NULL, PATH_TWICE},	{"/a%25U002f", NULL, PATH_TWICE},
	    {"/a%u002f", NULL, PATH_PERCENT},	{"/a%", NULL, PATH_PERCENT},
	    {"/a%4", NULL, PATH_PERCENT},	{"/a%4x", NULL, PATH_PERCENT},
	    {"/a%%41", NULL, PATH_PERCENT},
	};

	TRY_ALL(cases, 0);
}

static void
refuses_bytes_that_are_no_text(void)
{
	static const struct path_case cases[] = {
	    {"", NULL, PATH_FORM},
	    {"*", NULL, PATH_FORM},
	    {"a/b", NULL, PATH_FORM},
	    {"http://a/", NULL, PATH_FORM},
	    {"/a b", NULL, PATH_RAW},
	    {"/a\tb", NULL, PATH_RAW},
	    {"/a\x7f", NULL, PATH_RAW},
	    {"/\xe5\x89\xb2", NULL, PATH_RAW},
	    {"/a\"b", NULL, PATH_RAW},
	    {"/a%00", NULL, PATH_CONTROL},
	    {"/a%0d%0a", NULL, PATH_CONTROL},
	    {"/a%7f", NULL, PATH_CONTROL},
	    {"/%c0%af", NULL, PATH_UTF8},
	    {"/%c0%ae%c0%ae/", NULL, PATH_UTF8},
	    {"/%e0%80%af", NULL, PATH_UTF8},
	    {"/%f0%80%80%af", NULL, PATH_UTF8},
	    {"/%ed%a0%80", NULL, PATH_UTF8},
	    {"/%f4%90%80%80", NULL, PATH_UTF8},
	    {"/%e5%89", NULL, PATH_UTF8},
	    {"/%ff", NULL, PATH_UTF8},
	    {"/%80", NULL, PATH_UTF8},
	};

	TRY_ALL(cases, 0);
}

static void
refuses_lookalikes(void)
{
	static const struct path_case cases[] = {
	    {"/a%EF%BC%8Fb", NULL, PATH_LOOKALIKE}, /* full-width solidus */
	    {"/%EF%BC%8E%EF%BC%8E/b", NULL, PATH_LOOKALIKE},
	    {"/a%E2%88%95b", NULL, PATH_LOOKALIKE},
	    {"/a%E2%81%84b", NULL, PATH_LOOKALIKE},
	    {"/%E2%80%A5/b", NULL, PATH_LOOKALIKE}, /* two dot leader */
	    {"/a%EF%BC%BCb", NULL, PATH_LOOKALIKE},
	    {"/a%C2%A5b", NULL, PATH_LOOKALIKE},	    /* yen sign */
	    {"/%C5%BFettings", NULL, PATH_LOOKALIKE},	    /* long s */
	    {"/%E2%84%AAeys", NULL, PATH_LOOKALIKE},	    /* Kelvin sign */
	    {"/adm%C4%B1n", NULL, PATH_LOOKALIKE},	    /* dotless i */
	    {"/ad%C2%ADmin", NULL, PATH_LOOKALIKE},	    /* soft hyphen */
	    {"/ad%E2%80%8Bmin", NULL, PATH_LOOKALIKE},	    /* zero width space */
	    {"/ad%E2%80%AEmin", NULL, PATH_LOOKALIKE},	    /* right-to-left override */
	    {"/%EF%BB%BFadmin", NULL, PATH_LOOKALIKE},	    /* BOM */
	    {"/admin%C2%85", NULL, PATH_LOOKALIKE},	    /* C1 next line */
	    {"/a%EF%BC%852f", NULL, PATH_LOOKALIKE},	    /* full-width percent */
	    {"/a%CD%BEjsessionid=1", NULL, PATH_LOOKALIKE}, /* Greek question mark */
	};

	TRY_ALL(cases, 0);
}

static void
says_when_the_buffer_is_too_small(void)
{
	uint8_t buf[4];
	struct span normal;
	enum path_why why;

	CHECK_INT(path_normalise(SPAN_LIT("/abc"), 0, buf, 4, &normal, &why), 0);
	CHECK_INT(path_normalise(SPAN_LIT("/abcd"), 0, buf, 4, &normal, &why), WF_EFULL);
	CHECK_INT(why, PATH_LONG);
	CHECK_INT(normal.n, 0);
	CHECK_INT(path_normalise(SPAN_LIT("/%61%62%63"), 0, buf, 4, &normal, &why), 0);
}

static bool
matches(const char *normal, const char *pattern)
{
	return path_match(span_str(normal), span_str(pattern));
}

static void
matches_fold_case_and_one_trailing_slash(void)
{
	CHECK(matches("/login", "/login"));
	CHECK(matches("/LogIn", "/login"));
	CHECK(matches("/login/", "/login"));
	CHECK(matches("/login", "/Login/"));
	CHECK(matches("/", "/"));
	CHECK(!matches("/login2", "/login"));
	CHECK(!matches("/logi", "/login"));
	CHECK(!matches("/login/x", "/login"));
	CHECK(!matches("/", "/login"));
	CHECK(!matches("/login", "/"));
	CHECK(!matches("", "/"));
	CHECK(!matches("/", ""));
}

static void
prefixes_end_at_a_segment(void)
{
	CHECK(matches("/a", "/a/*"));
	CHECK(matches("/a/", "/a/*"));
	CHECK(matches("/A/b/c", "/a/*"));
	CHECK(!matches("/ab", "/a/*"));
	CHECK(!matches("/ab/c", "/a/*"));
	CHECK(!matches("/", "/a/*"));
	CHECK(matches("/", "/*"));
	CHECK(matches("/x/y", "/*"));
}

static void
an_inner_star_is_one_segment(void)
{
	CHECK(matches("/wallets/7/send", "/wallets/*/send"));
	CHECK(matches("/wallets/7/send/", "/wallets/*/send"));
	CHECK(!matches("/wallets/send", "/wallets/*/send"));
	CHECK(!matches("/wallets/7/8/send", "/wallets/*/send"));
	CHECK(matches("/wallets/7/keys/1", "/wallets/*/keys/*"));
	CHECK(!matches("/wallets/7", "/wallets/*/keys/*"));
	/* A star in the request is only a star. */
	CHECK(!matches("/wallets/*", "/wallets/7"));
}

static void
patterns_that_can_never_match_are_found(void)
{
	static const char *const good[] = {"/",	     "/a",    "/a/*", "/*",
					   "/a/*/b", "/割符", "/a b"};
	static const char *const bad[] = {"",	   "a",	   "/a//b", "/../a",
					  "/a.",   "/a*",  "/a/b*", "/a\\b",
					  "/a%2f", "/a?b", "/\xff", "/a\nb"};
	enum path_why why;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_INT(path_pattern_check(span_str(good[i]), &why), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(path_pattern_check(span_str(bad[i]), &why) < 0);
}

static void
every_reason_has_a_sentence(void)
{
	for (unsigned i = 0; i < PATH_WHY_COUNT; i++)
		CHECK(strlen(path_why_text((enum path_why)i)) > 5);
}

static void
parameters_are_cut_off_every_segment(void)
{
	static const char *const cases[][2] = {
	    {"/api/keys", "/api/keys"},
	    {"/api/keys;x=1", "/api/keys"},
	    {"/api;v=2/keys;x=1;y", "/api/keys"},
	    {"/api;v=2/keys/", "/api/keys/"},
	    {"/;x", "/"},
	    {"/a;b;c/d", "/a/d"},
	};
	uint8_t buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(span_eq(path_plain(span_str(cases[i][0]), buf), span_str(cases[i][1])));
}

int
main(void)
{
	TAP_RUN(decodes_ordinary_characters_once);
	TAP_RUN(refuses_what_climbs_or_collapses);
	TAP_RUN(refuses_hidden_separators);
	TAP_RUN(semicolon_flag_still_refuses_ways_up);
	TAP_RUN(parameters_are_cut_off_every_segment);
	TAP_RUN(refuses_double_encoding);
	TAP_RUN(refuses_bytes_that_are_no_text);
	TAP_RUN(refuses_lookalikes);
	TAP_RUN(says_when_the_buffer_is_too_small);
	TAP_RUN(matches_fold_case_and_one_trailing_slash);
	TAP_RUN(prefixes_end_at_a_segment);
	TAP_RUN(an_inner_star_is_one_segment);
	TAP_RUN(patterns_that_can_never_match_are_found);
	TAP_RUN(every_reason_has_a_sentence);
	return tap_done();
}
