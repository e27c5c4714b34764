/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/canon.h"

#include <time.h>

void
canon_string(struct out *o, const char *s, size_t n)
{
	out_text(o, "\"");
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			out_text(o, "\\");
		if (s[i] == '\n')
			out_text(o, "\\n");
		else if (s[i] == '\t')
			out_text(o, "\\t");
		else
			out_bytes(o, s + i, 1);
	}
	out_text(o, "\"");
}

void
canon_number(struct out *o, unsigned sig, int64_t num)
{
	struct facts f;
	char buf[64];

	memset(&f.v[sig], 0, sizeof(f.v[sig]));
	f.v[sig].known = true;
	f.v[sig].num = num;
	out_text(o, facts_print(&f, (enum signal_id)sig, buf, sizeof(buf)));
}

static void
canon_item(struct out *o, const struct node *nd, const struct item *it)
{
	if (nd->op == NODE_IN_NUM)
		canon_number(o, nd->sig, it->num);
	else if (it->n == 0 && signal_info((enum signal_id)nd->sig)->type == SIGNAL_PATH)
		out_text(o, "\"/\"");
	else
		canon_string(o, it->text, it->n);
}

static void
canon_items(struct out *o, const struct policy *p, const struct node *nd)
{
	out_text(o, nd->op == NODE_UNDER ? " under { " : " in { ");
	for (size_t i = 0; i < nd->n; i++) {
		if (i)
			out_text(o, ", ");
		canon_item(o, nd, &p->items[nd->first + i]);
	}
	out_text(o, " }");
}

static void
canon_leaf(struct out *o, const struct policy *p, const struct node *nd)
{
	static const char *const marks[] = {[NODE_EQ] = " = ",
					    [NODE_LT] = " < ",
					    [NODE_LE] = " <= ",
					    [NODE_GT] = " > ",
					    [NODE_GE] = " >= "};
	const char *name = signal_info((enum signal_id)nd->sig)->name;

	if (nd->op == NODE_KNOWN) {
		out_fmt(o, "known(%s)", name);
		return;
	}
	out_text(o, name);
	if (nd->op >= NODE_EQ && nd->op <= NODE_GE) {
		out_text(o, marks[nd->op]);
		canon_number(o, nd->sig, nd->num);
	} else if (nd->n) {
		canon_items(o, p, nd);
	}
}

/* How tightly a node binds: what is below its surroundings needs parentheses. */
enum canon_level {
	CANON_OR_END, /* "... or unknown" */
	CANON_OR,
	CANON_AND_END, /* "... and known" */
	CANON_AND,
	CANON_NOT,
	CANON_LEAF,
};

static enum canon_level
canon_level(const struct node *nd)
{
	switch ((enum node_op)nd->op) {
	case NODE_OR_UNKNOWN:
		return CANON_OR_END;
	case NODE_OR:
		return CANON_OR;
	case NODE_AND_KNOWN:
		return CANON_AND_END;
	case NODE_AND:
		return CANON_AND;
	case NODE_NOT:
		return CANON_NOT;
	default:
		return CANON_LEAF;
	}
}

/* Chains are walked by a loop, so recursion is bounded by the depth that term.c grants.
 */
static void canon_node(struct out *o, const struct policy *p, uint16_t id,
		       enum canon_level least);

size_t
canon_operands(const struct policy *p, const struct node *top, uint16_t *list)
{
	size_t n = 0, todo = POLICY_NODES_MAX;

	/* What waits stands at the far end; together they are never more than the nodes. */
	list[--todo] = top->b;
	list[--todo] = top->a;
	while (todo < POLICY_NODES_MAX) {
		uint16_t id = list[todo++];
		const struct node *nd = &p->nodes[id];

		if (nd->op == top->op) {
			list[--todo] = nd->b;
			list[--todo] = nd->a;
		} else {
			list[n++] = id;
		}
	}
	return n;
}

static void
canon_chain(struct out *o, const struct policy *p, const struct node *top)
{
	uint16_t list[POLICY_NODES_MAX];
	size_t n = canon_operands(p, top, list);

	for (size_t i = 0; i < n; i++) {
		if (i)
			out_text(o, top->op == NODE_AND ? " and " : " or ");
		canon_node(o, p, list[i],
			   top->op == NODE_AND ? CANON_NOT : CANON_AND_END);
	}
}

static void
canon_bare(struct out *o, const struct policy *p, const struct node *nd)
{
	switch ((enum node_op)nd->op) {
	case NODE_NOT:
		out_text(o, "not ");
		canon_node(o, p, nd->a, CANON_NOT);
		break;
	case NODE_AND:
	case NODE_OR:
		canon_chain(o, p, nd);
		break;
	case NODE_OR_UNKNOWN:
		canon_node(o, p, nd->a, CANON_OR);
		out_text(o, " or unknown");
		break;
	case NODE_AND_KNOWN:
		canon_node(o, p, nd->a, CANON_AND);
		out_text(o, " and known");
		break;
	default:
		canon_leaf(o, p, nd);
		break;
	}
}

static void
canon_node(struct out *o, const struct policy *p, uint16_t id, enum canon_level least)
{
	const struct node *nd = &p->nodes[id];
	bool wrap = canon_level(nd) < least;

	if (wrap)
		out_text(o, "(");
	canon_bare(o, p, nd);
	if (wrap)
		out_text(o, ")");
}

void
canon_condition(struct out *o, const struct policy *p, uint16_t root)
{
	canon_node(o, p, root, CANON_OR_END);
}

const char *
canon_date(int64_t since, char day[CANON_DATE_LEN])
{
	struct tm tm;
	time_t t = (time_t)since;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(day, CANON_DATE_LEN, "%Y-%m-%d", &tm) == 0)
		day[0] = '\0';
	return day;
}

static void
canon_rule(struct out *o, const struct policy *p, const struct rule *r)
{
	const struct policy_rule *info = &r->info;
	char day[CANON_DATE_LEN];

	out_fmt(o, "\n\trule %s ", info->id);
	canon_string(o, info->sentence, strlen(info->sentence));
	out_text(o, " {\n\t\twhen ");
	canon_condition(o, p, r->root);
	out_fmt(o, "\n\t\tthen %s", info->then);
	if (info->reason[0])
		out_fmt(o, " reason %s", info->reason);
	out_text(o, info->observe ? " observe\n" : "\n");
	if (info->sentence_ja[0]) {
		out_text(o, "\t\tja ");
		canon_string(o, info->sentence_ja, strlen(info->sentence_ja));
		out_text(o, "\n");
	}
	if (info->note[0]) {
		out_text(o, "\t\tnote ");
		canon_string(o, info->note, strlen(info->note));
		out_text(o, "\n");
	}
	if (info->has_since)
		out_fmt(o, "\t\tsince %s\n", canon_date(info->since, day));
	out_text(o, "\t}\n");
}

size_t
policy_canonical(const struct policy *p, char *buf, size_t cap)
{
	struct out o = {buf, cap, 0};

	out_text(&o, "policy ");
	canon_string(&o, p->name, strlen(p->name));
	out_fmt(&o, " {\n\tdefault %s\n", policy_default(p));
	for (size_t i = 0; i < p->n_retired; i++)
		out_fmt(&o, "%s%s%s", i ? ", " : "\tretired { ", p->retired[i].id,
			i + 1 == p->n_retired ? " }\n" : "");
	for (size_t i = 0; i < p->n_rules; i++)
		canon_rule(&o, p, &p->rules[i]);
	out_text(&o, "}\n");
	return out_end(&o);
}
