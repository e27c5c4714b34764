/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/syn.h"

#include "tests/unit/tap.h"

enum { PACKET = 320 };

struct packet {
	uint8_t b[PACKET];
	size_t n;
};

static void
put(struct packet *p, const void *bytes, size_t n)
{
	memcpy(p->b + p->n, bytes, n);
	p->n += n;
}

static void
put_tcp(struct packet *p, uint16_t window, const char *options, size_t n)
{
	uint8_t tcp[20] = {0xc0, 0x01, 0x01, 0xbb, [12] = (uint8_t)((5 + n / 4) << 4), [13] = 2,
	    [14] = (uint8_t)(window >> 8), [15] = (uint8_t)window};

	put(p, tcp, sizeof(tcp));
	put(p, options, n);
}

#define OPTIONS(text) text, sizeof(text) - 1
#define MSS "\x02\x04"
#define SACK "\x04\x02"
#define TIME "\x08\x0atimetime"
#define SCALE "\x03\x03"
#define NOP "\x01"
#define END "\x00"

static struct packet
ip4(uint8_t ttl, uint16_t window, const char *options, size_t n)
{
	uint8_t ip[20] = {0x45, [6] = 0x40, [8] = ttl, [9] = 6, [12] = 192, 0, 2, 1, 192, 0, 2, 2};
	struct packet p = {.n = 0};

	put(&p, ip, sizeof(ip));
	put_tcp(&p, window, options, n);
	return p;
}

/* With extension headers of these kinds, 8 bytes each. */
static struct packet
ip6(const char *kinds, const char *options, size_t n)
{
	uint8_t ip[40] = {0x60, [6] = (uint8_t)(kinds[0] ? kinds[0] : 6), [7] = 55};
	struct packet p = {.n = 0};

	put(&p, ip, sizeof(ip));
	for (size_t i = 0; kinds[i]; i++) {
		uint8_t more[8] = {(uint8_t)(kinds[i + 1] ? kinds[i + 1] : 6), 0};

		put(&p, more, sizeof(more));
	}
	put_tcp(&p, 64800, options, n);
	return p;
}

static int
parse(const struct packet *p, struct syn *s)
{
	return syn_parse(span_of(p->b, p->n), s);
}

static void
is(struct packet p, const char *text, const char *core)
{
	char got[SYN_TEXT];
	struct syn s;

	CHECK_INT(parse(&p, &s), 0);
	syn_text(&s, got);
	CHECK_STR(got, text);
	syn_core_text(syn_core(&s), got);
	CHECK_STR(got, core);
}

static void
systems_are_told_by_their_first_packet(void)
{
	is(ip4(52, 64240, OPTIONS(MSS "\x05\xb4" SACK TIME NOP SCALE "\x07")),
	    "ip4 t64-12 w44m m1460 s7 MSTNW", "t64 wm s7 MSTNW");
	is(ip4(116, 64240, OPTIONS(MSS "\x05\xb4" NOP SCALE "\x08" NOP NOP SACK)),
	    "ip4 t128-12 w44m m1460 s8 MNWNNS", "t128 wm s8 MNWNNS");
	is(ip4(64, 65535, OPTIONS(MSS "\x05\xb4" NOP SCALE "\x06" NOP NOP TIME SACK END END)),
	    "ip4 t64-0 w65535 m1460 s6 MNWNNTSE", "t64 w65535 s6 MNWNNTSE");
	is(ip6("", OPTIONS(MSS "\x05\xa0" SACK TIME NOP SCALE "\x07")),
	    "ip6 t64-9 w45m m1440 s7 MSTNW", "t64 wm s7 MSTNW");
	is(ip4(255, 1024, OPTIONS("")), "ip4 t255-0 w1024 m0 s- -", "t255 w1024 s- -");
}

static void
networks_on_the_way_do_not_change_the_core(void)
{
	struct packet a = ip4(64, 64240, OPTIONS(MSS "\x05\xb4" SACK TIME NOP SCALE "\x07"));
	struct packet b = ip4(41, 62216, OPTIONS(MSS "\x05\x86" SACK TIME NOP SCALE "\x07"));
	struct packet c = ip6("", OPTIONS(MSS "\x05\xa0" SACK TIME NOP SCALE "\x07"));
	struct syn x, y, z;

	CHECK_INT(parse(&a, &x), 0);
	CHECK_INT(parse(&b, &y), 0);
	CHECK_INT(parse(&c, &z), 0);
	CHECK(syn_core(&x) == syn_core(&y) && syn_core(&x) == syn_core(&z));
	y.ttl = 100;
	CHECK(syn_core(&x) != syn_core(&y));
	z.scale = 8;
	CHECK(syn_core(&x) != syn_core(&z));
	x.kinds[0] = 1;
	CHECK(syn_core(&x) != syn_core(&z));
}

static void
headers_in_between_are_passed_over(void)
{
	struct packet p = ip4(60, 100, OPTIONS(""));
	uint8_t with[PACKET];
	struct syn s;

	is(ip6("\x2b\x3c", OPTIONS("")), "ip6 t64-9 w64800 m0 s- -", "t64 w64800 s- -");
	memcpy(with, p.b, 20);
	with[0] = 0x46; /* four bytes of IP options */
	memset(with + 20, 1, 4);
	memcpy(with + 24, p.b + 20, 20);
	CHECK_INT(syn_parse(span_of(with, 44), &s), 0);
	CHECK_INT(s.window, 100);
}

