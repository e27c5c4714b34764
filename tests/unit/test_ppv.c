/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/ppv.h"

#include "tests/unit/tap.h"

static int
parse(struct span in, struct ppv *out, size_t *used)
{
	const char *why;
	int err = ppv_parse(in, 0, out, used, &why);

	CHECK((err < 0) == (why[0] != '\0'));
	CHECK(err == 0 ? *used > 0 : *used == 0);
	return err;
}

static int
parse_text(const char *text)
{
	struct ppv p;
	size_t used;

	return parse(span_str(text), &p, &used);
}

/* Every proper prefix of a good header asks for more; bytes behind it are left alone. */
static void
arrives_in_pieces(struct span header)
{
	uint8_t buf[700];
	struct ppv p;
	size_t used;

	memcpy(buf, header.p, header.n);
	memcpy(buf + header.n, "GET /", 5);
	for (size_t n = 0; n < header.n; n++)
		CHECK_INT(parse(span_of(buf, n), &p, &used), WF_MORE);
	CHECK_INT(parse(span_of(buf, header.n), &p, &used), 0);
	CHECK_INT(used, header.n);
	CHECK_INT(parse(span_of(buf, header.n + 5), &p, &used), 0);
	CHECK_INT(used, header.n);
}

static struct ppv
sample(bool v6)
{
	struct ppv p = {.kind = PPV_PROXY, .src_port = 56324, .dst_port = 443};

	CHECK_INT(
	    ip_parse(v6 ? SPAN_LIT("2001:db8::7") : SPAN_LIT("192.168.0.1"), &p.src), 0);
	CHECK_INT(
	    ip_parse(v6 ? SPAN_LIT("2001:db8::8") : SPAN_LIT("192.168.0.11"), &p.dst), 0);
	return p;
}

static void
reads_version_1(void)
{
	struct ppv p, want = sample(false);
	size_t used;

	CHECK_INT(parse(SPAN_LIT("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET"),
			&p, &used),
		  0);
	CHECK_INT(used, 47);
	CHECK_INT(p.kind, PPV_PROXY);
	CHECK_INT(p.version, 1);
	CHECK(ip_eq(&p.src, &want.src) && ip_eq(&p.dst, &want.dst));
	CHECK(p.src_port == 56324 && p.dst_port == 443);
	want = sample(true);
	CHECK_INT(
	    parse(SPAN_LIT("PROXY TCP6 2001:DB8::7 2001:db8:0:0:0:0:0:8 1 65535\r\n"), &p,
		  &used),
	    0);
	CHECK(ip_eq(&p.src, &want.src) && ip_eq(&p.dst, &want.dst));
	CHECK_INT(
	    parse(SPAN_LIT("PROXY TCP6 ::ffff:10.0.0.1 ::ffff:a00:2 1 2\r\n"), &p, &used),
	    0);
	CHECK_INT(p.src.family, 4);
}

static void
unknown_in_version_1_has_no_addresses(void)
{
	static const char *const lines[] = {
	    "PROXY UNKNOWN\r\n", "PROXY UNKNOWN anything at all\r\n",
	    ("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n")};
	struct ppv p;
	size_t used;

	for (size_t i = 0; i < 3; i++) {
		CHECK_INT(parse(span_str(lines[i]), &p, &used), 0);
		CHECK_INT(p.kind, PPV_UNKNOWN);
		CHECK_INT(p.src.family, 0);
		CHECK_INT(used, strlen(lines[i]));
	}
	CHECK_INT(strlen(lines[2]), PPV_V1_MAX);
}

static void
version_1_is_exact(void)
{
	static const char *const bad[] = {
	    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n",
	    "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
	    "PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
	    "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
	    "PROXY TCP4 ::1 ::1 1 2\r\n",
	    "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY TCP6 ::7 1.2.3.4 1 2\r\n",
	    "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY \r\n",
	    "PROXY UNKNOWNx\r\n",
	    "PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n",
	    "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
	    "PROXY\r\n",
	    "GET / HTTP/1.1\r\n",
	    "X",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_text(bad[i]) >= 0) {
			printf("# accepted: %s\n", bad[i]);
			tap_bad = 1;
		}
}

