/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/cmdlogkit.h - `warifu log` run on a log of logkit.h; what it printed.
 */
#ifndef WARIFU_TESTS_UNIT_CMDLOGKIT_H
#define WARIFU_TESTS_UNIT_CMDLOGKIT_H

#include "proxy/main/cmd_log.h"
#include "policy/signal.h"
#include "tests/unit/logkit.h"

static char out_text[1 << 20], err_text_buf[1 << 16];

/* Runs `warifu log ...`; its output stands in out_text and err_text_buf. */
static inline int
run(struct logkit *k, bool tty, unsigned columns, const char *const *words)
{
	char *argv[32];
	int argc = 0, rc;
	FILE *out = fmemopen(out_text, sizeof(out_text), "w");
	FILE *err = fmemopen(err_text_buf, sizeof(err_text_buf), "w");
	struct cmd_log_env env = {.out = out, .err = err, .now = k->now, .tty = tty,
	    .columns = columns, .state = k->dir};

	MUST(out != NULL && err != NULL);
	out_text[0] = err_text_buf[0] = '\0';
	argv[argc++] = strdup("log");
	while (words[argc - 1] != NULL) {
		argv[argc] = strdup(words[argc - 1]);
		argc++;
	}
	argv[argc] = NULL;
	rc = cmd_log_run(argc, argv, &env);
	fclose(out);
	fclose(err);
	while (argc-- > 0)
		free(argv[argc]);
	return rc;
}

#define RUN(k, ...) run(k, false, 0, (const char *const[]){__VA_ARGS__, NULL})

static inline size_t
lines(void)
{
	size_t n = 0;

	for (const char *p = out_text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return n;
}

static inline bool
shows(const char *s)
{
	return strstr(out_text, s) != NULL;
}

static inline void
key_file(struct logkit *k)
{
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/master.key", k->dir);
	f = fopen(path, "w");
	MUST(f != NULL && fchmod(fileno(f), 0600) == 0);
	fprintf(f, "warifu-master-1 ");
	for (int i = 0; i < KEYS_MASTER_LEN; i++)
		fprintf(f, "%02x", k->master[i]);
	fprintf(f, "\n");
	fclose(f);
}

static inline void
outcome_learned(struct logkit *k, uint64_t exchange, unsigned status, const char *learned)
{
	struct rec_head h = {.kind = REC_OUTCOME, .thread = 1, .boot = k->conf.boot,
	    .seq = k->seq + 1, .time = k->now, .exchange = exchange};
	uint8_t buf[512];
	struct entry e;

	entry_begin(&e, buf, sizeof(buf), &h);
	rec_put_u64(&e.rec, REC_TAG_STATUS, status);
	if (learned != NULL) {
		rec_list_begin(&e.rec, REC_TAG_LEARNED);
		rec_list_add(&e.rec, span_str(learned));
		rec_list_end(&e.rec);
	}
	entry_leaf_end(&e);
	CHECK_INT(logkit_end(k, &e), 0);
}

static inline void
outcome(struct logkit *k, uint64_t exchange, unsigned status)
{
	outcome_learned(k, exchange, status, NULL);
}

static inline void
request(struct logkit *k, const char *user, const char *path, unsigned status)
{
	uint64_t id = rec_exchange_id(k->now, 1, k->seq + 1);

	CHECK_INT(logkit_decision(k, user, path), 0);
	outcome(k, id, status);
	k->now += LOGKIT_SEC;
}

static inline void
made(struct logkit *k)
{
	logkit_init(k);
	key_file(k);
	CHECK_INT(logkit_open(k), 0);
}

#endif
