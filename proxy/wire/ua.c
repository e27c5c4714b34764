/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/ua.h"

#include "proxy/base/must.h"

/* Index behind the first occurrence of `text`, or -1. Fields are a few hundred bytes. */
static ptrdiff_t
ua_behind(struct span s, const char *text)
{
	struct span want = span_str(text);
	const uint8_t *from = s.p;

	while (s.n >= want.n) {
		const uint8_t *at = memchr(s.p, want.p[0], s.n - want.n + 1);

		if (at == NULL)
			return -1;
		if (memcmp(at, want.p, want.n) == 0)
			return at - from + (ptrdiff_t)want.n;
		s = span_of(at + 1, s.n - (size_t)(at + 1 - s.p));
	}
	return -1;
}

/* Index behind `text` where s begins with it, or -1. */
static ptrdiff_t
ua_start(struct span s, const char *text)
{
	struct span want = span_str(text);

	return span_starts(s, want) ? (ptrdiff_t)want.n : -1;
}

static bool
ua_has(struct span s, const char *text)
{
	return ua_behind(s, text) >= 0;
}

/* The number at s.p[at], at most six digits; 0 when there is none. */
static uint32_t
ua_number(struct span s, ptrdiff_t at)
{
	uint32_t v = 0;

	for (size_t i = (size_t)at; i < s.n && i < (size_t)at + 6; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			break;
		v = v * 10 + (uint32_t)(s.p[i] - '0');
	}
	return v;
}

struct ua_mark {
	const char *text;
	uint8_t value;
	bool at_start; /* counts only as the first thing said */
};

/* In this order: engines that pretend to be others come first. On iOS every browser is
 * Safari inside and is counted as that, with its own version. */
static const struct ua_mark ua_families[] = {
    {"Edge/", UA_OTHER, false},
    {"Trident/", UA_OTHER, false},
    {"CriOS/", UA_SAFARI, false},
    {"FxiOS/", UA_SAFARI, false},
    {"EdgiOS/", UA_SAFARI, false},
    {"Chrome/", UA_CHROMIUM, false},
    {"Chromium/", UA_CHROMIUM, false},
    {"Firefox/", UA_FIREFOX, false},
    {"curl/", UA_CURL, true},
    {"libcurl/", UA_CURL, true},
    {"python-requests/", UA_PYTHON, true},
    {"python-httpx/", UA_PYTHON, true},
    {"Python-urllib/", UA_PYTHON, true},
    {"Python/", UA_PYTHON, true},
    {"python-urllib3/", UA_PYTHON, true},
    {"aiohttp/", UA_PYTHON, true},
    {"Go-http-client/", UA_GO, true},
    {"Java-http-client/", UA_JAVA, true},
    {"Java/", UA_JAVA, true},
    {"okhttp/", UA_JAVA, true},
    {"Apache-HttpClient/", UA_JAVA, true},
};

static const struct ua_mark ua_systems[] = {
    {"Windows", UA_OS_WINDOWS, false}, {"Android", UA_OS_ANDROID, false},
    {"iPhone", UA_OS_IOS, false},      {"iPad", UA_OS_IOS, false},
    {"iPod", UA_OS_IOS, false},	       {"Macintosh", UA_OS_MAC, false},
    {"Mac OS X", UA_OS_MAC, false},    {"CrOS", UA_OS_OTHER, false},
    {"BSD", UA_OS_OTHER, false},       {"SunOS", UA_OS_OTHER, false},
    {"Tizen", UA_OS_OTHER, false},     {"Linux", UA_OS_LINUX, false},
    {"linux", UA_OS_LINUX, false},
};

static const struct ua_mark ua_platforms[] = {
    {"\"Windows\"", UA_OS_WINDOWS, true},   {"\"macOS\"", UA_OS_MAC, true},
    {"\"Linux\"", UA_OS_LINUX, true},	    {"\"Android\"", UA_OS_ANDROID, true},
    {"\"iOS\"", UA_OS_IOS, true},	    {"\"Chrome OS\"", UA_OS_OTHER, true},
    {"\"Chromium OS\"", UA_OS_OTHER, true},
};

/* The value of the first mark that s holds, else `none`; *behind where it ends. */
static unsigned
ua_first(struct span s, const struct ua_mark *marks, size_t n, unsigned none,
	 ptrdiff_t *behind)
{
	for (size_t i = 0; i < n; i++) {
		ptrdiff_t at = marks[i].at_start ? ua_start(s, marks[i].text)
						 : ua_behind(s, marks[i].text);

		if (at < 0)
			continue;
		*behind = at;
		return marks[i].value;
	}
	*behind = -1;
	return none;
}

