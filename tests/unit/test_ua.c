/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/ua.h"

#include "tests/unit/tap.h"

struct ua_case {
	const char *agent;
	enum ua_family family;
	uint32_t major;
	enum ua_os os;
	enum ua_mobile mobile;
};

#define WEBKIT "AppleWebKit/537.36 (KHTML, like Gecko) "

static const struct ua_case cases[] = {
    {"Mozilla/5.0 (X11; Linux x86_64) " WEBKIT "Chrome/156.0.0.0 Safari/537.36",
     UA_CHROMIUM, 156, UA_OS_LINUX, UA_MOBILE_NO},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " WEBKIT
     "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
     UA_CHROMIUM, 124, UA_OS_WINDOWS, UA_MOBILE_NO},
    {"Mozilla/5.0 (Linux; Android 10; K) " WEBKIT "Chrome/120.0.0.0 Mobile Safari/537.36",
     UA_CHROMIUM, 120, UA_OS_ANDROID, UA_MOBILE_YES},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0",
     UA_FIREFOX, 151, UA_OS_LINUX, UA_MOBILE_NO},
    {"Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0", UA_FIREFOX,
     128, UA_OS_ANDROID, UA_MOBILE_YES},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
     "Gecko) "
     "Version/17.4 Safari/605.1.15",
     UA_SAFARI, 17, UA_OS_MAC, UA_MOBILE_NO},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
     "(KHTML, like Gecko) "
     "Version/17.4 Mobile/15E148 Safari/604.1",
     UA_SAFARI, 17, UA_OS_IOS, UA_MOBILE_YES},
    {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
     "(KHTML, like Gecko) "
     "CriOS/123.0.6312.52 Mobile/15E148 Safari/604.1",
     UA_SAFARI, 123, UA_OS_IOS, UA_MOBILE_YES},
    {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) " WEBKIT "Chrome/118.0.0.0 Safari/537.36",
     UA_CHROMIUM, 118, UA_OS_OTHER, UA_MOBILE_NO},
    {"Mozilla/5.0 (Windows NT 10.0) " WEBKIT "Chrome/64.0 Safari/537.36 Edge/17.17134",
     UA_OTHER, 17, UA_OS_WINDOWS, UA_MOBILE_NO},
    {"curl/7.88.1", UA_CURL, 7, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"python-requests/2.28.1", UA_PYTHON, 2, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"python-httpx/0.23.3", UA_PYTHON, 0, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"Python/3.11 aiohttp/3.8.4", UA_PYTHON, 3, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"Go-http-client/2.0", UA_GO, 2, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"Java-http-client/17.0.15", UA_JAVA, 17, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"okhttp/4.12.0", UA_JAVA, 4, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"nghttp2/1.52.0", UA_OTHER, 1, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"Wget/1.21.3 (linux-gnu)", UA_OTHER, 1, UA_OS_LINUX, UA_MOBILE_NO},
    {"not curl/8", UA_OTHER, 8, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"x", UA_OTHER, 0, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"7", UA_OTHER, 7, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"Chrome/", UA_CHROMIUM, 0, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"Chrome/99999999999", UA_CHROMIUM, 999999, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
    {"", UA_UNKNOWN, 0, UA_OS_UNKNOWN, UA_MOBILE_UNKNOWN},
};

static const struct span none = {NULL, 0};

static void
reads_common_user_agents(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ua_case *c = &cases[i];
		struct ua ua;

		ua_read(span_str(c->agent), none, none, &ua);
		if (ua.family != c->family || ua.major != c->major || ua.os != c->os ||
		    ua.mobile != c->mobile || ua.hinted || ua.contradicts) {
			printf("# %s: %s %u %s\n", c->agent, ua_family_name(ua.family),
			       ua.major, ua_os_name(ua.os));
			tap_bad = 1;
		}
	}
}

static void
headless_says_so(void)
{
	struct ua ua;

	ua_read(SPAN_LIT("Mozilla/5.0 (X11; Linux x86_64) " WEBKIT
			 "HeadlessChrome/156.0.0.0 Safari/537.36"),
		SPAN_LIT("\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\""),
		SPAN_LIT("\"Linux\""), &ua);
	CHECK_INT(ua.family, UA_CHROMIUM);
	CHECK(ua.headless && ua.hinted && !ua.contradicts);
}

