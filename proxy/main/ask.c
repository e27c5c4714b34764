/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/audit/show.h"
#include "proxy/base/text.h"
#include "proxy/main/control.h"

enum { ASK_VALUE = 1024 };

int
ask_places(struct ask *a, const char *conf)
{
	int err = conf_places(conf, &a->at);

	if (err == 0)
		return 0;
	fprintf(stderr, "warifu: %s: %s; name the settings with -c FILE\n", conf,
	    err == WF_EIO ? strerror(errno) : err_text(err));
	return 1;
}

int
ask_run(struct ask *a, const char *conf, const char *const *words, size_t n)
{
	char line[CONTROL_LINE];
	struct word_line w;
	FILE *f;
	int err;

	if (a->at.control[0] == '\0' && ask_places(a, conf) != 0)
		return 1;
	ask_free(a);
	word_init(&w, line, sizeof(line) - 1);
	for (size_t i = 0; i < n; i++)
		word_add(&w, NULL, span_str(words[i]));
	if (w.full) {
		fprintf(stderr, "warifu: these words are too long together\n");
		return 1;
	}
	f = open_memstream(&a->text, &a->n);
	if (f == NULL)
		return 1;
	err = control_ask(a->at.control, line, f, a->last, sizeof(a->last));
	fclose(f);
	if (err == 0)
		return 0;
	fprintf(stderr, "warifu: %s\n", a->last);
	return 1;
}

bool
ask_next(struct ask *a, const char *kind, struct span *line)
{
	while (a->pos < a->n) {
		char *p = a->text + a->pos, *nl = memchr(p, '\n', a->n - a->pos);
		size_t n = nl == NULL ? a->n - a->pos : (size_t)(nl - p);
		struct span rest = span_of(p, n), first;

		a->pos += n + 1;
		*line = rest;
		if (word_next(&rest, &first) && span_eq(first, span_str(kind)))
			return true;
	}
	return false;
}

void
ask_free(struct ask *a)
{
	free(a->text);
	a->text = NULL;
	a->n = a->pos = 0;
}

void
ask_age(uint64_t then_s, uint64_t now_s, char out[ASK_AGE])
{
	uint64_t d = then_s > now_s ? then_s - now_s : now_s - then_s;

	if (d < 100)
		snprintf(out, ASK_AGE, "%us", (unsigned)d);
	else if (d < 100 * 60)
		snprintf(out, ASK_AGE, "%um", (unsigned)(d / 60));
	else if (d < 48 * 3600)
		snprintf(out, ASK_AGE, "%uh", (unsigned)(d / 3600));
	else
		snprintf(out, ASK_AGE, "%ud", (unsigned)(d / 86400 % 100000));
}

static bool
ask_begins(unsigned char c)
{
	return (c & 0xc0) != 0x80;
}

void
ask_cell(FILE *out, const char *text, unsigned columns, bool pad)
{
	char safe[ASK_VALUE];
	struct show_text t = show_text_init(safe, sizeof(safe));
	unsigned n = 0, at = 0;

	show_put_safe(&t, span_str(text));
	for (const char *p = safe; *p != '\0'; p++)
		n += ask_begins((unsigned char)*p);
	for (const char *p = safe; *p != '\0'; p++) {
		at += ask_begins((unsigned char)*p);
		if (n > columns && at >= columns) {
			fputc('~', out);
			n = columns;
			break;
		}
		fputc(*p, out);
	}
	for (; pad && n < columns; n++)
		fputc(' ', out);
}

void
ask_member(struct json *j, const char *key, struct span raw, const char *const *numbers,
    size_t n)
{
	char value[ASK_VALUE];
	bool number = false;
	uint64_t v;

	if (word_decode(raw, value, sizeof(value)) != 0)
		return;
	for (size_t i = 0; i < n; i++)
		number |= strcmp(key, numbers[i]) == 0;
	if (number && text_uint(span_str(value), UINT64_MAX, &v) == 0)
		json_kuint(j, key, v);
	else
		json_ktext(j, key, value);
}
