/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_log.h - `warifu log`: read, check and hand out the session log.
 *
 *   show    [filters] [-v]             requests (decision and outcome in one line), events
 *   verify  [--head HEX:COUNT]         recomputes the chain; needs no key and no server
 *   export  [filters] --format jsonl|csv
 *   head                               HEX:COUNT, to be kept elsewhere
 *
 *   -c FILE          the settings, straight after `log`: they say where log, key and control
 *                    socket are (default /etc/warifu/warifu.conf)
 *   --state DIR      instead of them: a log's folder, for instance a copy
 *   --since, --until 2026-11-23, 2026-11-23T20:00:00Z, or 30m, 2h, 7d (ago)
 *   --user NAME  --session HEX  --site NAME  --verdict NAME  --rule ID  --country CC
 *   --support NUMBER (what a refused person reads on the page)
 *   --record N       (show) the request or event that this record belongs to
 *   --limit N        the last N lines (default 200; 0 = all)
 *   --lang en|ja     default: by LC_ALL, LC_MESSAGES, LANG
 *   --key FILE       the master key (default DIR/master.key); without one, personal data
 *                    stay encrypted and --user cannot be asked for
 *
 * Reads and exports are themselves told of through cmd_log_env.note, with the filter: the
 * running warifu makes a record of it. A copy of a log has nobody to tell, and says so.
 *
 * Ownership  reads the folder, writes to the streams given.
 * Errors     exit status 0; 1: `verify` found a fault, or nothing matched --support
 *            or --record; 2: wrong arguments; 3: the log cannot be read.
 */
#ifndef WARIFU_MAIN_CMD_LOG_H
#define WARIFU_MAIN_CMD_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cmd_log_env {
	FILE *out;
	FILE *err;
	uint64_t now; /* ns since 1970 */
	bool tty;     /* `out` is a terminal */
	bool err_tty;
	unsigned columns;    /* of that terminal; 0 = unknown */
	const char *locale;  /* "ja_JP.UTF-8"; may be NULL */
	const char *state;   /* the default folder */
	const char *key;     /* the default master key; NULL: beside the log */
	/* Called once before anything is shown or exported: a record of it is due. `export`
	 * tells the two apart; argv are the words after `log`. May be NULL. */
	void (*note)(void *arg, bool export, int argc, char **argv);
	void *arg;
};

/* argv[0] is "log". */
int
cmd_log_run(int argc, char **argv, const struct cmd_log_env *env);

/* With stdout, stderr, the system's clock and locale. */
int
cmd_log(int argc, char **argv);

#endif
