/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_log_args.h"

#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/conf/recipe.h"

static const char cmd_log_usage_text[] =
    "usage: warifu log [-c FILE] show [-v] [--limit N] [FILTER ...]\n"
    "       warifu log [-c FILE] export --format jsonl|csv [FILTER ...]\n"
    "       warifu log [-c FILE] verify [--head HEX:COUNT]\n"
    "       warifu log [-c FILE] head\n"
    "filters: --since T --until T --user NAME --session HEX --site NAME --verdict NAME\n"
    "         --rule ID --country CC --class open|read|write|sensitive|all\n"
    "         --support NUMBER; show: --record N\n"
    "all:     --state DIR --key FILE --lang en|ja\n"
    "T is a date (2026-11-23), a time (2026-11-23T20:00:00Z) or an age (30m, 2h, 7d).\n";

static bool
cmd_log_wrong(const struct cmd_log_env *env, const char *option, const char *value)
{
	fprintf(env->err, "warifu log: %s does not take \"%s\"\n", option, value);
	return false;
}

/* A moment: absolute, or so long before now. `end`: a bare date means its end. */
static bool
cmd_log_time(struct span s, uint64_t now, bool end, uint64_t *t)
{
	static const struct {
		char letter;
		uint64_t sec;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	uint64_t n;

	if (clock_iso_parse(s, t) == 0) {
		if (end && s.n == 10)
			*t += UINT64_C(86400) * CLOCK_SEC - 1;
		return true;
	}
	for (size_t i = 0; s.n > 1 && i < ARRAY_LEN(units); i++) {
		if (s.p[s.n - 1] != (uint8_t)units[i].letter ||
		    text_uint(span_of(s.p, s.n - 1), 100000000, &n) != 0)
			continue;
		n *= units[i].sec * CLOCK_SEC;
		*t = n < now ? now - n : 0;
		return true;
	}
	return false;
}

static bool
cmd_log_session(struct cmd_log_args *a, struct span s)
{
	if (s.n == 0 || s.n % 2 != 0 || s.n > 2 * sizeof(a->session) ||
	    text_unhex(s, a->session, s.n / 2) != 0)
		return false;
	a->filter.session = span_of(a->session, s.n / 2);
	return true;
}

static bool
cmd_log_verdict(struct cmd_log_args *a, const char *s)
{
	const char *name;

	for (uint64_t v = 0; (name = rec_enum_name(REC_TAG_VERDICT, v)) != NULL; v++) {
		if (strcmp(name, s) != 0)
			continue;
		a->filter.by_verdict = true;
		a->filter.verdict = v;
		return true;
	}
	return false;
}

/* "all" filters nothing. */
static bool
cmd_log_class(struct cmd_log_args *a, const char *s)
{
	static const enum recipe_class classes[] = {RECIPE_OPEN, RECIPE_READ, RECIPE_WRITE,
	    RECIPE_SENSITIVE};

	a->filter.class = span_of(NULL, 0);
	a->all_classes = strcmp(s, "all") == 0;
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (strcmp(s, recipe_class_name(classes[i])) == 0)
			a->filter.class = span_str(s);
	return a->all_classes || a->filter.class.n > 0;
}

enum cmd_log_option {
	OPT_SINCE, OPT_UNTIL, OPT_USER, OPT_SESSION, OPT_SITE, OPT_VERDICT, OPT_RULE,
	OPT_COUNTRY, OPT_CLASS, OPT_SUPPORT, OPT_LIMIT, OPT_RECORD, OPT_LANG, OPT_STATE, OPT_KEY, OPT_FORMAT,
	OPT_HEAD, OPT_COUNT
};

static const char *const cmd_log_options[OPT_COUNT] = {"--since", "--until", "--user",
    "--session", "--site", "--verdict", "--rule", "--country", "--class", "--support",
    "--limit",
    "--record",
    "--lang", "--state", "--key", "--format", "--head"};

static bool
cmd_log_filter(struct cmd_log_args *a, enum cmd_log_option o, const char *value,
    uint64_t now)
{
	struct query_filter *f = &a->filter;
	struct span s = span_str(value);

	switch (o) {
	case OPT_SINCE:
		return cmd_log_time(s, now, false, &f->since);
	case OPT_UNTIL:
		return cmd_log_time(s, now, true, &f->until);
	case OPT_USER:
		f->user = s;
		return s.n > 0;
	case OPT_SESSION:
		return cmd_log_session(a, s);
	case OPT_SITE:
		f->site = s;
		return s.n > 0;
	case OPT_VERDICT:
		return cmd_log_verdict(a, value);
	case OPT_RULE:
		f->rule = s;
		return s.n > 0;
	case OPT_COUNTRY:
		f->country = s;
		return s.n == 2;
	case OPT_CLASS:
		return cmd_log_class(a, value);
	default:
		return rec_support_parse(s, &f->exchange) == 0;
	}
}

static bool
cmd_log_option(struct cmd_log_args *a, enum cmd_log_option o, const char *value,
    const struct cmd_log_env *env)
{
	bool ok = true;

	if (o <= OPT_SUPPORT) {
		ok = cmd_log_filter(a, o, value, env->now);
	} else if (o == OPT_LIMIT) {
		ok = a->has_limit = text_uint(span_str(value), 10000000, &a->limit) == 0;
	} else if (o == OPT_RECORD) {
		ok = a->verb == CMD_LOG_SHOW &&
		    text_uint(span_str(value), INT64_MAX, &a->record) == 0 && a->record > 0;
	} else if (o == OPT_LANG) {
		a->ja = strcmp(value, "ja") == 0;
		ok = a->ja || strcmp(value, "en") == 0;
	} else if (o == OPT_STATE) {
		a->dir = value;
	} else if (o == OPT_KEY) {
		a->key = value;
	} else if (o == OPT_FORMAT) {
		a->format = value;
		ok = strcmp(value, "jsonl") == 0 || strcmp(value, "csv") == 0;
	} else {
		a->head = value;
	}
	return ok || cmd_log_wrong(env, cmd_log_options[o], value);
}

static bool
cmd_log_verb(const char *s, enum cmd_log_verb *v)
{
	static const char *const verbs[] = {"show", "verify", "export", "head"};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(s, verbs[i]) == 0) {
			*v = (enum cmd_log_verb)i;
			return true;
		}
	}
	return false;
}

