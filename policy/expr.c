/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: grammar and types.
 *
 *   or     := and { "or" and } [ "or" "unknown" ]
 *   and    := not { "and" not } [ "and" "known" ]
 *   not    := "not" not | leaf
 *   leaf   := "(" or ")" | "known" "(" signal ")" | let | signal [ test ]
 *   test   := ("=" | "!=" | "<" | "<=" | ">" | ">=") value | ["not"] "in" set
 *           | ["not"] "under" set
 *
 * A literal's type is judged when it meets a signal, since only then it is known whether
 * `JP` is a country or a misspelt word. A node's operands are always older than itself.
 */
#include "policy/parse.h"
#include "policy/term.h"

#include <string.h>

static const char *const expr_words[] = {
    "and",   "or",   "not",  "in",	"under",   "known",   "unknown",  "true",
    "false", "when", "then", "reason",	"observe", "enforce", "ja",	  "note",
    "since", "rule", "let",  "default", "retired", "policy",  "read-only"};

bool
expr_is_reserved(const char *word)
{
	for (size_t i = 0; i < sizeof(expr_words) / sizeof(expr_words[0]); i++)
		if (strcmp(expr_words[i], word) == 0)
			return true;
	for (int i = 0; i < SIGNAL_COUNT; i++)
		if (signal_rank((enum signal_id)i, word, strlen(word)) >= 0)
			return true;
	return strlen(word) == 2 && word[0] >= 'A' && word[0] <= 'Z' && word[1] >= 'A' &&
	       word[1] <= 'Z';
}

bool
expr_is_literal(const struct lex_token *tok)
{
	return tok->kind >= LEX_WORD && tok->kind <= LEX_PREFIX;
}

/* The vocabulary's name that was probably meant, or NULL. */
static const char *
expr_nearest(const struct parse *ps, const char *word)
{
	const char *names[SIGNAL_COUNT + POLICY_LETS_MAX];
	size_t n = 0;

	for (; n < SIGNAL_COUNT; n++) {
		const char *name = signal_info((enum signal_id)n)->name;
		const char *dot = strchr(name, '.');

		names[n] = name;
		if (dot && strcmp(dot + 1, word) == 0)
			return name;
	}
	for (size_t i = 0; i < ps->n_lets; i++)
		names[n++] = ps->lets[i].name;
	return diag_nearest(word, names, n, sizeof(names[0]));
}

static void
expr_unknown_name(struct parse *ps, const struct lex_token *tok)
{
	const char *near = expr_nearest(ps, tok->text);
	char hint[DIAG_HINT_LEN];

	if (near)
		snprintf(hint, sizeof(hint), "did you mean %s?", near);
	else
		snprintf(hint, sizeof(hint), "warifu-policy(5) lists the signals");
	lex_fail(&ps->lx, tok, hint, "there is no %s '%.64s'",
		 strchr(tok->text, '.') ? "signal" : "signal or let", tok->text);
}

static void
expr_lost(struct parse *ps, const char *what)
{
	char found[64];
	const struct lex_token *tok = lex_peek(&ps->lx);

	if (!ps->lost)
		lex_fail(&ps->lx, tok, NULL, "expected %s, found %s", what,
			 lex_describe(&ps->lx, tok, found, sizeof(found)));
	ps->lost = true;
}

/* After a fault inside a set: on behind its '}', or give the statement up. */
static bool
expr_close_set(struct parse *ps)
{
	struct lex_token tok;

	while (lex_peek(&ps->lx)->kind != LEX_RBRACE) {
		if (lex_peek(&ps->lx)->kind == LEX_END ||
		    parse_is_statement(lex_peek(&ps->lx))) {
			ps->lost = true;
			return false;
		}
		lex_next(&ps->lx, &tok);
	}
	lex_next(&ps->lx, &tok);
	ps->lost = false;
	return false;
}

