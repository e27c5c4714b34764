/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/ast.h - a loaded policy as data. Private to policy/.
 *
 * Model      Conditions are nodes in one array; a node's operands always stand before it,
 *            so one pass from the front evaluates all of them without recursion. A let
 *            that names a condition is written once and shared. Sets are runs of items.
 * Ownership  struct policy owns its arrays and one block with all texts.
 * Limits     counted as if every let were written out (`weight`, `depth`), so that the
 *            canonical text of any policy that loads, loads again.
 */
#ifndef WARIFU_POLICY_AST_H
#define WARIFU_POLICY_AST_H

#include "policy/policy.h"

/* Kleene's values in an order that makes `and` the minimum and `or` the maximum. */
enum kleene {
	KLEENE_FALSE = 0,
	KLEENE_UNKNOWN = 1,
	KLEENE_TRUE = 2,
};

enum node_op {
	NODE_BOOL,  /* the signal is true */
	NODE_KNOWN, /* the signal is known; never unknown itself */
	NODE_EQ,    /* signal = num */
	NODE_LT,    /* signal < num, and so on */
	NODE_LE,
	NODE_GT,
	NODE_GE,
	NODE_IN_NUM,	 /* the signal equals one of the items' numbers */
	NODE_IN_TEXT,	 /* the signal equals one of the items' texts */
	NODE_UNDER,	 /* the path is one of the items or below one */
	NODE_NOT,	 /* a */
	NODE_AND,	 /* a, b */
	NODE_OR,	 /* a, b */
	NODE_OR_UNKNOWN, /* a; unknown becomes true */
	NODE_AND_KNOWN,	 /* a; unknown becomes false */
};

struct node {
	uint8_t op;
	uint8_t sig;
	uint16_t a, b;	 /* operands */
	uint16_t n;	 /* number of items */
	uint32_t first;	 /* first item */
	uint16_t depth;	 /* alternations above the leaves */
	uint16_t weight; /* nodes and items if all lets were written out */
	struct diag_pos pos;
	int64_t num;
};

struct item {
	int64_t num;
	const char *text; /* paths: folded to lower case, no slash at the end */
	size_t n;
};

struct rule {
	struct policy_rule info;
	uint16_t root; /* node of the condition */
	struct diag_pos id_pos;
	struct diag_pos then_pos;
};

struct retired {
	const char *id;
	struct diag_pos pos;
};

struct policy {
	const char *name;
	enum verdict fallback; /* what the default resolves to at the strictest */
	bool fallback_read_only;
	bool has_fallback;
	struct diag_pos fallback_pos;
	size_t n_nodes, n_items, n_rules, n_retired, weight;
	struct node *nodes;
	struct item *items;
	struct rule *rules;
	struct retired *retired;
	char *texts;
	uint64_t reads[(SIGNAL_COUNT + 63) / 64];
};

static inline void
signals_add(uint64_t *set, unsigned sig)
{
	set[sig / 64] |= (uint64_t)1 << sig % 64;
}

static inline bool
signals_has(const uint64_t *set, unsigned sig)
{
	return (set[sig / 64] >> sig % 64 & 1) != 0;
}

/* Does the node stand for a question about its signal, and not about other nodes? */
static inline bool
node_is_leaf(const struct node *nd)
{
	return nd->op < NODE_NOT;
}

#endif