static void
what_is_not_whole_is_refused(void)
{
	struct packet p = ip4(64, 64240, OPTIONS(MSS "\x05\xb4" SACK TIME NOP SCALE "\x07"));
	struct packet q = ip6("\x2b", OPTIONS(MSS "\x05\xb4"));
	struct syn s;

	for (size_t n = 0; n < p.n; n++)
		CHECK(syn_parse(span_of(p.b, n), &s) < 0);
	for (size_t n = 0; n < q.n; n++)
		CHECK(syn_parse(span_of(q.b, n), &s) < 0);
	p.n++;
	CHECK_INT(parse(&p, &s), WF_ETRAILING);
}

/* One byte of a packet that is good is another. */
static int
with(size_t at, uint8_t value)
{
	struct packet p = ip4(64, 64240, OPTIONS(MSS "\x05\xb4" SACK TIME NOP SCALE "\x07"));
	struct syn s;

	p.b[at] = value;
	return parse(&p, &s);
}

static void
what_no_system_sends_is_refused(void)
{
	CHECK_INT(with(0, 0x45), 0);
	CHECK_INT(with(0, 0x55), WF_EUNSUPPORTED); /* version */
	CHECK_INT(with(0, 0x44), WF_ESYNTAX);	   /* header length */
	CHECK(with(0, 0x4f) < 0);
	CHECK_INT(with(7, 1), WF_ESYNTAX);	   /* a later fragment */
	CHECK_INT(with(8, 0), WF_ERANGE);	   /* hop limit */
	CHECK_INT(with(9, 17), WF_EUNSUPPORTED);   /* UDP */
	CHECK_INT(with(32, 0x40), WF_ESYNTAX);	   /* TCP header length */
	CHECK_INT(with(32, 0xb0), WF_ETRUNCATED);
	CHECK_INT(with(32, 0x90), WF_ETRAILING);
	CHECK_INT(with(33, 0), WF_ESYNTAX);	   /* flags: none, SYN ACK, SYN RST */
	CHECK_INT(with(33, 0x12), WF_ESYNTAX);
	CHECK_INT(with(33, 6), WF_ESYNTAX);
	CHECK_INT(with(33, 0xc2), 0);		   /* with ECN */
	CHECK_INT(with(41, 0), WF_ESYNTAX);	   /* lengths of options */
	CHECK_INT(with(41, 1), WF_ESYNTAX);
	CHECK_INT(with(41, 5), WF_ESYNTAX);
	CHECK_INT(with(41, 200), WF_ETRUNCATED);
	CHECK_INT(with(59, 15), WF_ERANGE);	   /* window scale */
	CHECK_INT(with(56, 2), WF_ESYNTAX);
}

static void
an_option_comes_once_and_the_end_ends_them(void)
{
	struct packet p = ip4(64, 100, OPTIONS(MSS "\x05\xb4" MSS "\x05\xb4"));
	struct packet q = ip4(64, 100, OPTIONS(SCALE "\x01" SCALE "\x01" NOP NOP));
	struct packet r = ip4(64, 100, OPTIONS(MSS "\x00\x00"));
	struct packet t = ip4(64, 100, OPTIONS(NOP END "\x02\x00"));
	struct packet cut = ip4(64, 100, OPTIONS(NOP NOP NOP "\x02"));
	struct syn s;

	CHECK_INT(parse(&p, &s), WF_ESYNTAX);
	CHECK_INT(parse(&q, &s), WF_ESYNTAX);
	CHECK_INT(parse(&r, &s), WF_ERANGE);
	CHECK_INT(parse(&cut, &s), WF_ETRUNCATED);
	CHECK_INT(parse(&t, &s), 0);
	CHECK_INT(s.n_kinds, 2);
}

static void
too_many_headers_are_refused(void)
{
	struct packet p = ip6("\x3c\x3c\x3c\x3c", OPTIONS(""));
	struct packet q = ip6("\x3c\x3c\x3c\x3c\x3c", OPTIONS(""));
	struct packet f = ip6("\x2c", OPTIONS("")); /* a fragment */
	struct syn s;

	CHECK_INT(parse(&p, &s), 0);
	CHECK_INT(parse(&q, &s), WF_EUNSUPPORTED);
	CHECK_INT(parse(&f, &s), WF_EUNSUPPORTED);
}

static void
forty_options_fit(void)
{
	struct packet p = ip4(64, 100, OPTIONS("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
					       "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"));
	char text[SYN_TEXT];
	struct syn s;

	CHECK_INT(parse(&p, &s), 0);
	CHECK_INT(s.n_kinds, SYN_OPTIONS);
	syn_text(&s, text);
	CHECK(strlen(text) < SYN_TEXT - 1);
	syn_core_text(syn_core(&s), text);
	CHECK_STR(text, "t64 w100 s- NNNNNNNN");
}

int
main(void)
{
	TAP_RUN(systems_are_told_by_their_first_packet);
	TAP_RUN(networks_on_the_way_do_not_change_the_core);
	TAP_RUN(headers_in_between_are_passed_over);
	TAP_RUN(what_is_not_whole_is_refused);
	TAP_RUN(what_no_system_sends_is_refused);
	TAP_RUN(an_option_comes_once_and_the_end_ends_them);
	TAP_RUN(too_many_headers_are_refused);
	TAP_RUN(forty_options_fit);
	return tap_done();
}
