/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/replay.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/must.h"
#include "proxy/wire/jsonr.h"

enum {
	REPLAY_TEXT = FACTS_TEXT_MAX,
	REPLAY_ID = 64,
};

/* Everything about the line being read. */
struct replay {
	const struct policy *p;
	FILE *out;
	struct replay_count *count;
	size_t line;
	struct facts facts;
	bool lacks[SIGNAL_COUNT]; /* over all lines */
	uint8_t texts[SIGNAL_COUNT][REPLAY_TEXT];
};

static bool
replay_value(struct replay *r, enum signal_id id, const struct jsonr *v)
{
	enum signal_type type = signal_info(id)->type;
	const char *text = (const char *)v->raw.p;
	size_t n = v->raw.n;

	if (v->type == JSONR_NULL) {
		facts_set_unknown(&r->facts, id);
		return true;
	}
	if (v->type == JSONR_STRING) {
		text = (const char *)v->str.p;
		n = v->str.n;
		/* A user may be called "unknown". */
		if (type == SIGNAL_TEXT || type == SIGNAL_PATH) {
			facts_set_text(&r->facts, id, text, n);
			return true;
		}
	} else if (v->type == JSONR_TRUE || v->type == JSONR_FALSE) {
		if (type != SIGNAL_BOOL)
			return false;
	} else if (v->type != JSONR_NUMBER || type == SIGNAL_BOOL ||
		   type == SIGNAL_TEXT || type == SIGNAL_PATH) {
		return false;
	}
	return facts_parse(&r->facts, id, text, n);
}

static void
replay_malformed(struct replay *r, const char *what, const char *name)
{
	fprintf(r->out, "line %zu: %s%s%s\n", r->line, what, name[0] ? ": " : "", name);
	r->count->malformed++;
}

/* All facts of the line; false if one is malformed. */
static bool
replay_facts(struct replay *r, struct span object)
{
	bool complete = true;

	facts_clear(&r->facts);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		enum signal_id id = (enum signal_id)i;
		struct span key = span_str(signal_info(id)->name);
		struct jsonr v;
		int err = jsonr_keys(object, &key, 1, r->texts[i], REPLAY_TEXT, &v);

		if (err == WF_ENOTFOUND) {
			if (!policy_reads(r->p, id))
				continue;
			r->lacks[i] = true;
			complete = false;
		} else if (err != 0 || !replay_value(r, id, &v)) {
			replay_malformed(r, "no value of this signal",
					 signal_info(id)->name);
			return false;
		}
	}
	r->count->incomplete += !complete;
	return true;
}

/* Reads "rules"; sets those that the policy has, and says whether it has them all. 0, or
 * WF_ENOTFOUND if the line does not say. */
static int
replay_rules(const struct replay *r, struct span doc, uint64_t *set, bool *all)
{
	uint8_t buf[REPLAY_ID];
	struct jsonr v;
	int err;

	*all = true;
	err = jsonr_path(doc, "rules", buf, sizeof(buf), &v);
	if (err == WF_ENOTFOUND)
		return err;
	if (err != 0 || v.type != JSONR_ARRAY)
		return WF_ESYNTAX;
	doc = v.raw;
	for (unsigned i = 0;; i++) {
		char number[16];
		struct span key;
		int rule;

		snprintf(number, sizeof(number), "%u", i);
		key = span_str(number);
		err = jsonr_keys(doc, &key, 1, buf, sizeof(buf), &v);
		if (err == WF_ENOTFOUND)
			return 0;
		if (err != 0 || v.type != JSONR_STRING)
			return WF_ESYNTAX;
		rule = policy_rule_find(r->p, (const char *)v.str.p, v.str.n);
		if (rule < 0)
			*all = false;
		else
			set[rule / 64] |= (uint64_t)1 << rule % 64;
	}
}

