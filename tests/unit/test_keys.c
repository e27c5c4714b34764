/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/keys.h"

#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "tests/unit/tap.h"

enum { ROWS = 16 };

struct table {
	struct keys_row rows[ROWS];
	uint64_t n;
	bool fail;
};

static const uint8_t master[KEYS_MASTER_LEN] = {1, 2, 3};

static int
table_put(void *arg, struct keys_row *row)
{
	struct table *t = arg;

	if (t->fail)
		return WF_EFULL;
	row->id = t->n + 1;
	t->rows[t->n++] = *row;
	return 0;
}

static int
table_get(void *arg, uint64_t id, struct keys_row *row)
{
	struct table *t = arg;

	if (id == 0 || id > t->n || t->rows[id - 1].id == 0)
		return WF_ENOTFOUND;
	*row = t->rows[id - 1];
	return 0;
}

static size_t
leaf_of(const char *user, uint64_t time, uint8_t *buf, size_t cap)
{
	struct rec_head h = {.kind = REC_DECISION, .time = time};
	struct rec r;
	size_t len;

	rec_begin(&r, buf, cap, &h);
	rec_put_text(&r, REC_TAG_SITE, "s");
	rec_personal(&r);
	if (user != NULL)
		rec_put_text(&r, REC_TAG_USER, user);
	rec_put_u64(&r, REC_TAG_PEER_PORT, 443);
	MUST(rec_end(&r, &len) == 0);
	return len;
}

#define NOV UINT64_C(1795428000000000000)

static int
seal(struct keys *k, struct table *t, const char *user, uint64_t time, uint8_t *out,
    size_t *len)
{
	uint8_t buf[256];
	size_t n = leaf_of(user, time, buf, sizeof(buf));
	struct rec_view v;

	MUST(rec_parse(span_of(buf, n), true, &v) == 0);
	return keys_seal(k, &v, span_of(buf, n), table_put, t, out, 512, len);
}

static int
open_user(struct keys *k, struct table *t, const uint8_t *leaf, size_t len, char user[64])
{
	uint8_t plain[512];
	struct rec_view v;
	struct span fields, s;
	int err;

	user[0] = '\0';
	err = rec_parse(span_of(leaf, len), false, &v);
	if (err == 0)
		err = keys_open(k, &v, table_get, t, plain, sizeof(plain), &fields);
	if (err == 0 && rec_find(fields, REC_TAG_USER, &s) && s.n < 64) {
		memcpy(user, s.p, s.n);
		user[s.n] = '\0';
	}
	return err;
}

static void
what_was_sealed_opens_and_shows_nothing(void)
{
	struct keys *k = keys_new(master);
	struct table t = {.n = 0};
	uint8_t leaf[512];
	char user[64];
	size_t len;

	CHECK_INT(seal(k, &t, "alice@example.jp", NOV, leaf, &len), 0);
	CHECK(memmem(leaf, len, "alice", 5) == NULL);
	CHECK_INT(open_user(k, &t, leaf, len, user), 0);
	CHECK_STR(user, "alice@example.jp");
	keys_free(k);
}

static void
persons_and_months_have_keys_of_their_own(void)
{
	struct keys *k = keys_new(master);
	struct table t = {.n = 0};
	uint8_t leaf[512];
	size_t len;

	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	CHECK_INT(seal(k, &t, "alice", NOV + 1, leaf, &len), 0);
	CHECK_INT(t.n, 1);
	CHECK_INT(seal(k, &t, "bob", NOV, leaf, &len), 0);
	CHECK_INT(seal(k, &t, "alice", NOV + UINT64_C(20) * 86400 * 1000000000, leaf, &len), 0);
	CHECK_INT(seal(k, &t, NULL, NOV, leaf, &len), 0);
	CHECK_INT(t.n, 4);
	CHECK_INT(t.rows[0].month, 202611);
	CHECK_INT(t.rows[2].month, 202612);
	CHECK(memcmp(t.rows[0].person, t.rows[2].person, KEYS_PERSON_LEN) == 0);
	CHECK(memcmp(t.rows[0].person, t.rows[1].person, KEYS_PERSON_LEN) != 0);
	keys_free(k);
}

/* The nonce is the key's own count of uses; another process has another key. */
static void
no_nonce_comes_twice_under_one_key(void)
{
	struct keys *k = keys_new(master);
	struct table t = {.n = 0};
	uint8_t leaf[512];
	struct rec_view v;
	size_t len;

	for (uint64_t i = 1; i <= 5; i++) {
		CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
		MUST(rec_parse(span_of(leaf, len), false, &v) == 0);
		CHECK(v.key_id == 1 && v.nonce == i);
	}
	keys_free(k);
	k = keys_new(master);
	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	MUST(rec_parse(span_of(leaf, len), false, &v) == 0);
	CHECK(v.key_id == 2 && v.nonce == 1);
	keys_free(k);
}