static void
a_line_without_end_is_refused_at_107_bytes(void)
{
	char line[200];
	struct ppv p;
	size_t used;

	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	CHECK_INT(parse(span_of(line, 106), &p, &used), WF_MORE);
	CHECK_INT(parse(span_of(line, 107), &p, &used), WF_ESYNTAX);
	line[106] = '\r';
	line[107] = '\n';
	CHECK_INT(parse(span_of(line, 108), &p, &used), WF_ESYNTAX);
}

static void
hopeless_lines_are_refused_early(void)
{
	CHECK_INT(parse_text("PROX"), WF_MORE);
	CHECK_INT(parse_text("PROXY"), WF_MORE);
	CHECK(parse_text("PROZ") < 0);
	CHECK(parse_text("\r\n\r\nG") < 0);
	CHECK_INT(parse_text("PROXY TCP4 1\r"), WF_MORE);
	CHECK(parse_text("PROXY TCP4 1\rx") < 0);
	CHECK(parse_text("PROXY TCP4 \x80") < 0);
}

static void
refuses_ends_that_no_connection_has(void)
{
	static const char *const bad[] = {"PROXY TCP4 0.0.0.0 5.6.7.8 1 2\r\n",
					  "PROXY TCP4 1.2.3.4 0.0.0.0 1 2\r\n",
					  "PROXY TCP4 224.0.0.1 5.6.7.8 1 2\r\n",
					  "PROXY TCP4 240.0.0.1 5.6.7.8 1 2\r\n",
					  "PROXY TCP4 255.255.255.255 5.6.7.8 1 2\r\n",
					  "PROXY TCP6 :: ::1 1 2\r\n",
					  "PROXY TCP6 ff02::1 ::1 1 2\r\n",
					  "PROXY TCP6 ::ffff:224.0.0.1 ::1 1 2\r\n",
					  "PROXY TCP4 1.2.3.4 5.6.7.8 0 2\r\n",
					  "PROXY TCP4 1.2.3.4 5.6.7.8 1 0\r\n"};
	static const char *const good[] = {"PROXY TCP4 10.0.0.1 127.0.0.1 1 2\r\n",
					   "PROXY TCP6 fd00::1 ::1 1 2\r\n",
					   "PROXY TCP6 fe80::1 ::1 1 2\r\n",
					   "PROXY TCP4 100.64.0.1 192.168.0.1 1 2\r\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(parse_text(bad[i]), WF_ERANGE);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_INT(parse_text(good[i]), 0);
}

static void
writes_what_it_reads(void)
{
	uint8_t buf[128];
	struct ppv p;
	size_t n, used;

	for (unsigned i = 0; i < 8; i++) {
		struct ppv want = sample(i & 1);

		want.checksum = (i & 4) != 0;
		if (i & 2)
			CHECK_INT(ppv_write_v1(&want, buf, sizeof(buf), &n), 0);
		else
			CHECK_INT(ppv_write_v2(&want, SPAN_LIT(""), buf, sizeof(buf), &n),
				  0);
		arrives_in_pieces(span_of(buf, n));
		CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
		CHECK_INT(p.version, i & 2 ? 1 : 2);
		CHECK(ip_eq(&p.src, &want.src) && ip_eq(&p.dst, &want.dst));
		CHECK(p.src_port == want.src_port && p.dst_port == want.dst_port);
		CHECK(p.checksum == (want.checksum && !(i & 2)));
	}
	for (unsigned i = 0; i < 2; i++) {
		struct ppv want = {.kind = i ? PPV_LOCAL : PPV_UNKNOWN};

		CHECK_INT(ppv_write_v2(&want, SPAN_LIT(""), buf, sizeof(buf), &n), 0);
		CHECK_INT(n, 16);
		arrives_in_pieces(span_of(buf, n));
		CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
		CHECK_INT(p.kind, want.kind);
	}
	CHECK_INT(ppv_write_v1(&(struct ppv){.kind = PPV_LOCAL}, buf, 15, &n), 0);
	CHECK_INT(ppv_write_v1(&(struct ppv){.kind = PPV_LOCAL}, buf, 14, &n), WF_EFULL);
}

static void
mixed_families_are_written_as_ipv6(void)
{
	struct ppv want = sample(true), p;
	uint8_t buf[128];
	size_t n, used;

	want.src = ip_v4(10, 0, 0, 1);
	CHECK_INT(ppv_write_v1(&want, buf, sizeof(buf), &n), 0);
	CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
	CHECK(ip_eq(&p.src, &want.src) && ip_eq(&p.dst, &want.dst));
	CHECK_INT(ppv_write_v2(&want, SPAN_LIT(""), buf, sizeof(buf), &n), 0);
	CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
	CHECK(ip_eq(&p.src, &want.src) && ip_eq(&p.dst, &want.dst));
}

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\x0a\x00\x00\x01\x0a\x00\x00\x02\x12\x34\x01\xbb"

static int
v2(struct span in)
{
	struct ppv p;
	size_t used;

	return parse(in, &p, &used);
}

static void
local_skips_its_block(void)
{
	struct ppv p;
	size_t used;

	CHECK_INT(parse(SPAN_LIT(SIG "\x20\x11\x00\x0c" V4), &p, &used), 0);
	CHECK_INT(p.kind, PPV_LOCAL);
	CHECK_INT(p.src.family, 0);
	CHECK_INT(used, 28);
	CHECK_INT(v2(SPAN_LIT(SIG "\x20\xff\x00\x03xyz")), 0);
	CHECK_INT(v2(SPAN_LIT(SIG "\x20\x00\x00\x03xy")), WF_MORE);
}

static void
version_2_is_exact(void)
{
	CHECK_INT(v2(SPAN_LIT(SIG "\x21\x11\x00\x0c" V4)), 0);
	CHECK(v2(SPAN_LIT(SIG "\x11\x11\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x31\x11\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x22\x11\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x22")) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x21\x11\x00\x0b" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x21\x21\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x21\x10\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x21\x01\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x21\x41\x00\x0c" V4)) < 0);
	CHECK(v2(SPAN_LIT(SIG "\x21\x13\x00\x0c" V4)) < 0);
	CHECK_INT(v2(SPAN_LIT(SIG "\x21\x12\x00\x0c" V4)), WF_EUNSUPPORTED);
	CHECK_INT(v2(SPAN_LIT(SIG "\x21\x31\x00\x00")), WF_EUNSUPPORTED);
	CHECK_INT(v2(SPAN_LIT("\r\n\r\n\0\r\nQUIX\n")), WF_ESYNTAX);
	CHECK_INT(v2(SPAN_LIT(SIG "\x21\x11\x02\x09")), WF_ERANGE); /* 537 bytes */
	CHECK_INT(v2(SPAN_LIT(SIG "\x21\x11\x02\x08")), WF_MORE);   /* 536 bytes */
}

