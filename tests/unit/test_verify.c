/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/verify.h"

#include <sqlite3.h>

#include "proxy/audit/chain.h"
#include "tests/unit/logkit.h"

enum { LEAVES = 12 };

#define SEGMENT "log-20261123.db"

/* One block of LEAVES decisions behind a block with the creation event. */
static void
made(struct logkit *k)
{
	logkit_init(k);
	CHECK_INT(logkit_open(k), 0);
	for (int i = 0; i < LEAVES; i++) {
		k->now += LOGKIT_SEC;
		CHECK_INT(logkit_decision(k, "alice", "/a/b"), 0);
	}
	CHECK_INT(logkit_commit(k), 0);
	for (int i = 0; i < LEAVES; i++)
		CHECK_INT(logkit_decision(k, "bob", "/c"), 0);
	CHECK_INT(logkit_commit(k), 0);
	logkit_shut(k);
}

/* ---- a block in pieces ---- */

struct block {
	sqlite3 *c;
	uint8_t bytes[65536];
	size_t n;
	size_t at[64];  /* where leaf i stands, its length included */
	size_t len[64];
	size_t leaves;
	uint8_t sums[1024];
	size_t n_sums;
};

static void
block_get(struct logkit *k, struct block *b)
{
	char path[160];
	sqlite3_stmt *st;
	size_t at = 0;

	memset(b, 0, sizeof(*b));
	(void)snprintf(path, sizeof(path), "%s/" SEGMENT, k->dir);
	MUST(sqlite3_open(path, &b->c) == SQLITE_OK);
	MUST(sqlite3_prepare_v2(b->c, "SELECT bytes,sums FROM block WHERE id=2", -1, &st,
		 NULL) == SQLITE_OK);
	MUST(sqlite3_step(st) == SQLITE_ROW);
	b->n = (size_t)sqlite3_column_bytes(st, 0);
	memcpy(b->bytes, sqlite3_column_blob(st, 0), b->n);
	b->n_sums = (size_t)sqlite3_column_bytes(st, 1);
	memcpy(b->sums, sqlite3_column_blob(st, 1), b->n_sums);
	sqlite3_finalize(st);
	while (at < b->n) {
		b->at[b->leaves] = at;
		b->len[b->leaves] = 4 + ((size_t)b->bytes[at + 2] << 8 | b->bytes[at + 3]);
		at += b->len[b->leaves++];
	}
	CHECK_INT(b->leaves, LEAVES);
}

static void
block_put(struct block *b)
{
	sqlite3_stmt *st;

	MUST(sqlite3_prepare_v2(b->c, "UPDATE block SET bytes=?1, sums=?2 WHERE id=2", -1, &st,
		 NULL) == SQLITE_OK);
	sqlite3_bind_blob64(st, 1, b->bytes, b->n, SQLITE_STATIC);
	sqlite3_bind_blob64(st, 2, b->sums, b->n_sums, SQLITE_STATIC);
	MUST(sqlite3_step(st) == SQLITE_DONE);
	sqlite3_finalize(st);
	sqlite3_close(b->c);
}

/* Leaves in another order, some left out, some twice. */
static void
block_arrange(struct block *b, const size_t *order, size_t n)
{
	uint8_t out[65536];
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(out + at, b->bytes + b->at[order[i]], b->len[order[i]]);
		at += b->len[order[i]];
	}
	memcpy(b->bytes, out, at);
	b->n = at;
}

