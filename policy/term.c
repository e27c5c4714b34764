/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/term.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Is the node an "and" or "or" that continues a chain of the same kind? */
static unsigned
term_depth_of(const struct policy *p, enum node_op op, int child)
{
	const struct node *nd = &p->nodes[child];
	bool same = (op == NODE_AND || op == NODE_OR) && nd->op == op;

	return nd->depth + (same ? 0u : 1u);
}

/* Adds a node; PARSE_NONE (reported) when the policy or the condition is too large. */
int
term_add(struct parse *ps, struct node nd)
{
	struct policy *p = ps->p;
	unsigned depth = 0, weight = 1u + nd.n;

	if (nd.op >= NODE_NOT) {
		depth = term_depth_of(p, (enum node_op)nd.op, nd.a);
		weight += p->nodes[nd.a].weight;
	}
	if (nd.op == NODE_AND || nd.op == NODE_OR) {
		unsigned other = term_depth_of(p, (enum node_op)nd.op, nd.b);

		depth = other > depth ? other : depth;
		weight += p->nodes[nd.b].weight;
	}
	if (depth > POLICY_DEPTH_MAX || weight > POLICY_NODES_MAX ||
	    p->n_nodes == POLICY_NODES_MAX) {
		diag_error(ps->lx.diags, &ps->lx.src, nd.pos,
			   "split it into several rules",
			   "this condition is too large or too deep");
		ps->lx.failed = true;
		return PARSE_NONE;
	}
	nd.depth = (uint16_t)depth;
	nd.weight = (uint16_t)weight;
	p->nodes[p->n_nodes] = nd;
	return (int)p->n_nodes++;
}

int
term_join(struct parse *ps, enum node_op op, int a, int b, struct diag_pos pos)
{
	struct node nd = {.op = (uint8_t)op, .pos = pos};

	if (a == PARSE_NONE || b == PARSE_NONE)
		return PARSE_NONE;
	nd.a = (uint16_t)a;
	nd.b = (uint16_t)b;
	return term_add(ps, nd);
}

int
term_wrap(struct parse *ps, enum node_op op, int a, struct diag_pos pos)
{
	return term_join(ps, op, a, a == PARSE_NONE ? a : 0, pos);
}

/* A literal that does not fit its signal: says what would. */
static bool
term_type_error(struct parse *ps, int sig, const struct parse_literal *l)
{
	const struct signal_info *si = signal_info((enum signal_id)sig);
	static const char *const wants[] = {
	    "?",
	    "true or false",
	    "a number without unit",
	    "a duration with its unit: ms, s, min, h or d",
	    "a text in double quotes",
	    "a path in double quotes that starts with '/'",
	    "a country code such as JP",
	    "one of its words",
	    "a percentage such as 50%",
	    "a speed in km/h",
	    "a distance in km"};

	diag_error(ps->lx.diags, &ps->lx.src, l->pos, si->en,
		   "%s is compared with %s, not %s", si->name, wants[si->type],
		   lex_kind_name(l->kind));
	ps->lx.failed = true;
	return false;
}

