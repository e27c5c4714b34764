/* SPDX-License-Identifier: Apache-2.0 */
/* A normal path, encoded in full and read again, is itself, and holds no way up. */
#include "proxy/wire/path.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_normal(struct span normal)
{
	static const char hex[] = "0123456789ABCDEF";
	static uint8_t enc[3 * 4096], again[4096];
	size_t n = 0;
	struct span back;
	enum path_why why;

	MUST(normal.n > 0 && normal.p[0] == '/');
	for (size_t i = 0; i < normal.n; i++) {
		uint8_t c = normal.p[i];

		MUST(c >= 0x20 && c != 0x7f && c != '\\' && c != '?' && c != '#' &&
		     c != ';');
		MUST(c != '/' || i + 1 == normal.n || normal.p[i + 1] != '/');
		if (c == '/') {
			enc[n++] = c;
			continue;
		}
		enc[n++] = '%';
		enc[n++] = (uint8_t)hex[c >> 4];
		enc[n++] = (uint8_t)hex[c & 15];
	}
	MUST(path_normalise(span_of(enc, n), 0, again, sizeof(again), &back, &why) == 0);
	MUST(span_eq(back, normal));
	MUST(path_match(normal, normal));
	MUST(path_match(normal, SPAN_LIT("/*")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[4096];
	struct span raw = span_of(data, size), normal;
	enum path_why why, unused;

	if (size > sizeof(out))
		return 0;
	if (path_normalise(raw, 0, out, sizeof(out), &normal, &why) == 0)
		check_normal(normal);
	else
		MUST(why != PATH_FINE && normal.n == 0);
	(void)path_normalise(raw, PATH_SEMICOLON, out, sizeof(out), &normal, &why);
	(void)path_pattern_check(raw, &unused);
	(void)path_match(raw, SPAN_LIT("/a/*/b/*"));
	(void)path_match(SPAN_LIT("/a/b"), raw);
	return 0;
}
