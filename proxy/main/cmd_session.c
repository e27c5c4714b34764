/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/cmd_session.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/base/json.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/main/args.h"
#include "proxy/main/ask.h"
#include "proxy/main/cmd_log.h"
#include "proxy/main/commands.h"

enum { CMD_SESSION_VALUE = 512, CMD_SESSION_JSON = 32 << 10 };

struct cmd_session {
	const char *conf;
	const char *user;
	const char *site;
	const char *reason;
	bool json;
	bool devices; /* only those, by their keys */
	struct ask ask;
};

static uint64_t
cmd_session_number(struct span line, const char *key)
{
	char text[32];
	uint64_t v;

	return word_get(line, key, text, sizeof(text)) &&
		text_uint(span_str(text), UINT64_MAX, &v) == 0
	    ? v
	    : 0;
}

/* Every word of a line as a member; those that are numbers as numbers. */
static void
cmd_session_members(struct json *j, struct span line)
{
	static const char *const numbers[] = {"created", "last", "expires", "contexts",
	    "challenged", "n", "asn", "first", "until", "registered", "proven"};
	char key[32];
	struct span raw;

	while (word_next(&line, &raw)) {
		ptrdiff_t eq = span_chr(raw, '=');

		if (eq <= 0 || (size_t)eq >= sizeof(key))
			continue;
		memcpy(key, raw.p, (size_t)eq);
		key[eq] = '\0';
		ask_member(j, key, span_tail(raw, (size_t)eq + 1), numbers, ARRAY_LEN(numbers));
	}
}

/* ---- list ---- */

static bool
cmd_session_fits(const struct cmd_session *c, struct span line)
{
	char value[CMD_SESSION_VALUE];

	if (c->devices && !word_get(line, "key", value, sizeof(value)))
		return false;
	if (c->user != NULL &&
	    (!word_get(line, "user", value, sizeof(value)) || strcmp(value, c->user) != 0))
		return false;
	return c->site == NULL ||
	    (word_get(line, "site", value, sizeof(value)) && strcmp(value, c->site) == 0);
}

static void
cmd_session_row(struct span line, uint64_t now_s)
{
	char value[CMD_SESSION_VALUE], age[ASK_AGE];
	uint64_t challenged = cmd_session_number(line, "challenged");

	(void)word_get(line, "id", value, sizeof(value));
	ask_cell(stdout, value, 32, true);
	putchar(' ');
	(void)word_get(line, "site", value, sizeof(value));
	ask_cell(stdout, value, 10, true);
	putchar(' ');
	(void)word_get(line, "user", value, sizeof(value));
	ask_cell(stdout, value[0] == '\0' ? "-" : value, 14, true);
	ask_age(cmd_session_number(line, "created"), now_s, age);
	printf(" %4s", age);
	ask_age(cmd_session_number(line, "last"), now_s, age);
	printf(" %4s %2u", age, (unsigned)cmd_session_number(line, "contexts"));
	(void)word_get(line, "marks", value, sizeof(value));
	printf(" %s%s%s\n", challenged != 0 ? "C" : "", strstr(value, "doubtful") ? "D" : "",
	    strstr(value, "adopted") ? "A" : "");
}

/* A session whose device has a key. */
static void
cmd_session_device(struct span line, uint64_t now_s)
{
	char value[CMD_SESSION_VALUE], age[ASK_AGE];

	(void)word_get(line, "key", value, sizeof(value));
	ask_cell(stdout, value, 64, true);
	putchar(' ');
	(void)word_get(line, "site", value, sizeof(value));
	ask_cell(stdout, value, 10, true);
	putchar(' ');
	(void)word_get(line, "user", value, sizeof(value));
	ask_cell(stdout, value[0] == '\0' ? "-" : value, 14, true);
	ask_age(cmd_session_number(line, "registered"), now_s, age);
	printf(" %4s", age);
	ask_age(cmd_session_number(line, "proven"), now_s, age);
	printf(" %4s\n", age);
}

static void
cmd_session_heading(const struct cmd_session *c)
{
	if (c->devices)
		printf("%-64s %-10s %-14s %4s %4s\n", "DEVICE KEY", "SITE", "USER", "AGE", "LAST");
	else
		printf("%-32s %-10s %-14s %4s %4s %2s\n", "SESSION", "SITE", "USER", "AGE",
		    "LAST", "IN");
}

