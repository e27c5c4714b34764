/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/store.h"

#include <sqlite3.h>

#include "proxy/audit/query.h"
#include "tests/unit/logkit.h"

static void
exec(struct logkit *k, const char *db, const char *sql)
{
	char path[160];
	sqlite3 *c;

	(void)snprintf(path, sizeof(path), "%s/%s", k->dir, db);
	CHECK_INT(sqlite3_open(path, &c), SQLITE_OK);
	CHECK_INT(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
}

static size_t
decisions(struct logkit *k, const char *user)
{
	struct query_filter f = {0};
	struct query_item it;
	struct query *q;
	size_t n = 0;

	if (user != NULL)
		f.user = span_str(user);
	CHECK_INT(query_open(&q, k->dir, k->master, &f), 0);
	while (query_next(q, &it) == 0)
		n += it.view.head.kind == REC_DECISION;
	query_close(q);
	return n;
}

static void
what_is_committed_is_there_after_opening_again(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(logkit_decision(&k, i % 2 ? "alice" : "bob", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_decision(&k, "carol", "/"), 0);
	logkit_shut(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(store_applied(k.s, 1), 10);
	CHECK_INT(decisions(&k, NULL), 10);
	CHECK_INT(decisions(&k, "alice"), 5);
	CHECK_INT(decisions(&k, "carol"), 0);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_LOG_CREATED), 1);
	logkit_fini(&k);
}

static void
an_entry_added_again_counts_once_in_each_database(void)
{
	struct logkit k;
	uint64_t seq;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	seq = k.seq;
	/* killed between the two databases: the state has not heard of it */
	logkit_shut(&k);
	exec(&k, "state.db", "DELETE FROM session; DELETE FROM applied;");
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_load(&k).sessions, 0);
	k.seq = seq - 1;
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_load(&k).sessions, 1);
	CHECK_INT(logkit_events(&k, REC_EVENT_LOGIN), 1);
	logkit_fini(&k);
}

static void
a_jump_in_the_sequence_is_said(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	k.seq += 3;
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_LOG_GAP), 1);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	CHECK_INT(k.found[0].kind, VERIFY_KNOWN_GAP);
	CHECK_INT(k.found[0].count, 3);
	logkit_fini(&k);
}

static void
a_malformed_entry_becomes_an_event_and_changes_nothing(void)
{
	struct logkit k;
	uint8_t buf[4096];
	struct entry e;
	size_t len;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(store_add(k.s, 1, ++k.seq, SPAN_LIT("nonsense"), k.now), 0);
	/* a leaf that claims another thread */
	logkit_begin(&k, &e, buf, sizeof(buf), REC_EVENT);
	rec_put_u64(&e.rec, REC_TAG_EVENT, REC_EVENT_STOP);
	entry_leaf_end(&e);
	entry_kv_del(&e, SPAN_LIT("k"));
	CHECK_INT(entry_end(&e, &len), 0);
	CHECK_INT(store_add(k.s, 1, ++k.seq + 0, span_of(buf, len - 1), k.now), 0);
	CHECK_INT(store_add(k.s, 2, 1, span_of(buf, len), k.now), 0);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_LOG_BAD_ENTRY), 3);
	CHECK_INT(logkit_events(&k, REC_EVENT_STOP), 0);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	logkit_fini(&k);
}

static void
an_ended_session_stays_ended(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_session(&k, 6, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_REVOKE, true), 0);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_ROTATE, false), 0);
	/* an end that comes before its put: threads have no common order */
	CHECK_INT(logkit_session(&k, 7, REC_EVENT_REVOKE, true), 0);
	CHECK_INT(logkit_session(&k, 7, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_load(&k).sessions, 1);
	CHECK_INT(logkit_load(&k).last_id, 6);
	k.now += 7200 * LOGKIT_SEC;
	CHECK_INT(store_sweep(k.s, k.now), 0);
	CHECK_INT(logkit_load(&k).sessions, 0);
	logkit_fini(&k);
}

static void
only_an_orderly_stop_is_a_stop(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(store_commit(k.s, k.now, true), 0);
	logkit_shut(&k);
	k.conf.boot++;
	k.seq = 0;
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_UNCLEAN_STOP), 0);
	logkit_shut(&k);
	k.conf.boot++;
	k.seq = 0;
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_events(&k, REC_EVENT_UNCLEAN_STOP), 1);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	logkit_fini(&k);
}