bool
expr_parse_set(struct parse *ps, size_t *first, size_t *count)
{
	struct lex_token tok;

	*first = ps->n_literals;
	*count = 0;
	lex_next(&ps->lx, &tok);
	while (!lex_accept(&ps->lx, LEX_RBRACE, NULL)) {
		if (!expr_is_literal(lex_peek(&ps->lx))) {
			expr_lost(ps, "a member of the set or '}'");
			return expr_close_set(ps);
		}
		lex_next(&ps->lx, &tok);
		if (!parse_add_literal(ps, &tok))
			return false;
		++*count;
		if (!lex_accept(&ps->lx, LEX_COMMA, NULL) &&
		    lex_peek(&ps->lx)->kind != LEX_RBRACE) {
			expr_lost(ps, "',' or '}'");
			return expr_close_set(ps);
		}
	}
	return true;
}

/* A let that is used as a value or set; reports and returns NULL if it is none. */
static const struct parse_let *
expr_let_value(struct parse *ps, const struct lex_token *tok, bool set)
{
	struct parse_let *let = parse_find_let(ps, tok->text);

	if (let == NULL)
		return NULL;
	let->used = true;
	if (let->kind == PARSE_LET_BROKEN)
		return let;
	if (let->kind != (set ? PARSE_LET_SET : PARSE_LET_VALUE)) {
		lex_fail(&ps->lx, tok, NULL, "let '%.64s' is no %s", tok->text,
			 set ? "set" : "value");
		let = NULL;
	}
	return let;
}

/* The set behind "in" or "under": '{...}', a let, or one text. With sig PARSE_NONE, whose
 * fault is reported already, only the grammar is read. */
static int
expr_set_test(struct parse *ps, int sig, enum node_op op, struct diag_pos pos)
{
	const struct parse_let *let;
	struct lex_token tok = *lex_peek(&ps->lx);
	size_t first = ps->n_literals, count = 1;

	if (tok.kind == LEX_LBRACE) {
		if (!expr_parse_set(ps, &first, &count))
			return PARSE_NONE;
		if (count == 0) {
			lex_fail(&ps->lx, &tok, NULL, "this set is empty");
			return PARSE_NONE;
		}
	} else if (tok.kind == LEX_WORD && parse_find_let(ps, tok.text)) {
		lex_next(&ps->lx, &tok);
		let = expr_let_value(ps, &tok, true);
		if (let == NULL || let->kind == PARSE_LET_BROKEN)
			return PARSE_NONE;
		first = let->first;
		count = let->count;
	} else if (tok.kind == LEX_STRING && op == NODE_UNDER) {
		lex_next(&ps->lx, &tok);
		if (!parse_add_literal(ps, &tok))
			return PARSE_NONE;
	} else {
		expr_lost(ps, "a set such as { A, B } or the name of one");
		return PARSE_NONE;
	}
	if (sig == PARSE_NONE)
		return PARSE_NONE;
	return term_membership(ps, sig, op, first, count, pos);
}

static int
expr_set_relation(struct parse *ps, int sig, struct diag_pos pos)
{
	const struct signal_info *si;
	struct lex_token word;
	bool under;
	enum node_op op = NODE_IN_NUM;

	lex_next(&ps->lx, &word);
	under = strcmp(word.text, "under") == 0;
	if (sig != PARSE_NONE) {
		si = signal_info((enum signal_id)sig);
		if (under ? si->type != SIGNAL_PATH : si->type == SIGNAL_BOOL) {
			lex_fail(&ps->lx, &word, NULL,
				 "%s is of type %s: '%s' does not apply to it", si->name,
				 signal_type_name(si->type), word.text);
			sig = PARSE_NONE;
		}
	}
	if (under)
		op = NODE_UNDER;
	else if (sig != PARSE_NONE && term_is_textual(sig))
		op = NODE_IN_TEXT;
	return expr_set_test(ps, sig, op, pos);
}

