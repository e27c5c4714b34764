/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/err.h"
#include "proxy/base/text.h"
#include "proxy/wire/hello.h"
#include "tests/unit/tap.h"

#include <stdlib.h>

/* TLS 1.3, SNI wallet.example, versions, algorithms, ALPN h2. */
static const char plain[] = "010000600303000102030405060708090a0b0c0d0e0f1011121314151617"
			    "18191a1b1c1d1e1f0000041301"
			    "13020100003300000013001100000e77616c6c65742e6578616d706c6500"
			    "2b00050403040303000d000600"
			    "0404030804001000050003026832";

static struct span
bytes(const char *hex, uint8_t *buf)
{
	size_t n = strlen(hex) / 2;

	CHECK_INT(text_unhex(span_str(hex), buf, n), 0);
	return span_of(buf, n);
}

/* An exact-size heap copy, so that a sanitizer sees one byte too far. */
static int
parse_copy(struct span s, struct hello *h)
{
	uint8_t *p = malloc(s.n ? s.n : 1);
	int r;

	if (p == NULL)
		abort();
	memcpy(p, s.p, s.n);
	r = hello_parse(span_of(p, s.n), h);
	free(p);
	return r;
}

static void
reads_each_part(void)
{
	uint8_t buf[512];
	struct hello h;
	struct span name, rest;

	CHECK_INT(hello_parse(bytes(plain, buf), &h), 0);
	CHECK_INT(h.version, 0x0303);
	CHECK_INT(h.random.n, 32);
	CHECK_INT(h.session_id.n, 0);
	CHECK_INT(h.ciphers.n, 4);
	CHECK_INT(hello_u16(h.ciphers, 1), 0x1302);
	CHECK_INT(h.ext_count, 4);
	CHECK(span_eq(h.sni, span_str("wallet.example")));
	CHECK_INT(h.versions.n, 4);
	CHECK_INT(h.sigalgs.n, 4);
	rest = h.alpn;
	CHECK(hello_alpn_next(&rest, &name));
	CHECK(span_eq(name, span_str("h2")));
	CHECK(!hello_alpn_next(&rest, &name));
	CHECK_INT(h.odd, 0);
	CHECK_INT(h.has, HELLO_HAS_SNI | HELLO_HAS_VERSIONS | HELLO_HAS_SIGALGS |
			     HELLO_HAS_ALPN);
}

static void
refuses_every_prefix(void)
{
	uint8_t buf[512];
	struct span all = bytes(plain, buf);
	struct hello h;

	for (size_t n = 0; n < all.n; n++)
		CHECK(parse_copy(span_of(all.p, n), &h) < 0);
}

/* Also when the outer lengths are made to agree with what is left. */
static void
refuses_every_cut_with_fitting_outer_lengths(void)
{
	enum { BLOCK = 4 + 2 + 32 + 1 + 2 + 4 + 2 };
	uint8_t buf[512];
	struct span all = bytes(plain, buf);
	struct hello h;
	size_t fine = 0;

	for (size_t n = BLOCK + 2; n < all.n; n++) {
		size_t block = n - BLOCK - 2;

		bytes(plain, buf);
		buf[2] = (uint8_t)((n - 4) >> 8);
		buf[3] = (uint8_t)(n - 4);
		buf[BLOCK] = (uint8_t)(block >> 8);
		buf[BLOCK + 1] = (uint8_t)block;
		fine += parse_copy(span_of(buf, n), &h) == 0;
	}
	/* Only cuts between two extensions leave a message. */
	CHECK_INT(fine, 4);
}

static void
refuses_leftovers(void)
{
	uint8_t buf[512];
	struct span all = bytes(plain, buf);
	struct hello h;

	buf[all.n] = 0;
	CHECK_INT(parse_copy(span_of(buf, all.n + 1), &h), WF_ETRAILING);
	CHECK_INT(h.at, all.n);
	/* One byte behind the extension block, inside the message. */
	buf[3]++;
	CHECK_INT(parse_copy(span_of(buf, all.n + 1), &h), WF_ETRAILING);
}

static void
refuses_wrong_inner_lengths(void)
{
	/* offset of a length's last byte; each is made one larger and one smaller */
	static const size_t at[] = {38, 40, 45, 48, 52, 54, 57,
				    75, 76, 84, 86, 94, 96, 97};
	uint8_t buf[512];
	struct span all;
	struct hello h;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (int d = -1; d <= 1; d += 2) {
			all = bytes(plain, buf);
			buf[at[i]] = (uint8_t)(buf[at[i]] + d);
			CHECK(parse_copy(all, &h) < 0);
		}
}

static void
marks_what_is_odd(void)
{
	static const struct {
		const char *exts; /* with the length of the block */
		uint32_t odd;
	} cases[] = {
	    {"0000", 0},
	    {"000800170000"
	     "00170000",
	     HELLO_ODD_DUPLICATE},
	    {"000400000000", HELLO_ODD_EMPTY},
	    {"0006000000020000", HELLO_ODD_EMPTY},
	    {"0004002b0000", HELLO_ODD_EMPTY},
	    {"0005002b000100", HELLO_ODD_EMPTY},
	    {"0006000d00020000", HELLO_ODD_EMPTY},
	    {"00070010000300010"
	     "0",
	     HELLO_ODD_EMPTY},
	    {"000e0000000a0008"
	     "00000161"
	     "00000162",
	     HELLO_ODD_SNI},
	    {"000b0000000700050000020061", HELLO_ODD_SNI},
	};
	uint8_t buf[512];
	char hex[512];
	struct hello h;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = 2 + 32 + 1 + 4 + 2 + strlen(cases[i].exts) / 2;

		snprintf(hex, sizeof(hex), "01%06zx0303%064d00000213010100%s", n, 0,
			 cases[i].exts);
		CHECK_INT(parse_copy(bytes(hex, buf), &h), 0);
		CHECK_INT(h.odd, cases[i].odd);
	}
}