static void
the_limit_of_version_2_is_the_callers(void)
{
	struct ppv p;
	size_t used;

	CHECK_INT(ppv_parse(SPAN_LIT(SIG "\x21\x11\x00\x0c" V4), 28, &p, &used, NULL), 0);
	CHECK_INT(ppv_parse(SPAN_LIT(SIG "\x21\x11\x00\x0c" V4), 27, &p, &used, NULL),
		  WF_ERANGE);
	CHECK_INT(ppv_parse(SPAN_LIT(SIG "\x21\x11\xff\xff"), 70000, &p, &used, NULL),
		  WF_MORE);
}

static void
reads_the_fields_of_version_2(void)
{
	const struct span tlvs =
	    SPAN_LIT("\x01\x00\x02h2\x02\x00\x07"
		     "app.dom\x04\x00\x00\x04\x00\x01z\x05\x00\x03xyz"
		     "\x20\x00\x0a\x01\x00\x00\x00\x00\x21\x00\x02v3\xee\x00\x00");
	struct ppv want = sample(false), p;
	uint8_t buf[128];
	size_t n, used;

	want.checksum = true;
	CHECK_INT(ppv_write_v2(&want, tlvs, buf, sizeof(buf), &n), 0);
	arrives_in_pieces(span_of(buf, n));
	CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
	CHECK(span_eq(p.alpn, SPAN_LIT("h2")) &&
	      span_eq(p.authority, SPAN_LIT("app.dom")));
	CHECK(span_eq(p.unique_id, SPAN_LIT("xyz")));
	CHECK(p.tls && p.checksum);
	/* A flipped bit behind the length is noticed, unless it hides the checksum
	 * itself. */
	for (size_t i = 16; i < n; i++) {
		if (i == n - 7)
			continue;
		buf[i] ^= 0x40;
		CHECK(parse(span_of(buf, n), &p, &used) < 0);
		buf[i] ^= 0x40;
	}
	CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
}

