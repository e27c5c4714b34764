/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cases.h"
#include "policy/explain.h"
#include "policy/sql.h"
#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/main/replay.h"

enum { CMD_POLICY_FACTS = 64 };

/* The arguments of any of the subcommands. */
struct cmd_policy {
	const char *file;
	const char *rule;
	const char *cases;
	const char *log;
	const char *lang;
	const char *facts[CMD_POLICY_FACTS];
	size_t n_facts;
	struct diags *diags;
	struct policy *p;
};

static int
cmd_policy_usage(void)
{
	fprintf(stderr,
		"usage: warifu policy test FILE [--cases FILE]\n"
		"       warifu policy explain FILE [RULE] [--lang en|ja]\n"
		"       warifu policy explain FILE --fact NAME=VALUE ... [--lang en|ja]\n"
		"       warifu policy replay FILE --facts LOG.jsonl\n"
		"       warifu policy sql FILE\n");
	return 2;
}

/* A whole file on the heap, with *n bytes; NULL after saying why. */
static char *
cmd_policy_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;

	*n = 0;
	if (f)
		text = malloc(POLICY_TEXT_MAX + 1);
	if (text)
		*n = fread(text, 1, POLICY_TEXT_MAX + 1, f);
	if (f == NULL || text == NULL || ferror(f)) {
		fprintf(stderr, "%s: %s\n", path, strerrordesc_np(errno));
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static int
cmd_policy_load(struct cmd_policy *c)
{
	size_t n;
	char *text = cmd_policy_read(c->file, &n);

	if (text == NULL)
		return 2;
	c->p = policy_load_text(text, n, c->file, c->diags);
	free(text);
	diags_print(c->diags, stderr);
	if (c->p == NULL)
		fprintf(stderr, "%s: %zu errors\n", c->file, c->diags->errors);
	return c->p ? 0 : 1;
}

static void
cmd_policy_told(void *arg, const struct cases_result *r)
{
	(void)arg;
	printf("%s %s\n", r->passed ? "PASS" : "FAIL", r->name);
}

/* X.case for X.policy, if there is such a file; on the heap. */
static char *
cmd_policy_beside(const char *file)
{
	size_t n = strlen(file),
	       stem = n > 7 && strcmp(file + n - 7, ".policy") == 0 ? n - 7 : n;
	char *path = malloc(stem + 6);
	FILE *f;

	MUST(path != NULL);
	memcpy(path, file, stem);
	memcpy(path + stem, ".case", 6);
	f = fopen(path, "rb");
	if (f) {
		fclose(f);
		return path;
	}
	free(path);
	return NULL;
}

static void
cmd_policy_print_hash(const struct policy *p)
{
	size_t n = policy_canonical(p, NULL, 0);
	char *text = malloc(n + 1), hex[2 * DIGEST_LEN + 1];
	uint8_t hash[DIGEST_LEN];

	MUST(text != NULL);
	policy_canonical(p, text, n + 1);
	digest_sha256(span_of(text, n), hash);
	text_hex(span_of(hash, sizeof(hash)), hex);
	printf("policy \"%s\": %zu rules, default %s\nSHA-256 %s\n", policy_name(p),
	       policy_rule_count(p), policy_default(p), hex);
	free(text);
}

static int
cmd_policy_test(struct cmd_policy *c)
{
	char *beside = c->cases ? NULL : cmd_policy_beside(c->file);
	const char *path = c->cases ? c->cases : beside;
	struct cases_count count;
	char *text;
	size_t n;
	bool ok;

	cmd_policy_print_hash(c->p);
	if (path == NULL) {
		printf("no cases\n");
		return 0;
	}
	text = cmd_policy_read(path, &n);
	if (text == NULL) {
		free(beside);
		return 2;
	}
	diags_init(c->diags);
	ok = cases_run(c->p, text, n, path, c->diags, cmd_policy_told, NULL, &count);
	fflush(stdout);
	diags_print(c->diags, stderr);
	printf("%zu passed, %zu failed\n", count.passed, count.failed);
	free(text);
	free(beside);
	return ok ? 0 : 1;
}

static bool
cmd_policy_fact(struct facts *f, const char *arg)
{
	const char *eq = strchr(arg, '=');
	const char *names[SIGNAL_COUNT], *near;
	char name[64];
	int sig;

	if (eq == NULL || eq == arg || (size_t)(eq - arg) >= sizeof(name)) {
		fprintf(stderr, "--fact %s: write NAME=VALUE\n", arg);
		return false;
	}
	memcpy(name, arg, (size_t)(eq - arg));
	name[eq - arg] = '\0';
	sig = signal_by_name(name, strlen(name));
	if (sig >= 0 && facts_parse(f, (enum signal_id)sig, eq + 1, strlen(eq + 1)))
		return true;
	for (int i = 0; i < SIGNAL_COUNT; i++)
		names[i] = signal_info((enum signal_id)i)->name;
	near = sig < 0 ? diag_nearest(name, names, SIGNAL_COUNT, sizeof(names[0])) : NULL;
	if (sig < 0)
		fprintf(stderr, "--fact %s: there is no such signal%s%s\n", arg,
			near ? "; did you mean " : "", near ? near : "");
	else
		fprintf(stderr, "--fact %s: this is no %s\n", arg,
			signal_type_name(signal_info((enum signal_id)sig)->type));
	return false;
}

static int
cmd_policy_explain_facts(const struct cmd_policy *c)
{
	struct facts f;
	struct decision d;
	char *text;
	size_t n;

	facts_clear(&f);
	for (size_t i = 0; i < c->n_facts; i++)
		if (!cmd_policy_fact(&f, c->facts[i]))
			return 2;
	policy_decide(c->p, &f, &d);
	n = explain_decision(c->p, &f, &d, c->lang, NULL, 0);
	text = malloc(n + 1);
	MUST(text != NULL);
	explain_decision(c->p, &f, &d, c->lang, text, n + 1);
	fputs(text, stdout);
	free(text);
	return 0;
}

static void
cmd_policy_explain_rule(const struct cmd_policy *c, size_t i)
{
	size_t n = explain_rule(c->p, i, c->lang, NULL, 0);
	char *text = malloc(n + 1);

	MUST(text != NULL);
	explain_rule(c->p, i, c->lang, text, n + 1);
	fputs(text, stdout);
	free(text);
}

static int
cmd_policy_explain(struct cmd_policy *c)
{
	int i;

	if (c->n_facts)
		return cmd_policy_explain_facts(c);
	if (c->rule) {
		i = policy_rule_find(c->p, c->rule, strlen(c->rule));
		if (i < 0) {
			fprintf(stderr, "%s: there is no rule %s\n", c->file, c->rule);
			return 2;
		}
		cmd_policy_explain_rule(c, (size_t)i);
		return 0;
	}
	for (size_t k = 0; k < policy_rule_count(c->p); k++) {
		cmd_policy_explain_rule(c, k);
		putchar('\n');
	}
	return 0;
}

static int
cmd_policy_replay(struct cmd_policy *c)
{
	struct replay_count count;
	bool is_stdin;
	FILE *in;

	if (c->log == NULL)
		return cmd_policy_usage();
	is_stdin = strcmp(c->log, "-") == 0;
	in = is_stdin ? stdin : fopen(c->log, "rb");
	if (in == NULL) {
		fprintf(stderr, "%s: %s\n", c->log, strerrordesc_np(errno));
		return 2;
	}
	replay_run(c->p, in, stdout, &count);
	if (!is_stdin)
		fclose(in);
	return count.malformed ? 2 : count.differ ? 1 : 0;
}

static int
cmd_policy_sql(struct cmd_policy *c)
{
	size_t n = sql_write(c->p, false, NULL, 0);
	char *text = malloc(n + 1);

	MUST(text != NULL);
	sql_write(c->p, false, text, n + 1);
	puts(text);
	free(text);
	return 0;
}

/* Where the value of an option goes; NULL for what is no option of ours. */
static const char **
cmd_policy_slot(struct cmd_policy *c, const char *option)
{
	if (strcmp(option, "--cases") == 0)
		return &c->cases;
	if (strcmp(option, "--facts") == 0)
		return &c->log;
	if (strcmp(option, "--lang") == 0)
		return &c->lang;
	if (strcmp(option, "--fact") == 0 && c->n_facts < CMD_POLICY_FACTS)
		return &c->facts[c->n_facts++];
	return NULL;
}

static bool
cmd_policy_arguments(struct cmd_policy *c, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char **slot;

		if (argv[i][0] == '-' && argv[i][1] == '-') {
			slot = cmd_policy_slot(c, argv[i]);
			if (slot == NULL || i + 1 == argc)
				return false;
			*slot = argv[++i];
		} else if (c->file == NULL) {
			c->file = argv[i];
		} else if (c->rule == NULL) {
			c->rule = argv[i];
		} else {
			return false;
		}
	}
	return c->file && (strcmp(c->lang, "en") == 0 || strcmp(c->lang, "ja") == 0);
}

static const struct cmd_policy_sub {
	const char *name;
	int (*run)(struct cmd_policy *c);
} cmd_policy_subs[] = {
    {"test", cmd_policy_test},
    {"explain", cmd_policy_explain},
    {"replay", cmd_policy_replay},
    {"sql", cmd_policy_sql},
};

int
cmd_policy(int argc, char **argv)
{
	struct cmd_policy c = {.lang = "en"};
	const struct cmd_policy_sub *sub = NULL;
	int rc;

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(cmd_policy_subs); i++)
		if (strcmp(argv[1], cmd_policy_subs[i].name) == 0)
			sub = &cmd_policy_subs[i];
	if (sub == NULL || !cmd_policy_arguments(&c, argc - 2, argv + 2) ||
	    (c.rule && sub->run != cmd_policy_explain))
		return cmd_policy_usage();
	c.diags = malloc(sizeof(*c.diags));
	MUST(c.diags != NULL);
	diags_init(c.diags);
	rc = cmd_policy_load(&c);
	if (rc == 0)
		rc = sub->run(&c);
	policy_free(c.p);
	free(c.diags);
	return rc;
}
