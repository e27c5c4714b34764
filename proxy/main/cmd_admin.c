/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_admin.h"

#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/main/args.h"
#include "proxy/main/ask.h"
#include "proxy/main/commands.h"

/* What was locked and stops nothing all the same. */
static void
cmd_admin_weak(struct ask *a)
{
	char site[256], why[32];
	struct span line;

	while (ask_next(a, "weak", &line))
		if (word_get(line, "site", site, sizeof(site)) &&
		    word_get(line, "why", why, sizeof(why)))
			fprintf(stderr, "warifu lock: nothing is stopped at site %s: %s\n", site,
			    strcmp(why, "observes") == 0
				? "it only observes; end the bypass, or set mode enforce and reload"
				: "its policy has no rule that asks for lock.active; add one (R01 "
				  "of the starter policy) and reload");
}

/* The answer's last text, where it has one, or `done`. */
static int
cmd_admin_ask(const char *conf, const char *const *words, size_t n, const char *done)
{
	struct ask a = {.n = 0};
	int status = ask_run(&a, conf, words, n);

	if (status == 0)
		printf("%s\n", done != NULL ? done : a.last);
	if (status == 0)
		cmd_admin_weak(&a);
	ask_free(&a);
	return status;
}

int
cmd_reload(int argc, char **argv)
{
	const char *conf = args_conf_default;
	const struct args_opt opts[] = {{"-c", &conf, NULL}};

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 1)
		return commands_usage("reload");
	return cmd_admin_ask(conf, (const char *const[]){"reload"}, 1, NULL);
}

/* Who stops something, or opens it, says why: the record is read by others, later. */
static bool
cmd_admin_reason(const char *verb, const char *reason)
{
	if (reason != NULL && reason[0] != '\0' && strlen(reason) <= 200)
		return true;
	fprintf(stderr, reason == NULL || reason[0] == '\0'
		? "warifu %s: say why with --reason TEXT; it goes into the record\n"
		: "warifu %s: the reason is longer than 200 bytes\n", verb);
	return false;
}

static int
cmd_admin_class(int argc, char **argv, const char *verb, bool on)
{
	const char *conf = args_conf_default, *reason = NULL, *site;
	const struct args_opt opts[] = {{"-c", &conf, NULL}, {"--reason", &reason, NULL}};
	char done[256];

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 3 ||
	    (on && !cmd_admin_reason(verb, reason)))
		return commands_usage(verb);
	site = strcmp(argv[1], "all") == 0 ? "*" : argv[1];
	snprintf(done, sizeof(done), "%s: %.100s of %.100s", on ? "locked" : "unlocked", argv[2],
	    argv[1]);
	return cmd_admin_ask(conf, (const char *const[]){verb, site, argv[2], reason},
	    reason == NULL ? 3 : 4, done);
}

int
cmd_lock(int argc, char **argv)
{
	return cmd_admin_class(argc, argv, "lock", true);
}

int
cmd_unlock(int argc, char **argv)
{
	return cmd_admin_class(argc, argv, "unlock", false);
}

int
cmd_bypass(int argc, char **argv)
{
	const char *conf = args_conf_default, *how_long = NULL, *reason = NULL;
	const struct args_opt opts[] = {{"-c", &conf, NULL}, {"--for", &how_long, NULL},
	    {"--reason", &reason, NULL}};
	char until[24], iso[CLOCK_ISO_TEXT], done[256];
	uint64_t seconds = 0;

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 2 || how_long == NULL ||
	    !args_duration(how_long, &seconds) || seconds == 0 || seconds > 86400 ||
	    !cmd_admin_reason("bypass", reason))
		return commands_usage("bypass");
	seconds += clock_wall() / CLOCK_SEC;
	snprintf(until, sizeof(until), "%llu", (unsigned long long)seconds);
	clock_iso(seconds * CLOCK_SEC, iso);
	snprintf(done, sizeof(done), "%.100s is observed only, until %.19sZ", argv[1], iso);
	return cmd_admin_ask(conf, (const char *const[]){"bypass", argv[1], until, reason}, 4,
	    done);
}

int
cmd_enforce(int argc, char **argv)
{
	const char *conf = args_conf_default, *reason = NULL;
	const struct args_opt opts[] = {{"-c", &conf, NULL}, {"--reason", &reason, NULL}};
	char done[256];

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 2)
		return commands_usage("enforce");
	snprintf(done, sizeof(done), "the bypass of %.100s is over", argv[1]);
	return cmd_admin_ask(conf, (const char *const[]){"enforce", argv[1], reason},
	    reason == NULL ? 2 : 3, done);
}
