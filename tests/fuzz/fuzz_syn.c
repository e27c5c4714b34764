/* SPDX-License-Identifier: Apache-2.0 */
/* A packet that is taken is taken whole and in one way only: every piece of it is refused, its texts
 * fit and are printable, and its core says nothing that the packet did not. */
#include "proxy/wire/syn.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
printable(const char *text)
{
	size_t n = strlen(text);

	MUST(n > 0 && n < SYN_TEXT - 1);
	for (size_t i = 0; i < n; i++)
		MUST(text[i] >= ' ' && text[i] <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[SYN_TEXT];
	struct syn s, t;

	if (syn_parse(span_of(data, size), &s) != 0)
		return 0;
	MUST(s.ttl > 0 && s.n_kinds <= SYN_OPTIONS);
	MUST(syn_ttl_initial(s.ttl) >= s.ttl);
	MUST(syn_core_ttl(syn_core(&s)) == syn_ttl_initial(s.ttl));
	for (size_t n = 0; n < size; n++)
		MUST(syn_parse(span_of(data, n), &t) != 0);
	syn_text(&s, text);
	printable(text);
	syn_core_text(syn_core(&s), text);
	printable(text);
	return 0;
}
