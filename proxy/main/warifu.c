/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warifu - one binary; the first argument says what it is to do.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/main/commands.h"
#include "proxy/main/supervisorpriv.h"

static int
warifu_help(int argc, char **argv)
{
	const struct commands_row *c;

	if (argc == 2) {
		commands_list(stdout);
		return 0;
	}
	c = commands_find(argv[2]);
	if (c == NULL)
		return 2;
	commands_help(c, stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct commands_row *c;

	if (argc < 2) {
		commands_list(stderr);
		return 2;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return warifu_help(argc, argv);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("warifu %s\n", WARIFU_BUILD);
		return 0;
	}
	c = commands_find(argv[1]);
	if (c == NULL)
		return 2;
	if (argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		commands_help(c, stdout);
		return 0;
	}
	return c->fn(argc - 1, argv + 1);
}
