/* SPDX-License-Identifier: Apache-2.0 */
/* What `warifu log show` leaves out unless it is asked for, and --class. */
#include "tests/unit/cmdlogkit.h"

struct asked {
	const char *method, *class, *path, *learned;
	uint64_t verdict;
	unsigned status;
	bool rule;
};

static void
asks(struct logkit *k, const struct asked *a)
{
	uint64_t id = rec_exchange_id(k->now, 1, k->seq + 1);
	uint8_t buf[4096];
	struct entry e;

	logkit_begin(k, &e, buf, sizeof(buf), REC_DECISION);
	rec_put_text(&e.rec, REC_TAG_METHOD, a->method);
	rec_put_text(&e.rec, REC_TAG_CLASS, a->class);
	rec_put_text(&e.rec, REC_TAG_PATH, a->path);
	rec_put_u64(&e.rec, REC_TAG_VERDICT, a->verdict);
	rec_put_u64(&e.rec, REC_TAG_ENFORCED, a->verdict);
	if (a->rule) {
		rec_list_begin(&e.rec, REC_TAG_RULES);
		rec_list_add(&e.rec, SPAN_LIT("R7"));
		rec_list_end(&e.rec);
	}
	entry_leaf_end(&e);
	CHECK_INT(logkit_end(k, &e), 0);
	outcome_learned(k, id, a->status, a->learned);
}

static void
what_anybody_reads_is_left_out_and_counted(void)
{
	static const struct asked some[] = {
	    {"GET", "open", "/favicon", NULL, 0, 404, false},
	    {"HEAD", "open", "/style", NULL, 0, 200, false},
	    {"GET", "open", "/faulty", NULL, 0, 502, false},
	    {"GET", "open", "/ruled", NULL, 0, 200, true},
	    {"GET", "open", "/refused", NULL, 3, 403, false},
	    {"GET", "open", "/callback", "login", 0, 303, false},
	    {"POST", "open", "/posted", NULL, 0, 200, false},
	    {"GET", "read", "/balance", NULL, 0, 200, false},
	};
	struct logkit k;

	made(&k);
	for (size_t i = 0; i < ARRAY_LEN(some); i++)
		asks(&k, &some[i]);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "show"), 0);
	CHECK(lines() == 7 && !shows("/favicon") && !shows("/style"));
	for (size_t i = 2; i < ARRAY_LEN(some); i++)
		CHECK(shows(some[i].path));
	CHECK(strstr(err_text_buf, "2 requests that read open routes are left out") != NULL);
	CHECK_INT(RUN(&k, "show", "--limit", "0"), 0);
	CHECK(lines() == 7 && strstr(err_text_buf, "2 requests") != NULL);
	CHECK_INT(RUN(&k, "show", "--class", "all"), 0);
	CHECK(lines() == 9 && shows("/favicon") && err_text_buf[0] == '\0');
	CHECK_INT(RUN(&k, "show", "--class", "open"), 0);
	CHECK(lines() == 7 && shows("/favicon") && !shows("/balance") && err_text_buf[0] == '\0');
	CHECK_INT(RUN(&k, "show", "--class", "read"), 0);
	CHECK(lines() == 1 && shows("/balance"));
	CHECK_INT(RUN(&k, "show", "--verdict", "allow"), 0);
	CHECK(shows("/favicon"));
	CHECK_INT(RUN(&k, "export", "--format", "jsonl"), 0);
	CHECK(shows("/favicon") && shows("/style"));
	CHECK_INT(RUN(&k, "export", "--format", "jsonl", "--class", "read"), 0);
	CHECK_INT(lines(), 2);
	CHECK_INT(RUN(&k, "show", "--class", "opne"), 2);
	logkit_fini(&k);
}

static void
a_limit_counts_what_is_shown(void)
{
	struct logkit k;
	char path[16];

	made(&k);
	for (int i = 0; i < 400; i++) {
		struct asked a = {"GET", i % 8 ? "open" : "read", path, NULL, 0, 200, false};

		(void)snprintf(path, sizeof(path), "/n%d.", i);
		asks(&k, &a);
	}
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "show", "--limit", "30"), 0);
	CHECK(lines() == 30 && shows("/n392.") && shows("/n160.") && !shows("/n152."));
	CHECK(strstr(err_text_buf, "350 requests") != NULL);
	CHECK_INT(RUN(&k, "show", "--limit", "30", "--class", "all"), 0);
	CHECK(lines() == 30 && shows("/n399.") && shows("/n370.") && !shows("/n369."));
	logkit_fini(&k);
}

int
main(void)
{
	TAP_RUN(what_anybody_reads_is_left_out_and_counted);
	TAP_RUN(a_limit_counts_what_is_shown);
	return tap_done();
}
