/* SPDX-License-Identifier: Apache-2.0 */
/* Two lines, parted by the first LF. What was stripped is gone in every reading; what was
 * found once stands there once. */
#include "proxy/wire/cookie.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned
count_exact(const struct span *lines, size_t n, struct span name)
{
	struct cookie_it it;
	struct cookie_pair pair;
	unsigned found = 0;

	cookie_begin(&it, lines, n);
	while (cookie_next(&it, &pair))
		found += pair.has_eq && span_eq(pair.name, name);
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[4200];
	struct span all = span_of(data, size), lines[2] = {all, {NULL, 0}}, out, value,
		    same;
	struct span names[] = {SPAN_LIT("sid"), SPAN_LIT("my_tok.x")};
	struct cookie_hit hits[2];
	ptrdiff_t lf = span_chr(all, '\n');

	if (size > 4096)
		return 0;
	if (lf >= 0) {
		lines[0].n = (size_t)lf;
		lines[1] = span_tail(all, (size_t)lf + 1);
	}
	cookie_look(lines, 2, names, 2, hits);
	for (size_t i = 0; i < 2; i++) {
		unsigned n = count_exact(lines, 2, names[i]);

		MUST(hits[i].count <= n);
		MUST(hits[i].found != COOKIE_ONE || n == 1);
		MUST(hits[i].found != COOKIE_ABSENT || n == 0);
		MUST(cookie_one(lines, 2, names[i], &value) == hits[i].found);
	}
	MUST(cookie_rewrite(lines, 2, names, 2, buf, sizeof(buf), &out, NULL) == 0);
	cookie_look(&out, 1, names, 2, hits);
	MUST(hits[0].found == COOKIE_ABSENT && hits[1].found == COOKIE_ABSENT);
	/* A rewritten line rewrites to itself. */
	same = out;
	static uint8_t again[4200];
	MUST(cookie_rewrite(&same, 1, names, 2, again, sizeof(again), &out, NULL) == 0);
	MUST(span_eq(same, out));
	return 0;
}