static void
ua_read_agent(struct span s, struct ua *out)
{
	ptrdiff_t at;

	if (s.n == 0)
		return;
	out->family = (enum ua_family)ua_first(s, ua_families, ARRAY_LEN(ua_families),
					       UA_OTHER, &at);
	if (at < 0 && ua_has(s, "Safari/") && (at = ua_behind(s, "Version/")) >= 0)
		out->family = UA_SAFARI;
	if (at < 0)
		at =
		    span_chr(s, '/') + 1; /* 0 when there is none: no digit, no version */
	out->major = ua_number(s, at);
	out->headless = ua_has(s, "Headless");
	out->os = (enum ua_os)ua_first(s, ua_systems, ARRAY_LEN(ua_systems),
				       UA_OS_UNKNOWN, &at);
	if (ua_has(s, "Mobile") || ua_has(s, "iPhone"))
		out->mobile = UA_MOBILE_YES;
	else if (out->os != UA_OS_UNKNOWN)
		out->mobile = UA_MOBILE_NO;
}

/* Where the hint and the text both know, they must agree. */
static void
ua_read_hints(struct span brands, struct span platform, struct ua *out)
{
	ptrdiff_t at = ua_behind(brands, "\"Chromium\";v=\""), unused;
	uint32_t major = at < 0 ? 0 : ua_number(brands, at);
	enum ua_os os = (enum ua_os)ua_first(
	    platform, ua_platforms, ARRAY_LEN(ua_platforms), UA_OS_UNKNOWN, &unused);

	if (major) {
		out->hinted = true;
		if (out->family == UA_UNKNOWN) {
			out->family = UA_CHROMIUM;
			out->major = major;
		}
		out->contradicts = out->family != UA_CHROMIUM || out->major != major;
	}
	if (os == UA_OS_UNKNOWN)
		return;
	if (out->os == UA_OS_UNKNOWN)
		out->os = os;
	if (out->os != os)
		out->contradicts = true;
}

void
ua_read(struct span user_agent, struct span sec_ch_ua, struct span sec_ch_ua_platform,
	struct ua *out)
{
	*out = (struct ua){.family = UA_UNKNOWN};
	ua_read_agent(user_agent, out);
	ua_read_hints(sec_ch_ua, sec_ch_ua_platform, out);
}

static bool
ua_remembers(const struct ua_memo *m, const struct span field[3])
{
	const char *at = m->text;

	if (!m->filled)
		return false;
	for (int i = 0; i < 3; at += m->n[i++])
		if (m->n[i] != field[i].n ||
		    (field[i].n > 0 && memcmp(at, field[i].p, field[i].n) != 0))
			return false;
	return true;
}

static void
ua_remember(struct ua_memo *m, const struct span field[3])
{
	size_t n = 0;

	m->filled = false;
	for (int i = 0; i < 3; i++) {
		if (field[i].n > sizeof(m->text) - n)
			return;
		if (field[i].n > 0)
			memcpy(m->text + n, field[i].p, field[i].n);
		m->n[i] = (uint16_t)field[i].n;
		n += field[i].n;
	}
	m->filled = true;
}

const struct ua *
ua_read_again(struct ua_memo *m, struct span user_agent, struct span sec_ch_ua,
	      struct span sec_ch_ua_platform)
{
	const struct span field[3] = {user_agent, sec_ch_ua, sec_ch_ua_platform};

	if (!ua_remembers(m, field)) {
		ua_read(user_agent, sec_ch_ua, sec_ch_ua_platform, &m->ua);
		ua_remember(m, field);
	}
	return &m->ua;
}

const char *
ua_family_name(enum ua_family f)
{
	static const char *const names[UA_FAMILY_COUNT] = {
	    "unknown", "chromium", "firefox", "safari", "curl",
	    "python",  "go",	   "java",    "other"};
	unsigned i = (unsigned)f;

	return i < UA_FAMILY_COUNT ? names[i] : names[0];
}

const char *
ua_os_name(enum ua_os os)
{
	static const char *const names[UA_OS_COUNT] = {
	    "unknown", "windows", "mac", "linux", "android", "ios", "other"};
	unsigned i = (unsigned)os;

	return i < UA_OS_COUNT ? names[i] : names[0];
}