static void
fields_that_we_do_not_read_may_repeat(void)
{
	struct ppv want = sample(true), p;
	uint8_t buf[128];
	size_t n, used;

	CHECK_INT(ppv_write_v2(
		      &want, SPAN_LIT("\x04\x00\x00\x04\x00\x00\xee\x00\x00\xee\x00\x00"),
		      buf, sizeof(buf), &n),
		  0);
	CHECK_INT(parse(span_of(buf, n), &p, &used), 0);
}

static void
malformed_fields_are_refused(void)
{
	static const struct {
		const char *tlv;
		size_t n;
	} bad[] = {
	    {"\x02", 1},
	    {"\x02\x00", 2},
	    {"\x02\x00\x02x", 4},
	    {"\x01\x00\x00\x01\x00\x00", 6},
	    {"\x03\x00\x03xyz", 6},
	    {"\x03\x00\x04zzzz", 7},
	    {"\x02\x00\x01\n", 4},
	    {"\x02\x00\x01\xff", 4},
	    {"\x20\x00\x04zzzz", 7},
	    {"\x20\x00\x06\x01zzzz\x21", 9},
	    {"\x20\x00\x09\x01zzzz\x21\x00\x02y", 12},
	    {"\x02\xff\xff", 3},
	};
	struct ppv want = sample(false), p;
	uint8_t buf[128];
	size_t n, used;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(ppv_write_v2(&want, span_of(bad[i].tlv, bad[i].n), buf,
				       sizeof(buf), &n),
			  0);
		CHECK(parse(span_of(buf, n), &p, &used) < 0);
	}
}

static void
the_checksum_is_castagnolis(void)
{
	uint8_t zeros[32] = {0};

	CHECK(ppv_crc32c(0, SPAN_LIT("123456789")) == 0xe3069283u);
	CHECK(ppv_crc32c(0, span_of(zeros, 32)) == 0x8a9136aau); /* RFC 3720 B.4 */
	CHECK(ppv_crc32c(ppv_crc32c(0, SPAN_LIT("1234")), SPAN_LIT("56789")) ==
	      0xe3069283u);
}

int
main(void)
{
	TAP_RUN(reads_version_1);
	TAP_RUN(unknown_in_version_1_has_no_addresses);
	TAP_RUN(version_1_is_exact);
	TAP_RUN(a_line_without_end_is_refused_at_107_bytes);
	TAP_RUN(hopeless_lines_are_refused_early);
	TAP_RUN(refuses_ends_that_no_connection_has);
	TAP_RUN(writes_what_it_reads);
	TAP_RUN(mixed_families_are_written_as_ipv6);
	TAP_RUN(local_skips_its_block);
	TAP_RUN(version_2_is_exact);
	TAP_RUN(the_limit_of_version_2_is_the_callers);
	TAP_RUN(reads_the_fields_of_version_2);
	TAP_RUN(fields_that_we_do_not_read_may_repeat);
	TAP_RUN(malformed_fields_are_refused);
	TAP_RUN(the_checksum_is_castagnolis);
	return tap_done();
}
