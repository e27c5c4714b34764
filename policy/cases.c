/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cases.h"

#include <stdlib.h>
#include <string.h>

#include "policy/lex.h"
#include "policy/out.h"

enum {
	CASES_FACTS_MAX = 128,	    /* named sets of facts in one file */
	CASES_TEXT_MAX = 64 * 1024, /* bytes of texts in all of them */
};

struct cases_named {
	char name[128];
	struct facts facts;
};

struct cases {
	struct lex lx;
	const struct policy *p;
	struct cases_named *named;
	size_t n_named;
	char *texts;
	size_t texts_used;
	struct cases_count *count;
	void (*told)(void *arg, const struct cases_result *r);
	void *arg;
};

/* What a case expects. */
struct cases_want {
	bool given, any_rules, any_observed;
	enum verdict verdict;
	struct diag_pos pos;
	uint64_t rules[POLICY_RULES_MAX / 64];
	uint64_t observed[POLICY_RULES_MAX / 64];
};

static const char *
cases_keep(struct cases *cs, const struct lex_token *tok)
{
	char *room = cs->texts + cs->texts_used;

	if (tok->n > CASES_TEXT_MAX - cs->texts_used) {
		lex_fail(&cs->lx, tok, NULL, "the texts of this file are too large");
		return NULL;
	}
	memcpy(room, tok->text, tok->n);
	cs->texts_used += tok->n;
	return room;
}

/* The spelling that facts_parse reads, for tokens that are no text themselves. */
static void
cases_spell(const struct lex_token *tok, enum signal_type type, char *buf, size_t cap)
{
	if (tok->kind == LEX_WORD)
		snprintf(buf, cap, "%.*s", (int)cap - 1, tok->text);
	else
		snprintf(buf, cap, "%lld%s%s", (long long)tok->num,
			 type == SIGNAL_INT ? "" : " ", signal_unit(type));
}

static bool
cases_fits(const struct lex_token *tok, enum signal_type type)
{
	switch (type) {
	case SIGNAL_INT:
		return tok->kind == LEX_NUMBER;
	case SIGNAL_DURATION:
		return tok->kind == LEX_DURATION;
	case SIGNAL_PERCENT:
		return tok->kind == LEX_PERCENT;
	case SIGNAL_SPEED:
		return tok->kind == LEX_SPEED;
	case SIGNAL_DISTANCE:
		return tok->kind == LEX_DISTANCE;
	case SIGNAL_TEXT:
	case SIGNAL_PATH:
		return tok->kind == LEX_STRING;
	default:
		return tok->kind == LEX_WORD;
	}
}

static bool
cases_value(struct cases *cs, struct facts *f, int sig, const struct lex_token *tok)
{
	enum signal_type type = signal_info((enum signal_id)sig)->type;
	char buf[64];
	const char *kept;

	if (lex_is_word(tok, "unknown")) {
		facts_set_unknown(f, (enum signal_id)sig);
		return true;
	}
	if (!cases_fits(tok, type) || tok->n >= sizeof(buf)) {
		if (tok->kind != LEX_STRING || !cases_fits(tok, type))
			return false;
	}
	if (tok->kind == LEX_STRING) {
		kept = cases_keep(cs, tok);
		if (kept)
			facts_set_text(f, (enum signal_id)sig, kept, tok->n);
		return true;
	}
	cases_spell(tok, type, buf, sizeof(buf));
	return facts_parse(f, (enum signal_id)sig, buf, strlen(buf));
}

/* signal = value */
static bool
cases_fact(struct cases *cs, struct facts *f)
{
	struct lex_token name, tok;
	int sig;

	lex_next(&cs->lx, &name);
	sig = signal_by_name(name.text, name.n);
	if (sig < 0)
		lex_fail(&cs->lx, &name, "warifu-policy(5) lists the signals",
			 "there is no signal '%.64s'", name.text);
	if (!lex_expect(&cs->lx, LEX_EQ, NULL, NULL))
		return false;
	lex_next(&cs->lx, &tok);
	if (sig >= 0 && !cases_value(cs, f, sig, &tok))
		lex_fail(&cs->lx, &tok, signal_info((enum signal_id)sig)->en,
			 "this is no value of %s, which is of type %s", name.text,
			 signal_type_name(signal_info((enum signal_id)sig)->type));
	return tok.kind != LEX_END;
}

