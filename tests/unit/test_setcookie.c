/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/setcookie.h"

#include "tests/unit/tap.h"

static struct setcookie
parsed(const char *line)
{
	struct setcookie c;

	CHECK_INT(setcookie_parse(span_str(line), &c), 0);
	return c;
}

static void
reads_all_attributes(void)
{
	struct setcookie c =
	    parsed(" sid = a=b\"c ; expires=Sun, 06 Nov 1994 08:49:37 GMT; "
		   "MAX-AGE=10; domain=.Example.com; Path=/x; secure; "
		   "HttpOnly=1; samesite=strict; Partitioned; Priority=High");

	CHECK(span_eq(c.name, SPAN_LIT("sid")));
	CHECK(span_eq(c.value, SPAN_LIT("a=b\"c")));
	CHECK(c.has_expires && c.expires == 784111777);
	CHECK(c.has_max_age && c.max_age == 10);
	CHECK(span_eq(c.domain, SPAN_LIT("Example.com")));
	CHECK(span_eq(c.path, SPAN_LIT("/x")));
	CHECK(c.secure && c.http_only && c.partitioned);
	CHECK_INT(c.site, SETCOOKIE_SITE_STRICT);
	CHECK_INT(c.others, 1);
	CHECK(span_eq(c.other[0], SPAN_LIT("Priority=High")));
}

static void
the_last_attribute_wins(void)
{
	struct setcookie c =
	    parsed("a=b; path=/x; path=/y; domain=a.b; domain=; samesite=lax; "
		   "samesite=zzz; max-age=5; max-age=x");

	CHECK(span_eq(c.path, SPAN_LIT("/y")));
	CHECK_INT(c.domain.n, 0);
	CHECK_INT(c.site, SETCOOKIE_SITE_UNSET);
	CHECK_INT(c.max_age, 5);
	c = parsed("a=b; path=/x; path=y");
	CHECK_INT(c.path.n, 0);
}

static void
nameless_cookies_are_values(void)
{
	struct setcookie c = parsed("token; secure");
	uint8_t buf[64];
	struct span out;

	CHECK(c.name.n == 0 && span_eq(c.value, SPAN_LIT("token")));
	CHECK_INT(setcookie_write(&c, 0, buf, sizeof(buf), &out), 0);
	CHECK(span_eq(out, SPAN_LIT("token; Secure")));
	c = parsed("=sid=stolen");
	CHECK(c.name.n == 0 && span_eq(c.value, SPAN_LIT("sid=stolen")));
	CHECK_INT(setcookie_write(&c, 0, buf, sizeof(buf), &out), WF_EAMBIGUOUS);
}

static void
what_browsers_ignore_is_an_error(void)
{
	static const char *const bad[] = {
	    "", " ", ";", "=", " = ; secure", "a=b\x01", "a=b; x=\x7f", "a\nb=c"};
	struct setcookie c;
	static char line[4200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(setcookie_parse(span_str(bad[i]), &c), WF_ESYNTAX);
	memset(line, 'v', sizeof(line));
	line[1] = '=';
	CHECK_INT(setcookie_parse(span_of(line, 4097), &c), 0);
	CHECK_INT(setcookie_parse(span_of(line, 4098), &c), WF_ERANGE);
}

static void
reads_dates_as_browsers_do(void)
{
	static const struct {
		const char *text;
		int64_t sec;
	} good[] = {
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
	    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
	    {"Sun Nov  6 08:49:37 1994", 784111777},
	    {"Sun, 06-Nov-1994 08:49:37 GMT", 784111777},
	    {"6 nOVEMBER 94 8:49:37", 784111777},
	    {"08:49:37 06 Nov 1994 something else", 784111777},
	    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	    {"Thu, 01-Jan-70 00:00:00 GMT", 0},
	    {"Fri, 01-Jan-69 00:00:00 GMT", INT64_C(3124224000)},
	    {"Mon, 01 Jan 1601 00:00:00 GMT", INT64_C(-11644473600)},
	    {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800},
	    {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799)},
	    {"1 Jan 1970 0:0:1x", 1},
	};
	static const char *const bad[] = {"",
					  "0",
					  "-1",
					  "never",
					  "Sun, 06 Nov 1994",
					  "08:49:37",
					  "06 Nov 1994 24:00:00",
					  "06 Nov 1994 08:60:37",
					  "06 Nov 1994 08:49:60",
					  "32 Nov 1994 08:49:37",
					  "30 Feb 2024 08:49:37",
					  "29 Feb 2023 08:49:37",
					  "06 Nox 1994 08:49:37",
					  "06 Nov 1600 08:49:37",
					  "06 Nov 19945 08:49:37",
					  "06 Nov 1994 008:49:37",
					  "06 Nov 1994 08:49"};
	int64_t sec;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_INT(setcookie_date(span_str(good[i].text), &sec), 0);
		CHECK_INT(sec, good[i].sec);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (setcookie_date(span_str(bad[i]), &sec) == 0) {
			printf("# %s is no date\n", bad[i]);
			tap_bad = 1;
		}
}

static void
an_unreadable_expiry_makes_a_session_cookie(void)
{
	struct setcookie c = parsed("a=b; Expires=tomorrow; Max-Age=soon");

	CHECK(!c.has_expires && !c.has_max_age);
	CHECK(!setcookie_deletes(&c, 0) && !setcookie_lasts(&c, 0));
}

