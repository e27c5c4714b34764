/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/commands.h - the table of commands, for main and for their usage.
 *
 * Errors  exit status of every command: 0 done, 1 refused or not possible (a sentence on
 *         stderr), 2 wrong arguments.
 */
#ifndef WARIFU_MAIN_COMMANDS_H
#define WARIFU_MAIN_COMMANDS_H

#include <stdio.h>

struct commands_row {
	const char *name; /* first: diag_nearest looks for it here */
	int (*fn)(int argc, char **argv);
	const char *text;
	const char *usage;
};

/* NULL, after a sentence on stderr that names the nearest one. */
const struct commands_row *
commands_find(const char *name);

void
commands_list(FILE *out);

/* Prints "usage: …" of one command to stderr; returns 2. */
int
commands_usage(const char *name);

/* The same to `out`, with the sentence. */
void
commands_help(const struct commands_row *c, FILE *out);

#endif