static void
sql(struct logkit *k, const char *text)
{
	char path[160];
	sqlite3 *c;

	(void)snprintf(path, sizeof(path), "%s/" SEGMENT, k->dir);
	MUST(sqlite3_open(path, &c) == SQLITE_OK);
	CHECK_INT(sqlite3_exec(c, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
}

static void
only_finding_is(struct logkit *k, enum verify_kind kind, uint64_t from, uint64_t to)
{
	CHECK_INT(logkit_verify(k, NULL), 1);
	CHECK_INT(k->found[0].kind, kind);
	CHECK_INT(k->found[0].from, from);
	CHECK_INT(k->found[0].to, to);
	CHECK_INT(k->found[0].before.number, from - 1);
	CHECK(k->found[0].before.parsed);
}

/* ---- cases ---- */

static void
an_untouched_log_is_found_good_and_its_limits_are_said(void)
{
	struct logkit k;

	made(&k);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	CHECK_INT(k.result.count, 1 + 2 * LEAVES);
	CHECK_INT(k.n_found, 1);
	CHECK_INT(k.found[0].kind, VERIFY_OPEN_END);
	logkit_fini(&k);
}

static void
a_changed_record_is_named(void)
{
	struct logkit k;
	struct block b;
	uint8_t *p;

	made(&k);
	block_get(&k, &b);
	p = memmem(b.bytes + b.at[4], b.len[4], "/a/b", 4);
	MUST(p != NULL);
	p[1] = 'x';
	block_put(&b);
	only_finding_is(&k, VERIFY_CHANGED, 6, 6);
	CHECK_INT(k.found[0].after.number, 7);
	logkit_fini(&k);
}

static void
every_changed_byte_of_a_record_is_noticed(void)
{
	struct logkit k;
	struct block b;
	size_t at, len;

	made(&k);
	block_get(&k, &b);
	at = b.at[3];
	len = b.len[3];
	block_put(&b);
	for (size_t i = 0; i < len; i += 7) {
		block_get(&k, &b);
		b.bytes[at + i] ^= 0x10;
		block_put(&b);
		CHECK(logkit_verify(&k, NULL) >= 1);
		/* the length's bytes among them: block_get would not find its way */
		char path[160];
		(void)snprintf(path, sizeof(path), "%s/" SEGMENT, k.dir);
		MUST(sqlite3_open(path, &b.c) == SQLITE_OK);
		b.bytes[at + i] ^= 0x10;
		block_put(&b);
	}
	CHECK_INT(logkit_verify(&k, NULL), 0);
	logkit_fini(&k);
}

static void
a_removed_record_is_named(void)
{
	static const size_t order[] = {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11};
	struct logkit k;
	struct block b;

	made(&k);
	block_get(&k, &b);
	block_arrange(&b, order, ARRAY_LEN(order));
	block_put(&b);
	only_finding_is(&k, VERIFY_REMOVED, 6, 6);
	CHECK_INT(k.found[0].after.number, 7);
	logkit_fini(&k);
}

static void
an_inserted_record_is_named(void)
{
	static const size_t order[] = {0, 1, 2, 3, 9, 4, 5, 6, 7, 8, 9, 10, 11};
	struct logkit k;
	struct block b;

	made(&k);
	block_get(&k, &b);
	block_arrange(&b, order, ARRAY_LEN(order));
	/* a forged one, so that it is no copy that could have been moved */
	b.bytes[b.at[4] + 4 + 20] ^= 1;
	block_put(&b);
	only_finding_is(&k, VERIFY_INSERTED, 6, 6);
	logkit_fini(&k);
}

static void
records_in_another_order_are_named(void)
{
	static const size_t order[] = {0, 1, 2, 5, 4, 3, 6, 7, 8, 9, 10, 11};
	struct logkit k;
	struct block b;

	made(&k);
	block_get(&k, &b);
	block_arrange(&b, order, ARRAY_LEN(order));
	block_put(&b);
	only_finding_is(&k, VERIFY_REORDERED, 5, 7);
	logkit_fini(&k);
}

/* Whoever also fits the check sums is found by the head of the block. */
static void
a_changed_record_with_its_sum_breaks_the_head(void)
{
	struct hasher *h = hasher_new();
	uint8_t hash[DIGEST_LEN];
	struct logkit k;
	struct block b;

	made(&k);
	block_get(&k, &b);
	b.bytes[b.at[4] + 4 + 24] ^= 1; /* its time */
	chain_leaf_hash(h, span_of(b.bytes + b.at[4] + 4, b.len[4] - 4), hash);
	memcpy(b.sums + 4 * CHAIN_SUM_LEN, hash, CHAIN_SUM_LEN);
	block_put(&b);
	only_finding_is(&k, VERIFY_BLOCK, 2, 1 + LEAVES);
	hasher_free(h);
	logkit_fini(&k);
}

static void
a_missing_block_is_named(void)
{
	struct logkit k;

	made(&k);
	sql(&k, "DELETE FROM block WHERE id=2");
	CHECK(logkit_verify(&k, NULL) >= 1);
	CHECK_INT(k.found[0].kind, VERIFY_BLOCKS);
	CHECK_INT(k.found[0].from, 2);
	CHECK_INT(k.found[0].to, 1 + LEAVES);
	logkit_fini(&k);
}

/* A cut tail shows only against a head from elsewhere. */
static void
a_cut_tail_needs_a_head_from_elsewhere(void)
{
	struct verify_opt o = {.has_head = true};
	struct logkit k;

	made(&k);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	o.head_count = k.result.count;
	memcpy(o.head, k.result.head, DIGEST_LEN);
	CHECK_INT(logkit_verify(&k, &o), 0);
	CHECK(k.result.head_seen);
	sql(&k, "DELETE FROM block WHERE id=14");
	CHECK_INT(logkit_verify(&k, NULL), 0);
	CHECK_INT(logkit_verify(&k, &o), 1);
	CHECK_INT(k.found[0].kind, VERIFY_TAIL);
	CHECK_INT(k.found[0].to, 1 + 2 * LEAVES);
	logkit_fini(&k);
}

static void
an_earlier_head_is_found_on_the_way(void)
{
	struct verify_opt o = {.has_head = true};
	struct logkit k;

	made(&k);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	o.head_count = k.result.count;
	memcpy(o.head, k.result.head, DIGEST_LEN);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_decision(&k, "eve", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_verify(&k, &o), 0);
	CHECK(k.result.head_seen);
	o.head_count--;
	CHECK_INT(logkit_verify(&k, &o), 1);
	CHECK_INT(k.found[0].kind, VERIFY_REWRITTEN);
	logkit_fini(&k);
}

/* The same requests written anew by somebody with the whole folder in hand. */
static void
a_full_rewrite_needs_a_head_from_elsewhere(void)
{
	struct verify_opt o = {.has_head = true};
	struct logkit k, forged;

	made(&k);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	o.head_count = k.result.count;
	memcpy(o.head, k.result.head, DIGEST_LEN);
	made(&forged);
	CHECK_INT(logkit_verify(&forged, NULL), 0);
	CHECK_INT(logkit_verify(&forged, &o), 1);
	CHECK_INT(forged.found[0].kind, VERIFY_REWRITTEN);
	logkit_fini(&k);
	logkit_fini(&forged);
}

static void
three_days(struct logkit *k)
{
	logkit_init(k);
	CHECK_INT(logkit_open(k), 0);
	for (int day = 0; day < 3; day++) {
		CHECK_INT(logkit_decision(k, "alice", "/"), 0);
		CHECK_INT(logkit_commit(k), 0);
		k->now += 86400 * LOGKIT_SEC;
	}
	logkit_shut(k);
}

static void
a_missing_day_is_named_and_a_pruned_start_is_no_fault(void)
{
	struct logkit k;
	char path[160];

	three_days(&k);
	(void)snprintf(path, sizeof(path), "%s/log-20261123.db", k.dir);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(logkit_verify(&k, NULL), 0);
	CHECK_INT(k.found[0].kind, VERIFY_STARTS_AT);
	logkit_fini(&k);
	three_days(&k);
	(void)snprintf(path, sizeof(path), "%s/log-20261124.db", k.dir);
	CHECK_INT(unlink(path), 0);
	CHECK(logkit_verify(&k, NULL) >= 1);
	CHECK_INT(k.found[0].kind, VERIFY_LOST_DAY);
	logkit_fini(&k);
}

static void
a_closed_day_says_where_it_ended(void)
{
	struct logkit k;

	three_days(&k);
	sql(&k, "DELETE FROM block WHERE id=2");
	CHECK(logkit_verify(&k, NULL) >= 1);
	CHECK_INT(k.found[0].kind, VERIFY_SEGMENT);
	logkit_fini(&k);
}

/* A whole chain that hides records of a thread does not hide the thread's own count. */
static void
a_hole_in_a_threads_sequence_is_a_fault(void)
{
	struct logkit k;

	logkit_init(&k);
	CHECK_INT(logkit_open(&k), 0);
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	sql(&k, "UPDATE applied SET seq=5 WHERE ring=1");
	logkit_shut(&k);
	CHECK_INT(logkit_open(&k), 0);
	k.seq = 5;
	CHECK_INT(logkit_decision(&k, "alice", "/"), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(logkit_verify(&k, NULL), 1);
	CHECK_INT(k.found[0].kind, VERIFY_HOLE);
	CHECK_INT(k.found[0].count, 4);
	logkit_fini(&k);
}

int
main(void)
{
	TAP_RUN(an_untouched_log_is_found_good_and_its_limits_are_said);
	TAP_RUN(a_changed_record_is_named);
	TAP_RUN(every_changed_byte_of_a_record_is_noticed);
	TAP_RUN(a_removed_record_is_named);
	TAP_RUN(an_inserted_record_is_named);
	TAP_RUN(records_in_another_order_are_named);
	TAP_RUN(a_changed_record_with_its_sum_breaks_the_head);
	TAP_RUN(a_missing_block_is_named);
	TAP_RUN(a_cut_tail_needs_a_head_from_elsewhere);
	TAP_RUN(an_earlier_head_is_found_on_the_way);
	TAP_RUN(a_full_rewrite_needs_a_head_from_elsewhere);
	TAP_RUN(a_missing_day_is_named_and_a_pruned_start_is_no_fault);
	TAP_RUN(a_closed_day_says_where_it_ended);
	TAP_RUN(a_hole_in_a_threads_sequence_is_a_fault);
	return tap_done();
}