/* The value behind a comparison: a literal or a let that names one. */
static int
expr_comparison(struct parse *ps, int sig, struct diag_pos pos)
{
	struct lex_token op, tok;
	const struct parse_let *let;

	lex_next(&ps->lx, &op);
	if (!expr_is_literal(lex_peek(&ps->lx))) {
		expr_lost(ps, "a value");
		return PARSE_NONE;
	}
	lex_next(&ps->lx, &tok);
	if (tok.kind == LEX_WORD && parse_find_let(ps, tok.text)) {
		let = expr_let_value(ps, &tok, false);
		if (let == NULL || let->kind == PARSE_LET_BROKEN || sig == PARSE_NONE)
			return PARSE_NONE;
		return term_compare(ps, sig, op.kind, let->first, pos);
	}
	if (tok.kind == LEX_WORD && strchr(tok.text, '.')) {
		lex_fail(&ps->lx, &tok, NULL,
			 "a signal is compared with a value, not with "
			 "another signal");
		return PARSE_NONE;
	}
	if (sig == PARSE_NONE || !parse_add_literal(ps, &tok))
		return PARSE_NONE;
	return term_compare(ps, sig, op.kind, ps->n_literals - 1, pos);
}

/* A signal and what is asked of it; sig PARSE_NONE as in expr_set_test. */
static int
expr_signal(struct parse *ps, int sig, struct diag_pos pos)
{
	const struct signal_info *si;
	const struct lex_token *next = lex_peek(&ps->lx);

	if (next->kind >= LEX_EQ && next->kind <= LEX_GE)
		return expr_comparison(ps, sig, pos);
	if (lex_is_word(next, "in") || lex_is_word(next, "under"))
		return expr_set_relation(ps, sig, pos);
	if (lex_accept_word(&ps->lx, "not")) {
		next = lex_peek(&ps->lx);
		if (lex_is_word(next, "in") || lex_is_word(next, "under"))
			return term_wrap(ps, NODE_NOT, expr_set_relation(ps, sig, pos),
					 pos);
		expr_lost(ps, "'in' or 'under'");
		return PARSE_NONE;
	}
	if (next->kind == LEX_ERROR)
		ps->lost = true;
	if (sig == PARSE_NONE || ps->lost)
		return PARSE_NONE;
	si = signal_info((enum signal_id)sig);
	if (si->type != SIGNAL_BOOL) {
		diag_error(ps->lx.diags, &ps->lx.src, pos, "compare it with a value",
			   "%s is of type %s: by itself it is no condition", si->name,
			   signal_type_name(si->type));
		ps->lx.failed = true;
		return PARSE_NONE;
	}
	return term_add(ps,
			(struct node){.op = NODE_BOOL, .sig = (uint8_t)sig, .pos = pos});
}

static int
expr_known(struct parse *ps, struct diag_pos pos)
{
	struct lex_token tok;
	struct node nd = {.op = NODE_KNOWN, .pos = pos};
	int sig;

	if (!lex_expect(&ps->lx, LEX_LPAREN, NULL, NULL) ||
	    !lex_expect(&ps->lx, LEX_WORD, "a signal", &tok) ||
	    !lex_expect(&ps->lx, LEX_RPAREN, NULL, NULL)) {
		ps->lost = true;
		return PARSE_NONE;
	}
	sig = signal_by_name(tok.text, tok.n);
	if (sig < 0) {
		expr_unknown_name(ps, &tok);
		return PARSE_NONE;
	}
	if (!signal_info((enum signal_id)sig)->may_be_unknown) {
		lex_fail(&ps->lx, &tok, "leave it out", "%s is always known", tok.text);
		return PARSE_NONE;
	}
	nd.sig = (uint8_t)sig;
	return term_add(ps, nd);
}

static int
expr_word(struct parse *ps)
{
	struct lex_token tok;
	struct parse_let *let;
	int sig;

	lex_next(&ps->lx, &tok);
	if (strcmp(tok.text, "known") == 0)
		return expr_known(ps, tok.pos);
	sig = signal_by_name(tok.text, tok.n);
	if (sig >= 0)
		return expr_signal(ps, sig, tok.pos);
	let = parse_find_let(ps, tok.text);
	if (let) {
		let->used = true;
		if (let->kind == PARSE_LET_CONDITION)
			return let->node;
		if (let->kind != PARSE_LET_BROKEN)
			lex_fail(&ps->lx, &tok, NULL, "let '%.64s' is no condition",
				 tok.text);
		return PARSE_NONE;
	}
	expr_unknown_name(ps, &tok);
	return expr_signal(ps, PARSE_NONE, tok.pos);
}

