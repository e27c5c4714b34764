/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/args.h"

#include <stdio.h>
#include <string.h>

#include "policy/diag.h"
#include "proxy/base/text.h"

const char args_conf_default[] = "/etc/warifu/warifu.conf";

static const struct args_opt *
args_find(const struct args_opt *opts, size_t n, const char *word, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(opts[i].name) == len && memcmp(opts[i].name, word, len) == 0)
			return &opts[i];
	return NULL;
}

static bool
args_unknown(const char *command, const struct args_opt *opts, size_t n, const char *word)
{
	const char *near = diag_nearest(word, opts, n, sizeof(*opts));

	fprintf(stderr, "warifu %s: there is no option %s", command, word);
	if (near != NULL)
		fprintf(stderr, "; did you mean %s?", near);
	fputc('\n', stderr);
	return false;
}

/* *i stands on the option's word; it is moved to its value's. */
static bool
args_take(int argc, char **argv, int *i, const struct args_opt *opts, size_t n)
{
	const char *word = argv[*i], *eq = word[1] == '-' ? strchr(word, '=') : NULL;
	size_t len = eq == NULL ? strlen(word) : (size_t)(eq - word);
	const struct args_opt *o = args_find(opts, n, word, len);

	if (o == NULL)
		return args_unknown(argv[0], opts, n, word);
	if (o->flag != NULL) {
		if (eq != NULL)
			fprintf(stderr, "warifu %s: %s takes no value\n", argv[0], o->name);
		*o->flag = true;
		return eq == NULL;
	}
	if (eq == NULL && *i + 1 >= argc) {
		fprintf(stderr, "warifu %s: %s needs a value\n", argv[0], o->name);
		return false;
	}
	*o->value = eq != NULL ? eq + 1 : argv[++*i];
	return true;
}

bool
args_parse(int *argc, char **argv, const struct args_opt *opts, size_t n)
{
	bool options = true;
	int out = 1;

	for (int i = 1; i < *argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (!args_take(*argc, argv, &i, opts, n))
				return false;
		} else {
			argv[out++] = argv[i];
		}
	}
	*argc = out;
	return true;
}

bool
args_duration(const char *text, uint64_t *seconds)
{
	static const char units[] = "smhd";
	static const uint64_t each[] = {1, 60, 3600, 86400};
	size_t n = strlen(text);
	const char *u = n > 1 ? strchr(units, text[n - 1]) : NULL;

	if (u == NULL || text_uint(span_of(text, n - 1), 1000000, seconds) != 0)
		return false;
	*seconds *= each[u - units];
	return true;
}
