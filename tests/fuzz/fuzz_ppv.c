/* SPDX-License-Identifier: Apache-2.0 */
/* A header that is whole asks for more at every earlier byte, says the same whatever
 * follows, and survives being written again. */
#include "proxy/wire/ppv.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct ppv *p)
{
	uint8_t buf[128];
	struct ppv q;
	size_t n, used;

	MUST(ppv_write_v2(p, SPAN_LIT(""), buf, sizeof(buf), &n) == 0);
	MUST(ppv_parse(span_of(buf, n), 0, &q, &used, NULL) == 0 && used == n);
	MUST(q.kind == p->kind);
	if (p->kind == PPV_PROXY)
		MUST(ip_eq(&p->src, &q.src) && ip_eq(&p->dst, &q.dst) &&
		     p->src_port == q.src_port && p->dst_port == q.dst_port);
	if (p->kind == PPV_LOCAL)
		return;
	MUST(ppv_write_v1(p, buf, sizeof(buf), &n) == 0 && n <= PPV_V1_MAX);
	MUST(ppv_parse(span_of(buf, n), 0, &q, &used, NULL) == 0 && used == n);
	MUST(q.kind == p->kind && ip_eq(&p->src, &q.src) && p->dst_port == q.dst_port);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ppv p, q;
	size_t used, used2;
	const char *why;
	int err = ppv_parse(span_of(data, size), 0, &p, &used, &why);

	if (err != 0) {
		MUST(used == 0 && (err == WF_MORE || why[0] != '\0'));
		return 0;
	}
	MUST(used > 0 && used <= size && used <= PPV_V2_MAX);
	for (size_t n = 0; n < used; n++)
		MUST(ppv_parse(span_of(data, n), 0, &q, &used2, NULL) == WF_MORE);
	MUST(ppv_parse(span_of(data, used), 0, &q, &used2, NULL) == 0 && used2 == used);
	check_again(&p);
	return 0;
}
