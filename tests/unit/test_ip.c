/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/tap.h"

static struct ip
addr(const char *text)
{
	struct ip ip;

	CHECK_INT(ip_parse(span_str(text), &ip), 0);
	return ip;
}

static struct ip_prefix
prefix(const char *text)
{
	struct ip_prefix p;

	CHECK_INT(ip_prefix_parse(span_str(text), &p), 0);
	return p;
}

static void
writes_what_it_reads_in_canonical_form(void)
{
	static const char *const pairs[][2] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"0.0.0.0", "0.0.0.0"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"::", "::"},
	    {"::1", "::1"},
	    {"1::", "1::"},
	    {"2001:DB8::1", "2001:db8::1"},
	    {"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
	    {"2001:0db8:0000:0001:0001:0001:0001:0001", "2001:db8:0:1:1:1:1:1"},
	    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
	    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
	    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"::FFFF:c000:0201", "192.0.2.1"},
	    {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
	    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
	};
	char out[IP_TEXT];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct ip ip = addr(pairs[i][0]);

		CHECK_INT(ip_print(&ip, out), strlen(pairs[i][1]));
		CHECK_STR(out, pairs[i][1]);
	}
}

static void
other_texts_are_no_addresses(void)
{
	static const char *const bad[] = {"",
					  "1",
					  "1.2.3",
					  "1.2.3.4.5",
					  "1.2.3.256",
					  "01.2.3.4",
					  "1.2.3.04",
					  "1.2.3.",
					  ".1.2.3",
					  "1..2.3",
					  "1.2.3.4 ",
					  " 1.2.3.4",
					  "0x1.2.3.4",
					  "1.2.3.4/",
					  "+1.2.3.4",
					  "1.2.3.1000",
					  ":",
					  ":::",
					  ":1",
					  "1:",
					  "1::2::3",
					  "1:2:3:4:5:6:7",
					  "1:2:3:4:5:6:7:8:9",
					  "1:2:3:4:5:6:7:8::",
					  "::1:2:3:4:5:6:7:8",
					  "1:2:3:4::5:6:7:8",
					  "12345::",
					  "g::",
					  "::1%eth0",
					  "[::1]",
					  "::1.2.3",
					  "1.2.3.4::",
					  "::1.2.3.4:5",
					  "::ffff:1.2.3.256",
					  "1:2:3:4:5:6:7:1.2.3.4",
					  "1:2:3:4:5:1.2.3.4"};
	struct ip ip;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ip_parse(span_str(bad[i]), &ip) != WF_ESYNTAX || ip.family != 0) {
			printf("# %s was read\n", bad[i]);
			tap_bad = 1;
		}
}

/* The C library is the judge for many machine-made texts. */
static void
agrees_with_inet_pton(void)
{
	static const char alphabet[] = "01af:.:2";
	uint32_t x = 1;
	unsigned differ = 0, good = 0;

	for (unsigned round = 0; round < 200000; round++) {
		char text[20];
		size_t n = 2 + round % 12;
		uint8_t b[16];
		struct ip ip, ref;
		int lib;

		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			text[i] = alphabet[x >> 29];
		}
		text[n] = '\0';
		lib = inet_pton(AF_INET6, text, b);
		if (lib == 1) {
			ref = ip_from_bytes(b, 16);
		} else {
			lib = inet_pton(AF_INET, text, b);
			ref = ip_from_bytes(b, 4);
		}
		if ((ip_parse(span_str(text), &ip) == 0) != (lib == 1) ||
		    (lib == 1 && !ip_eq(&ip, &ref)))
			differ++;
		good += lib == 1;
	}
	CHECK_INT(differ, 0);
	CHECK(good > 200);
}

static void
printing_agrees_with_inet_ntop(void)
{
	unsigned differ = 0;

	for (unsigned mask = 0; mask < 256; mask++) {
		uint8_t b[16] = {0};
		char ours[IP_TEXT], libs[INET6_ADDRSTRLEN];
		struct ip ip, back;

		for (unsigned g = 0; g < 8; g++)
			if (mask >> g & 1)
				b[2 * g + 1] = (uint8_t)(g + 1),
					  b[2 * g] = (uint8_t)(g & 1);
		ip = ip_from_bytes(b, 16);
		ip_print(&ip, ours);
		inet_ntop(AF_INET6, b, libs, sizeof(libs));
		/* It writes ::1.2.3.4 for the long-dead IPv4-compatible form. */
		differ += strcmp(ours, libs) != 0 && strchr(libs, '.') == NULL;
		differ += ip_parse(span_str(ours), &back) != 0 || !ip_eq(&ip, &back);
	}
	CHECK_INT(differ, 0);
}

