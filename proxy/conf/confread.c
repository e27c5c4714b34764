/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/confread.h"

#include "proxy/base/must.h"

enum { CONFREAD_NAMES = CONFOPT_MAX };

bool
confread_more(struct confread *rd)
{
	const struct lex_token *t = lex_peek(&rd->lx);

	return t->kind != LEX_END && t->kind != LEX_RBRACE && !t->first;
}

bool
confread_open(struct confread *rd)
{
	return lex_expect(&rd->lx, LEX_LBRACE, NULL, NULL);
}

bool
confread_present(struct confread *rd, const char *what)
{
	if (confread_more(rd))
		return true;
	lex_fail(&rd->lx, lex_peek(&rd->lx), "a setting and its value stand on one line",
		 "%s is missing before this", what);
	return false;
}

bool
confread_text(struct confread *rd, const char *what, struct lex_token *tok)
{
	const struct lex_token *next = lex_peek(&rd->lx);
	char found[64];

	if (!confread_present(rd, what))
		return false;
	if (next->kind != LEX_WORD && next->kind != LEX_STRING) {
		lex_fail(&rd->lx, next, "put it in double quotes",
			 "expected %s, found %s", what,
			 lex_describe(&rd->lx, next, found, sizeof(found)));
		return false;
	}
	lex_next(&rd->lx, tok);
	if (tok->n == 0)
		lex_fail(&rd->lx, tok, NULL, "%s must not be empty", what);
	return tok->n != 0;
}

bool
confread_quoted(struct confread *rd, const char *what, struct lex_token *tok)
{
	if (!confread_present(rd, what) || !lex_expect(&rd->lx, LEX_STRING, what, tok))
		return false;
	if (tok->n == 0)
		lex_fail(&rd->lx, tok, NULL, "%s must not be empty", what);
	return tok->n != 0;
}

/* Nothing may follow a setting on its line. */
static void
confread_end(struct confread *rd, const char *key)
{
	const struct lex_token *next = lex_peek(&rd->lx);
	char found[64];

	if (!confread_more(rd))
		return;
	lex_fail(&rd->lx, next, "one setting per line", "%s does not belong to '%s'",
		 lex_describe(&rd->lx, next, found, sizeof(found)), key);
	lex_recover(&rd->lx, true);
}

static const struct confread_item *
confread_find(const struct confread_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].key, key) == 0)
			return &items[i];
	return NULL;
}

static void
confread_unknown(struct confread *rd, const struct lex_token *key, const char *block,
		 const char *const *names, size_t n)
{
	const char *near = diag_nearest(key->text, names, n, sizeof(*names));
	char hint[64];

	snprintf(hint, sizeof(hint), "did you mean '%s'?", near ? near : "");
	lex_fail(&rd->lx, key, near ? hint : NULL, "'%.64s' is no setting of %s%s",
		 key->text, block[0] ? block : "the file", block[0] ? " blocks" : "");
	lex_recover(&rd->lx, true);
}

/* The next key of a block, or false at its end. */
static bool
confread_key(struct confread *rd, const char *block, struct lex_token *key)
{
	char found[64];

	for (;;) {
		if (block[0] ? lex_accept(&rd->lx, LEX_RBRACE, NULL) : false)
			return false;
		lex_next(&rd->lx, key);
		if (key->kind == LEX_WORD)
			return true;
		if (key->kind == LEX_END) {
			if (block[0])
				lex_fail(
				    &rd->lx, key, NULL,
				    "the file ends inside a %s block: '}' is missing",
				    block);
			return false;
		}
		lex_fail(&rd->lx, key, NULL, "expected a setting, found %s",
			 lex_describe(&rd->lx, key, found, sizeof(found)));
		if (key->kind == LEX_LBRACE) {
			lex_recover(&rd->lx, false);
			lex_accept(&rd->lx, LEX_RBRACE, NULL);
		} else {
			lex_recover(&rd->lx, true);
		}
	}
}

static void
confread_setting(struct confread *rd, const struct confopt *o, void *base,
		 const struct confread_item *items, size_t n, const struct lex_token *key)
{
	const struct confread_item *item = confread_find(items, n, key->text);
	bool good;

	MUST(o->kind != CONFOPT_ITEM || item != NULL);
	good = item ? item->read(rd, key) : confread_value(rd, o, base);
	if (good)
		confread_end(rd, key->text);
	else
		lex_recover(&rd->lx, true);
}

void
confread_block(struct confread *rd, enum confopt_block block, void *base,
	       const struct confread_item *items, size_t n, const struct lex_token *at)
{
	const char *names[CONFREAD_NAMES] = {NULL};
	struct diag_pos seen[CONFREAD_NAMES] = {{0, 0}};
	const char *name = confopt_block_name(block);
	struct lex_token key;
	size_t rows, i;
	const struct confopt *o = confopt_rows(block, &rows);

	for (i = 0; i < rows; i++)
		names[i] = o[i].key;
	while (confread_key(rd, name, &key)) {
		for (i = 0; i < rows && strcmp(o[i].key, key.text) != 0; i++)
			;
		if (i == rows) {
			confread_unknown(rd, &key, name, names, rows);
			continue;
		}
		if (seen[i].line && !o[i].many)
			lex_fail(&rd->lx, &key, "keep one of the two",
				 "'%s' is given twice; first in line %u", key.text,
				 seen[i].line);
		else
			seen[i] = key.pos;
		confread_setting(rd, &o[i], base, items, n, &key);
	}
	for (i = 0; i < rows; i++)
		if (o[i].needed && !seen[i].line)
			lex_fail(&rd->lx, at, NULL, "the %s block lacks '%s'", name,
				 o[i].key);
}

void
confread_items(struct confread *rd, const char *name, const struct confread_item *items,
	       size_t n)
{
	const char *names[CONFREAD_NAMES] = {NULL};
	struct lex_token key;

	MUST(n <= CONFREAD_NAMES);
	for (size_t i = 0; i < n; i++)
		names[i] = items[i].key;
	while (confread_key(rd, name, &key)) {
		const struct confread_item *item = confread_find(items, n, key.text);

		if (item == NULL)
			confread_unknown(rd, &key, name, names, n);
		else if (item->read(rd, &key))
			confread_end(rd, key.text);
		else
			lex_recover(&rd->lx, true);
	}
}
