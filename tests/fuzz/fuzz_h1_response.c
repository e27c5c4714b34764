/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of responses; the first byte says what they answer. How the stream is cut must
 * not matter.
 */
#include "tests/tools/h1json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_asked asked = {METHOD_GET, false};
	size_t cap = 65536 + 60 * size, each = size < 512 ? size : 512, half = size / 2;
	size_t *cuts = malloc((each + 1) * sizeof(*cuts));
	char *whole = malloc(cap), *pieces = malloc(cap);
	struct span in = span_tail(span_of(data, size), 1);

	MUST(cuts != NULL && whole != NULL && pieces != NULL);
	if (size > 0) {
		asked.method = data[0] & 1 ? METHOD_HEAD : METHOD_GET;
		asked.upgrade = (data[0] & 2) != 0;
		half = in.n / 2;
		each = each > 0 ? each - 1 : 0;
	}
	h1json_walk(in, true, asked, NULL, 0, whole, cap);
	h1json_walk(in, true, asked, &half, size > 0, pieces, cap);
	MUST(strcmp(whole, pieces) == 0);
	for (size_t i = 0; i < each; i++)
		cuts[i] = i;
	h1json_walk(in, true, asked, cuts, each, pieces, cap);
	MUST(strcmp(whole, pieces) == 0);
	free(cuts);
	free(whole);
	free(pieces);
	return 0;
}
