/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/word.h"

#include <stdarg.h>
#include <stdio.h>

#include "proxy/base/text.h"

void
word_init(struct word_line *l, char *buf, size_t cap)
{
	*l = (struct word_line){.p = buf, .cap = cap};
	buf[0] = '\0';
}

static void
word_put(struct word_line *l, const char *s, size_t n)
{
	if (l->full || n >= l->cap - l->n) {
		l->full = true;
		return;
	}
	memcpy(l->p + l->n, s, n);
	l->n += n;
	l->p[l->n] = '\0';
}

void
word_add(struct word_line *l, const char *key, struct span value)
{
	if (l->n > 0)
		word_put(l, " ", 1);
	if (key != NULL) {
		word_put(l, key, strlen(key));
		word_put(l, "=", 1);
	}
	for (size_t i = 0; i < value.n; i++) {
		uint8_t c = value.p[i];
		char hex[4];

		if (c > 0x20 && c != 0x7f && c != '%') {
			word_put(l, (const char *)&value.p[i], 1);
			continue;
		}
		(void)snprintf(hex, sizeof(hex), "%%%02X", c);
		word_put(l, hex, 3);
	}
}

void
word_addf(struct word_line *l, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	word_add(l, key, span_str(text));
}

bool
word_next(struct span *line, struct span *raw)
{
	ptrdiff_t at;

	if (line->n == 0)
		return false;
	at = span_chr(*line, ' ');
	*raw = at < 0 ? *line : span_of(line->p, (size_t)at);
	*line = span_tail(*line, at < 0 ? line->n : (size_t)at + 1);
	return true;
}

int
word_decode(struct span raw, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < raw.n; i++, n++) {
		uint8_t c = raw.p[i];

		if (n + 1 >= cap)
			return WF_EFULL;
		if (c == '%') {
			if (raw.n - i < 3 || text_unhex(span_of(raw.p + i + 1, 2), &c, 1) != 0)
				return WF_ESYNTAX;
			i += 2;
		}
		if (c == 0)
			return WF_ESYNTAX;
		out[n] = (char)c;
	}
	out[n] = '\0';
	return 0;
}

bool
word_get(struct span line, const char *key, char *out, size_t cap)
{
	size_t n = strlen(key);
	struct span raw;

	out[0] = '\0';
	while (word_next(&line, &raw))
		if (raw.n > n && memcmp(raw.p, key, n) == 0 && raw.p[n] == '=')
			return word_decode(span_tail(raw, n + 1), out, cap) == 0;
	return false;
}
