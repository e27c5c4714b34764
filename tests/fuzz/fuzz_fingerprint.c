/* SPDX-License-Identifier: Apache-2.0 */
/* `warifu fingerprint` on any input: one line of JSON for each line, and nothing else. */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/base/span.h"
#include "proxy/base/text.h"
#include "proxy/main/cmd_fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
lines_of(const char *p, size_t n)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = stdin, *out = stdout;
	char *args[] = {(char[]){"fingerprint"}, NULL}, *text = NULL;
	size_t n = 0, want = lines_of((const char *)data, size);

	if (size == 0)
		return 0;
	want += data[size - 1] != '\n';
	stdin = fmemopen((void *)(uintptr_t)data, size, "r");
	stdout = open_memstream(&text, &n);
	MUST(stdin != NULL && stdout != NULL);
	MUST(cmd_fingerprint(1, args) == 0);
	fclose(stdin);
	fclose(stdout);
	stdin = in;
	stdout = out;
	MUST(lines_of(text, n) == want);
	for (size_t i = 0, at = 0; i < n; i++)
		if (text[i] == '\n') {
			MUST(text[at] == '{' && text[i - 1] == '}');
			MUST(text_printable(span_of(text + at, i - at)));
			at = i + 1;
		}
	free(text);
	return 0;
}
