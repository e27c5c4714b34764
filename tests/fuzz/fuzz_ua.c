/* SPDX-License-Identifier: Apache-2.0 */
/* Up to three fields, parted by LF: User-Agent, Sec-CH-UA, Sec-CH-UA-Platform. */
#include "proxy/wire/ua.h"

#include "proxy/base/must.h"
#include "proxy/wire/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), f[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	struct ua ua;

	for (unsigned i = 0; i < 3; i++) {
		ptrdiff_t lf = span_chr(rest, '\n');

		f[i] = lf < 0 ? rest : span_of(rest.p, (size_t)lf);
		rest = lf < 0 ? (struct span){NULL, 0} : span_tail(rest, (size_t)lf + 1);
	}
	ua_read(f[0], f[1], f[2], &ua);
	MUST(ua.family < UA_FAMILY_COUNT && ua.os < UA_OS_COUNT && ua.major < 1000000);
	MUST(f[0].n == 0 || ua.family != UA_UNKNOWN);
	MUST(f[1].n || f[2].n || !ua.contradicts);
	(void)lang_prefers_ja(f[0]);
	return 0;
}
