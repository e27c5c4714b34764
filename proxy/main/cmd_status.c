/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_status.h"

#include <stdlib.h>
#include <string.h>

#include "certs/store.h"
#include "proxy/base/clock.h"
#include "proxy/base/json.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/main/args.h"
#include "proxy/main/ask.h"
#include "proxy/main/commands.h"

enum { CMD_STATUS_VALUE = 1024, CMD_STATUS_JSON = 256 << 10 };

struct cmd_status {
	struct ask status;
	struct ask switches;
	struct ask counters;
};

static const char *
cmd_status_word(struct span line, const char *key, char value[CMD_STATUS_VALUE])
{
	return word_get(line, key, value, CMD_STATUS_VALUE) ? value : "";
}

static uint64_t
cmd_status_number(struct span line, const char *key)
{
	char value[CMD_STATUS_VALUE];
	uint64_t v;

	return text_uint(span_str(cmd_status_word(line, key, value)), UINT64_MAX, &v) == 0 ? v : 0;
}

/* ---- text ---- */

static void
cmd_status_processes(struct ask *a)
{
	char value[CMD_STATUS_VALUE], age[ASK_AGE];
	struct span line;

	for (a->pos = 0; ask_next(a, "process", &line);) {
		uint64_t pid = cmd_status_number(line, "pid"),
			 deaths = cmd_status_number(line, "restarts");

		printf("%-10s ", cmd_status_word(line, "role", value));
		ask_age(0, cmd_status_number(line, "up"), age);
		if (pid == 0)
			printf("DOWN");
		else
			printf("up %s, pid %u", age, (unsigned)pid);
		if (deaths > 0)
			printf(", restarted %u time%s", (unsigned)deaths, deaths == 1 ? "" : "s");
		putchar('\n');
	}
}

static void
cmd_status_log(struct ask *a)
{
	char value[CMD_STATUS_VALUE];
	struct span line;

	for (a->pos = 0; ask_next(a, "log", &line);) {
		printf("%-10s %s", "log", cmd_status_word(line, "state", value));
		if (cmd_status_word(line, "why", value)[0] != '\0')
			printf(": %s", value);
		putchar('\n');
		if (cmd_status_word(line, "head", value)[0] != '\0')
			printf("log head   %s\n", value);
	}
	for (a->pos = 0; ask_next(a, "settings", &line);) {
		printf("settings %u, %u sites, %u threads, ",
		    (unsigned)cmd_status_number(line, "number"),
		    (unsigned)cmd_status_number(line, "sites"),
		    (unsigned)cmd_status_number(line, "threads"));
		printf("warifu %s\n", cmd_status_word(line, "build", value));
		printf("           %s\n", cmd_status_word(line, "file", value));
	}
}

