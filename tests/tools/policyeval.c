/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of tests/oracle/policy_sqlite.py. Reads from stdin, line by line:
 *
 *   policy N        the next N bytes are a policy file
 *   facts           a new request; everything is unknown
 *   fact NAME TEXT  TEXT to the end of the line, spelt as facts_print does
 *   decide          prints "VERDICT ALL-ENFORCED" as numbers, "-" without a policy
 *
 * After a policy it prints "ok", and two lines with the SQL text of verdict and
 * verdict_all_enforced (line ends as blanks), or "bad" and the number of messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/sql.h"

enum { EVAL_FACTS = 64, EVAL_LINE = 8192 };

struct eval {
	struct policy *p;
	struct facts f;
	char texts[EVAL_FACTS][EVAL_LINE];
	size_t n_texts;
	struct diags diags;
};

static void
eval_print_sql(const struct eval *ev, bool all)
{
	size_t n = sql_write(ev->p, all, NULL, 0);
	char *sql = malloc(n + 1);

	if (sql == NULL)
		abort();
	sql_write(ev->p, all, sql, n + 1);
	for (char *c = sql; *c; c++)
		if (*c == '\n')
			*c = ' ';
	puts(sql);
	free(sql);
}

/* The canonical text must be a policy, and its own canonical text. */
static void
eval_check_canonical(const struct eval *ev)
{
	size_t n = policy_canonical(ev->p, NULL, 0);
	char *text = malloc(n + 1), *again = malloc(n + 1);
	struct diags *ds = malloc(sizeof(*ds));
	struct policy *p;

	if (text == NULL || again == NULL || ds == NULL)
		abort();
	diags_init(ds);
	policy_canonical(ev->p, text, n + 1);
	p = policy_load_text(text, n, "canonical", ds);
	if (p == NULL || policy_canonical(p, again, n + 1) != n ||
	    strcmp(text, again) != 0) {
		diags_print(ds, stderr);
		fprintf(stderr, "%s", text);
		abort();
	}
	policy_free(p);
	free(text);
	free(again);
	free(ds);
}

static void
eval_policy(struct eval *ev, size_t n)
{
	char *text = malloc(n + 1);

	if (text == NULL || fread(text, 1, n, stdin) != n)
		abort();
	policy_free(ev->p);
	diags_init(&ev->diags);
	ev->p = policy_load_text(text, n, "stdin", &ev->diags);
	free(text);
	if (ev->p == NULL) {
		printf("bad %zu\n", ev->diags.errors);
		diags_print(&ev->diags, stderr);
		return;
	}
	eval_check_canonical(ev);
	puts("ok");
	eval_print_sql(ev, false);
	eval_print_sql(ev, true);
}

static bool
eval_fact(struct eval *ev, const char *line)
{
	const char *value = strchr(line, ' ');
	char *kept = ev->texts[ev->n_texts];
	int sig;

	if (value == NULL || ev->n_texts == EVAL_FACTS)
		return false;
	sig = signal_by_name(line, (size_t)(value - line));
	snprintf(kept, EVAL_LINE, "%s", value + 1);
	ev->n_texts++;
	return sig >= 0 && facts_parse(&ev->f, (enum signal_id)sig, kept, strlen(kept));
}

int
main(void)
{
	struct eval *ev = calloc(1, sizeof(*ev));
	char line[EVAL_LINE];
	struct decision d;

	if (ev == NULL)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "policy ", 7) == 0) {
			eval_policy(ev, strtoul(line + 7, NULL, 10));
		} else if (strcmp(line, "facts") == 0) {
			facts_clear(&ev->f);
			ev->n_texts = 0;
		} else if (strncmp(line, "fact ", 5) == 0) {
			if (!eval_fact(ev, line + 5)) {
				fprintf(stderr, "bad fact: %s\n", line);
				return 2;
			}
		} else if (strcmp(line, "decide") == 0 && ev->p == NULL) {
			puts("-");
		} else if (strcmp(line, "decide") == 0) {
			policy_decide(ev->p, &ev->f, &d);
			printf("%d %d\n", (int)d.verdict, (int)d.verdict_all_enforced);
		} else {
			return 2;
		}
	}
	policy_free(ev->p);
	free(ev);
	return 0;
}
