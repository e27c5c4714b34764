/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check.h"

#include <stdlib.h>
#include <string.h>

#include "policy/domain.h"

struct check {
	struct policy *p;
	const struct diag_source *src;
	struct diags *diags;
	uint16_t *order;
	uint8_t *seen, *v, *told;
};

static int
check_rule_order(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int c = strcmp(x->info.id, y->info.id);

	if (c)
		return c;
	return x->id_pos.line != y->id_pos.line
		   ? (x->id_pos.line < y->id_pos.line ? -1 : 1)
		   : (x->id_pos.col > y->id_pos.col) - (x->id_pos.col < y->id_pos.col);
}

static int
check_retired_order(const void *a, const void *b)
{
	const struct retired *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static void
check_ids(const struct check *ck)
{
	struct policy *p = ck->p;

	qsort(p->rules, p->n_rules, sizeof(*p->rules), check_rule_order);
	qsort(p->retired, p->n_retired, sizeof(*p->retired), check_retired_order);
	for (size_t i = 1; i < p->n_rules; i++)
		if (strcmp(p->rules[i].info.id, p->rules[i - 1].info.id) == 0)
			diag_error(ck->diags, ck->src, p->rules[i].id_pos,
				   "ids stand in the log: each means one rule, for ever",
				   "rule %s is given twice, first in line %u",
				   p->rules[i].info.id, p->rules[i - 1].id_pos.line);
	for (size_t i = 1; i < p->n_retired; i++)
		if (strcmp(p->retired[i].id, p->retired[i - 1].id) == 0)
			diag_error(ck->diags, ck->src, p->retired[i].pos, NULL,
				   "%s is retired twice", p->retired[i].id);
	for (size_t i = 0; i < p->n_rules; i++) {
		struct retired key = {p->rules[i].info.id, {0, 0}};

		if (bsearch(&key, p->retired, p->n_retired, sizeof(key),
			    check_retired_order))
			diag_error(
			    ck->diags, ck->src, p->rules[i].id_pos,
			    "take a new id: the log still holds the old rule's matches",
			    "rule %s has an id that is retired", key.id);
	}
}

/* The condition's nodes, ascending: operands are older, so one pass from its root down.
 */
static size_t
check_collect(struct check *ck, uint16_t root)
{
	const struct policy *p = ck->p;
	size_t n = 0;

	memset(ck->v, 0, p->n_nodes);
	ck->v[root] = 1;
	for (size_t i = (size_t)root + 1; i-- > 0;) {
		const struct node *nd = &p->nodes[i];

		if (!ck->v[i] || node_is_leaf(nd))
			continue;
		ck->v[nd->a] = 1;
		if (nd->op == NODE_AND || nd->op == NODE_OR)
			ck->v[nd->b] = 1;
	}
	for (size_t i = 0; i <= root; i++)
		if (ck->v[i])
			ck->order[n++] = (uint16_t)i;
	return n;
}

/* Where the condition first asks for the signal. */
static struct diag_pos
check_first_use(const struct check *ck, const struct domain *d, int sig)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct node *nd = &ck->p->nodes[d->order[i]];

		if (node_is_leaf(nd) && nd->op != NODE_KNOWN && nd->sig == sig)
			return nd->pos;
	}
	return ck->p->nodes[d->order[0]].pos;
}

/* True if the condition can be true and false and nothing else. */
static bool
check_values(struct check *ck, const struct rule *r, const struct domain *d)
{
	uint8_t root = ck->seen[r->root];
	const char *name;
	struct diag_pos pos;

	if (root & 1 << KLEENE_UNKNOWN) {
		name = signal_info((enum signal_id)d->culprit)->name;
		pos = check_first_use(ck, d, d->culprit);
		diag_error(ck->diags, ck->src, pos,
			   "say what then: '... and known' (the rule does not match) or "
			   "'... or unknown' (it does)",
			   "rule %s does not say what happens when %s is unknown",
			   r->info.id, name);
	} else if (root == 1 << KLEENE_TRUE) {
		diag_error(ck->diags, ck->src, ck->p->nodes[r->root].pos,
			   "a rule for everything is the default",
			   "the condition of rule %s is always true", r->info.id);
	} else if (root == 1 << KLEENE_FALSE) {
		diag_error(ck->diags, ck->src, ck->p->nodes[r->root].pos, NULL,
			   "the condition of rule %s is never true", r->info.id);
	}
	return root == (1 << KLEENE_TRUE | 1 << KLEENE_FALSE);
}

