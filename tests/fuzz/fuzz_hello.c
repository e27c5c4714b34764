/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a ClientHello message and, at the same time, bytes of a connection.
 * Beyond not crashing: the watch gives the same answer whatever the portions, texts have
 * their form, and a cut message is never accepted.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/wire/tlsfp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed(struct span in)
{
	struct hello_watch whole, piece;
	size_t used, total = 0;
	int a, b = WF_MORE;

	hello_watch_init(&whole, 1024);
	a = hello_watch_feed(&whole, in, &used);
	MUST(used <= in.n);
	hello_watch_init(&piece, 1024);
	for (size_t i = 0; b == WF_MORE && i < in.n; i++) {
		size_t one;

		b = hello_watch_feed(&piece, span_of(in.p + i, 1), &one);
		total += one;
	}
	MUST(a == b || in.n == 0);
	MUST(total == used);
	MUST(a != 0 || total <= 6 * (1024 + HELLO_HEADER));
}

static void
printable(const char *s)
{
	for (; *s; s++)
		MUST(*s > ' ' && *s < 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t core[TLSFP_CORE_LEN];
	char ja4[TLSFP_JA4_SIZE];
	struct hello h, cut;
	struct tlsfp *fp;
	char *r;

	if (size > 70000)
		return 0;
	feed(span_of(data, size));
	if (hello_parse(span_of(data, size), &h) != 0)
		return 0;
	MUST(size && hello_parse(span_of(data, size - 1), &cut) != 0);
	MUST(h.sni.n <= size && h.alpn.n <= size && h.versions.n % 2 == 0);
	fp = tlsfp_new(size);
	r = malloc(TLSFP_JA4_R_SIZE(size));
	MUST(fp != NULL && r != NULL);
	MUST(tlsfp_ja4(fp, &h, ja4) == 0 && strlen(ja4) == TLSFP_JA4_SIZE - 1);
	MUST(tlsfp_ja4_r(fp, &h, r, TLSFP_JA4_R_SIZE(size)) == 0);
	printable(ja4);
	printable(r);
	MUST(tlsfp_core(fp, &h, TLSFP_STRICT, core) == 0);
	MUST(tlsfp_core(fp, &h, TLSFP_SOFT, core) == 0);
	(void)tlsfp_family_name(tlsfp_family(&h));
	free(r);
	tlsfp_free(fp);
	return 0;
}
