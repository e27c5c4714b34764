/* SPDX-License-Identifier: Apache-2.0 */
/* A time that is read prints as a time that is read alike, to the millisecond. */
#include "proxy/base/clock.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t ns, again;
	char text[CLOCK_ISO_TEXT], http[CLOCK_HTTP_TEXT];
	int64_t sec = 0;

	if (clock_iso_parse(span_of(data, size), &ns) == 0) {
		clock_iso(ns, text);
		MUST(clock_iso_parse(span_str(text), &again) == 0);
		MUST(again == ns / CLOCK_MS * CLOCK_MS);
	}
	if (size)
		memcpy(&sec, data, size < sizeof(sec) ? size : sizeof(sec));
	clock_http(sec, http);
	MUST(strlen(http) == CLOCK_HTTP_TEXT - 1);
	return 0;
}