static void
sees_deletions(void)
{
	static const char *const gone[] = {
	    "a=; path=/",
	    "a",
	    "a=b; max-age=0",
	    "a=b; max-age=-1",
	    "a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT",
	    "a=b; max-age=0; expires=Fri, 31 Dec 9999 23:59:59 GMT",
	    "a=b; max-age=-99999999999999999999"};
	static const char *const stays[] = {
	    "a=b",
	    "a=b; max-age=1",
	    "a=b; max-age=99999999999999999999",
	    "a=b; max-age=60; expires=Thu, 01 Jan 1970 00:00:00 GMT",
	    "a=b; max-age=",
	    "a=b; max-age=+0",
	    "a=b; expires=Fri, 31 Dec 9999 23:59:59 GMT"};

	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		struct setcookie c = parsed(gone[i]);
		/* "a" is a nameless cookie with the value a */
		CHECK(setcookie_deletes(&c, 1800000000) == (i != 1));
	}
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++) {
		struct setcookie c = parsed(stays[i]);
		CHECK(!setcookie_deletes(&c, 1800000000));
	}
}

static void
prefixes_demand_what_they_promise(void)
{
	static const char *const good[] = {"__Secure-a=1; Secure",
					   "__Host-a=1; Secure; Path=/",
					   "__Http-a=1; Secure; HttpOnly",
					   "__Host-Http-a=1; Secure; HttpOnly; Path=/",
					   "__Host=1",
					   "a=__Host-b"};
	static const char *const bad[] = {"__Secure-a=1",
					  "__HOST-a=1; Path=/",
					  "__Host-a=1; Secure",
					  "__Host-a=1; Secure; Path=/x",
					  "__Host-a=1; Secure; Path=/; Domain=x.y",
					  "__Http-a=1; Secure",
					  "__host-http-a=1; Secure; Path=/",
					  "=__Host-a=1; Secure; Path=/",
					  "__Secure-"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(!parsed(good[i]).prefix_broken);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(parsed(bad[i]).prefix_broken);
}

static void
rewrites(const char *line, unsigned harden, const char *want)
{
	struct setcookie c = parsed(line);
	uint8_t buf[256];
	struct span out;

	CHECK_INT(setcookie_write(&c, harden, buf, sizeof(buf), &out), 0);
	if (!span_eq(out, span_str(want))) {
		printf("# %s became %.*s\n", line, (int)out.n, (const char *)out.p);
		tap_bad = 1;
	}
}

static void
writes_a_fresh_line_and_hardens_it(void)
{
	const unsigned all =
	    SETCOOKIE_ADD_SECURE | SETCOOKIE_ADD_HTTPONLY | SETCOOKIE_ADD_LAX;

	rewrites("a=b", 0, "a=b");
	rewrites("a=b", all, "a=b; Secure; HttpOnly; SameSite=Lax");
	rewrites("a=b; samesite=NONE; secure", all,
		 "a=b; Secure; HttpOnly; SameSite=None");
	rewrites("a=b; samesite=bogus", all, "a=b; Secure; HttpOnly; SameSite=Lax");
	rewrites(
	    "a=b;domain=.x.y;path=/;expires=Sun Nov 6 08:49:37 94;max-age=-5", 0,
	    "a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=-5; Domain=x.y; Path=/");
	rewrites("a=b; Priority=High; Partitioned; x", 0,
		 "a=b; Partitioned; Priority=High; x");
	rewrites("a=b; expires=never", 0, "a=b");
	/* Neither is a domain for a browser, so neither may become one. */
	rewrites("a=b; domain=..x.y", 0, "a=b; Domain=..x.y");
	rewrites("a=b; domain=. x.y", 0, "a=b; Domain=. x.y");
}

static void
hardening_never_mends_a_broken_prefix(void)
{
	rewrites("__Secure-a=1", SETCOOKIE_ADD_SECURE, "__Secure-a=1");
	rewrites("__Http-a=1; Secure", SETCOOKIE_ADD_HTTPONLY, "__Http-a=1; Secure");
	rewrites("__Secure-a=1; secure", SETCOOKIE_ADD_HTTPONLY,
		 "__Secure-a=1; Secure; HttpOnly");
}

static void
says_when_the_line_does_not_fit(void)
{
	struct setcookie c = parsed("a=b; path=/");
	uint8_t buf[16];
	struct span out;

	CHECK_INT(setcookie_write(&c, 0, buf, 11, &out), 0);
	CHECK_INT(setcookie_write(&c, 0, buf, 10, &out), WF_EFULL);
	CHECK_INT(out.n, 0);
}

int
main(void)
{
	TAP_RUN(reads_all_attributes);
	TAP_RUN(the_last_attribute_wins);
	TAP_RUN(nameless_cookies_are_values);
	TAP_RUN(what_browsers_ignore_is_an_error);
	TAP_RUN(reads_dates_as_browsers_do);
	TAP_RUN(an_unreadable_expiry_makes_a_session_cookie);
	TAP_RUN(sees_deletions);
	TAP_RUN(prefixes_demand_what_they_promise);
	TAP_RUN(writes_a_fresh_line_and_hardens_it);
	TAP_RUN(hardening_never_mends_a_broken_prefix);
	TAP_RUN(says_when_the_line_does_not_fit);
	return tap_done();
}