static void
hints_that_disagree_are_noticed(void)
{
	static const struct {
		const char *agent, *brands, *platform;
		bool contradicts;
	} pairs[] = {
	    {"(Windows NT 10.0) Chrome/156.0 Safari/", "\"Chromium\";v=\"156\"",
	     "\"Windows\"", false},
	    {"(Windows NT 10.0) Chrome/156.0 Safari/", "\"Chromium\";v=\"156\"",
	     "\"Linux\"", true},
	    {"(Windows NT 10.0) Chrome/156.0 Safari/", "\"Chromium\";v=\"155\"",
	     "\"Windows\"", true},
	    {"(X11; Linux) Firefox/151.0", "\"Chromium\";v=\"156\"", "\"Linux\"", true},
	    {"(X11; Linux) Firefox/151.0", "", "", false},
	    {"(X11; Linux) Chrome/156.0", "\"Other\";v=\"1\"", "\"Beos\"", false},
	    {"curl/8", "\"Chromium\";v=\"156\"", "", true},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct ua ua;

		ua_read(span_str(pairs[i].agent), span_str(pairs[i].brands),
			span_str(pairs[i].platform), &ua);
		CHECK(ua.contradicts == pairs[i].contradicts);
	}
}

static void
hints_alone_suffice(void)
{
	struct ua ua;

	ua_read(none, SPAN_LIT("\"Chromium\";v=\"156\", \"Google Chrome\";v=\"156\""),
		SPAN_LIT("\"macOS\""), &ua);
	CHECK_INT(ua.family, UA_CHROMIUM);
	CHECK_INT(ua.major, 156);
	CHECK_INT(ua.os, UA_OS_MAC);
	CHECK(ua.hinted && !ua.contradicts);
}

/* Bytes that only move from one field to another are other fields. */
static void
a_memo_answers_like_a_fresh_reading(void)
{
	static char huge[400];
	struct span chrome = SPAN_LIT("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0"),
		    firefox = SPAN_LIT("Mozilla/5.0 (X11; Linux x86_64) Firefox/156.0"),
		    brands = SPAN_LIT("\"Chromium\";v=\"156\""),
		    mac = SPAN_LIT("\"macOS\""),
		    both = SPAN_LIT("\"Chromium\";v=\"156\"\"macOS\""),
		    large = span_of(huge, sizeof(huge));
	const struct span said[][3] = {{none, none, none},
				       {chrome, brands, none},
				       {chrome, brands, none},
				       {firefox, brands, none},
				       {none, both, none},
				       {none, brands, mac},
				       {none, none, both},
				       {none, none, none},
				       {brands, none, none},
				       {large, brands, mac},
				       {chrome, none, mac},
				       {large, none, mac},
				       {span_tail(large, 250), none, none},
				       {none, none, none}};
	struct ua_memo memo = {.filled = false};

	memset(huge, 'x', sizeof(huge));
	memcpy(huge + 256, "Firefox/9", 9);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct ua fresh;
		const struct ua *again =
		    ua_read_again(&memo, said[i][0], said[i][1], said[i][2]);

		ua_read(said[i][0], said[i][1], said[i][2], &fresh);
		CHECK_INT(again->family, fresh.family);
		CHECK_INT(again->os, fresh.os);
		CHECK_INT(again->mobile, fresh.mobile);
		CHECK_INT(again->major, fresh.major);
		CHECK(again->hinted == fresh.hinted &&
		      again->headless == fresh.headless &&
		      again->contradicts == fresh.contradicts);
	}
}

static void
a_memo_tells_two_versions_apart(void)
{
	struct ua_memo memo = {.filled = false};

	CHECK_INT(ua_read_again(&memo, SPAN_LIT("x Chrome/15"), none, none)->major, 15);
	CHECK(memo.filled);
	CHECK_INT(ua_read_again(&memo, SPAN_LIT("x Chrome/16"), none, none)->major, 16);
	CHECK_INT(ua_read_again(&memo, SPAN_LIT("x Chrome/1"), none, none)->major, 1);
	CHECK_INT(ua_read_again(&memo, none, none, none)->family, UA_UNKNOWN);
}

static void
every_value_has_a_name(void)
{
	for (unsigned i = 0; i < UA_FAMILY_COUNT; i++)
		CHECK(strlen(ua_family_name((enum ua_family)i)) > 1);
	for (unsigned i = 0; i < UA_OS_COUNT; i++)
		CHECK(strlen(ua_os_name((enum ua_os)i)) > 1);
}

int
main(void)
{
	TAP_RUN(reads_common_user_agents);
	TAP_RUN(headless_says_so);
	TAP_RUN(hints_that_disagree_are_noticed);
	TAP_RUN(hints_alone_suffice);
	TAP_RUN(a_memo_answers_like_a_fresh_reading);
	TAP_RUN(a_memo_tells_two_versions_apart);
	TAP_RUN(every_value_has_a_name);
	return tap_done();
}
