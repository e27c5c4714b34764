/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/must.h"
#include "proxy/wire/authority.h"
#include "tests/unit/tap.h"

static bool
accepts(const char *s, const char *host, unsigned port, enum authority_kind kind)
{
	struct authority a;

	return authority_parse(span_str(s), &a) == 0 && span_eq(a.host, span_str(host)) &&
	       a.port == port && a.kind == kind;
}

static void
reads_names_addresses_and_ports(void)
{
	CHECK(accepts("a.example", "a.example", 0, AUTHORITY_NAME));
	CHECK(accepts("A-1_x.Example.:8443", "A-1_x.Example.", 8443, AUTHORITY_NAME));
	CHECK(accepts("localhost:1", "localhost", 1, AUTHORITY_NAME));
	CHECK(accepts("192.0.2.1:65535", "192.0.2.1", 65535, AUTHORITY_IPV4));
	CHECK(accepts("[::1]", "[::1]", 0, AUTHORITY_IPV6));
	CHECK(accepts("[2001:db8::192.0.2.1]:443", "[2001:db8::192.0.2.1]", 443,
		      AUTHORITY_IPV6));
	CHECK(accepts("1a.example", "1a.example", 0, AUTHORITY_NAME));
}

static void
refuses_what_has_two_readings(void)
{
	static const char *const bad[] = {"",
					  ":80",
					  "a:",
					  "a:0",
					  "a:65536",
					  "a:000443",
					  "a:+1",
					  "a:1:2",
					  "a b",
					  "a/b",
					  "u@a",
					  "a%2eb",
					  "a,b",
					  ".a",
					  "a..b",
					  "a..",
					  ".",
					  "a#b",
					  "a?b",
					  "1.2.3",
					  "1.2.3.4.",
					  "1.2.3.256",
					  "01.2.3.4",
					  "1.2.3.4.5",
					  "a.1",
					  "a.0x1f",
					  "0x7f",
					  "2130706433",
					  "[::1",
					  "::1",
					  "[::1]x",
					  "[::1]:",
					  "[fe80::1%25eth0]",
					  "[fe80::1%1]",
					  "[v1.x]",
					  "[]",
					  "[:]",
					  "[1.2.3.4]",
					  "[::1]]",
					  "a]",
					  "[[::1]]",
					  "[::1]:1:2",
					  "a\\b"};
	struct authority a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r = authority_parse(span_str(bad[i]), &a);

		if (r != WF_ESYNTAX)
			printf("# accepted: %s\n", bad[i]);
		CHECK_INT(r, WF_ESYNTAX);
		CHECK(a.host.n == 0);
	}
	CHECK_INT(authority_parse(SPAN_LIT("a\0b"), &a), WF_ESYNTAX);
	CHECK_INT(authority_parse(SPAN_LIT("[::1\0]"), &a), WF_ESYNTAX);
}

static void
names_and_labels_have_a_length(void)
{
	char name[300];
	struct authority a;

	memset(name, 'a', sizeof(name));
	CHECK_INT(authority_parse(span_of(name, 63), &a), 0);
	CHECK_INT(authority_parse(span_of(name, 64), &a), WF_ESYNTAX);
	for (size_t i = 50; i < sizeof(name); i += 51)
		name[i] = '.';
	CHECK_INT(authority_parse(span_of(name, 253), &a), 0);
	CHECK_INT(authority_parse(span_of(name, 254), &a), WF_ESYNTAX);
}

static void
hosts_compare_without_case_and_ending_dot(void)
{
	CHECK(authority_host_eq(SPAN_LIT("A.example."), SPAN_LIT("a.Example")));
	CHECK(!authority_host_eq(SPAN_LIT("a.example"), SPAN_LIT("b.example")));
	CHECK(!authority_host_eq(SPAN_LIT("a.example"), SPAN_LIT("a.example.b")));
}

int
main(void)
{
	TAP_RUN(reads_names_addresses_and_ports);
	TAP_RUN(refuses_what_has_two_readings);
	TAP_RUN(names_and_labels_have_a_length);
	TAP_RUN(hosts_compare_without_case_and_ending_dot);
	return tap_done();
}