static void
replay_print_rules(const struct replay *r, const char *label, const uint64_t *set)
{
	bool any = false;

	for (size_t i = 0; i < policy_rule_count(r->p); i++) {
		if (!decision_has(set, i))
			continue;
		fprintf(r->out, "%s%s", any ? " " : label, policy_rule_info(r->p, i)->id);
		any = true;
	}
}

/* Compares what the record says with what the policy decides now. */
static void
replay_compare(struct replay *r, struct span doc, struct span recorded)
{
	uint64_t set[POLICY_RULES_MAX / 64] = {0};
	uint64_t more[POLICY_RULES_MAX / 64], less[POLICY_RULES_MAX / 64];
	struct decision d;
	int was = verdict_by_name((const char *)recorded.p, recorded.n), err;
	bool all, same;

	err = replay_rules(r, doc, set, &all);
	if (was < 0 || (err != 0 && err != WF_ENOTFOUND)) {
		replay_malformed(r, was < 0 ? "no verdict" : "no list of rules", "");
		return;
	}
	r->count->decisions++;
	policy_decide(r->p, &r->facts, &d);
	same = err == WF_ENOTFOUND || (all && memcmp(set, d.matched, sizeof(set)) == 0);
	if ((int)d.verdict == was && same)
		return;
	r->count->differ++;
	for (size_t i = 0; i < ARRAY_LEN(set); i++) {
		more[i] = err == 0 ? d.matched[i] & ~set[i] : d.matched[i];
		less[i] = set[i] & ~d.matched[i];
	}
	fprintf(r->out, "line %zu: was %s, is %s", r->line,
		verdict_name((enum verdict)was), verdict_name(d.verdict));
	replay_print_rules(r, "; now also ", more);
	replay_print_rules(r, "; no longer ", less);
	fprintf(r->out, "%s\n",
		all ? "" : "; named a rule that this policy does not have");
}

static void
replay_line(struct replay *r, struct span doc)
{
	uint8_t buf[REPLAY_ID];
	struct jsonr facts;
	struct span verdict;
	int err = jsonr_path(doc, "facts", buf, sizeof(buf), &facts);

	if (err == WF_ENOTFOUND) {
		r->count->other++;
		return;
	}
	if (err != 0 || facts.type != JSONR_OBJECT) {
		replay_malformed(r, err ? err_text(err) : "facts is no object", "");
		return;
	}
	if (!replay_facts(r, facts.raw))
		return;
	err = jsonr_string(doc, "verdict", buf, sizeof(buf), &verdict);
	if (err != 0)
		replay_malformed(r, "no verdict", "");
	else
		replay_compare(r, doc, verdict);
}

static void
replay_summary(const struct replay *r)
{
	const struct replay_count *c = r->count;

	fprintf(r->out, "%zu decisions: %zu equal, %zu differ", c->decisions,
		c->decisions - c->differ, c->differ);
	if (c->other)
		fprintf(r->out, "; %zu other lines", c->other);
	if (c->malformed)
		fprintf(r->out, "; %zu malformed", c->malformed);
	fputc('\n', r->out);
	if (c->incomplete == 0)
		return;
	fprintf(r->out,
		"%zu decisions were recorded without facts that this policy asks for "
		"(unknown here):",
		c->incomplete);
	for (int i = 0; i < SIGNAL_COUNT; i++)
		if (r->lacks[i])
			fprintf(r->out, " %s", signal_info((enum signal_id)i)->name);
	fputc('\n', r->out);
}

void
replay_run(const struct policy *p, FILE *in, FILE *out, struct replay_count *count)
{
	struct replay *r = calloc(1, sizeof(*r));
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	MUST(r != NULL);
	*count = (struct replay_count){0};
	r->p = p;
	r->out = out;
	r->count = count;
	while ((n = getline(&line, &cap, in)) >= 0) {
		size_t len = (size_t)n;

		r->line++;
		while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
			len--;
		if (len > 0)
			replay_line(r, span_of(line, len));
	}
	replay_summary(r);
	free(line);
	free(r);
}