/* Parts that cannot matter: most often a slip, and a reader would believe them. */
static void
check_parts(struct check *ck, const struct rule *r, const struct domain *d)
{
	for (size_t i = 0; i < d->n; i++) {
		uint16_t id = d->order[i];
		const struct node *nd = &ck->p->nodes[id];
		bool last = nd->op == NODE_OR_UNKNOWN || nd->op == NODE_AND_KNOWN;

		if (ck->told[id])
			continue;
		if (last && !(ck->seen[nd->a] & 1 << KLEENE_UNKNOWN))
			diag_error(ck->diags, ck->src, nd->pos, "leave it out",
				   "what stands before '%s' is never unknown",
				   nd->op == NODE_OR_UNKNOWN ? "or unknown"
							     : "and known");
		else if (nd->op == NODE_AND && id != r->root &&
			 !(ck->seen[id] & 1 << KLEENE_TRUE))
			diag_error(ck->diags, ck->src, nd->pos, NULL,
				   "this part of rule %s is never true", r->info.id);
		else if (nd->op == NODE_OR && id != r->root &&
			 !(ck->seen[id] & 1 << KLEENE_FALSE))
			diag_error(ck->diags, ck->src, nd->pos, NULL,
				   "this part of rule %s is never false", r->info.id);
		else
			continue;
		ck->told[id] = 1;
	}
}

static void
check_condition(struct check *ck, struct rule *r)
{
	struct domain d = {.order = ck->order, .seen = ck->seen, .v = ck->v};

	d.n = check_collect(ck, r->root);
	for (size_t i = 0; i < d.n; i++) {
		const struct node *nd = &ck->p->nodes[ck->order[i]];

		if (node_is_leaf(nd)) {
			signals_add(r->info.reads, nd->sig);
			signals_add(ck->p->reads, nd->sig);
		}
	}
	if (!domain_run(ck->p, &d)) {
		diag_error(ck->diags, ck->src, ck->p->nodes[r->root].pos,
			   "split it into several rules",
			   "rule %s reads more than %d signals that can be unknown",
			   r->info.id, DOMAIN_UNKNOWNS);
		return;
	}
	if (check_values(ck, r, &d))
		check_parts(ck, r, &d);
}

/* No passive score rejects: not by a rule, and not by a default that a score lifts. */
static void
check_risk(const struct check *ck, const struct rule *r)
{
	const struct policy *p = ck->p;
	const char *hint = "a score may flag or challenge; refuse on a fact";

	if (!signals_has(r->info.reads, SIG_RISK_SCORE))
		return;
	if (r->info.read_only || r->info.verdict >= VERDICT_REFUSE)
		diag_error(ck->diags, ck->src, r->then_pos, hint,
			   "rule %s reads risk.score and must not %s", r->info.id,
			   r->info.then);
	else if (p->fallback_read_only || p->fallback >= VERDICT_REFUSE)
		diag_error(
		    ck->diags, ck->src, r->then_pos, hint,
		    "rule %s reads risk.score under default %s: the score would refuse",
		    r->info.id, policy_default(p));
}

static void
check_rules(struct check *ck)
{
	struct policy *p = ck->p;
	size_t weight = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		struct rule *r = &p->rules[i];

		if (r->root == UINT16_MAX)
			continue;
		weight += p->nodes[r->root].weight;
		if (weight > POLICY_NODES_MAX) {
			diag_error(ck->diags, ck->src, r->id_pos, NULL,
				   "this policy is too large: %d conditions and members "
				   "of sets, "
				   "with all lets written out",
				   POLICY_NODES_MAX);
			return;
		}
		check_condition(ck, r);
		check_risk(ck, r);
	}
}

bool
check_policy(struct policy *p, const struct diag_source *src, struct diags *diags)
{
	struct check ck = {.p = p, .src = src, .diags = diags};
	size_t n = p->n_nodes + 1;
	bool ok = false;

	ck.order = malloc(n * sizeof(*ck.order));
	ck.seen = calloc(n, 1);
	ck.v = calloc(n, 1);
	ck.told = calloc(n, 1);
	if (ck.order == NULL || ck.seen == NULL || ck.v == NULL || ck.told == NULL)
		goto out;
	if (!p->has_fallback)
		diag_error(
		    diags, src, (struct diag_pos){0, 0},
		    "write what happens when no rule matches, for example: default allow",
		    "the policy has no default");
	check_ids(&ck);
	check_rules(&ck);
	ok = true;
out:
	free(ck.order);
	free(ck.seen);
	free(ck.v);
	free(ck.told);
	return ok;
}
