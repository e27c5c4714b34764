/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

void
diags_init(struct diags *ds)
{
	memset(ds, 0, sizeof(*ds));
}

/* Copies at most cap - 1 bytes and never ends inside a UTF-8 sequence. */
static void
diag_copy(char *out, size_t cap, const char *s, size_t n)
{
	if (n > cap - 1) {
		n = cap - 1;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(out, s, n);
	out[n] = '\0';
}

static void
diag_copy_line(struct diag *d, const struct diag_source *src, unsigned line)
{
	const char *p = src->text, *end = src->text + src->len, *nl;
	size_t n;

	for (unsigned i = 1; i < line; i++) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			return;
		p = nl + 1;
	}
	nl = memchr(p, '\n', (size_t)(end - p));
	n = (size_t)((nl ? nl : end) - p);
	if (n > 0 && p[n - 1] == '\r')
		n--;
	/* What a terminal would obey is not shown to it. */
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return;
	diag_copy(d->line, sizeof(d->line), p, n);
}

__attribute__((format(printf, 6, 0))) static void
diag_add(struct diags *ds, enum diag_level level, const struct diag_source *src,
	 struct diag_pos pos, const char *hint, const char *fmt, va_list ap)
{
	struct diag *d;
	char text[2 * DIAG_TEXT_LEN];

	if (level == DIAG_ERROR)
		ds->errors++;
	else
		ds->warnings++;
	if (ds->n == DIAG_MAX) {
		ds->dropped++;
		return;
	}
	d = &ds->list[ds->n++];
	memset(d, 0, sizeof(*d));
	d->level = level;
	d->pos = pos;
	diag_copy(d->file, sizeof(d->file), src->file, strlen(src->file));
	vsnprintf(text, sizeof(text), fmt, ap);
	diag_copy(d->text, sizeof(d->text), text, strlen(text));
	if (hint)
		diag_copy(d->hint, sizeof(d->hint), hint, strlen(hint));
	if (src->text && pos.line)
		diag_copy_line(d, src, pos.line);
}

void
diag_error(struct diags *ds, const struct diag_source *src, struct diag_pos pos,
	   const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(ds, DIAG_ERROR, src, pos, hint, fmt, ap);
	va_end(ap);
}

void
diag_warn(struct diags *ds, const struct diag_source *src, struct diag_pos pos,
	  const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(ds, DIAG_WARNING, src, pos, hint, fmt, ap);
	va_end(ap);
}

/* A caret below column col: tabs stay tabs, and what terminals draw two cells wide (from
 * the Hangul and CJK blocks up, roughly) takes two blanks. */
static void
diag_caret(const char *line, unsigned col, FILE *out)
{
	unsigned at = 1;

	for (const unsigned char *p = (const unsigned char *)line; *p && at < col; at++) {
		unsigned wide = *p >= 0xe3 && *p != 0xef;

		fputs(*p == '\t' ? "\t" : wide ? "  " : " ", out);
		for (p++; (*p & 0xc0) == 0x80; p++)
			;
	}
	if (at == col)
		fputs("^", out);
	fputc('\n', out);
}

void
diag_print(const struct diag *d, FILE *out)
{
	const char *level = d->level == DIAG_ERROR ? "error" : "warning";

	if (d->pos.line)
		fprintf(out, "%s:%u:%u: %s: %s\n", d->file, d->pos.line, d->pos.col,
			level, d->text);
	else
		fprintf(out, "%s: %s: %s\n", d->file, level, d->text);
	if (d->line[0]) {
		fprintf(out, "    %s\n    ", d->line);
		diag_caret(d->line, d->pos.col, out);
	}
	if (d->hint[0])
		fprintf(out, "    what to do: %s\n", d->hint);
}

const struct diag *
diags_first(const struct diags *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		if (ds->list[i].level == DIAG_ERROR)
			return &ds->list[i];
	return ds->n > 0 ? &ds->list[0] : NULL;
}

void
diags_print(const struct diags *ds, FILE *out)
{
	for (size_t i = 0; i < ds->n; i++)
		diag_print(&ds->list[i], out);
	if (ds->dropped)
		fprintf(out, "... and %zu more\n", ds->dropped);
}

enum { NEAR_MAX = 48 };

/* Edit distance with swaps of neighbours counted as one; words longer than NEAR_MAX are
 * never near. */
static unsigned
diag_distance(const char *a, const char *b)
{
	unsigned row[3][NEAR_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_MAX || lb > NEAR_MAX)
		return UINT32_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3];
		const unsigned *two = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);

			if (before[j] + 1 < best)
				best = before[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *
diag_nearest(const char *word, const void *names, size_t n, size_t stride)
{
	size_t len = strlen(word);
	unsigned best = len < 4 ? 2 : len < 8 ? 3 : 5;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *name;
		unsigned d;

		memcpy(&name, (const char *)names + i * stride, sizeof(name));
		d = diag_distance(word, name);
		if (d < best) {
			best = d;
			found = name;
		}
	}
	return found;
}