static void
cmd_session_summary(const struct cmd_session *c, unsigned n)
{
	const char *what = c->devices ? "device" : "session";
	const char *legend = c->devices ? "  (AGE: since it was registered; LAST: its last proof)"
					: "  (IN: contexts; C challenged, D doubtful, A adopted)";

	printf("%u %s%s%s\n", n, what, n == 1 ? "" : "s", n == 0 ? "" : legend);
}

static int
cmd_session_list(struct cmd_session *c)
{
	uint64_t now_s = clock_wall() / CLOCK_SEC;
	char *buf = malloc(CMD_SESSION_JSON);
	unsigned n = 0;
	struct span line, out;
	struct json j;
	int err = ask_run(&c->ask, c->conf, (const char *const[]){"list"}, 1);

	MUST(buf != NULL);
	while (err == 0 && ask_next(&c->ask, "session", &line)) {
		if (!cmd_session_fits(c, line))
			continue;
		if (!c->json && n == 0)
			cmd_session_heading(c);
		n++;
		if (!c->json) {
			(c->devices ? cmd_session_device : cmd_session_row)(line, now_s);
			continue;
		}
		json_init(&j, buf, CMD_SESSION_JSON);
		json_object(&j);
		cmd_session_members(&j, line);
		json_object_end(&j);
		if (json_done(&j, &out) == 0)
			printf("%.*s\n", (int)out.n, (const char *)out.p);
	}
	if (err == 0 && !c->json)
		cmd_session_summary(c, n);
	free(buf);
	return err;
}

/* ---- show ---- */

static void
cmd_session_when(const char *label, struct span line, const char *key)
{
	uint64_t s = cmd_session_number(line, key), now_s = clock_wall() / CLOCK_SEC;
	char iso[CLOCK_ISO_TEXT], age[ASK_AGE];

	if (s == 0)
		return;
	clock_iso(s * CLOCK_SEC, iso);
	ask_age(s, now_s, age);
	printf("%-12s %.19sZ  (%s%s)\n", label, iso, s > now_s ? "in " : "", age);
}

static void
cmd_session_field(const char *label, struct span line, const char *key)
{
	char value[CMD_SESSION_VALUE];

	if (!word_get(line, key, value, sizeof(value)) || value[0] == '\0')
		return;
	printf("%-12s ", label);
	ask_cell(stdout, value, 64, false);
	putchar('\n');
}

static void
cmd_session_context(struct span line)
{
	static const char *const keys[] = {"country", "asn", "address", "client", "system",
	    "tls"};
	char value[CMD_SESSION_VALUE], first[ASK_AGE], last[ASK_AGE];
	uint64_t now_s = clock_wall() / CLOCK_SEC;

	(void)word_get(line, "state", value, sizeof(value));
	ask_age(cmd_session_number(line, "first"), now_s, first);
	ask_age(cmd_session_number(line, "last"), now_s, last);
	printf("context %u    %-10s  first %s ago, last %s ago\n            ",
	    (unsigned)cmd_session_number(line, "n"), value, first, last);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (word_get(line, keys[i], value, sizeof(value))) {
			printf(" %s", i == 1 ? "AS" : i == 5 ? "TLS " : "");
			ask_cell(stdout, value, 40, false);
		}
	putchar('\n');
}

static void
cmd_session_text(struct ask *a)
{
	char value[CMD_SESSION_VALUE];
	struct span line;

	a->pos = 0;
	while (ask_next(a, "session", &line)) {
		cmd_session_field("session", line, "id");
		cmd_session_field("site", line, "site");
		cmd_session_field("user", line, "user");
		cmd_session_field("known from", line, "how");
		cmd_session_field("marks", line, "marks");
		cmd_session_when("created", line, "created");
		cmd_session_when("last seen", line, "last");
		cmd_session_when("expires", line, "expires");
		cmd_session_field("device key", line, "key");
		cmd_session_when("registered", line, "registered");
		cmd_session_when("last proof", line, "proven");
	}
	a->pos = 0;
	while (ask_next(a, "credential", &line)) {
		(void)word_get(line, "kind", value, sizeof(value));
		printf("%-12s %s%s\n", "credential", value,
		    cmd_session_number(line, "until") ? " (replaced)" : "");
	}
	a->pos = 0;
	while (ask_next(a, "context", &line))
		cmd_session_context(line);
}