static size_t
wrap(struct span msg, size_t piece, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < msg.n; i += piece) {
		size_t k = msg.n - i < piece ? msg.n - i : piece;

		memcpy(out + n, (uint8_t[]){22, 3, 1, (uint8_t)(k >> 8), (uint8_t)k}, 5);
		memcpy(out + n + 5, msg.p + i, k);
		n += 5 + k;
	}
	return n;
}

static void
watch_sees_the_end_for_any_split(void)
{
	uint8_t buf[512], wire[4096];
	struct span all = bytes(plain, buf);

	for (size_t piece = 1; piece <= all.n; piece++) {
		size_t n = wrap(all, piece, wire);

		memcpy(wire + n, "tail", 4);
		for (size_t chunk = 1; chunk <= n + 4; chunk += 1 + chunk / 3) {
			struct hello_watch w;
			size_t fed = 0, used;
			int r = WF_MORE;

			hello_watch_init(&w, 16384);
			while (r == WF_MORE && fed < n + 4) {
				size_t k = n + 4 - fed < chunk ? n + 4 - fed : chunk;

				r = hello_watch_feed(&w, span_of(wire + fed, k), &used);
				fed += r == WF_MORE ? k : used;
			}
			CHECK_INT(r, 0);
			CHECK_INT(fed, n);
			CHECK_INT(w.kind, HELLO_KIND_TLS);
		}
	}
}

static int
watch(const char *hex, struct hello_watch *w)
{
	uint8_t buf[64];
	size_t used;

	hello_watch_init(w, 16384);
	return hello_watch_feed(w, bytes(hex, buf), &used);
}

static void
watch_refuses_at_once(void)
{
	struct hello_watch w;

	/* 16385 bytes announced: refused with the fourth byte of the message */
	CHECK_INT(watch("1603010200010040", &w), WF_MORE);
	CHECK_INT(watch("160301020001004000", &w), WF_MORE);
	CHECK_INT(watch("160301020001004001", &w), WF_ERANGE);
	CHECK_INT(watch("160301020001ffffff", &w), WF_ERANGE);
	CHECK_INT(watch("1603010000", &w), WF_ESYNTAX); /* an empty record */
	CHECK_INT(watch("1603014001", &w), WF_ESYNTAX); /* larger than a record may be */
	CHECK_INT(watch("160501", &w), WF_ESYNTAX);
	CHECK_INT(watch("160301000402", &w), WF_ESYNTAX);	  /* a ServerHello */
	CHECK_INT(watch("16030100020100150301", &w), WF_ESYNTAX); /* an alert between */
	CHECK_INT(watch("802e0100", &w), WF_EUNSUPPORTED);
	CHECK_INT(w.kind, HELLO_KIND_SSLV2);
	CHECK_INT(watch("474554202f20", &w), WF_EUNSUPPORTED);
	CHECK_INT(w.kind, HELLO_KIND_TEXT);
	CHECK_INT(watch("00", &w), WF_EUNSUPPORTED);
	CHECK_INT(w.kind, HELLO_KIND_OTHER);
}

static void
watch_keeps_its_answer(void)
{
	struct hello_watch w;
	size_t used;

	CHECK_INT(watch("00", &w), WF_EUNSUPPORTED);
	CHECK_INT(hello_watch_feed(&w, span_str("\x16\x03\x01"), &used), WF_EUNSUPPORTED);
	CHECK_INT(used, 0);
}

static void
watch_bounds_the_wire_bytes(void)
{
	struct hello_watch w;
	size_t used, total = 0;
	int r = WF_MORE;

	/* One byte per record, the largest message: never more than 6 bytes for one. */
	hello_watch_init(&w, 1000);
	for (size_t i = 0; r == WF_MORE; i++) {
		uint8_t rec[6] = {22, 3, 3, 0, 1, 0};

		rec[5] = i == 0 ? 1 : i == 2 ? 3 : i == 3 ? 232 : 0;
		r = hello_watch_feed(&w, span_of(rec, 6), &used);
		total += used;
	}
	CHECK_INT(r, 0);
	CHECK_INT(total, 6 * 1004);
}

int
main(void)
{
	TAP_RUN(reads_each_part);
	TAP_RUN(refuses_every_prefix);
	TAP_RUN(refuses_every_cut_with_fitting_outer_lengths);
	TAP_RUN(refuses_leftovers);
	TAP_RUN(refuses_wrong_inner_lengths);
	TAP_RUN(marks_what_is_odd);
	TAP_RUN(watch_sees_the_end_for_any_split);
	TAP_RUN(watch_refuses_at_once);
	TAP_RUN(watch_keeps_its_answer);
	TAP_RUN(watch_bounds_the_wire_bytes);
	return tap_done();
}