static bool
cmd_log_options_parse(int argc, char **argv, const struct cmd_log_env *env,
    struct cmd_log_args *a)
{
	for (int i = 2; i < argc; i++) {
		size_t o = 0;

		if (strcmp(argv[i], "-v") == 0) {
			a->verbose = true;
			continue;
		}
		while (o < OPT_COUNT && strcmp(argv[i], cmd_log_options[o]) != 0)
			o++;
		if (o == OPT_COUNT || i + 1 == argc) {
			fprintf(env->err,
			    o == OPT_COUNT ? "warifu log: there is no option \"%s\"\n%s"
					   : "warifu log: %s needs a value\n%s",
			    argv[i], cmd_log_usage_text);
			return false;
		}
		if (!cmd_log_option(a, (enum cmd_log_option)o, argv[++i], env))
			return false;
	}
	return true;
}

bool
cmd_log_parse(int argc, char **argv, const struct cmd_log_env *env, struct cmd_log_args *a)
{
	memset(a, 0, sizeof(*a));
	a->dir = env->state;
	a->key = NULL;
	a->ja = env->locale != NULL && strncmp(env->locale, "ja", 2) == 0;
	a->limit = 200;
	if (argc < 2 || !cmd_log_verb(argv[1], &a->verb)) {
		fputs(cmd_log_usage_text, env->err);
		return false;
	}
	if (!cmd_log_options_parse(argc, argv, env, a))
		return false;
	if (a->record != 0 && !a->has_limit)
		a->limit = 0;
	if (a->verb == CMD_LOG_EXPORT && a->format == NULL) {
		fprintf(env->err, "warifu log: export needs --format jsonl or csv\n");
		return false;
	}
	return true;
}

bool
cmd_log_master(const struct cmd_log_env *env, struct cmd_log_args *a)
{
	char *path = NULL;
	int err;

	if (a->key == NULL && a->dir == env->state)
		a->key = env->key;
	if (a->key == NULL && asprintf(&path, "%s/master.key", a->dir) < 0)
		return false;
	err = keys_master_load(a->key != NULL ? a->key : path, a->master);
	a->has_master = err == 0;
	if (err != 0 && (a->key != NULL || a->filter.user.n != 0))
		fprintf(env->err, "warifu log: master key %s: %s\n",
		    a->key != NULL ? a->key : path, err_text(err));
	free(path);
	return err == 0 || (a->key == NULL && a->filter.user.n == 0);
}

void
cmd_log_args_free(struct cmd_log_args *a)
{
	digest_wipe(a->master, sizeof(a->master));
	a->has_master = false;
}
