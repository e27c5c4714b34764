/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/h1dump.c - prints what warifu sees in a byte stream.
 *
 * Reads lines from standard input: `Q HEX` is a stream of requests, `R METHOD HEX` one of
 * responses to METHOD (`R +METHOD HEX`: an upgrade was asked for). Writes a line of JSON
 * (h1json.h) for each, so that parsers in other languages can be compared with ours.
 */
#include "proxy/base/text.h"
#include "tests/tools/h1json.h"

static int
h1dump_line(struct span line, uint8_t *bytes, char *text, size_t cap)
{
	struct h1_asked asked = {METHOD_GET, false};
	bool responses = line.n > 0 && line.p[0] == 'R';
	enum reason why;
	size_t n;

	line = span_tail(line, 2);
	if (responses) {
		ptrdiff_t space = span_chr(line, ' ');
		struct span method = span_of(line.p, space < 0 ? 0 : (size_t)space);

		asked.upgrade = method.n > 0 && method.p[0] == '+';
		method = span_tail(method, asked.upgrade);
		if (method_parse(method, NULL, 0, &asked.method, &why) != 0)
			return WF_ESYNTAX;
		line = span_tail(line, (size_t)space + 1);
	}
	n = line.n / 2;
	if (text_unhex(line, bytes, n) != 0)
		return WF_ESYNTAX;
	h1json_walk(span_of(bytes, n), responses, asked, NULL, 0, text, cap);
	return 0;
}

int
main(void)
{
	char *line = NULL, *text;
	size_t line_cap = 0;
	ssize_t n;

	while ((n = getline(&line, &line_cap, stdin)) > 0) {
		size_t len = (size_t)n - (line[n - 1] == '\n');
		size_t cap = 65536 + 60 * len;
		uint8_t *bytes = malloc(len + 1);

		text = malloc(cap);
		MUST(bytes != NULL && text != NULL);
		if (h1dump_line(span_of(line, len), bytes, text, cap) != 0) {
			fprintf(stderr, "h1dump: not a line of mine\n");
			return 1;
		}
		puts(text);
		fflush(stdout);
		free(bytes);
		free(text);
	}
	free(line);
	return 0;
}
