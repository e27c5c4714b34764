/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/err.h"
#include "proxy/base/text.h"
#include "proxy/wire/tlsfp.h"
#include "tests/unit/tap.h"

#include <stdlib.h>

#define CAPTURED "tests/vectors/client_hellos_captured.jsonl"
#define SYNTHETIC "tests/vectors/client_hellos_synthetic.jsonl"

static struct tlsfp *fp;

/* The string behind "key": in one line of JSON that we wrote; empty if not there. */
static struct span
field(const char *line, const char *key)
{
	char want[64];
	const char *p, *end;

	snprintf(want, sizeof(want), "\"%s\": \"", key);
	p = strstr(line, want);
	if (p == NULL)
		return (struct span){NULL, 0};
	p += strlen(want);
	end = strchr(p, '"');
	return span_of(p, (size_t)(end - p));
}

static bool
same(const char *line, const char *key, const char *got)
{
	struct span want = field(line, key);

	if (want.n == 0 || span_eq(want, span_str(got)))
		return want.n != 0;
	printf("# %s: got %s, wanted %.*s\n", key, got, (int)want.n,
	       (const char *)want.p);
	return false;
}

static const char *
family_of_client(const char *line)
{
	static const char *const table[][2] = {
	    {"Chromium", "boringssl"}, {"as Chrome 149", "boringssl"},
	    {"Firefox ESR", "nss"},    {"as Firefox 151", "nss"},
	    {"curl", "openssl"},       {"python", "openssl"},
	    {"node", "openssl"},       {"s_client", "openssl"},
	    {"nghttp", "openssl"},     {"GnuTLS", "gnutls"},
	    {"gnutls", "gnutls"},      {"go 1.19", "go"},
	    {"OpenJDK", "java"},       {"impit", "other"}};
	struct span client = field(line, "client");
	char name[128];

	snprintf(name, sizeof(name), "%.*s", (int)client.n, (const char *)client.p);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strstr(name, table[i][0]))
			return table[i][1];
	return "?";
}

static bool
check_line(const char *line, bool captured)
{
	static uint8_t msg[16384];
	static char r[TLSFP_JA4_R_SIZE(sizeof(msg))];
	struct span hex = field(line, "client_hello_hex");
	uint8_t core[TLSFP_CORE_LEN];
	char ja4[TLSFP_JA4_SIZE], c[TLSFP_CORE_HEX], s[TLSFP_CORE_HEX];
	struct hello h;
	bool ok;

	if (text_unhex(hex, msg, hex.n / 2) != 0 ||
	    hello_parse(span_of(msg, hex.n / 2), &h) != 0)
		return false;
	if (tlsfp_ja4(fp, &h, ja4) != 0 || tlsfp_ja4_r(fp, &h, r, sizeof(r)) != 0)
		return false;
	ok = same(line, "ja4", ja4) && same(line, "ja4_r", r);
	if (!captured)
		return ok;
	tlsfp_core(fp, &h, TLSFP_STRICT, core);
	tlsfp_core_hex(core, c);
	tlsfp_core(fp, &h, TLSFP_SOFT, core);
	tlsfp_core_hex(core, s);
	if (strcmp(family_of_client(line), tlsfp_family_name(tlsfp_family(&h))) != 0) {
		printf("# family %s, wanted %s\n", tlsfp_family_name(tlsfp_family(&h)),
		       family_of_client(line));
		ok = false;
	}
	return ok && same(line, "core", c) && same(line, "core_soft", s);
}

static void
vectors(const char *path, bool captured, unsigned want)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	unsigned n = 0;

	CHECK(f != NULL);
	while (f && getline(&line, &cap, f) > 0) {
		if (strstr(line, "\"valid\": false"))
			continue;
		CHECK(check_line(line, captured));
		n++;
	}
	CHECK_INT(n, want);
	free(line);
	if (f)
		fclose(f);
}

static void
equals_the_481_captured_hellos(void)
{
	vectors(CAPTURED, true, 481);
}

static void
equals_the_63_corners_of_the_text(void)
{
	vectors(SYNTHETIC, false, 63);
}

/* Chromium's connections differ in JA4; their core is one. */
static void
one_browser_has_one_core(void)
{
	FILE *f = fopen(CAPTURED, "r");
	char *line = NULL;
	size_t cap = 0;
	uint8_t msg[16384], core[TLSFP_CORE_LEN], first[TLSFP_CORE_LEN];
	unsigned n = 0;

	CHECK(f != NULL);
	while (f && getline(&line, &cap, f) > 0) {
		struct span hex = field(line, "client_hello_hex");
		struct hello h;

		if (!span_starts(field(line, "client"), span_str("Chromium")))
			continue;
		CHECK_INT(text_unhex(hex, msg, hex.n / 2), 0);
		CHECK_INT(hello_parse(span_of(msg, hex.n / 2), &h), 0);
		CHECK_INT(tlsfp_core(fp, &h, TLSFP_SOFT, core), 0);
		if (n++ == 0)
			memcpy(first, core, sizeof(first));
		CHECK(memcmp(first, core, sizeof(first)) == 0);
	}
	CHECK(n > 100);
	free(line);
	if (f)
		fclose(f);
}

