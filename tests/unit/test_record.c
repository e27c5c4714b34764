/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/record.h"

#include "proxy/audit/entry.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "tests/unit/tap.h"

static const struct rec_head head = {.kind = REC_DECISION, .flags = REC_F_DURABLE,
    .thread = 2, .boot = 0x1122334455667788, .seq = 9, .time = 1795478400000000000u,
    .exchange = 77};

static size_t
sample(uint8_t *buf, size_t cap)
{
	struct facts facts;
	struct rec r;
	size_t len;

	facts_clear(&facts);
	facts_set_text(&facts, SIG_USER_NAME, "x", 1);
	rec_begin(&r, buf, cap, &head);
	rec_put_text(&r, REC_TAG_SITE, "wallet.example");
	rec_put_u64(&r, REC_TAG_VERDICT, 0);
	rec_list_begin(&r, REC_TAG_RULES);
	rec_list_add(&r, SPAN_LIT("a"));
	rec_list_add(&r, SPAN_LIT(""));
	rec_list_end(&r);
	rec_put_facts(&r, &facts);
	rec_put_u64(&r, REC_TAG_STATUS, 65536);
	rec_put_i64(&r, REC_TAG_DELTA, -5);
	rec_personal(&r);
	rec_put_text(&r, REC_TAG_USER, "alice");
	rec_put_bytes(&r, REC_TAG_PEER, SPAN_LIT("\x7f\0\0\1"));
	rec_put_facts(&r, &facts);
	CHECK_INT(rec_end(&r, &len), 0);
	return len;
}

static void
what_was_built_is_read_back(void)
{
	uint8_t buf[512];
	size_t len = sample(buf, sizeof(buf));
	struct rec_view v;
	struct span s, e;
	struct cursor c;

	CHECK_INT(rec_parse(span_of(buf, len), true, &v), 0);
	CHECK(memcmp(&v.head, &head, sizeof(head)) == 0 || v.head.boot == head.boot);
	CHECK(v.head.time == head.time && v.head.exchange == 77 && v.head.flags == 1);
	CHECK(rec_find(v.fields, REC_TAG_SITE, &s) && span_eq(s, SPAN_LIT("wallet.example")));
	CHECK(rec_find(v.fields, REC_TAG_VERDICT, &s) && s.n == 0 && rec_u64(s) == 0);
	CHECK(rec_find(v.fields, REC_TAG_STATUS, &s) && s.n == 3 && rec_u64(s) == 65536);
	CHECK(rec_find(v.fields, REC_TAG_DELTA, &s) && rec_i64(s) == -5);
	CHECK(rec_find(v.fields, REC_TAG_RULES, &s));
	c = cur_init(s);
	CHECK(rec_list_next(&c, &e) && span_eq(e, SPAN_LIT("a")));
	CHECK(rec_list_next(&c, &e) && e.n == 0);
	CHECK(!rec_list_next(&c, &e) && cur_done(&c));
	CHECK(!rec_find(v.fields, REC_TAG_USER, &s));
	CHECK(rec_find(v.personal, REC_TAG_USER, &s) && span_eq(s, SPAN_LIT("alice")));
	CHECK(rec_find(v.personal, REC_TAG_FACTS_PERSON, &s) &&
	    span_eq(s, SPAN_LIT("\x01\xe4\0\1x")));
	CHECK(rec_find(v.fields, REC_TAG_FACTS, &s) && s.n > 2 && facts_well_formed(s.p, s.n));
}

static void
a_clear_personal_block_is_refused_outside_the_ring(void)
{
	uint8_t buf[512];
	size_t len = sample(buf, sizeof(buf));
	struct rec_view v;

	CHECK_INT(rec_parse(span_of(buf, len), false, &v), WF_ESYNTAX);
}

static void
integers_are_minimal_in_both_directions(void)
{
	static const int64_t values[] = {0, 1, -1, 127, 128, 255, 256, -256, INT64_MAX,
	    INT64_MIN};
	uint8_t buf[256];
	struct rec_view v;
	struct rec r;
	struct span s;
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		rec_begin(&r, buf, sizeof(buf), &head);
		rec_put_u64(&r, REC_TAG_STATUS, (uint64_t)values[i]);
		rec_put_i64(&r, REC_TAG_DELTA, values[i]);
		CHECK_INT(rec_end(&r, &len), 0);
		CHECK_INT(rec_parse(span_of(buf, len), false, &v), 0);
		CHECK(rec_find(v.fields, REC_TAG_STATUS, &s));
		CHECK(rec_u64(s) == (uint64_t)values[i] && (s.n == 0 || s.p[0] != 0));
		CHECK(rec_find(v.fields, REC_TAG_DELTA, &s) && rec_i64(s) == values[i]);
	}
}

