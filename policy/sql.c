/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sql.h"

#include "policy/canon.h"

/* Rules in one max(): below SQLite's limit of 127 arguments. */
enum { SQL_GROUP = 64 };

static const char sql_read_only[] =
    "CASE WHEN \"request.method\" IN ('GET','HEAD') AND "
    "\"request.class\" IN ('open','read') AND NOT \"request.websocket\" "
    "THEN 0 ELSE 3 END";

static void
sql_text(struct out *o, const char *s, size_t n)
{
	out_text(o, "'");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\'')
			out_text(o, "'");
		out_bytes(o, s + i, 1);
	}
	out_text(o, "'");
}

static void
sql_column(struct out *o, unsigned sig)
{
	const struct signal_info *si = signal_info((enum signal_id)sig);

	if (si->type == SIGNAL_PATH)
		out_fmt(o, "lower(rtrim(\"%s\",'/'))", si->name);
	else
		out_fmt(o, "\"%s\"", si->name);
}

/* A value as the column holds it. */
static void
sql_value(struct out *o, unsigned sig, int64_t num)
{
	switch (signal_info((enum signal_id)sig)->type) {
	case SIGNAL_ENUM:
		out_fmt(o, "'%s'", signal_word((enum signal_id)sig, (unsigned)num));
		break;
	case SIGNAL_COUNTRY:
		out_fmt(o, "'%c%c'", (int)(num >> 8), (int)(num & 0xff));
		break;
	default:
		/* The least number has no literal of its own in SQL. */
		if (num == INT64_MIN)
			out_text(o, "(-9223372036854775807-1)");
		else
			out_fmt(o, "%lld", (long long)num);
		break;
	}
}

/* The column as something that has an order. */
static void
sql_ranked(struct out *o, unsigned sig)
{
	const char *word;

	if (signal_info((enum signal_id)sig)->type != SIGNAL_ENUM) {
		sql_column(o, sig);
		return;
	}
	out_text(o, "CASE ");
	sql_column(o, sig);
	for (unsigned r = 0; (word = signal_word((enum signal_id)sig, r)) != NULL; r++)
		out_fmt(o, " WHEN '%s' THEN %u", word, r);
	out_text(o, " END");
}

static void
sql_order(struct out *o, const struct node *nd)
{
	static const char *const marks[] = {
	    [NODE_LT] = " < ", [NODE_LE] = " <= ", [NODE_GT] = " > ", [NODE_GE] = " >= "};

	sql_ranked(o, nd->sig);
	out_text(o, marks[nd->op]);
	if (signal_info((enum signal_id)nd->sig)->type == SIGNAL_ENUM)
		out_fmt(o, "%lld", (long long)nd->num);
	else
		sql_value(o, nd->sig, nd->num);
}

static void
sql_in(struct out *o, const struct policy *p, const struct node *nd)
{
	sql_column(o, nd->sig);
	out_text(o, " IN (");
	for (size_t i = 0; i < nd->n; i++) {
		const struct item *it = &p->items[nd->first + i];

		if (i)
			out_text(o, ",");
		if (nd->op == NODE_IN_NUM)
			sql_value(o, nd->sig, it->num);
		else
			sql_text(o, it->text, it->n);
	}
	out_text(o, ")");
}

/* substr counts characters, not bytes. */
static size_t
sql_chars(const struct item *it)
{
	size_t n = 0;

	for (size_t i = 0; i < it->n; i++)
		n += ((unsigned char)it->text[i] & 0xc0) != 0x80;
	return n;
}

static void
sql_under(struct out *o, const struct policy *p, const struct node *nd)
{
	for (size_t i = 0; i < nd->n; i++) {
		const struct item *it = &p->items[nd->first + i];

		out_text(o, i ? " OR " : "");
		sql_column(o, nd->sig);
		out_text(o, " = ");
		sql_text(o, it->text, it->n);
		out_text(o, " OR substr(");
		sql_column(o, nd->sig);
		out_fmt(o, ",1,%zu) = ", sql_chars(it) + 1);
		sql_text(o, it->text, it->n);
		out_text(o, "||'/'");
	}
}

static void
sql_leaf(struct out *o, const struct policy *p, const struct node *nd)
{
	switch ((enum node_op)nd->op) {
	case NODE_BOOL:
		sql_column(o, nd->sig);
		break;
	case NODE_KNOWN:
		out_fmt(o, "\"%s\" IS NOT NULL",
			signal_info((enum signal_id)nd->sig)->name);
		break;
	case NODE_EQ:
		sql_column(o, nd->sig);
		out_text(o, " = ");
		sql_value(o, nd->sig, nd->num);
		break;
	case NODE_IN_NUM:
	case NODE_IN_TEXT:
		sql_in(o, p, nd);
		break;
	case NODE_UNDER:
		sql_under(o, p, nd);
		break;
	default:
		sql_order(o, nd);
		break;
	}
}

static void sql_node(struct out *o, const struct policy *p, uint16_t id);

static void
sql_chain(struct out *o, const struct policy *p, const struct node *top)
{
	uint16_t list[POLICY_NODES_MAX];
	size_t n = canon_operands(p, top, list);

	for (size_t i = 0; i < n; i++) {
		if (i)
			out_text(o, top->op == NODE_AND ? " AND " : " OR ");
		sql_node(o, p, list[i]);
	}
}

/* Recursion is bounded by the depth that term.c grants. */
static void
sql_node(struct out *o, const struct policy *p, uint16_t id)
{
	const struct node *nd = &p->nodes[id];
	bool ends = nd->op == NODE_OR_UNKNOWN || nd->op == NODE_AND_KNOWN;

	out_text(o, nd->op == NODE_NOT ? "(NOT " : ends ? "coalesce(" : "(");
	if (node_is_leaf(nd))
		sql_leaf(o, p, nd);
	else if (nd->op == NODE_AND || nd->op == NODE_OR)
		sql_chain(o, p, nd);
	else
		sql_node(o, p, nd->a);
	out_text(o, nd->op == NODE_OR_UNKNOWN  ? ",1)"
		    : nd->op == NODE_AND_KNOWN ? ",0)"
					       : ")");
}

static void
sql_rule(struct out *o, const struct policy *p, const struct rule *r)
{
	out_text(o, ",\n CASE WHEN ");
	sql_node(o, p, r->root);
	if (r->info.read_only)
		out_fmt(o, " THEN %s ELSE -1 END", sql_read_only);
	else
		out_fmt(o, " THEN %d ELSE -1 END", (int)r->info.verdict);
}

size_t
sql_write(const struct policy *p, bool all_enforced, char *buf, size_t cap)
{
	struct out o = {buf, cap, 0};
	size_t in_group = 0, groups = 1;

	out_text(&o, "coalesce(nullif(max(-1,-1");
	for (size_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].info.observe && !all_enforced)
			continue;
		if (in_group++ == SQL_GROUP) {
			out_text(&o, ",\n max(-1,-1");
			groups++;
			in_group = 1;
		}
		sql_rule(&o, p, &p->rules[i]);
	}
	for (; groups > 0; groups--)
		out_text(&o, ")");
	if (p->fallback_read_only)
		out_fmt(&o, ",-1), %s)", sql_read_only);
	else
		out_fmt(&o, ",-1), %d)", (int)p->fallback);
	return out_end(&o);
}