__attribute__((format(printf, 4, 5))) static bool
term_value_error(struct parse *ps, const struct parse_literal *l, const char *hint,
		 const char *fmt, ...)
{
	char text[DIAG_TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(ps->lx.diags, &ps->lx.src, l->pos, hint, "%s", text);
	ps->lx.failed = true;
	return false;
}

static bool
term_take_word(struct parse *ps, int sig, const struct parse_literal *l, struct item *it)
{
	const char *words[64];
	size_t n = 0;
	char hint[DIAG_HINT_LEN] = "its words are";
	int rank = signal_rank((enum signal_id)sig, l->text, l->n);

	it->num = rank;
	if (rank >= 0)
		return true;
	for (; n < 64 && signal_word((enum signal_id)sig, (unsigned)n); n++) {
		size_t at = strlen(hint);

		words[n] = signal_word((enum signal_id)sig, (unsigned)n);
		snprintf(hint + at, sizeof(hint) - at, " %s", words[n]);
	}
	if (diag_nearest(l->text, words, n, sizeof(words[0])))
		snprintf(hint, sizeof(hint), "did you mean %s?",
			 diag_nearest(l->text, words, n, sizeof(words[0])));
	return term_value_error(ps, l, hint, "%s is never '%.64s'",
				signal_info((enum signal_id)sig)->name, l->text);
}

static bool
term_take_country(struct parse *ps, const struct parse_literal *l, struct item *it)
{
	if (!signal_is_country(l->text, l->n))
		return term_value_error(
		    ps, l,
		    strcmp(l->text, "UK") == 0	 ? "the United Kingdom is GB"
		    : strcmp(l->text, "EL") == 0 ? "Greece is GR"
						 : "countries are two capital letters of "
						   "ISO 3166-1, for example JP",
		    "'%.64s' is no country code", l->text);
	it->num = l->text[0] * 256 + l->text[1];
	return true;
}

/* Only a path that can occur: a normal path has no empty and no dot segments. */
static bool
term_take_path(struct parse *ps, const struct parse_literal *l, struct item *it)
{
	const char *s = l->text;
	char *folded;

	if (s[0] != '/' || strstr(s, "//") || strstr(s, "/./") || strstr(s, "/../") ||
	    strpbrk(s, "?#\\"))
		return term_value_error(
		    ps, l, "write it as the log shows it: /api/tx, without query",
		    "this is no normal path");
	it->n = l->n;
	while (it->n > 0 && s[it->n - 1] == '/')
		it->n--;
	folded = parse_room(ps, it->n + 1, l->pos);
	if (folded == NULL)
		return false;
	for (size_t i = 0; i < it->n; i++)
		folded[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i];
	folded[it->n] = '\0';
	it->text = folded;
	return true;
}

static const enum lex_kind term_kind_of[] = {
    [SIGNAL_BOOL] = LEX_WORD,	      [SIGNAL_INT] = LEX_NUMBER,
    [SIGNAL_DURATION] = LEX_DURATION, [SIGNAL_TEXT] = LEX_STRING,
    [SIGNAL_PATH] = LEX_STRING,	      [SIGNAL_COUNTRY] = LEX_WORD,
    [SIGNAL_ENUM] = LEX_WORD,	      [SIGNAL_PERCENT] = LEX_PERCENT,
    [SIGNAL_SPEED] = LEX_SPEED,	      [SIGNAL_DISTANCE] = LEX_DISTANCE,
};

/* Judges one literal against the signal's type and makes an item of it. */
static bool
term_convert(struct parse *ps, int sig, const struct parse_literal *l, struct item *it)
{
	enum signal_type type = signal_info((enum signal_id)sig)->type;

	*it = (struct item){.num = l->num, .text = l->text, .n = l->n};
	if (l->kind != term_kind_of[type])
		return term_type_error(ps, sig, l);
	switch (type) {
	case SIGNAL_BOOL:
		it->num = strcmp(l->text, "true") == 0;
		return it->num || strcmp(l->text, "false") == 0 ||
		       term_type_error(ps, sig, l);
	case SIGNAL_COUNTRY:
		return term_take_country(ps, l, it);
	case SIGNAL_ENUM:
		return term_take_word(ps, sig, l, it);
	case SIGNAL_PATH:
		return term_take_path(ps, l, it);
	case SIGNAL_TEXT:
	case SIGNAL_INT:
		return true;
	default:
		return it->num >= 0 ||
		       term_value_error(ps, l, NULL, "%s is never below 0",
					signal_info((enum signal_id)sig)->name);
	}
}

static int
term_item_order(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int c;

	if (x->num != y->num)
		return x->num < y->num ? -1 : 1;
	c = n ? memcmp(x->text, y->text, n) : 0;
	return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

/* Items in one order and each once, so that equal sets have equal canonical texts. */
static size_t
term_sort_items(struct item *it, size_t n, bool texts)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (texts)
			it[i].num = 0;
		else
			it[i].n = 0;
	}
	qsort(it, n, sizeof(*it), term_item_order);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || term_item_order(&it[kept - 1], &it[i]) != 0)
			it[kept++] = it[i];
	return kept;
}

/* Makes a node that asks whether the signal is one of (or under one of) the literals. */
int
term_membership(struct parse *ps, int sig, enum node_op op, size_t first, size_t count,
		struct diag_pos pos)
{
	struct policy *p = ps->p;
	struct item *it = p->items + p->n_items;
	struct node nd = {.op = (uint8_t)op, .sig = (uint8_t)sig, .pos = pos};
	bool good = true;

	if (count > POLICY_ITEMS_MAX - p->n_items) {
		diag_error(ps->lx.diags, &ps->lx.src, pos, NULL,
			   "the sets of this policy have more than %d members",
			   POLICY_ITEMS_MAX);
		ps->lx.failed = true;
		return PARSE_NONE;
	}
	for (size_t i = 0; i < count; i++)
		good &= term_convert(ps, sig, &ps->literals[first + i], &it[i]);
	if (!good)
		return PARSE_NONE;
	nd.first = (uint32_t)p->n_items;
	nd.n = (uint16_t)term_sort_items(it, count, op != NODE_IN_NUM);
	p->n_items += nd.n;
	return term_add(ps, nd);
}

bool
term_is_textual(int sig)
{
	enum signal_type type = signal_info((enum signal_id)sig)->type;

	return type == SIGNAL_TEXT || type == SIGNAL_PATH;
}

int
term_compare(struct parse *ps, int sig, enum lex_kind op, size_t lit, struct diag_pos pos)
{
	static const enum node_op ops[] = {
	    [LEX_EQ] = NODE_EQ, [LEX_NE] = NODE_EQ, [LEX_LT] = NODE_LT,
	    [LEX_LE] = NODE_LE, [LEX_GT] = NODE_GT, [LEX_GE] = NODE_GE};
	const struct signal_info *si = signal_info((enum signal_id)sig);
	struct node nd = {.op = (uint8_t)ops[op], .sig = (uint8_t)sig, .pos = pos};
	bool negate = op == LEX_NE;
	struct item it;
	int node;

	if (nd.op != NODE_EQ && (term_is_textual(sig) || si->type == SIGNAL_COUNTRY ||
				 si->type == SIGNAL_BOOL)) {
		diag_error(ps->lx.diags, &ps->lx.src, pos, "use = != or in",
			   "%s is of type %s: it has no order", si->name,
			   signal_type_name(si->type));
		ps->lx.failed = true;
		return PARSE_NONE;
	}
	if (term_is_textual(sig)) {
		node = term_membership(ps, sig, NODE_IN_TEXT, lit, 1, pos);
	} else {
		if (!term_convert(ps, sig, &ps->literals[lit], &it))
			return PARSE_NONE;
		nd.num = it.num;
		if (si->type == SIGNAL_BOOL) {
			nd.op = NODE_BOOL;
			nd.num = 0;
			negate ^= it.num == 0;
		}
		node = term_add(ps, nd);
	}
	return negate ? term_wrap(ps, NODE_NOT, node, pos) : node;
}