/* A leaf with these field bytes behind a good header. */
static int
parse_fields(const char *fields, size_t n)
{
	uint8_t buf[512];
	struct rec_view v;
	struct rec r;
	size_t len;

	rec_begin(&r, buf, sizeof(buf), &head);
	CHECK_INT(rec_end(&r, &len), 0);
	memcpy(buf + len, fields, n);
	return rec_parse(span_of(buf, len + n), false, &v);
}

#define FIELDS(s) parse_fields(s, sizeof(s) - 1)

static void
there_is_one_encoding_only(void)
{
	CHECK_INT(FIELDS("\0\2\0\1a\0\3\0\1b"), 0);
	CHECK_INT(FIELDS("\0\3\0\1a\0\2\0\1b"), WF_ESYNTAX);          /* order */
	CHECK_INT(FIELDS("\0\2\0\1a\0\2\0\1b"), WF_ESYNTAX);          /* twice */
	CHECK_INT(FIELDS("\0\0\0\1a"), WF_ESYNTAX);                   /* tag 0 */
	CHECK_INT(FIELDS("\0\x50\0\2\0\1"), WF_ESYNTAX);              /* leading zero */
	CHECK_INT(FIELDS("\0\x50\0\1\0"), WF_ESYNTAX);                /* zero is empty */
	CHECK_INT(FIELDS("\0\x50\0\x9\1\1\1\1\1\1\1\1\1"), WF_ESYNTAX);
	CHECK_INT(FIELDS("\0\x27\0\3abc"), WF_ESYNTAX);               /* no address */
	CHECK_INT(FIELDS("\0\x58\0\3abc"), WF_ESYNTAX);               /* no session ids */
	CHECK_INT(FIELDS("\0\x42\0\3\0\5a"), WF_ESYNTAX);             /* list cut */
	CHECK_INT(FIELDS("\0\x47\0\4\1\x42\1\x51"), 0);             /* facts … */
	CHECK_INT(FIELDS("\0\x47\0\4\1\x51\1\x42"), WF_ESYNTAX);    /* … out of order */
	CHECK_INT(FIELDS("\0\x47\0\0"), WF_ESYNTAX);                  /* … none */
	CHECK_INT(FIELDS("\0\x8a\0\2\1\x42"), WF_ESYNTAX);            /* … in the wrong part */
	CHECK_INT(FIELDS("\0\x80\0\1a"), WF_ESYNTAX);                 /* user in public */
	CHECK_INT(FIELDS("\0\xff\0\1a"), WF_ESYNTAX);                /* the same, of a later version */
	CHECK_INT(FIELDS("\0\2\0\5a"), WF_ETRUNCATED);
	CHECK_INT(FIELDS("\0\2\0"), WF_ETRUNCATED);
	CHECK_INT(FIELDS("\7\7\0\1a"), 0);                            /* unknown: kept */
	CHECK_INT(FIELDS("\xff\xff\0\1a"), WF_ESYNTAX);               /* no sealed block */
	CHECK_INT(FIELDS("\xff\xfe\0\5\0\x80\0\1a"), WF_ESYNTAX);     /* clear block */
}

static void
the_sealed_block_ends_the_leaf(void)
{
	char block[4 + 36] = "\xff\xff\0\x24\0\0\0\0\0\0\0\1";
	char more[4 + 36 + 5];

	CHECK_INT(parse_fields(block, sizeof(block)), 0);
	memcpy(more, block, sizeof(block));
	memcpy(more + sizeof(block), "\0\2\0\1a", 5);
	CHECK_INT(parse_fields(more, sizeof(more)), WF_ETRAILING);
	block[11] = 0; /* key 0 */
	CHECK_INT(parse_fields(block, sizeof(block)), WF_ESYNTAX);
}

static void
the_header_is_strict(void)
{
	uint8_t buf[512];
	size_t len = sample(buf, sizeof(buf));
	struct rec_view v;

	for (size_t n = 0; n < REC_HEAD_LEN; n++)
		CHECK_INT(rec_parse(span_of(buf, n), true, &v), WF_ETRUNCATED);
	buf[0] = 2;
	CHECK_INT(rec_parse(span_of(buf, len), true, &v), WF_EUNSUPPORTED);
	buf[0] = 1;
	buf[1] = 5;
	CHECK_INT(rec_parse(span_of(buf, len), true, &v), WF_ESYNTAX);
	buf[1] = 1;
	buf[7] = 1;
	CHECK_INT(rec_parse(span_of(buf, len), true, &v), WF_ESYNTAX);
}

