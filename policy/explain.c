/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include "policy/canon.h"

/* Every word of ours that a reader sees. */
static const struct explain_words {
	const char *verdict, *by_default, *rule, *decided, *also, *observed, *would,
	    *unknown;
	const char *at_login, *now, *when, *then, *on_trial, *reason, *note, *since,
	    *signals;
	const char *incomplete;
} explain_lang[2] = {
    {
	.verdict = "Verdict: ",
	.by_default = "No rule matched: the policy's default applies.\n",
	.rule = "Rule ",
	.decided = " decided: ",
	.also = " matched too: ",
	.observed = " is on trial and would have matched: ",
	.would = "With all rules in force: ",
	.unknown = "unknown",
	.at_login = "at the login: ",
	.now = "now: ",
	.when = "when      ",
	.then = "then      ",
	.on_trial = " (on trial: recorded, not acted on)",
	.reason = "reason    ",
	.note = "note      ",
	.since = "since     ",
	.signals = "It asks:\n",
	.incomplete = "Incomplete: a fact that is always known was missing.\n",
    },
    {
	.verdict = "判定: ",
	.by_default = "該当する規則がないため、ポリシーの既定に従いました。\n",
	.rule = "規則 ",
	.decided = " による判定: ",
	.also = " にも該当: ",
	.observed = " は試行中で、有効なら該当: ",
	.would = "すべての規則が有効なら: ",
	.unknown = "不明",
	.at_login = "ログイン時: ",
	.now = "今回: ",
	.when = "条件      ",
	.then = "判定      ",
	.on_trial = "（試行中: 記録のみ）",
	.reason = "理由      ",
	.note = "備考      ",
	.since = "適用開始  ",
	.signals = "参照する項目:\n",
	.incomplete = "不完全: 常に分かるはずの項目が欠けています。\n",
    },
};

static bool
explain_is_ja(const char *lang)
{
	return strcmp(lang, "ja") == 0;
}

static const struct explain_words *
explain_words(const char *lang)
{
	return &explain_lang[explain_is_ja(lang)];
}

static const char *
explain_sentence(const struct policy_rule *r, const char *lang)
{
	return explain_is_ja(lang) && r->sentence_ja[0] ? r->sentence_ja : r->sentence;
}

/* What came from outside can break no line and give a terminal no command. */
static void
explain_foreign(struct out *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		bool c1 = c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c1)
			out_text(o, "?");
		else
			out_bytes(o, s + i, 1);
		i += c1;
	}
}

static void
explain_value(struct out *o, const struct facts *f, enum signal_id id, const char *lang)
{
	const struct facts_evidence *e = &f->why[id];
	const struct explain_words *w = explain_words(lang);
	char value[FACTS_TEXT_MAX + 1];

	facts_print(f, id, value, sizeof(value));
	out_fmt(o, "%s = ", signal_info(id)->name);
	if (facts_known(f, id))
		explain_foreign(o, value, strlen(value));
	else
		out_text(o, w->unknown);
	if (e->bound_n == 0 && e->seen_n == 0)
		return;
	out_fmt(o, "  (%s", w->at_login);
	explain_foreign(o, e->bound_n ? e->bound : "-", e->bound_n ? e->bound_n : 1);
	out_fmt(o, " -> %s", w->now);
	explain_foreign(o, e->seen_n ? e->seen : "-", e->seen_n ? e->seen_n : 1);
	out_text(o, ")");
}

size_t
explain_fact(const struct facts *f, enum signal_id id, const char *lang, char *buf,
	     size_t cap)
{
	struct out o = {buf, cap, 0};

	explain_value(&o, f, id, lang);
	return out_end(&o);
}

/* "Rule R10 decided: sentence", and the facts it asked for. */
static void
explain_match(struct out *o, const struct policy *p, const struct facts *f, size_t i,
	      const char *how, const char *lang)
{
	const struct policy_rule *r = policy_rule_info(p, i);

	out_fmt(o, "%s%s%s", explain_words(lang)->rule, r->id, how);
	out_text(o, explain_sentence(r, lang));
	out_text(o, "\n");
	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		if (!signals_has(r->reads, s))
			continue;
		out_text(o, "    ");
		explain_value(o, f, (enum signal_id)s, lang);
		out_text(o, "\n");
	}
}

static void
explain_verdict(struct out *o, enum verdict v, const char *lang)
{
	out_fmt(o, "%s (%s)\n", verdict_name(v), verdict_sentence(v, lang));
}

size_t
explain_decision(const struct policy *p, const struct facts *f, const struct decision *d,
		 const char *lang, char *buf, size_t cap)
{
	const struct explain_words *w = explain_words(lang);
	struct out o = {buf, cap, 0};

	out_text(&o, w->verdict);
	explain_verdict(&o, d->verdict, lang);
	if (d->by_default)
		out_text(&o, w->by_default);
	else
		explain_match(&o, p, f, d->rule, w->decided, lang);
	for (size_t i = 0; i < p->n_rules; i++)
		if (decision_has(d->matched, i) && i != d->rule)
			explain_match(&o, p, f, i, w->also, lang);
	for (size_t i = 0; i < p->n_rules; i++)
		if (decision_has(d->observed, i))
			explain_match(&o, p, f, i, w->observed, lang);
	if (d->verdict_all_enforced != d->verdict) {
		out_text(&o, w->would);
		explain_verdict(&o, d->verdict_all_enforced, lang);
	}
	if (d->incomplete)
		out_text(&o, w->incomplete);
	return out_end(&o);
}

static void
explain_line(struct out *o, const char *label, const char *text)
{
	if (text[0] == '\0')
		return;
	out_fmt(o, "    %s", label);
	out_text(o, text);
	out_text(o, "\n");
}

size_t
explain_rule(const struct policy *p, size_t i, const char *lang, char *buf, size_t cap)
{
	const struct explain_words *w = explain_words(lang);
	const struct policy_rule *r = policy_rule_info(p, i);
	struct out o = {buf, cap, 0};
	char day[CANON_DATE_LEN];

	out_fmt(&o, "%s%s: ", w->rule, r->id);
	out_text(&o, explain_sentence(r, lang));
	out_fmt(&o, "\n    %s", w->when);
	canon_condition(&o, p, p->rules[i].root);
	out_fmt(&o, "\n    %s%s%s\n", w->then, r->then, r->observe ? w->on_trial : "");
	explain_line(&o, w->reason, r->reason);
	explain_line(&o, w->note, r->note);
	if (r->has_since)
		explain_line(&o, w->since, canon_date(r->since, day));
	out_fmt(&o, "    %s", w->signals);
	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		const struct signal_info *si = signal_info((enum signal_id)s);

		if (signals_has(r->reads, s))
			out_fmt(&o, "        %s: %s\n", si->name,
				explain_is_ja(lang) ? si->ja : si->en);
	}
	return out_end(&o);
}