static int expr_or(struct parse *ps);

static int
expr_leaf(struct parse *ps)
{
	const struct lex_token *next = lex_peek(&ps->lx);
	int node;

	if (next->kind == LEX_WORD &&
	    (strcmp(next->text, "known") == 0 || !expr_is_reserved(next->text)))
		return expr_word(ps);
	if (!lex_accept(&ps->lx, LEX_LPAREN, NULL)) {
		expr_lost(ps, "a condition");
		return PARSE_NONE;
	}
	node = expr_or(ps);
	if (!ps->lost && !lex_expect(&ps->lx, LEX_RPAREN, NULL, NULL))
		ps->lost = true;
	return node;
}

static int
expr_not(struct parse *ps)
{
	struct lex_token tok = *lex_peek(&ps->lx);
	int node;

	if (tok.kind != LEX_LPAREN && !lex_is_word(&tok, "not"))
		return expr_leaf(ps);
	if (ps->depth == POLICY_DEPTH_MAX) {
		lex_fail(&ps->lx, &tok, "split it into several rules",
			 "more than %d nested parentheses and nots", POLICY_DEPTH_MAX);
		ps->lost = true;
		return PARSE_NONE;
	}
	ps->depth++;
	if (lex_accept_word(&ps->lx, "not"))
		node = term_wrap(ps, NODE_NOT, expr_not(ps), tok.pos);
	else
		node = expr_leaf(ps);
	ps->depth--;
	return node;
}

/* Does "and known" stand here, not followed by '('? Takes it if so. The lexer looks one
 * token ahead, so the '(' decides after "known" was taken: then it is known(signal). */
static int
expr_and(struct parse *ps)
{
	struct lex_token tok;
	int node = expr_not(ps);

	while (!ps->lost && lex_is_word(lex_peek(&ps->lx), "and")) {
		lex_next(&ps->lx, &tok);
		if (lex_is_word(lex_peek(&ps->lx), "known")) {
			struct diag_pos pos = lex_peek(&ps->lx)->pos;

			lex_accept_word(&ps->lx, "known");
			if (lex_peek(&ps->lx)->kind != LEX_LPAREN) {
				node = term_wrap(ps, NODE_AND_KNOWN, node, pos);
				break;
			}
			node =
			    term_join(ps, NODE_AND, node, expr_known(ps, pos), tok.pos);
			continue;
		}
		node = term_join(ps, NODE_AND, node, expr_not(ps), tok.pos);
	}
	if (!ps->lost && lex_is_word(lex_peek(&ps->lx), "and")) {
		lex_fail(&ps->lx, lex_peek(&ps->lx),
			 "put it at the end, or in parentheses",
			 "'and known' ends a chain of 'and'");
		ps->lost = true;
	}
	return node;
}

static int
expr_or(struct parse *ps)
{
	struct lex_token tok;
	int node = expr_and(ps);

	while (!ps->lost && lex_is_word(lex_peek(&ps->lx), "or")) {
		lex_next(&ps->lx, &tok);
		if (lex_is_word(lex_peek(&ps->lx), "unknown")) {
			lex_next(&ps->lx, &tok);
			node = term_wrap(ps, NODE_OR_UNKNOWN, node, tok.pos);
			break;
		}
		node = term_join(ps, NODE_OR, node, expr_and(ps), tok.pos);
	}
	if (!ps->lost && lex_is_word(lex_peek(&ps->lx), "or")) {
		lex_fail(&ps->lx, lex_peek(&ps->lx),
			 "put it at the end, or in parentheses",
			 "'or unknown' ends a chain of 'or'");
		ps->lost = true;
	}
	return node;
}

int
expr_parse(struct parse *ps)
{
	ps->depth = 0;
	return expr_or(ps);
}
