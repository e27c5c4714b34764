/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "policy/check.h"
#include "policy/eval.h"
#include "policy/parse.h"

static const struct policy_verdict {
	const char *name, *en, *ja;
} policy_verdicts[] = {
#define VERDICT(ident, name, en, ja) {name, en, ja},
#include "policy/verdict.def"
#undef VERDICT
};

const char *
verdict_name(enum verdict v)
{
	return (unsigned)v < VERDICT_COUNT ? policy_verdicts[v].name : "?";
}

const char *
verdict_sentence(enum verdict v, const char *lang)
{
	if ((unsigned)v >= VERDICT_COUNT)
		return "?";
	return strcmp(lang, "ja") == 0 ? policy_verdicts[v].ja : policy_verdicts[v].en;
}

int
verdict_by_name(const char *name, size_t n)
{
	for (int v = 0; v < VERDICT_COUNT; v++)
		if (strlen(policy_verdicts[v].name) == n &&
		    memcmp(policy_verdicts[v].name, name, n) == 0)
			return v;
	return -1;
}

static struct policy *
policy_new(size_t texts_cap)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->nodes = malloc(POLICY_NODES_MAX * sizeof(*p->nodes));
	p->items = malloc(POLICY_ITEMS_MAX * sizeof(*p->items));
	p->rules = malloc(POLICY_RULES_MAX * sizeof(*p->rules));
	p->retired = malloc(POLICY_RETIRED_MAX * sizeof(*p->retired));
	p->texts = malloc(texts_cap);
	if (p->nodes && p->items && p->rules && p->retired && p->texts)
		return p;
	policy_free(p);
	return NULL;
}

void
policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	free(p->nodes);
	free(p->items);
	free(p->rules);
	free(p->retired);
	free(p->texts);
	free(p);
}

static struct parse *
policy_reader(const char *text, size_t len, const char *name, struct diags *diags)
{
	struct parse *ps = calloc(1, sizeof(*ps));
	/* Words and strings once, and paths again for each set that folds them. */
	size_t texts_cap = 3 * len + 65536;

	if (ps == NULL)
		return NULL;
	ps->literals = malloc(POLICY_ITEMS_MAX * sizeof(*ps->literals));
	ps->p = policy_new(texts_cap);
	if (ps->literals == NULL || ps->p == NULL) {
		policy_free(ps->p);
		free(ps->literals);
		free(ps);
		return NULL;
	}
	ps->texts_cap = texts_cap;
	lex_init(&ps->lx, name, text, len, diags);
	return ps;
}

static void
policy_warn_lets(const struct parse *ps)
{
	for (size_t i = 0; i < ps->n_lets; i++)
		if (!ps->lets[i].used && ps->lets[i].kind != PARSE_LET_BROKEN)
			diag_warn(ps->lx.diags, &ps->lx.src, ps->lets[i].pos, NULL,
				  "no rule uses let '%s'", ps->lets[i].name);
}

/* Reads and checks; true if nothing was found. */
static bool
policy_build(struct parse *ps)
{
	size_t before = ps->lx.diags->errors;
	struct diag_source file = {ps->lx.src.file, NULL, 0};

	if (lex_failed(&ps->lx))
		return false;
	parse_policy(ps);
	/* A file that broke off has no rules worth checking. */
	if (ps->p->has_fallback || ps->p->n_rules)
		if (!check_policy(ps->p, &ps->lx.src, ps->lx.diags))
			return false;
	if (lex_failed(&ps->lx) || ps->lx.diags->errors != before)
		return false;
	if (!ps->p->has_fallback) {
		diag_error(ps->lx.diags, &file, (struct diag_pos){0, 0}, NULL,
			   "the policy is empty");
		return false;
	}
	if (policy_canonical(ps->p, NULL, 0) > POLICY_TEXT_MAX) {
		diag_error(ps->lx.diags, &file, (struct diag_pos){0, 0}, NULL,
			   "the policy is too large with all lets written out");
		return false;
	}
	policy_warn_lets(ps);
	return true;
}

struct policy *
policy_load_text(const char *text, size_t len, const char *name, struct diags *diags)
{
	const struct diag_source file = {name, NULL, 0};
	struct policy *p;
	struct parse *ps;

	if (len > POLICY_TEXT_MAX) {
		diag_error(diags, &file, (struct diag_pos){0, 0}, NULL,
			   "a policy has at most %u bytes", (unsigned)POLICY_TEXT_MAX);
		return NULL;
	}
	ps = policy_reader(text, len, name, diags);
	if (ps == NULL) {
		diag_error(diags, &file, (struct diag_pos){0, 0}, NULL, "out of memory");
		return NULL;
	}
	p = ps->p;
	if (!policy_build(ps)) {
		policy_free(p);
		p = NULL;
	}
	free(ps->literals);
	free(ps);
	return p;
}

/* The strictest so far among the matches of one kind. */
struct policy_best {
	int verdict; /* -1: none */
	uint16_t rule;
};

static void
policy_take(struct policy_best *best, int verdict, size_t rule)
{
	if (verdict > best->verdict) {
		best->verdict = verdict;
		best->rule = (uint16_t)rule;
	}
}

/* Was a signal that the gate always knows unknown, though a rule reads it? */
static bool
policy_is_incomplete(const struct policy *p, const struct facts *f)
{
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		if (!f->v[s].known && signals_has(p->reads, s) &&
		    !signal_info((enum signal_id)s)->may_be_unknown)
			return true;
	return false;
}

void
policy_decide(const struct policy *p, const struct facts *f, struct decision *d)
{
	uint8_t v[POLICY_NODES_MAX];
	struct policy_best enforced = {-1, POLICY_NO_RULE}, any = {-1, POLICY_NO_RULE};
	enum verdict read_only = eval_read_only(f);
	int fallback = (int)(p->fallback_read_only ? read_only : p->fallback);

	memset(d, 0, sizeof(*d));
	eval_all(p, f, v);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		int verdict = (int)(r->info.read_only ? read_only : r->info.verdict);

		if (v[r->root] != KLEENE_TRUE)
			continue;
		policy_take(&any, verdict, i);
		if (r->info.observe) {
			d->observed[i / 64] |= (uint64_t)1 << i % 64;
			d->n_observed++;
			continue;
		}
		policy_take(&enforced, verdict, i);
		d->matched[i / 64] |= (uint64_t)1 << i % 64;
		d->n_matched++;
	}
	d->by_default = enforced.verdict < 0;
	d->verdict = (enum verdict)(d->by_default ? fallback : enforced.verdict);
	d->verdict_all_enforced =
	    (enum verdict)(any.verdict < 0 ? fallback : any.verdict);
	d->rule = enforced.rule;
	d->reason = d->by_default ? "" : p->rules[d->rule].info.reason;
	d->incomplete = policy_is_incomplete(p, f);
}

const char *
policy_name(const struct policy *p)
{
	return p->name;
}

const char *
policy_default(const struct policy *p)
{
	return p->fallback_read_only ? "read-only" : verdict_name(p->fallback);
}

size_t
policy_rule_count(const struct policy *p)
{
	return p->n_rules;
}

const struct policy_rule *
policy_rule_info(const struct policy *p, size_t i)
{
	return &p->rules[i].info;
}

int
policy_rule_find(const struct policy *p, const char *id, size_t n)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (strlen(p->rules[i].info.id) == n &&
		    memcmp(p->rules[i].info.id, id, n) == 0)
			return (int)i;
	return -1;
}

bool
policy_reads(const struct policy *p, enum signal_id id)
{
	return signals_has(p->reads, id);
}
