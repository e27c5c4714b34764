/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a text of an administrator: tokens come in order, lie inside the text, are
 * bounded and come to an end; every fault has a position; looking ahead changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
check_token(const struct lex_token *t, size_t size)
{
	must(t->kind >= LEX_END && t->kind < LEX_KIND_COUNT);
	must(t->n <= LEX_TEXT_MAX && strlen(t->text) == t->n);
	must(t->offset <= size && t->pos.line >= 1 && t->pos.col >= 1);
	must(t->kind != LEX_WORD || t->n > 0);
	must(t->kind != LEX_PREFIX || t->bits <= (t->family == 4 ? 32 : 128));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct diags diags, other;
	static struct lex a, b;
	static struct lex_token t, u;
	size_t last = 0, n = 0;
	char buf[32];

	diags_init(&diags);
	diags_init(&other);
	lex_init(&a, "fuzz", (const char *)data, size, &diags);
	lex_init(&b, "fuzz", (const char *)data, size, &other);
	while (lex_next(&a, &t) != LEX_END) {
		check_token(&t, size);
		must(n == 0 || t.offset > last);
		last = t.offset;
		must(++n <= size);
		must(strlen(lex_describe(&a, &t, buf, sizeof(buf))) < sizeof(buf));
		(void)lex_peek(&b);
		must(lex_next(&b, &u) == t.kind && u.offset == t.offset && u.num == t.num);
	}
	must(lex_next(&b, &u) == LEX_END && lex_next(&a, &t) == LEX_END);
	must((diags.errors > 0) == lex_failed(&a) && diags.errors == other.errors);
	for (size_t i = 0; i < diags.n; i++)
		must(diags.list[i].pos.line >= 1 && diags.list[i].pos.col >= 1);
	return 0;
}