static void
a_day_is_a_file_and_the_chain_goes_on(void)
{
	struct logkit k;
	char path[160];

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	for (int day = 0; day < 3; day++) {
		CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
		CHECK_INT(logkit_commit(&k), 0);
		k.now += 86400 * LOGKIT_SEC;
	}
	/* the clock goes back: the day does not */
	k.now -= 5 * 86400 * LOGKIT_SEC;
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	CHECK_INT(k.result.segments, 3);
	CHECK_INT(decisions(&k, "alice"), 4);
	(void)snprintf(path, sizeof(path), "%s/log-20261123.db-wal", k.dir);
	CHECK(access(path, F_OK) != 0);
	(void)snprintf(path, sizeof(path), "%s/log-20261125.db", k.dir);
	CHECK(access(path, F_OK) == 0);
	logkit_shut(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(store_applied(k.s, 1), 4);
	logkit_fini(&k);
}

static void
a_locked_database_loses_nothing(void)
{
	struct logkit k;
	char path[160];
	sqlite3 *c;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	(void)snprintf(path, sizeof(path), "%s/log-20261123.db", k.dir);
	CHECK_INT(sqlite3_open(path, &c), SQLITE_OK);
	CHECK_INT(sqlite3_exec(c, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), WF_ETIMEOUT);
	CHECK_INT(store_applied(k.s, 1), 0);
	k.seq = 0;
	CHECK_INT(sqlite3_exec(c, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	sqlite3_close(c);
	CHECK_INT(decisions(&k, "alice"), 1);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	logkit_fini(&k);
}

static void
a_locked_state_does_not_write_the_log_twice(void)
{
	struct logkit k;
	char path[160];
	sqlite3 *c;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	(void)snprintf(path, sizeof(path), "%s/state.db", k.dir);
	CHECK_INT(sqlite3_open(path, &c), SQLITE_OK);
	CHECK_INT(sqlite3_exec(c, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), WF_ETIMEOUT);
	CHECK_INT(sqlite3_exec(c, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	k.seq = 0;
	CHECK_INT(logkit_session(&k, 5, REC_EVENT_LOGIN, false), 0);
	CHECK_INT(logkit_commit(&k), 0);
	sqlite3_close(c);
	CHECK_INT(logkit_events(&k, REC_EVENT_LOGIN), 1);
	CHECK_INT(logkit_load(&k).sessions, 1);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	logkit_fini(&k);
}

static void
an_erased_person_is_gone_and_the_chain_holds(void)
{
	struct logkit k;
	uint8_t buf[4096];
	struct entry e;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_decision(&k, "bob", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_begin(&k, &e, buf, sizeof(buf), REC_EVENT);
	rec_put_u64(&e.rec, REC_TAG_EVENT, REC_EVENT_ERASE);
	entry_leaf_end(&e);
	entry_erase(&e, SPAN_LIT("alice"));
	CHECK_INT(logkit_end(&k, &e), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(decisions(&k, "alice"), 0);
	CHECK_INT(decisions(&k, "bob"), 1);
	CHECK_INT(decisions(&k, NULL), 2);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	/* who comes back is a new person to the key table */
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(decisions(&k, "alice"), 1);
	logkit_fini(&k);
}

static void
a_second_writer_is_refused(void)
{
	struct logkit k;
	struct store *other;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(store_open(&other, &k.conf, k.now), WF_EEXISTS);
	logkit_fini(&k);
}

int
main(void)
{
	TAP_RUN(what_is_committed_is_there_after_opening_again);
	TAP_RUN(an_entry_added_again_counts_once_in_each_database);
	TAP_RUN(a_jump_in_the_sequence_is_said);
	TAP_RUN(a_malformed_entry_becomes_an_event_and_changes_nothing);
	TAP_RUN(an_ended_session_stays_ended);
	TAP_RUN(only_an_orderly_stop_is_a_stop);
	TAP_RUN(a_day_is_a_file_and_the_chain_goes_on);
	TAP_RUN(a_locked_database_loses_nothing);
	TAP_RUN(a_locked_state_does_not_write_the_log_twice);
	TAP_RUN(an_erased_person_is_gone_and_the_chain_holds);
	TAP_RUN(a_second_writer_is_refused);
	return tap_done();
}