static void
mapped_addresses_are_ipv4(void)
{
	struct ip a = addr("::ffff:10.1.2.3"), b = addr("10.1.2.3"),
		  c = ip_v4(10, 1, 2, 3);

	CHECK_INT(a.family, 4);
	CHECK(ip_eq(&a, &b) && ip_eq(&b, &c));
	CHECK_INT(ip_from_bytes(NULL, 0).family, 0);
}

static void
prefixes_contain_their_own_family_only(void)
{
	struct ip_prefix ten = prefix("10.0.0.0/8"), all4 = prefix("0.0.0.0/0"),
			 all6 = prefix("::/0"), odd = prefix("10.1.128.0/17"),
			 host = prefix("192.0.2.7"), doc = prefix("2001:db8::/33");
	struct ip a = addr("10.255.0.1"), b = addr("11.0.0.1"), c = addr("10.1.127.255"),
		  d = addr("10.1.128.1"), e = addr("2001:db8:7fff::1"),
		  f = addr("2001:db8:8000::"), h = addr("192.0.2.7"),
		  none = {.family = 0};

	CHECK(ip_prefix_has(&ten, &a) && !ip_prefix_has(&ten, &b));
	CHECK(!ip_prefix_has(&odd, &c) && ip_prefix_has(&odd, &d));
	CHECK(ip_prefix_has(&doc, &e) && !ip_prefix_has(&doc, &f));
	CHECK(ip_prefix_has(&host, &h) && !ip_prefix_has(&host, &a));
	CHECK(ip_prefix_has(&all4, &a) && !ip_prefix_has(&all4, &e));
	CHECK(ip_prefix_has(&all6, &e) && !ip_prefix_has(&all6, &a));
	CHECK(!ip_prefix_has(&all4, &none) && !ip_prefix_has(&all6, &none));
	CHECK(ip_prefix_any((struct ip_prefix[]){ten, doc}, 2, &e));
	CHECK(!ip_prefix_any((struct ip_prefix[]){ten, doc}, 2, &b));
	CHECK(!ip_prefix_any(NULL, 0, &b));
}

static void
prefix_texts_are_checked(void)
{
	static const char *const bad[] = {"10.0.0.0/33",  "10.0.0.0/",	 "/8",
					  "10.0.0.0/08",  "10.0.0.0/-1", "10.0.0.1/8",
					  "::1/64",	  "::/129",	 "10.0.0.0/8 ",
					  "10.0.0.0/8/8", "x/8"};
	struct ip_prefix p = prefix("2001:db8::/32");
	char out[IP_PREFIX_TEXT];

	CHECK_INT(ip_prefix_print(&p, out), 13);
	CHECK_STR(out, "2001:db8::/32");
	p = prefix("192.0.2.1");
	ip_prefix_print(&p, out);
	CHECK_STR(out, "192.0.2.1/32");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(ip_prefix_parse(span_str(bad[i]), &p) < 0);
	CHECK_INT(ip_prefix_parse(SPAN_LIT("10.0.0.1/8"), &p), WF_ERANGE);
}

