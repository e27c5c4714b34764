/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The property of h1_seen.h as a libFuzzer target. The first byte: bit 0 responses, bit 1
 * to HEAD, bit 2 to an upgrade. Built by `build.sh fuzz` (clang).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/oracle/h1_seen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct h1_seen ours, theirs;
	static h1_seen_parser *const parsers[] = {h1_seen_llhttp, h1_seen_http_parser};
	struct h1_stream in = {data + 1, size - 1, false, false, false};

	if (size < 2)
		return 0;
	in.responses = data[0] & 1;
	in.to_head = (data[0] & 2) != 0;
	in.to_upgrade = (data[0] & 4) != 0;
	for (size_t i = 0; i < 2; i++) {
		const char *what = h1_seen_check(&in, parsers[i], &ours, &theirs);

		if (what != NULL) {
			fprintf(stderr, "%s: %s; ours: %s, its: %s\n",
				i ? "http-parser" : "llhttp", what, ours.why, theirs.why);
			abort();
		}
	}
	return 0;
}
