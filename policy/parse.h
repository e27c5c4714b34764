/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/parse.h - from text to nodes. Private to policy/.
 *
 * Model      parse.c knows blocks and statements, expr.c conditions, term.c their types.
 *            All report and go on; what cannot be built is -1 (PARSE_NONE) upwards from
 *            there. After a fault of grammar `lost` is set and the statement given up.
 * Ownership  struct parse lives for one load; the policy being filled outlives it.
 * Errors     in the lexer's list; the caller looks at lex_failed().
 */
#ifndef WARIFU_POLICY_PARSE_H
#define WARIFU_POLICY_PARSE_H

#include "policy/ast.h"
#include "policy/lex.h"

enum { PARSE_NONE = -1 };

/* A literal as written; its type is judged where it meets a signal. */
struct parse_literal {
	enum lex_kind kind;
	struct diag_pos pos;
	int64_t num;
	const char *text; /* word or string; in the policy's texts */
	size_t n;
};

enum parse_let_kind {
	PARSE_LET_SET,
	PARSE_LET_VALUE,
	PARSE_LET_CONDITION,
	PARSE_LET_BROKEN, /* its fault is reported; uses are silent */
};

struct parse_let {
	const char *name;
	struct diag_pos pos;
	enum parse_let_kind kind;
	bool used;
	int node;	     /* of a condition */
	size_t first, count; /* literals of a set or value */
};

struct parse {
	struct lex lx;
	struct policy *p;
	size_t texts_used, texts_cap;
	size_t n_lets, n_literals;
	struct parse_let lets[POLICY_LETS_MAX];
	struct parse_literal *literals;
	unsigned depth;
	bool lost;
};

/* Reads a whole file into p, whose arrays have room for the limits of policy.h. */
void parse_policy(struct parse *ps);

/* n bytes of the policy's texts; NULL (reported) when they are used up. */
char *parse_room(struct parse *ps, size_t n, struct diag_pos pos);

/* Copies a token's text, NUL behind it; never NULL ("" when there is no room). */
const char *parse_keep(struct parse *ps, const struct lex_token *tok);

/* Adds a literal; false (reported) when there are too many. */
bool parse_add_literal(struct parse *ps, const struct lex_token *tok);

struct parse_let *parse_find_let(struct parse *ps, const char *name);

/* Does a statement or block start with this word? Readers stop there after a fault. */
bool parse_is_statement(const struct lex_token *tok);

/* expr.c: a condition; its node, or PARSE_NONE after reporting. */
int expr_parse(struct parse *ps);

/* expr.c: can a literal start with this token? */
bool expr_is_literal(const struct lex_token *tok);

/* expr.c: at '{', literal, ... '}' into literals; false (reported) after a fault. */
bool expr_parse_set(struct parse *ps, size_t *first, size_t *count);

/* expr.c: is the word part of the language or a value of an enum? */
bool expr_is_reserved(const char *word);

#endif