/* Without its folder, which is mostly the same. */
static const char *
cmd_status_file(struct span line, char value[CMD_STATUS_VALUE])
{
	const char *path = cmd_status_word(line, "file", value), *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* What ends some day. `over` stands behind the age of what has ended. */
static void
cmd_status_ends(const char *what, struct span line, uint64_t now_s, bool soon, const char *over)
{
	uint64_t until = cmd_status_number(line, "until");
	char value[CMD_STATUS_VALUE], age[ASK_AGE];

	ask_age(until, now_s, age);
	printf("%-10s ", what);
	ask_cell(stdout, cmd_status_word(line, "site", value), 16, true);
	putchar(' ');
	ask_cell(stdout, cmd_status_file(line, value), 24, true);
	printf(" %s %s%s\n", until > now_s ? "ends in" : "ENDED", age,
	    until <= now_s ? over : soon ? "  <- soon" : "");
}

static void
cmd_status_sites(struct ask *a, uint64_t now_s)
{
	char value[CMD_STATUS_VALUE];
	struct span line;

	for (a->pos = 0; ask_next(a, "site", &line);) {
		printf("site       ");
		ask_cell(stdout, cmd_status_word(line, "name", value), 16, true);
		printf(" %-8s ", cmd_status_word(line, "mode", value));
		ask_cell(stdout, cmd_status_word(line, "host", value), 40, false);
		putchar('\n');
	}
	for (a->pos = 0; ask_next(a, "certificate", &line);)
		cmd_status_ends("cert", line, now_s,
		    certs_expiry_level((int64_t)cmd_status_number(line, "until"), (int64_t)now_s) > 0,
		    " ago");
	for (a->pos = 0; ask_next(a, "crl", &line);)
		cmd_status_ends("crl", line, now_s, cmd_status_number(line, "soon") != 0,
		    " ago: nobody gets into the console");
}

static void
cmd_status_switches(struct ask *a, uint64_t now_s)
{
	char value[CMD_STATUS_VALUE], age[ASK_AGE];
	struct span line;

	for (a->pos = 0; ask_next(a, "switch", &line);) {
		const char *key = cmd_status_word(line, "key", value), *slash = strchr(key, '/');
		uint64_t until = cmd_status_number(line, "until");

		printf("%-10.*s ", (int)(slash == NULL ? 0 : slash - key), key);
		if (slash != NULL && slash[1] == '/')
			printf("all");
		ask_cell(stdout, slash == NULL ? key : slash + 1, 40, false);
		if (until != 0) {
			ask_age(until, now_s, age);
			printf(", %s left", age);
		}
		printf("  ");
		ask_cell(stdout, cmd_status_word(line, "note", value), 48, false);
		putchar('\n');
	}
}

static void
cmd_status_counts(struct ask *a, bool all)
{
	static const char *const few[] = {"warifu_sessions{", "warifu_requests_total{",
	    "warifu_alarms_total", "warifu_log_gap_records_total", "warifu_tunnels_open"};
	char name[CMD_STATUS_VALUE], value[CMD_STATUS_VALUE];
	struct span line;

	for (a->pos = 0; ask_next(a, "counter", &line);) {
		bool show = all;

		(void)cmd_status_word(line, "name", name);
		for (size_t i = 0; i < ARRAY_LEN(few); i++)
			show |= strncmp(name, few[i], strlen(few[i])) == 0;
		if (show)
			printf("%s %s\n", name, cmd_status_word(line, "value", value));
	}
}

/* ---- JSON ---- */

static void
cmd_status_member(struct json *j, const char *key, struct span raw)
{
	static const char *const numbers[] = {"pid", "restarts", "up", "number", "sites",
	    "threads", "started", "until", "value", "soon"};

	ask_member(j, key, raw, numbers, ARRAY_LEN(numbers));
}

static void
cmd_status_array(struct json *j, const char *name, struct ask *a, const char *kind)
{
	struct span line, raw;
	char key[32];

	json_key(j, name);
	json_array(j);
	for (a->pos = 0; ask_next(a, kind, &line);) {
		json_object(j);
		while (word_next(&line, &raw)) {
			ptrdiff_t eq = span_chr(raw, '=');

			if (eq <= 0 || (size_t)eq >= sizeof(key))
				continue;
			memcpy(key, raw.p, (size_t)eq);
			key[eq] = '\0';
			cmd_status_member(j, key, span_tail(raw, (size_t)eq + 1));
		}
		json_object_end(j);
	}
	json_array_end(j);
}

static void
cmd_status_json(struct cmd_status *s)
{
	char *buf = malloc(CMD_STATUS_JSON);
	struct span out;
	struct json j;

	MUST(buf != NULL);
	json_init(&j, buf, CMD_STATUS_JSON);
	json_object(&j);
	cmd_status_array(&j, "processes", &s->status, "process");
	cmd_status_array(&j, "log", &s->status, "log");
	cmd_status_array(&j, "settings", &s->status, "settings");
	cmd_status_array(&j, "sites", &s->status, "site");
	cmd_status_array(&j, "certificates", &s->status, "certificate");
	cmd_status_array(&j, "revocation_lists", &s->status, "crl");
	cmd_status_array(&j, "switches", &s->switches, "switch");
	cmd_status_array(&j, "counters", &s->counters, "counter");
	json_object_end(&j);
	if (json_done(&j, &out) == 0)
		printf("%.*s\n", (int)out.n, (const char *)out.p);
	free(buf);
}

static void
cmd_status_text(struct cmd_status *s, bool counters)
{
	uint64_t now_s = clock_wall() / CLOCK_SEC;

	cmd_status_processes(&s->status);
	cmd_status_log(&s->status);
	cmd_status_sites(&s->status, now_s);
	cmd_status_switches(&s->switches, now_s);
	cmd_status_counts(&s->counters, counters);
}

int
cmd_status(int argc, char **argv)
{
	const char *conf = args_conf_default;
	bool json = false, counters = false;
	const struct args_opt opts[] = {{"-c", &conf, NULL}, {"--json", NULL, &json},
	    {"--counters", NULL, &counters}};
	struct cmd_status s = {.status = {.n = 0}};
	int status;

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)) || argc != 1)
		return commands_usage("status");
	status = ask_run(&s.status, conf, (const char *const[]){"status"}, 1);
	if (status == 0)
		status = ask_run(&s.counters, conf, (const char *const[]){"counters"}, 1);
	/* A gate that does not answer is itself news; the rest is shown all the same. */
	if (status == 0)
		status = ask_run(&s.switches, conf, (const char *const[]){"switches"}, 1);
	if (s.status.n > 0 && json)
		cmd_status_json(&s);
	else if (s.status.n > 0)
		cmd_status_text(&s, counters);
	ask_free(&s.status);
	ask_free(&s.switches);
	ask_free(&s.counters);
	return status;
}
