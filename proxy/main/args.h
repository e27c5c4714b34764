/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/args.h - words of a command line: options anywhere, then what remains.
 *
 * Options are --name, --name VALUE, --name=VALUE and the short -c FILE; "--" ends them.
 * Every command takes -c FILE (the settings) where its table says so.
 *
 * Ownership  texts are argv's.
 * Errors     false after a sentence on stderr; the caller then ends with status 2.
 */
#ifndef WARIFU_MAIN_ARGS_H
#define WARIFU_MAIN_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct args_opt {
	const char *name;   /* "--user", "-c" */
	const char **value; /* takes one, or NULL */
	bool *flag;	    /* takes none, or NULL */
};

/* Sorts argv: argv[1 .. *argc-1] are then the words that are no options. argv[0] is the
 * command's name. */
bool
args_parse(int *argc, char **argv, const struct args_opt *opts, size_t n);

extern const char args_conf_default[];

/* "30m", "2h", "90s", "1d" to seconds; false if it is none. */
bool
args_duration(const char *text, uint64_t *seconds);

#endif
