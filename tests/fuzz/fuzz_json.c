/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever bytes go into a string, the document is strict JSON on one line, and the text
 * comes back if it was UTF-8. */
#include "proxy/base/json.h"

#include "proxy/base/must.h"
#include "proxy/base/utf8.h"
#include "proxy/wire/jsonr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_utf8(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		uint32_t cp;
		size_t n = utf8_get(s.p + i, s.n - i, &cp);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char buf[8 * 4096];
	static uint8_t back[4 * 4096];
	struct span s = span_of(data, size), out, got;
	struct json j;

	if (size > 4096)
		return 0;
	json_init(&j, buf, sizeof(buf));
	json_object(&j);
	json_kstr(&j, "before", s);
	json_key_span(&j, s);
	json_array(&j);
	json_str(&j, s);
	json_array_end(&j);
	json_kstr(&j, "\x01last", s);
	json_object_end(&j);
	MUST(json_done(&j, &out) == 0);
	MUST(jsonr_check(out) == 0);
	MUST(span_chr(out, '\n') < 0 && span_chr(out, '\r') < 0 &&
	     span_chr(out, '<') < 0);
	if (jsonr_string(out, "\x01last", back, sizeof(back), &got) == 0 && is_utf8(s))
		MUST(span_eq(got, s));
	/* A buffer that is too small is said, never overrun. */
	json_init(&j, buf, size);
	json_str(&j, s);
	MUST(json_done(&j, &out) == WF_EFULL);
	return 0;
}
