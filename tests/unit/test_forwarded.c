/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/forwarded.h"

#include "tests/unit/tap.h"

static struct ip
addr(const char *text)
{
	struct ip ip = {.family = 0};

	if (*text)
		CHECK_INT(ip_parse(span_str(text), &ip), 0);
	return ip;
}

static int
client(const char *peer, const char *line, const char *want)
{
	struct ip_prefix trusted[2];
	struct ip p = addr(peer), got, expect = addr(want);
	struct span s = span_str(line);
	int err;

	CHECK_INT(ip_prefix_parse(SPAN_LIT("10.0.0.0/8"), &trusted[0]), 0);
	CHECK_INT(ip_prefix_parse(SPAN_LIT("fd00::/8"), &trusted[1]), 0);
	err = forwarded_client(&p, &s, 1, trusted, 2, &got);
	if (err != 0)
		CHECK_INT(got.family, 0);
	else
		CHECK(ip_eq(&got, &expect));
	return err;
}

static void
the_rightmost_untrusted_address_is_the_client(void)
{
	CHECK_INT(client("10.0.0.1", "203.0.113.9", "203.0.113.9"), 0);
	CHECK_INT(client("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"), 0);
	CHECK_INT(
	    client("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2 , fd00::7", "203.0.113.9"),
	    0);
	CHECK_INT(client("10.0.0.1", "1.1.1.1,2001:db8::9", "2001:db8::9"), 0);
	CHECK_INT(client("10.0.0.1", "1.1.1.1, [2001:db8::9]:4711", "2001:db8::9"), 0);
	CHECK_INT(client("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"), 0);
	CHECK_INT(client("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"), 0);
}

static void
what_the_client_wrote_is_never_read(void)
{
	CHECK_INT(client("10.0.0.1", "junk, \"x, 1.2.3, 203.0.113.9", "203.0.113.9"), 0);
	CHECK_INT(client("203.0.113.5", "10.0.0.9, junk", "203.0.113.5"), 0);
	CHECK_INT(client("203.0.113.5", "1.1.1.1", "203.0.113.5"), 0);
}

static void
all_trusted_means_the_leftmost(void)
{
	CHECK_INT(client("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"), 0);
	CHECK_INT(client("10.0.0.1", "", "10.0.0.1"), 0);
	CHECK_INT(client("10.0.0.1", " , ,", "10.0.0.1"), 0);
}

static void
a_trusted_hop_that_names_nobody_is_an_error(void)
{
	CHECK_INT(client("10.0.0.1", "203.0.113.9, unknown", ""), WF_ESYNTAX);
	CHECK_INT(client("10.0.0.1", "203.0.113.9, _hidden", ""), WF_ESYNTAX);
	CHECK_INT(client("10.0.0.1", "203.0.113.9:x", ""), WF_ESYNTAX);
	CHECK_INT(client("10.0.0.1", "[203.0.113.9]", ""), WF_ESYNTAX);
	CHECK_INT(client("10.0.0.1", "[2001:db8::1", ""), WF_ESYNTAX);
	CHECK_INT(client("10.0.0.1", "[2001:db8::1]x", ""), WF_ESYNTAX);
	CHECK_INT(client("10.0.0.1", "0.0.0.0", ""), WF_ERANGE);
	CHECK_INT(client("10.0.0.1", "224.0.0.1", ""), WF_ERANGE);
}

static void
hops_are_bounded(void)
{
	char line[512] = "203.0.113.9";

	for (unsigned i = 0; i < FORWARDED_HOPS - 1; i++)
		memcpy(line + strlen(line), ",10.0.0.2", 10);
	CHECK_INT(client("10.0.0.1", line, "203.0.113.9"), 0);
	memcpy(line + strlen(line), ",10.0.0.2", 10);
	CHECK_INT(client("10.0.0.1", line, ""), WF_ERANGE);
}

static void
several_lines_are_one_list(void)
{
	const struct span lines[] = {
	    SPAN_LIT("1.1.1.1"), SPAN_LIT("203.0.113.9, 10.0.0.3"), SPAN_LIT("10.0.0.2")};
	struct ip_prefix trusted;
	struct ip peer = addr("10.0.0.1"), want = addr("203.0.113.9"), got;

	CHECK_INT(ip_prefix_parse(SPAN_LIT("10.0.0.0/8"), &trusted), 0);
	CHECK_INT(forwarded_client(&peer, lines, 3, &trusted, 1, &got), 0);
	CHECK(ip_eq(&got, &want));
}

static int
wrote(const char *for_, const char *by, const char *host, bool tls, const char *want)
{
	uint8_t buf[128];
	struct span out;
	struct ip c = addr(for_), b = addr(by);
	int err = forwarded_write(&c, *by ? &b : NULL, span_str(host), tls, buf,
				  sizeof(buf), &out);

	if (err == 0 && !span_eq(out, span_str(want))) {
		printf("# %.*s\n", (int)out.n, (const char *)out.p);
		tap_bad = 1;
	}
	return err;
}

static void
writes_rfc_7239_with_quotes_where_needed(void)
{
	CHECK_INT(wrote("192.0.2.1", "", "app.example", true,
			"for=192.0.2.1;host=app.example;proto=https"),
		  0);
	CHECK_INT(wrote("2001:db8::1", "", "app.example:8443", false,
			"for=\"[2001:db8::1]\";host=\"app.example:8443\";proto=http"),
		  0);
	CHECK_INT(
	    wrote("192.0.2.1", "2001:db8::2", "[::1]:1", true,
		  "by=\"[2001:db8::2]\";for=192.0.2.1;host=\"[::1]:1\";proto=https"),
	    0);
	CHECK_INT(wrote("", "", "a", true, "for=unknown;host=a;proto=https"), 0);
}

static void
a_host_cannot_add_parameters(void)
{
	static const char *const bad[] = {"",	      "a;proto=http", "a\"b",	"a\\b",
					  "a, for=x", "a b",	      "a\r\nb", "a\x80"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(wrote("192.0.2.1", "", bad[i], true, ""), WF_ESYNTAX);
}

static void
says_when_the_value_does_not_fit(void)
{
	uint8_t buf[64];
	struct span out;
	struct ip c = addr("192.0.2.1");

	CHECK_INT(forwarded_write(&c, NULL, SPAN_LIT("a"), true, buf, 32, &out), 0);
	CHECK_INT(forwarded_write(&c, NULL, SPAN_LIT("a"), true, buf, out.n - 1, &out),
		  WF_EFULL);
	CHECK_INT(out.n, 0);
	CHECK_INT(forwarded_write_for(&c, buf, 9, &out), 0);
	CHECK(span_eq(out, SPAN_LIT("192.0.2.1")));
	CHECK_INT(forwarded_write_for(&c, buf, 8, &out), WF_EFULL);
	CHECK(span_eq(forwarded_proto(true), SPAN_LIT("https")));
}

int
main(void)
{
	TAP_RUN(the_rightmost_untrusted_address_is_the_client);
	TAP_RUN(what_the_client_wrote_is_never_read);
	TAP_RUN(all_trusted_means_the_leftmost);
	TAP_RUN(a_trusted_hop_that_names_nobody_is_an_error);
	TAP_RUN(hops_are_bounded);
	TAP_RUN(several_lines_are_one_list);
	TAP_RUN(writes_rfc_7239_with_quotes_where_needed);
	TAP_RUN(a_host_cannot_add_parameters);
	TAP_RUN(says_when_the_value_does_not_fit);
	return tap_done();
}