static bool
cases_like(struct cases *cs, struct facts *f)
{
	struct lex_token tok;

	if (!lex_expect(&cs->lx, LEX_STRING, "the name of earlier facts", &tok))
		return false;
	for (size_t i = 0; i < cs->n_named; i++) {
		if (strcmp(cs->named[i].name, tok.text) == 0) {
			*f = cs->named[i].facts;
			return true;
		}
	}
	lex_fail(&cs->lx, &tok, NULL, "there are no facts \"%.64s\" above", tok.text);
	return true;
}

/* Rule ids up to the end of the line; each must be of the wanted mode. */
static bool
cases_ids(struct cases *cs, uint64_t *set, bool observe)
{
	struct lex_token tok;
	bool any = false;

	for (; lex_peek(&cs->lx)->kind == LEX_WORD && !lex_peek(&cs->lx)->first;
	     any = true) {
		int i;

		lex_next(&cs->lx, &tok);
		lex_accept(&cs->lx, LEX_COMMA, NULL);
		i = policy_rule_find(cs->p, tok.text, tok.n);
		if (i < 0)
			lex_fail(&cs->lx, &tok, NULL, "the policy has no rule %.64s",
				 tok.text);
		else if (policy_rule_info(cs->p, (size_t)i)->observe != observe)
			lex_fail(&cs->lx, &tok, NULL, "rule %s is %s", tok.text,
				 observe ? "enforced"
					 : "in observe mode: name it in 'observed'");
		else
			set[i / 64] |= (uint64_t)1 << i % 64;
	}
	if (!any)
		lex_fail(&cs->lx, lex_peek(&cs->lx), NULL, "expected a rule's id");
	return any;
}

static bool
cases_expect(struct cases *cs, struct cases_want *want)
{
	struct lex_token tok;
	int v;

	if (!lex_expect(&cs->lx, LEX_WORD, "a verdict", &tok))
		return false;
	v = verdict_by_name(tok.text, tok.n);
	if (v < 0)
		lex_fail(&cs->lx, &tok, "read-only resolves to allow or refuse",
			 "there is no verdict '%.64s'", tok.text);
	if (want->given)
		lex_fail(&cs->lx, &tok, NULL, "this case has two expectations");
	want->given = true;
	want->verdict = (enum verdict)v;
	want->pos = tok.pos;
	if (!lex_accept_word(&cs->lx, "by"))
		return true;
	want->any_rules = lex_accept(&cs->lx, LEX_STAR, NULL);
	return want->any_rules || cases_ids(cs, want->rules, false);
}

/* The lines between braces; want is NULL for named facts. */
static bool
cases_body(struct cases *cs, struct facts *f, struct cases_want *want)
{
	bool ok = lex_expect(&cs->lx, LEX_LBRACE, NULL, NULL), empty = true;

	while (ok && !lex_accept(&cs->lx, LEX_RBRACE, NULL)) {
		const struct lex_token *next = lex_peek(&cs->lx);

		if (next->kind != LEX_WORD)
			return lex_expect(&cs->lx, LEX_RBRACE, "a signal or '}'", NULL);
		if (strcmp(next->text, "like") == 0 && !empty)
			lex_fail(&cs->lx, next, NULL, "'like' comes first");
		empty = false;
		if (lex_accept_word(&cs->lx, "like")) {
			ok = cases_like(cs, f);
		} else if (want && lex_accept_word(&cs->lx, "expect")) {
			ok = cases_expect(cs, want);
		} else if (want && lex_accept_word(&cs->lx, "observed")) {
			want->any_observed = false;
			ok = cases_ids(cs, want->observed, true);
		} else {
			ok = cases_fact(cs, f);
		}
	}
	return ok;
}

static void
cases_list(struct out *o, const struct policy *p, const uint64_t *set)
{
	bool any = false;

	for (size_t i = 0; i < policy_rule_count(p); i++) {
		if (!decision_has(set, i))
			continue;
		out_fmt(o, " %s", policy_rule_info(p, i)->id);
		any = true;
	}
	if (!any)
		out_text(o, " none");
}

