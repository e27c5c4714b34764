/* SPDX-License-Identifier: Apache-2.0 */
/* A value that is found is itself a document, and lies inside the one it was found in. */
#include "proxy/wire/jsonr.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"",		 "a", "sub",   "a.b",
					    "user.name", "0", "a.0.b", "a\\.b"};
	static uint8_t buf[4096];
	struct span doc = span_of(data, size);
	struct jsonr v;
	uint64_t n;
	bool good;

	if (size > sizeof(buf))
		return 0;
	good = jsonr_check(doc) == 0;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int err = jsonr_path(doc, paths[i], buf, sizeof(buf), &v);

		MUST(err <= 0 && (err == 0) == (v.type != JSONR_NONE));
		if (err != 0)
			continue;
		MUST(good && v.raw.p >= doc.p && v.raw.p + v.raw.n <= doc.p + doc.n);
		MUST(jsonr_check(v.raw) == 0);
		(void)jsonr_uint(&v, &n);
	}
	return 0;
}