static void
classes_end_where_they_should(void)
{
	static const struct {
		const char *text;
		enum ip_class class;
	} cases[] = {
	    {"0.0.0.0", IP_UNSPECIFIED},
	    {"0.1.2.3", IP_UNSPECIFIED},
	    {"1.0.0.0", IP_GLOBAL},
	    {"10.0.0.0", IP_PRIVATE},
	    {"11.0.0.0", IP_GLOBAL},
	    {"100.63.255.255", IP_GLOBAL},
	    {"100.64.0.0", IP_SHARED},
	    {"100.127.255.255", IP_SHARED},
	    {"100.128.0.0", IP_GLOBAL},
	    {"127.255.0.1", IP_LOOPBACK},
	    {"169.254.1.1", IP_LINKLOCAL},
	    {"172.15.0.0", IP_GLOBAL},
	    {"172.31.255.255", IP_PRIVATE},
	    {"172.32.0.0", IP_GLOBAL},
	    {"192.0.0.1", IP_RESERVED},
	    {"192.0.2.255", IP_DOCS},
	    {"192.168.1.1", IP_PRIVATE},
	    {"198.19.0.1", IP_RESERVED},
	    {"198.51.100.1", IP_DOCS},
	    {"203.0.113.9", IP_DOCS},
	    {"223.255.255.255", IP_GLOBAL},
	    {"224.0.0.1", IP_MULTICAST},
	    {"239.255.255.255", IP_MULTICAST},
	    {"240.0.0.1", IP_CLASS_E},
	    {"255.255.255.255", IP_CLASS_E},
	    {"::", IP_UNSPECIFIED},
	    {"::1", IP_LOOPBACK},
	    {"::2", IP_RESERVED},
	    {"::1.2.3.4", IP_RESERVED},
	    {"2001:db8::1", IP_DOCS},
	    {"2001:db9::1", IP_GLOBAL},
	    {"3fff:fff::1", IP_DOCS},
	    {"3fff:1000::1", IP_GLOBAL},
	    {"fc00::1", IP_PRIVATE},
	    {"fdff::1", IP_PRIVATE},
	    {"fe00::1", IP_GLOBAL},
	    {"fe80::1", IP_LINKLOCAL},
	    {"febf::1", IP_LINKLOCAL},
	    {"fec0::1", IP_RESERVED},
	    {"ff02::1", IP_MULTICAST},
	    {"2606:4700::1", IP_GLOBAL},
	    {"::ffff:127.0.0.1", IP_LOOPBACK},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip ip = addr(cases[i].text);

		if (ip_class(&ip) != cases[i].class) {
			printf("# %s is %s\n", cases[i].text,
			       ip_class_name(ip_class(&ip)));
			tap_bad = 1;
		}
		CHECK(ip_usable(&ip) ==
		      (cases[i].class != IP_UNSPECIFIED &&
		       cases[i].class != IP_MULTICAST && cases[i].class != IP_CLASS_E));
	}
	CHECK(!ip_usable(&(struct ip){.family = 0}));
}

static void
truncation_keeps_the_network(void)
{
	struct ip a = addr("203.0.113.77"), b = addr("2001:db8:1:2:3::4"), t;
	char out[IP_TEXT];

	t = ip_truncate(&a, 24, 48);
	ip_print(&t, out);
	CHECK_STR(out, "203.0.113.0");
	CHECK_INT(t.family, 4);
	t = ip_truncate(&b, 24, 48);
	ip_print(&t, out);
	CHECK_STR(out, "2001:db8:1::");
	t = ip_truncate(&a, 99, 48);
	CHECK(ip_eq(&t, &a));
	t = ip_truncate(&a, 0, 48);
	ip_print(&t, out);
	CHECK_STR(out, "0.0.0.0");
}

static void
goes_through_socket_addresses(void)
{
	static const char *const texts[] = {"192.0.2.1", "2001:db8::7"};
	struct sockaddr_storage ss;
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct ip back, want;
	uint16_t port;

	for (size_t i = 0; i < 2; i++) {
		struct ip ip = addr(texts[i]);
		size_t len = ip_to_sockaddr(&ip, 4711, &ss);

		CHECK(len > 0);
		CHECK_INT(ip_from_sockaddr((struct sockaddr *)&ss, len, &back, &port), 0);
		CHECK(ip_eq(&ip, &back) && port == 4711);
		CHECK(ip_from_sockaddr((struct sockaddr *)&ss, len - 1, &back, &port) <
		      0);
	}
	CHECK_INT(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr), 1);
	want = addr("192.0.2.1");
	CHECK_INT(
	    ip_from_sockaddr((struct sockaddr *)&mapped, sizeof(mapped), &back, NULL), 0);
	CHECK(ip_eq(&back, &want));
	CHECK(ip_from_sockaddr((struct sockaddr *)&un, sizeof(un), &back, NULL) < 0);
	CHECK_INT(ip_to_sockaddr(&(struct ip){.family = 0}, 1, &ss), 0);
}

int
main(void)
{
	TAP_RUN(writes_what_it_reads_in_canonical_form);
	TAP_RUN(other_texts_are_no_addresses);
	TAP_RUN(agrees_with_inet_pton);
	TAP_RUN(printing_agrees_with_inet_ntop);
	TAP_RUN(mapped_addresses_are_ipv4);
	TAP_RUN(prefixes_contain_their_own_family_only);
	TAP_RUN(prefix_texts_are_checked);
	TAP_RUN(classes_end_where_they_should);
	TAP_RUN(truncation_keeps_the_network);
	TAP_RUN(goes_through_socket_addresses);
	return tap_done();
}
