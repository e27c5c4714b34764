/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a policy. One that loads must have a canonical text that loads to the same
 * text and decides the same; every refusal has a message. The bytes behind a NUL, if there
 * is one, are read as golden cases for it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cases.h"
#include "policy/explain.h"
#include "policy/policy.h"
#include "policy/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct diags diags;

static void
must(int holds)
{
	if (!holds)
		abort();
}

/* A set of facts that depends on the input; texts are parts of it. */
static void
make_facts(struct facts *f, const uint8_t *data, size_t size, unsigned round)
{
	uint32_t x = 2166136261u + round;

	facts_clear(f);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		enum signal_id id = (enum signal_id)i;

		x = (x ^ (size ? data[(x >> 8) % size] : 7u)) * 16777619u;
		if (x % 4 == 0)
			continue;
		f->v[i].known = true;
		f->v[i].num = (x >> 3) % (signal_info(id)->type == SIGNAL_BOOL ? 2 : 4);
		f->v[i].text = (const char *)data + (size ? x % size : 0);
		f->v[i].n = size ? (x >> 9) % (size - x % size + 1) : 0;
	}
}

static void
compare(const struct policy *p, const struct policy *q, const uint8_t *data, size_t size)
{
	static char text[4096];
	struct decision a, b;
	struct facts f;

	must(policy_rule_count(p) == policy_rule_count(q));
	for (unsigned round = 0; round < 4; round++) {
		make_facts(&f, data, size, round);
		policy_decide(p, &f, &a);
		policy_decide(q, &f, &b);
		must(a.verdict == b.verdict && a.rule == b.rule);
		must(a.verdict_all_enforced == b.verdict_all_enforced);
		must(memcmp(a.matched, b.matched, sizeof(a.matched)) == 0);
		must(memcmp(a.observed, b.observed, sizeof(a.observed)) == 0);
		must(a.verdict < VERDICT_COUNT && strcmp(a.reason, b.reason) == 0);
		explain_decision(p, &f, &a, round % 2 ? "ja" : "en", text, sizeof(text));
	}
	for (size_t i = 0; i < policy_rule_count(p); i++) {
		explain_rule(p, i, "en", text, sizeof(text));
		must(policy_rule_info(p, i)->sentence[0] != '\0');
	}
	sql_write(p, true, text, sizeof(text));
}

static void
check_canonical(const struct policy *p, const uint8_t *data, size_t size)
{
	size_t n = policy_canonical(p, NULL, 0);
	char *one = malloc(n + 1), *two = malloc(n + 1);
	struct policy *q;

	must(one && two);
	must(policy_canonical(p, one, n + 1) == n);
	diags_init(&diags);
	q = policy_load_text(one, n, "canonical", &diags);
	if (q == NULL)
		diags_print(&diags, stderr);
	must(q != NULL && policy_canonical(q, two, n + 1) == n);
	must(memcmp(one, two, n) == 0);
	compare(p, q, data, size);
	policy_free(q);
	free(one);
	free(two);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	struct cases_count count;
	struct policy *p;

	diags_init(&diags);
	p = policy_load_text((const char *)data, n, "fuzz", &diags);
	must((p == NULL) == (diags.errors > 0));
	if (p == NULL)
		return 0;
	check_canonical(p, data, size);
	if (nul) {
		diags_init(&diags);
		must(cases_run(p, (const char *)nul + 1, size - n - 1, "case", &diags, NULL,
			 NULL, &count) == (diags.errors == 0));
	}
	policy_free(p);
	return 0;
}