static void
cmd_session_array(struct json *j, struct ask *a, const char *name, const char *kind)
{
	struct span line;

	json_key(j, name);
	json_array(j);
	for (a->pos = 0; ask_next(a, kind, &line);) {
		json_object(j);
		cmd_session_members(j, line);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
cmd_session_whole(struct ask *a)
{
	char *buf = malloc(CMD_SESSION_JSON);
	struct span line, out;
	struct json j;

	MUST(buf != NULL);
	json_init(&j, buf, CMD_SESSION_JSON);
	json_object(&j);
	a->pos = 0;
	if (ask_next(a, "session", &line))
		cmd_session_members(&j, line);
	cmd_session_array(&j, a, "credentials", "credential");
	cmd_session_array(&j, a, "in", "context");
	json_object_end(&j);
	if (json_done(&j, &out) == 0)
		printf("%.*s\n", (int)out.n, (const char *)out.p);
	free(buf);
}

/* Its last records; that they were read is itself a record. */
static int
cmd_session_decisions(struct cmd_session *c, const char *id)
{
	const char *words[] = {"log", "-c", c->conf, "show", "--session", id, "--limit", "10"};
	char *argv[ARRAY_LEN(words) + 1] = {NULL};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		argv[i] = (char *)(uintptr_t)words[i];

	printf("\nlast records:\n");
	fflush(stdout);
	return cmd_log((int)ARRAY_LEN(argv) - 1, argv);
}

static int
cmd_session_show(struct cmd_session *c, const char *id)
{
	int err = ask_run(&c->ask, c->conf, (const char *const[]){"show", id}, 2);

	if (err != 0)
		return err;
	if (c->json) {
		cmd_session_whole(&c->ask);
		return 0;
	}
	cmd_session_text(&c->ask);
	return cmd_session_decisions(c, id) == 0 ? 0 : 1;
}

/* ---- revoke ---- */

static int
cmd_session_revoke(struct cmd_session *c, const char *what, const char *which)
{
	const char *words[] = {"revoke", what, which, c->reason};
	int err = ask_run(&c->ask, c->conf, words, c->reason == NULL ? 3 : 4);

	if (err != 0)
		return err;
	printf("%s session%s revoked\n", c->ask.last, strcmp(c->ask.last, "1") == 0 ? "" : "s");
	/* By an id that nobody has, nothing was stopped: say so in the status as well. */
	if (strcmp(c->ask.last, "0") != 0 ||
	    (strcmp(what, "session") != 0 && strcmp(what, "device") != 0))
		return 0;
	fprintf(stderr, "warifu: there is no live session %s%s\n",
	    c->devices ? "of a device with the key " : "", which);
	return 1;
}

static int
cmd_session_do(struct cmd_session *c, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return cmd_session_list(c);
	if (argc == 3 && strcmp(argv[1], "show") == 0)
		return cmd_session_show(c, argv[2]);
	if (argc == 3 && strcmp(argv[1], "revoke") == 0 && strcmp(argv[2], "all") == 0)
		return cmd_session_revoke(c, "all", "-");
	if (argc == 4 && strcmp(argv[1], "revoke") == 0 &&
	    (strcmp(argv[2], "session") == 0 || strcmp(argv[2], "user") == 0 ||
		strcmp(argv[2], "site") == 0))
		return cmd_session_revoke(c, argv[2], argv[3]);
	return commands_usage("session");
}

static int
cmd_session_do_devices(struct cmd_session *c, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return cmd_session_list(c);
	if (argc == 3 && strcmp(argv[1], "revoke") == 0)
		return cmd_session_revoke(c, "device", argv[2]);
	return commands_usage("device");
}

static int
cmd_session_main(int argc, char **argv, bool devices)
{
	struct cmd_session c = {.conf = args_conf_default, .devices = devices};
	const struct args_opt opts[] = {{"-c", &c.conf, NULL}, {"--user", &c.user, NULL},
	    {"--site", &c.site, NULL}, {"--reason", &c.reason, NULL}, {"--json", NULL, &c.json}};
	int status;

	if (!args_parse(&argc, argv, opts, ARRAY_LEN(opts)))
		return commands_usage(devices ? "device" : "session");
	status = (devices ? cmd_session_do_devices : cmd_session_do)(&c, argc, argv);
	ask_free(&c.ask);
	return status;
}

int
cmd_session(int argc, char **argv)
{
	return cmd_session_main(argc, argv, false);
}

int
cmd_session_devices(int argc, char **argv)
{
	return cmd_session_main(argc, argv, true);
}
