/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/cmd_log_args.h - the arguments of `warifu log`; private to cmd_log*.c.
 *
 * Ownership  texts are argv's; cmd_log_args_free wipes the key.
 */
#ifndef WARIFU_MAIN_CMD_LOG_ARGS_H
#define WARIFU_MAIN_CMD_LOG_ARGS_H

#include "proxy/audit/query.h"
#include "proxy/main/cmd_log.h"

enum cmd_log_verb { CMD_LOG_SHOW, CMD_LOG_VERIFY, CMD_LOG_EXPORT, CMD_LOG_HEAD };

struct cmd_log_args {
	enum cmd_log_verb verb;
	const char *dir;
	const char *key;
	const char *format;
	const char *head;
	uint64_t limit;
	uint64_t record; /* 0 = any */
	bool has_limit;
	bool verbose;
	bool all_classes; /* --class all: also what show leaves out */
	bool ja;
	struct query_filter filter;
	uint8_t session[REC_SESSION_LEN];
	/* read by cmd_log_master */
	uint8_t master[KEYS_MASTER_LEN];
	bool has_master;
};

/* False after saying what is wrong. */
bool
cmd_log_parse(int argc, char **argv, const struct cmd_log_env *env,
    struct cmd_log_args *a);

/* The master key, where it can be read; false (after saying so) only when one was named
 * and cannot be, or --user needs it. */
bool
cmd_log_master(const struct cmd_log_env *env, struct cmd_log_args *a);

void
cmd_log_args_free(struct cmd_log_args *a);

int
cmd_log_verify(const struct cmd_log_env *env, const struct cmd_log_args *a);

#endif