static void
a_destroyed_key_erases(void)
{
	struct keys *k = keys_new(master);
	struct table t = {.n = 0};
	uint8_t leaf[512];
	char user[64];
	size_t len;

	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	CHECK_INT(open_user(k, &t, leaf, len, user), 0);
	memset(&t.rows[0], 0, sizeof(t.rows[0]));
	keys_forget(k);
	CHECK_INT(open_user(k, &t, leaf, len, user), WF_ENOTFOUND);
	keys_free(k);
}

static void
every_altered_byte_is_noticed(void)
{
	struct keys *k = keys_new(master);
	struct table t = {.n = 0};
	uint8_t leaf[512];
	char user[64];
	size_t len;

	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	for (size_t i = 0; i < len; i++) {
		leaf[i] ^= 1;
		CHECK(open_user(k, &t, leaf, len, user) != 0);
		leaf[i] ^= 1;
	}
	CHECK_INT(open_user(k, &t, leaf, len, user), 0);
	keys_free(k);
}

static void
another_master_or_a_moved_row_opens_nothing(void)
{
	uint8_t other[KEYS_MASTER_LEN] = {9};
	struct keys *k = keys_new(master), *o = keys_new(other);
	struct table t = {.n = 0};
	uint8_t leaf[512];
	char user[64];
	size_t len;

	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	CHECK_INT(open_user(o, &t, leaf, len, user), WF_EVERIFY);
	t.rows[0].person[0] ^= 1;
	CHECK_INT(open_user(k, &t, leaf, len, user), WF_EVERIFY);
	keys_free(k);
	keys_free(o);
}

static void
a_key_that_could_not_be_stored_is_not_used(void)
{
	struct keys *k = keys_new(master);
	struct table t = {.fail = true};
	uint8_t leaf[512];
	struct rec_view v;
	size_t len;

	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), WF_EFULL);
	t.fail = false;
	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	MUST(rec_parse(span_of(leaf, len), false, &v) == 0);
	CHECK(v.key_id == 1 && v.nonce == 1);
	keys_reset(k);
	CHECK_INT(seal(k, &t, "alice", NOV, leaf, &len), 0);
	MUST(rec_parse(span_of(leaf, len), false, &v) == 0);
	CHECK(v.key_id == 2 && v.nonce == 1);
	keys_free(k);
}

static int
count_put(void *arg, struct keys_row *row)
{
	row->id = ++*(uint64_t *)arg;
	return 0;
}

/* More names than are kept beside their persons, some too long to be kept. */
static void
names_that_share_a_place_keep_their_keys(void)
{
	enum { NAMES = 12000 };
	struct keys *k = keys_new(master);
	uint8_t buf[256], leaf[512];
	struct rec_view v, sealed;
	uint64_t rows = 0, wrong = 0;
	char name[64];
	size_t n, len;

	for (uint64_t i = 0; i < (uint64_t)2 * NAMES; i++) {
		(void)snprintf(name, sizeof(name), i % 3 == 0 ? "%050u" : "%u",
		    (unsigned)(i % NAMES));
		n = leaf_of(name, NOV, buf, sizeof(buf));
		MUST(rec_parse(span_of(buf, n), true, &v) == 0);
		CHECK_INT(keys_seal(k, &v, span_of(buf, n), count_put, &rows, leaf, sizeof(leaf),
			      &len), 0);
		MUST(rec_parse(span_of(leaf, len), false, &sealed) == 0);
		wrong += sealed.key_id != i % NAMES + 1 || sealed.nonce != i / NAMES + 1;
	}
	CHECK_INT(rows, NAMES);
	CHECK_INT(wrong, 0);
	keys_free(k);
}

static void
the_master_file_is_made_once_and_kept_private(void)
{
	char path[64];
	uint8_t a[KEYS_MASTER_LEN], b[KEYS_MASTER_LEN];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/tmp/warifu-key-%d", (int)getpid());
	(void)unlink(path);
	CHECK_INT(keys_master_load(path, a), WF_ENOTFOUND);
	CHECK_INT(keys_master_create(path), 0);
	CHECK_INT(keys_master_create(path), WF_EEXISTS);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK_INT(keys_master_load(path, a), 0);
	CHECK_INT(keys_master_load(path, b), 0);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	CHECK_INT(chmod(path, 0640), 0);
	CHECK_INT(keys_master_load(path, b), WF_EDENIED);
	CHECK(chmod(path, 0600) == 0 && truncate(path, 40) == 0);
	CHECK_INT(keys_master_load(path, b), WF_ESYNTAX);
	(void)unlink(path);
}

int
main(void)
{
	TAP_RUN(what_was_sealed_opens_and_shows_nothing);
	TAP_RUN(persons_and_months_have_keys_of_their_own);
	TAP_RUN(no_nonce_comes_twice_under_one_key);
	TAP_RUN(a_destroyed_key_erases);
	TAP_RUN(every_altered_byte_is_noticed);
	TAP_RUN(another_master_or_a_moved_row_opens_nothing);
	TAP_RUN(a_key_that_could_not_be_stored_is_not_used);
	TAP_RUN(names_that_share_a_place_keep_their_keys);
	TAP_RUN(the_master_file_is_made_once_and_kept_private);
	return tap_done();
}
