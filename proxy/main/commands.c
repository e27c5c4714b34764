/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/commands.h"

#include <string.h>

#include "policy/diag.h"
#include "proxy/base/must.h"
#include "proxy/main/cmd_admin.h"
#include "proxy/main/cmd_backup.h"
#include "proxy/main/cmd_check.h"
#include "proxy/main/cmd_fingerprint.h"
#include "proxy/main/cmd_log.h"
#include "proxy/main/cmd_policy.h"
#include "proxy/main/cmd_session.h"
#include "proxy/main/cmd_status.h"
#include "proxy/main/supervisor.h"

static const struct commands_row commands_rows[] = {
#define COMMAND(name, fn, text, usage) {name, fn, text, usage},
#include "proxy/main/commands.def"
#undef COMMAND
};

static const struct commands_row *
commands_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands_rows); i++)
		if (strcmp(name, commands_rows[i].name) == 0)
			return &commands_rows[i];
	return NULL;
}

const struct commands_row *
commands_find(const char *name)
{
	const struct commands_row *c = commands_row(name);
	const char *near;

	if (c != NULL)
		return c;
	near = diag_nearest(name, commands_rows, ARRAY_LEN(commands_rows),
	    sizeof(commands_rows[0]));
	fprintf(stderr, "warifu: there is no command \"%s\"", name);
	if (near != NULL)
		fprintf(stderr, "; did you mean \"%s\"?\n", near);
	else
		fprintf(stderr, "; \"warifu help\" lists them\n");
	return NULL;
}

void
commands_list(FILE *out)
{
	fprintf(out, "usage: warifu COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < ARRAY_LEN(commands_rows); i++)
		fprintf(out, "  %-12s %s\n", commands_rows[i].name, commands_rows[i].text);
	fprintf(out, "\n  warifu help COMMAND   its arguments      warifu --version\n"
		     "  Settings are read from /etc/warifu/warifu.conf or from -c FILE.\n"
		     "  Exit status: 0 done, 1 not done, 2 wrong arguments. See warifu(8).\n");
}

static void
commands_lines(const struct commands_row *c, FILE *out)
{
	const char *lead = "usage: ";

	for (const char *p = c->usage; *p != '\0'; lead = "       ") {
		size_t n = strcspn(p, "\n");

		fprintf(out, "%s%.*s\n", lead, (int)n, p);
		p += n + (p[n] == '\n');
	}
}

int
commands_usage(const char *name)
{
	const struct commands_row *c = commands_row(name);

	MUST(c != NULL);
	commands_lines(c, stderr);
	return 2;
}

void
commands_help(const struct commands_row *c, FILE *out)
{
	fprintf(out, "warifu %s: %s\n\n", c->name, c->text);
	commands_lines(c, out);
}
