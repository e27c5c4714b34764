/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/store.h"

#include "proxy/audit/query.h"
#include "tests/unit/logkit.h"

static void
copy(struct logkit *k, const char *from, const char *to)
{
	char cmd[400];

	(void)snprintf(cmd, sizeof(cmd), "%s/%s", k->dir, from);
	FILE *in = fopen(cmd, "rb");
	(void)snprintf(cmd, sizeof(cmd), "%s/%s", k->dir, to);
	FILE *out = fopen(cmd, "wb");
	int c;

	CHECK(in != NULL && out != NULL);
	while (in != NULL && out != NULL && (c = fgetc(in)) != EOF)
		fputc(c, out);
	if (in != NULL)
		fclose(in);
	if (out != NULL)
		fclose(out);
}

static void
an_older_state_makes_every_session_doubtful(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_session(&k, 6, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_shut(&k);
	copy(&k, "state.db", "backup");
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_REVOKE, true), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_load(&k).doubtful, 0);
	logkit_shut(&k);
	copy(&k, "backup", "state.db");
	CHECK_INT(logkit_open(&k), 0);
	/* the log still knows of the revocation, and all else is doubtful */
	CHECK_INT(logkit_load(&k).sessions, 1);
	CHECK_INT(logkit_load(&k).doubtful, 1);
	CHECK_INT(logkit_events(&k, REC_EVENT_RESTORED), 1);
	CHECK_INT(logkit_events(&k, REC_EVENT_RECOVERED), 1);
	logkit_shut(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_load(&k).doubtful, 1);
	CHECK_INT(logkit_events(&k, REC_EVENT_RESTORED), 1);
	/* the gate has looked at it and puts it again */
	CHECK_INT(logkit_session(&k, 6, REC_EVENT_CHALLENGE_OK, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_load(&k).doubtful, 0);
	logkit_fini(&k);
}

static void
a_restored_log_and_state_are_still_doubtful(void)
{
	static const char *const files[] = {"state.db", "log-20261123.db", "keys.db"};
	struct logkit k;
	char name[64];

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_shut(&k);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(name, sizeof(name), "b%zu", i);
		copy(&k, files[i], name);
	}
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGOUT, true), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_shut(&k);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(name, sizeof(name), "b%zu", i);
		copy(&k, name, files[i]);
	}
	k.conf.boot++;
	k.seq = 0;
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_load(&k).sessions, 1);
	CHECK_INT(logkit_load(&k).doubtful, 1);
	logkit_fini(&k);
}

static void
a_lost_generation_makes_doubtful_too(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_shut(&k);
	CHECK_INT(unlink(k.generation), 0);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_load(&k).doubtful, 1);
	logkit_fini(&k);
}

/* The state counts first: kill -9 may come before the file's first number, which lies in the second place. */
static void
a_first_start_that_was_cut_off_lost_no_generation(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	logkit_shut(&k);
	CHECK_INT(truncate(k.generation, 512), 0);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_RESTORED), 0);
	CHECK(!store_restored(k.s));
	logkit_fini(&k);
}

/* After power loss the log may know of an end that the state does not. */
static void
a_state_behind_the_log_takes_over_the_ends(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_session(&k, 6, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_shut(&k);
	copy(&k, "state.db", "backup");
	copy(&k, "generation", "generation.backup");
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 6, REC_EVENT_LOGOUT, true), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_shut(&k);
	copy(&k, "backup", "state.db");
	copy(&k, "generation.backup", "generation");
	k.conf.boot++;
	k.seq = 0;
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_load(&k).sessions, 1);
	CHECK_INT(logkit_load(&k).last_id, 5);
	CHECK_INT(logkit_load(&k).doubtful, 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_RECOVERED), 1);
	CHECK_INT(logkit_events(&k, REC_EVENT_UNCLEAN_STOP), 1);
	logkit_fini(&k);
}

static void
another_master_key_is_refused(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	logkit_shut(&k);
	k.master[0] ^= 1;
	CHECK_INT(logkit_open(&k), WF_EVERIFY);
	logkit_fini(&k);
}

static void
a_state_of_another_log_is_refused(void)
{
	struct logkit a, b;
	char from[160], to[160];

	logkit_init(&a);
	logkit_init(&b);
	CHECK_INT(logkit_open(&a), 0);
	CHECK_INT(logkit_open(&b), 0);
	logkit_shut(&a);
	logkit_shut(&b);
	(void)snprintf(from, sizeof(from), "%s/state.db", a.dir);
	(void)snprintf(to, sizeof(to), "%s/state.db", b.dir);
	CHECK_INT(rename(from, to), 0);
	CHECK_INT(logkit_open(&b), WF_ESTATE);
	logkit_fini(&a);
	logkit_fini(&b);
}

int
main(void)
{
	TAP_RUN(an_older_state_makes_every_session_doubtful);
	TAP_RUN(a_restored_log_and_state_are_still_doubtful);
	TAP_RUN(a_lost_generation_makes_doubtful_too);
	TAP_RUN(a_first_start_that_was_cut_off_lost_no_generation);
	TAP_RUN(a_state_behind_the_log_takes_over_the_ends);
	TAP_RUN(another_master_key_is_refused);
	TAP_RUN(a_state_of_another_log_is_refused);
	return tap_done();
}