static void
cases_judge(struct cases *cs, const char *name, const struct facts *f,
	    const struct cases_want *want)
{
	struct decision d;
	struct cases_result r = {
	    .name = name, .line = want->pos.line, .got = &d, .facts = f};
	char text[DIAG_TEXT_LEN];
	struct out o = {text, sizeof(text), 0};

	policy_decide(cs->p, f, &d);
	r.passed =
	    d.verdict == want->verdict &&
	    (want->any_rules || memcmp(d.matched, want->rules, sizeof(d.matched)) == 0) &&
	    (want->any_observed ||
	     memcmp(d.observed, want->observed, sizeof(d.observed)) == 0);
	if (r.passed) {
		cs->count->passed++;
	} else {
		cs->count->failed++;
		out_fmt(&o, "case \"%.60s\": got %s, rules:", name,
			verdict_name(d.verdict));
		cases_list(&o, cs->p, d.matched);
		out_text(&o, "; observed:");
		cases_list(&o, cs->p, d.observed);
		out_end(&o);
		diag_error(cs->lx.diags, &cs->lx.src, want->pos, NULL, "%s", text);
	}
	if (cs->told)
		cs->told(cs->arg, &r);
}

static bool
cases_block(struct cases *cs)
{
	struct lex_token word = *lex_peek(&cs->lx), name;
	bool is_case = lex_accept_word(&cs->lx, "case");
	struct cases_want want = {.any_observed = true};
	struct cases_named *slot = &cs->named[cs->n_named];

	if (!is_case && !lex_expect_word(&cs->lx, "facts"))
		return false;
	if (!lex_expect(&cs->lx, LEX_STRING, "a name in double quotes", &name))
		return false;
	if (name.n == 0 || name.n >= sizeof(slot->name))
		lex_fail(&cs->lx, &name, NULL, "a name has 1 to %zu bytes",
			 sizeof(slot->name) - 1);
	facts_clear(&slot->facts);
	if (!cases_body(cs, &slot->facts, is_case ? &want : NULL))
		return false;
	if (is_case) {
		if (!want.given)
			lex_fail(&cs->lx, &word, NULL, "case \"%.60s\" expects nothing",
				 name.text);
		else if (!lex_failed(&cs->lx))
			cases_judge(cs, name.text, &slot->facts, &want);
		return true;
	}
	snprintf(slot->name, sizeof(slot->name), "%.*s", (int)sizeof(slot->name) - 1,
		 name.text);
	if (cs->n_named + 1 < CASES_FACTS_MAX)
		cs->n_named++;
	else
		lex_fail(&cs->lx, &word, NULL, "more than %d named facts",
			 CASES_FACTS_MAX - 1);
	return true;
}

static bool
cases_read(struct cases *cs)
{
	const struct diag_source file = {cs->lx.src.file, NULL, 0};

	while (lex_peek(&cs->lx)->kind != LEX_END)
		if (!cases_block(cs))
			return false;
	if (cs->count->passed + cs->count->failed == 0 && !lex_failed(&cs->lx)) {
		diag_error(cs->lx.diags, &file, (struct diag_pos){0, 0}, NULL,
			   "the file has no cases");
		return false;
	}
	return !lex_failed(&cs->lx) && cs->count->failed == 0;
}

bool
cases_run(const struct policy *p, const char *text, size_t len, const char *name,
	  struct diags *diags, void (*told)(void *arg, const struct cases_result *r),
	  void *arg, struct cases_count *count)
{
	struct cases *cs = calloc(1, sizeof(*cs));
	bool ok = false;

	*count = (struct cases_count){0, 0};
	if (cs == NULL)
		return false;
	cs->named = malloc(CASES_FACTS_MAX * sizeof(*cs->named));
	cs->texts = malloc(CASES_TEXT_MAX);
	cs->p = p;
	cs->count = count;
	cs->told = told;
	cs->arg = arg;
	if (cs->named && cs->texts) {
		lex_init(&cs->lx, name, text, len, diags);
		ok = cases_read(cs);
	}
	free(cs->named);
	free(cs->texts);
	free(cs);
	return ok;
}
