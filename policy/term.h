/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/term.h - nodes, and whether a literal fits its signal. Private to policy/.
 *
 * Errors     PARSE_NONE after reporting; PARSE_NONE as an operand gives PARSE_NONE.
 * Not here   grammar (expr.c).
 */
#ifndef WARIFU_POLICY_TERM_H
#define WARIFU_POLICY_TERM_H

#include "policy/parse.h"

/* Adds a leaf. */
int term_add(struct parse *ps, struct node nd);

/* NODE_AND, NODE_OR. */
int term_join(struct parse *ps, enum node_op op, int a, int b, struct diag_pos pos);

/* NODE_NOT, NODE_OR_UNKNOWN, NODE_AND_KNOWN. */
int term_wrap(struct parse *ps, enum node_op op, int a, struct diag_pos pos);

/* The signal is one of (NODE_UNDER: under one of) the literals first[count]. */
int term_membership(struct parse *ps, int sig, enum node_op op, size_t first,
		    size_t count, struct diag_pos pos);

/* The signal compared with literal `lit` by LEX_EQ ... LEX_GE. */
int term_compare(struct parse *ps, int sig, enum lex_kind op, size_t lit,
		 struct diag_pos pos);

/* TEXT or PATH? */
bool term_is_textual(int sig);

#endif