static void
the_builder_latches_its_first_error(void)
{
	uint8_t buf[512], small[64];
	static uint8_t big[REC_VALUE_MAX + 1];
	struct facts facts;
	struct rec r;
	size_t len;

	rec_begin(&r, buf, sizeof(buf), &head);
	rec_put_u64(&r, REC_TAG_STATUS, 1);
	rec_put_u64(&r, REC_TAG_SITE, 1);
	rec_put_u64(&r, REC_TAG_BYTES_IN, 1);
	CHECK_INT(rec_end(&r, &len), WF_ESTATE);
	CHECK_INT(len, 0);
	rec_begin(&r, buf, sizeof(buf), &head);
	rec_put_text(&r, REC_TAG_USER, "not here");
	CHECK_INT(rec_end(&r, &len), WF_ESTATE);
	rec_begin(&r, small, sizeof(small), &head);
	rec_put_bytes(&r, REC_TAG_SITE, span_of(big, 100));
	CHECK_INT(rec_end(&r, &len), WF_EFULL);
	rec_begin(&r, buf, sizeof(buf), &head);
	rec_put_bytes(&r, REC_TAG_SITE, span_of(big, sizeof(big)));
	CHECK_INT(rec_end(&r, &len), WF_ERANGE);
	rec_begin(&r, buf, sizeof(buf), &head);
	rec_list_begin(&r, REC_TAG_RULES);
	CHECK_INT(rec_end(&r, &len), WF_ESTATE);
	facts_clear(&facts);
	rec_begin(&r, small, sizeof(small), &head);
	rec_put_facts(&r, &facts);
	CHECK_INT(rec_end(&r, &len), WF_EFULL);
	rec_begin(&r, buf, sizeof(buf), &head);
	rec_put_u64(&r, REC_TAG_STATUS, 1);
	rec_put_facts(&r, &facts);
	CHECK_INT(rec_end(&r, &len), WF_ESTATE);
}

static void
an_empty_personal_block_is_none(void)
{
	uint8_t a[128], b[128];
	size_t na, nb;
	struct rec r;

	rec_begin(&r, a, sizeof(a), &head);
	CHECK_INT(rec_end(&r, &na), 0);
	rec_begin(&r, b, sizeof(b), &head);
	rec_personal(&r);
	CHECK_INT(rec_end(&r, &nb), 0);
	CHECK(na == nb && memcmp(a, b, na) == 0);
}

static void
tags_are_in_order_and_named_once(void)
{
	size_t n;
	const struct rec_tag_info *t = rec_tag_table(&n);

	for (size_t i = 0; i < n; i++) {
		CHECK(i == 0 || t[i].tag > t[i - 1].tag);
		CHECK(rec_tag_find(t[i].tag) == &t[i]);
		CHECK(t[i].personal == (t[i].tag >= 0x80));
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(t[i].name, t[k].name) != 0);
	}
	CHECK(rec_tag_find(0x7f) == NULL && rec_tag_find(0x1000) == NULL);
	CHECK_STR(rec_enum_name(REC_TAG_VERDICT, 3), "refuse");
	CHECK_STR(rec_enum_name(REC_TAG_EVENT, REC_EVENT_TOSSING), "tossing");
	CHECK(rec_enum_name(REC_TAG_EVENT, 9999) == NULL);
}

static void
support_numbers_survive_the_telephone(void)
{
	uint64_t id = rec_exchange_id(1795478400123456789u, 5, 4097), back;
	char text[REC_SUPPORT_LEN], other[40];

	CHECK(rec_exchange_time(id) == 1795478400123000000u);
	rec_support_text(id, text);
	CHECK_INT(rec_support_parse(span_str(text), &back), 0);
	CHECK(back == id);
	(void)snprintf(other, sizeof(other), " %s ", text);
	for (char *p = other; *p != '\0'; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
		if (*p == '0')
			*p = 'o';
		if (*p == '1')
			*p = 'L';
		if (*p == '-')
			*p = ' ';
	}
	CHECK_INT(rec_support_parse(span_str(other), &back), 0);
	CHECK(back == id);
	CHECK_INT(rec_support_parse(SPAN_LIT(""), &back), WF_ESYNTAX);
	CHECK_INT(rec_support_parse(SPAN_LIT("0000-00000-000u"), &back), WF_ESYNTAX);
	CHECK_INT(rec_support_parse(SPAN_LIT("zzzz-zzzzz-zzzz"), &back), WF_ESYNTAX);
	CHECK_INT(rec_support_parse(SPAN_LIT("0000-00000-0000"), &back), WF_ESYNTAX);
	CHECK(rec_exchange_id(1795478400123456789u, 5, 1) <
	    rec_exchange_id(1795478400124456789u, 0, 0));
	CHECK(rec_exchange_id(0, 0, 0) != 0);
}