static void
says_when_the_room_is_too_small(void)
{
	struct tlsfp *small = tlsfp_new(40);
	static const uint8_t msg[4 + 2 + 32 + 1 + 4 + 2] = {
	    [0] = 1,  [3] = 41,	   [4] = 3,  [5] = 3,
	    [40] = 2, [41] = 0x13, [42] = 1, [43] = 1};
	char ja4[TLSFP_JA4_SIZE], r[16];
	uint8_t core[TLSFP_CORE_LEN];
	struct hello h;

	CHECK_INT(hello_parse(span_of(msg, sizeof(msg)), &h), 0);
	CHECK_INT(tlsfp_ja4(small, &h, ja4), WF_EFULL);
	CHECK_STR(ja4, "");
	CHECK_INT(tlsfp_core(small, &h, TLSFP_STRICT, core), WF_EFULL);
	CHECK_INT(tlsfp_ja4_r(fp, &h, r, 16), WF_EFULL);
	CHECK_STR(r, "");
	CHECK_INT(tlsfp_ja4_r(fp, &h, r, sizeof(r)), WF_EFULL);
	tlsfp_free(small);
}

/* The largest lists that the format allows must fit the room promised for them. */
static void
holds_the_largest_hello(void)
{
	enum {
		CIPHERS = 65534,
		EXTS = 65532,
		N = 4 + 2 + 32 + 1 + 2 + CIPHERS + 2 + 2 + EXTS
	};
	uint8_t *msg = calloc(1, N);
	struct tlsfp *big = tlsfp_new(N);
	size_t cap = TLSFP_JA4_R_SIZE(N);
	char *r = malloc(cap), ja4[TLSFP_JA4_SIZE];
	struct hello h;
	size_t at = 39;

	if (msg == NULL || big == NULL || r == NULL)
		abort();
	memcpy(msg,
	       (uint8_t[]){1, (N - 4) >> 16, (N - 4) >> 8 & 255, (N - 4) & 255, 3, 3}, 6);
	msg[at] = CIPHERS >> 8;
	msg[at + 1] = CIPHERS & 255;
	for (size_t i = 0; i < CIPHERS; i += 2)
		memcpy(msg + at + 2 + i,
		       (uint8_t[]){(uint8_t)(i >> 9), (uint8_t)(i >> 1)}, 2);
	at += 2 + CIPHERS;
	msg[at] = 1;
	msg[at + 2] = EXTS >> 8;
	msg[at + 3] = EXTS & 255;
	for (size_t i = 0; i < EXTS; i += 4)
		memcpy(msg + at + 4 + i, (uint8_t[]){0x40, 0x17}, 2);
	CHECK_INT(hello_parse(span_of(msg, N), &h), 0);
	CHECK(h.odd & HELLO_ODD_DUPLICATE);
	CHECK_INT(tlsfp_ja4_r(big, &h, r, cap), 0);
	CHECK_INT(tlsfp_ja4(big, &h, ja4), 0);
	CHECK(strncmp(ja4, "t12i999900_", 11) == 0);
	free(r);
	free(msg);
	tlsfp_free(big);
}

/* Four hexadecimal digits each, with commas, from the first '_' on: do they rise? */
static bool
rises(const char *r, size_t n)
{
	const char *p = strchr(r, '_');
	long before = -1;

	for (size_t i = 0; p != NULL && i < n; i++) {
		long v = strtol(p + 1, NULL, 16);

		if (v <= before)
			return false;
		before = v;
		p = strpbrk(p + 1, ",_");
	}
	return p != NULL && *p == '_';
}

/* Lists are sorted in one way when they are short and in another when they are long. */
static void
sorts_short_and_long_lists(void)
{
	for (size_t n = 1; n < 250; n += n % 7 == 6 ? 2 : 1) {
		uint8_t msg[4 + 2 + 32 + 1 + 2 + 600 + 2 + 2] = {1, 0, 0, 0, 3, 3};
		size_t len = 4 + 2 + 32 + 1 + 2 + 2 * n + 2 + 2;
		char r[TLSFP_JA4_R_SIZE(sizeof(msg))];
		struct hello h;

		msg[2] = (uint8_t)((len - 4) >> 8);
		msg[3] = (uint8_t)((len - 4) & 255);
		msg[39] = (uint8_t)(2 * n >> 8);
		msg[40] = (uint8_t)(2 * n & 255);
		for (size_t i = 0; i < n; i++) {
			uint16_t v = (uint16_t)(0x0101 * (i * 7 % n) + 1);

			msg[41 + 2 * i] = (uint8_t)(v >> 8);
			msg[42 + 2 * i] = (uint8_t)(v & 255);
		}
		msg[41 + 2 * n] = 1;
		CHECK_INT(hello_parse(span_of(msg, len), &h), 0);
		CHECK_INT(tlsfp_ja4_r(fp, &h, r, sizeof(r)), 0);
		CHECK(rises(r, n));
	}
}

int
main(void)
{
	fp = tlsfp_new(16384 + 4);
	if (fp == NULL)
		abort();
	TAP_RUN(equals_the_481_captured_hellos);
	TAP_RUN(equals_the_63_corners_of_the_text);
	TAP_RUN(one_browser_has_one_core);
	TAP_RUN(says_when_the_room_is_too_small);
	TAP_RUN(holds_the_largest_hello);
	TAP_RUN(sorts_short_and_long_lists);
	tlsfp_free(fp);
	return tap_done();
}
