/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/method.h"
#include "proxy/base/must.h"
#include "proxy/wire/chars.h"

#define METHOD_LIT(s)                               \
	{                                           \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}

static const struct span method_names[] = {
    [METHOD_NONE] = {NULL, 0},
    [METHOD_GET] = METHOD_LIT("GET"),
    [METHOD_HEAD] = METHOD_LIT("HEAD"),
    [METHOD_POST] = METHOD_LIT("POST"),
    [METHOD_PUT] = METHOD_LIT("PUT"),
    [METHOD_PATCH] = METHOD_LIT("PATCH"),
    [METHOD_DELETE] = METHOD_LIT("DELETE"),
    [METHOD_OPTIONS] = METHOD_LIT("OPTIONS"),
    [METHOD_EXTRA] = {NULL, 0},
};

struct span
method_text(enum method m)
{
	return (size_t)m < ARRAY_LEN(method_names) ? method_names[m] : span_of(NULL, 0);
}

int
method_parse(struct span s, const struct span *extra, size_t n_extra, enum method *out,
	     enum reason *why)
{
	*out = METHOD_NONE;
	if (!chars_all(s, CHARS_TOKEN))
		return reason_refuse(why, REASON_METHOD_SYNTAX);
	for (enum method m = METHOD_GET; m <= METHOD_OPTIONS; m++) {
		if (span_eq(s, method_names[m])) {
			*out = m;
			return 0;
		}
	}
	if (span_eq(s, SPAN_LIT("CONNECT")) || span_eq(s, SPAN_LIT("TRACE")))
		return reason_refuse(why, REASON_METHOD_FORBIDDEN);
	for (size_t i = 0; i < n_extra; i++) {
		if (span_eq(s, extra[i])) {
			*out = METHOD_EXTRA;
			return 0;
		}
	}
	return reason_refuse(why, REASON_METHOD_UNKNOWN);
}