static void
entries_carry_leaf_and_changes(void)
{
	uint8_t buf[1024];
	struct entry_session s = {.id = {1, 2}, .state = 1, .expires = 5,
	    .site = SPAN_LIT("a"), .user = SPAN_LIT("hash"), .blob = SPAN_LIT("blob")};
	struct entry_kv kv = {SPAN_LIT("lock/x"), SPAN_LIT("v"), 7};
	struct entry_view v;
	struct entry_op op;
	struct cursor c;
	struct entry e;
	size_t len;

	entry_begin(&e, buf, sizeof(buf), &head);
	rec_put_text(&e.rec, REC_TAG_SITE, "a");
	entry_leaf_end(&e);
	entry_session_put(&e, &s);
	entry_session_end(&e, s.id, 2, 9);
	entry_kv_put(&e, &kv);
	entry_kv_del(&e, kv.key);
	entry_erase(&e, SPAN_LIT("alice"));
	CHECK_INT(entry_end(&e, &len), 0);
	CHECK_INT(entry_parse(span_of(buf, len), &v), 0);
	CHECK(v.n_ops == 5 && v.n_marked == 4);
	c = cur_init(v.ops);
	CHECK(entry_op_next(&c, &op) && op.kind == ENTRY_SESSION_PUT);
	CHECK(span_eq(op.session.blob, s.blob) && span_eq(op.session.user, s.user));
	CHECK(entry_op_next(&c, &op) && op.kind == ENTRY_SESSION_END && op.session.expires == 9);
	CHECK(entry_op_next(&c, &op) && op.kind == ENTRY_KV_PUT && span_eq(op.kv.value, kv.value));
	CHECK(entry_op_next(&c, &op) && op.kind == ENTRY_KV_DEL && span_eq(op.kv.key, kv.key));
	CHECK(entry_op_next(&c, &op) && op.kind == ENTRY_ERASE);
	CHECK(!entry_op_next(&c, &op));
	/* No prefix of it is an entry with the same changes. */
	for (size_t n = 0; n < len; n++)
		CHECK(entry_parse(span_of(buf, n), &v) != 0 || v.n_ops < 5);
}

static void
entries_need_their_leaf_first(void)
{
	uint8_t buf[256];
	struct entry e;
	size_t len;

	entry_begin(&e, buf, sizeof(buf), &head);
	entry_kv_del(&e, SPAN_LIT("k"));
	CHECK_INT(entry_end(&e, &len), WF_ESTATE);
	entry_begin(&e, buf, 8, &head);
	rec_put_text(&e.rec, REC_TAG_SITE, "a");
	entry_leaf_end(&e);
	CHECK_INT(entry_end(&e, &len), WF_EFULL);
	entry_begin(&e, buf, 3, &head);
	rec_put_text(&e.rec, REC_TAG_SITE, "a");
	entry_leaf_end(&e);
	CHECK_INT(entry_end(&e, &len), WF_EFULL);
}

int
main(void)
{
	TAP_RUN(what_was_built_is_read_back);
	TAP_RUN(a_clear_personal_block_is_refused_outside_the_ring);
	TAP_RUN(integers_are_minimal_in_both_directions);
	TAP_RUN(there_is_one_encoding_only);
	TAP_RUN(the_sealed_block_ends_the_leaf);
	TAP_RUN(the_header_is_strict);
	TAP_RUN(the_builder_latches_its_first_error);
	TAP_RUN(an_empty_personal_block_is_none);
	TAP_RUN(tags_are_in_order_and_named_once);
	TAP_RUN(support_numbers_survive_the_telephone);
	TAP_RUN(entries_carry_leaf_and_changes);
	TAP_RUN(entries_need_their_leaf_first);
	return tap_done();
}
