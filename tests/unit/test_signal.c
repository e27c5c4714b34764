/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary, and facts on their way into the log and back. */
#include "policy/signal.h"

#include "tests/unit/tap.h"

static struct facts facts, again;

static void
the_table_is_sound(void)
{
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		const struct signal_info *a = signal_info((enum signal_id)i);

		CHECK_INT(signal_by_name(a->name, strlen(a->name)), i);
		CHECK_INT(signal_by_number(a->number), i);
		CHECK(a->number > 0 && a->number < 0x1000);
		CHECK(i == 0 || a->number > signal_info((enum signal_id)(i - 1))->number);
		CHECK(strchr(a->name, '.') != NULL);
		CHECK(a->en[0] && a->ja[0] && a->source[0]);
		CHECK((a->type == SIGNAL_ENUM) == (signal_word((enum signal_id)i, 0) != NULL));
	}
	CHECK_INT(signal_by_name("place", 5), -1);
	CHECK_INT(signal_by_number(0), -1);
}

/* These stand in records: a change here is a change of the log's format. */
static void
numbers_never_change(void)
{
	static const struct {
		enum signal_id id;
		unsigned number;
	} list[] = {
		{SIG_REQUEST_CLASS, 1}, {SIG_REQUEST_METHOD, 2}, {SIG_REQUEST_PATH, 3},
		{SIG_REQUEST_WEBSOCKET, 4}, {SIG_REQUEST_CROSS_SITE, 5}, {SIG_SESSION_BOUND, 20},
		{SIG_SESSION_ADOPTED, 21}, {SIG_SESSION_DOUBTFUL, 22}, {SIG_SESSION_AGE, 23},
		{SIG_SESSION_IDLE, 24}, {SIG_SESSION_NEW_CONTEXT, 25}, {SIG_USER_NAME, 30},
		{SIG_CLIENT_CORE_SAME, 40}, {SIG_CLIENT_CORE_COMPATIBLE, 41},
		{SIG_CLIENT_FAMILY_SAME, 42}, {SIG_CLIENT_SOFTWARE_SAME, 43},
		{SIG_CLIENT_SYSTEM_SAME, 44}, {SIG_CLIENT_VERSION_FORWARD, 45},
		{SIG_CLIENT_VERSION_STEP, 46}, {SIG_CLIENT_UA_TLS_AGREE, 47},
		{SIG_CLIENT_TICKET_SAME, 48}, {SIG_CLIENT_H2_SAME, 49}, {SIG_CLIENT_HEADERS_SAME, 50},
		{SIG_PLACE_COUNTRY, 60}, {SIG_PLACE_COUNTRY_CHANGED, 61}, {SIG_PLACE_ASN, 62},
		{SIG_PLACE_ASN_SAME, 63}, {SIG_PLACE_PREFIX_SAME, 64},
		{SIG_PLACE_ADDRESS_SAME, 65}, {SIG_PLACE_NETWORK_KNOWN, 66},
		{SIG_PLACE_DECLARED, 67}, {SIG_CONTEXT_CHALLENGED, 90},
		{SIG_CONTEXT_ACCEPTED, 91}, {SIG_LOCK_ACTIVE, 95}, {SIG_DEVICE_PROOF, 100},
		{SIG_DEVICE_PROOF_AGE, 101}, {SIG_RISK_SCORE, 120}, {SIG_TIME_HOUR, 150},
		{SIG_NETWORK_RTT, 300}, {SIG_NETWORK_RTT_GAP, 301},
		{SIG_NETWORK_SYN_SAME, 302}, {SIG_NETWORK_SYSTEM_AGREE, 303},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		CHECK_INT(signal_info(list[i].id)->number, list[i].number);
	CHECK_INT(sizeof(list) / sizeof(list[0]), SIGNAL_COUNT);
	CHECK_STR(signal_word(SIG_REQUEST_CLASS, CLASS_SENSITIVE), "sensitive");
	CHECK_STR(signal_word(SIG_DEVICE_PROOF, PROOF_CERTIFICATE), "certificate");
	CHECK(signal_word(SIG_REQUEST_CLASS, CLASS_COUNT) == NULL);
	CHECK(signal_word(SIG_DEVICE_PROOF, PROOF_COUNT) == NULL);
}

static void
fill(void)
{
	facts_clear(&facts);
	facts_set_enum(&facts, SIG_REQUEST_CLASS, CLASS_WRITE);
	facts_set_text(&facts, SIG_REQUEST_PATH, "/api/tx", 7);
	facts_set_text(&facts, SIG_USER_NAME, "", 0);
	facts_set_bool(&facts, SIG_SESSION_BOUND, true);
	facts_set_bool(&facts, SIG_SESSION_ADOPTED, false);
	facts_set_int(&facts, SIG_SESSION_AGE, 5400000);
	facts_set_int(&facts, SIG_CLIENT_VERSION_STEP, -2);
	facts_set_int(&facts, SIG_RISK_SCORE, INT64_MIN);
	facts_set_country(&facts, SIG_PLACE_COUNTRY, "jp", 2);
	facts_set_evidence(&facts, SIG_PLACE_COUNTRY, "SG", 2, "JP", 2);
	facts_set_evidence(&facts, SIG_PLACE_ASN_SAME, "AS1", 3, "", 0);
}

static uint8_t wire[2][8192];
static size_t wire_n[2]; /* public, personal */

static void
encode(void)
{
	for (int i = 0; i < 2; i++)
		CHECK(facts_encode(&facts, i == 1, wire[i], sizeof(wire[i]), &wire_n[i]));
}

/* How many items; each must be a signal of that part. */
static int
decode(int personal)
{
	struct facts_reader r = facts_reader(wire[personal], wire_n[personal]);
	struct facts_item it;
	int n = 0;

	for (; facts_next(&r, &it); n++) {
		int id = facts_decode(&again, &it);

		CHECK(id >= 0 && signal_info((enum signal_id)id)->personal == (personal == 1));
	}
	CHECK(!r.bad && r.n == 0);
	return n;
}

static void
facts_come_back_from_the_log(void)
{
	static uint8_t small[8192];
	char a[64], b[64];
	size_t n;

	fill();
	encode();
	facts_clear(&again);
	/* Also those that are unknown: an auditor sees what the gate asked for. */
	CHECK_INT(decode(0) + decode(1), SIGNAL_COUNT);
	for (n = 0; n < wire_n[0]; n++) {
		size_t got = 1;

		CHECK(!facts_encode(&facts, false, small, n, &got) && got == 0);
		CHECK(small[n] == 0); /* nothing behind its room */
	}
	CHECK(facts_encode(&facts, false, small, n, &n) && n == wire_n[0]);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		enum signal_id id = (enum signal_id)i;

		CHECK_INT(facts_known(&again, id), facts_known(&facts, id));
		CHECK_STR(facts_print(&again, id, a, sizeof(a)),
		    facts_print(&facts, id, b, sizeof(b)));
		CHECK_INT(again.why[i].bound_n, facts.why[i].bound_n);
		CHECK_INT(again.why[i].seen_n, facts.why[i].seen_n);
	}
	CHECK(memcmp(again.why[SIG_PLACE_COUNTRY].bound, "SG", 2) == 0);
}

static void
the_bytes_are_as_documented(void)
{
	static const struct {
		enum signal_id id;
		const char *bytes;
		size_t n;
	} list[] = {
		{SIG_SESSION_BOUND, "\x01\x42", 2}, {SIG_SESSION_ADOPTED, "\x01\x51", 2},
		{SIG_PLACE_ASN, "\x03\xe0", 2}, {SIG_TIME_HOUR, "\x09\x63\x00", 3},
		{SIG_CLIENT_VERSION_STEP, "\x02\xe3\x01\x03", 4},
		{SIG_SESSION_AGE, "\x01\x73\x03\xa4\xcb\x80", 6},
		{SIG_RISK_SCORE, "\x07\x83\x08\xff\xff\xff\xff\xff\xff\xff\xff", 11},
		{SIG_REQUEST_CLASS, "\x00\x14\x00\x05write", 9},
		{SIG_USER_NAME, "\x01\xe4\x00\x00", 4},
		{SIG_PLACE_COUNTRY, "\x03\xcc\x00\x02JP\x02SG\x02JP", 12},
		{SIG_PLACE_ASN_SAME, "\x03\xf8\x03" "AS1\x00", 7},
	};
	struct facts_item it;

	fill();
	facts_set_int(&facts, SIG_TIME_HOUR, 0);
	encode();
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		const struct signal_info *s = signal_info(list[i].id);
		struct facts_reader r = facts_reader(wire[s->personal], wire_n[s->personal]);

		while (facts_next(&r, &it) && it.number != s->number)
			;
		CHECK_INT(it.number, s->number);
		CHECK(it.n == list[i].n && memcmp(it.bytes, list[i].bytes, it.n) == 0);
	}
}

static void
a_value_is_read_only_as_its_type(void)
{
	const char *text;
	unsigned rank;
	int64_t num;
	size_t n;
	bool yes;
	char cc[3];

	fill();
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		enum signal_id id = (enum signal_id)i;
		int ways = facts_get_bool(&facts, id, &yes) + facts_get_int(&facts, id, &num) +
		    facts_get_enum(&facts, id, &rank) + facts_get_text(&facts, id, &text, &n) +
		    facts_get_country(&facts, id, cc);

		CHECK_INT(ways, facts_known(&facts, id));
	}
	CHECK(facts_get_int(&facts, SIG_SESSION_AGE, &num) && num == 5400000);
	CHECK(facts_get_country(&facts, SIG_PLACE_COUNTRY, cc) && strcmp(cc, "JP") == 0);
	CHECK(!facts_get_int(&facts, SIG_SESSION_BOUND, &num) && num == 0);
}

static void
refuses_malformed_bytes(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} list[] = {
		{"", 0}, {"\x01", 1}, {"\x00\x01", 2}, {"\x01\x45", 2}, {"\x01\x47", 2},
		{"\x01\x42\x01\x42", 4}, {"\x01\x42\x01\x32", 4}, {"\x01\x42\x01", 3},
		{"\x01\x73", 2}, {"\x01\x73\x01", 3}, {"\x01\x73\x01\x00", 4},
		{"\x01\x73\x09\1\1\1\1\1\1\1\1\1", 12}, {"\x01\xe4\x00", 3},
		{"\x01\xe4\x00\x02" "a", 5}, {"\x03\xf8", 2}, {"\x03\xf8\x01", 3},
		{"\x03\xf8\x01" "a", 4}, {"\x03\xf8\x00\x00", 4}, {"\x03\xf8\x51", 3},
	};
	uint8_t longest[2 + 1 + FACTS_EVIDENCE_MAX + 1 + 1] = "\x03\xf8\x51";

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		CHECK(!facts_well_formed((const uint8_t *)list[i].bytes, list[i].n));
	CHECK(!facts_well_formed(longest, sizeof(longest)));
	longest[2] = FACTS_EVIDENCE_MAX;
	CHECK(!facts_well_formed(longest, sizeof(longest))); /* a byte behind it */
	CHECK(facts_well_formed(longest, sizeof(longest) - 1));
}

/* Well formed, but nothing that this release can take for a value of the signal. */
static void
refuses_values_of_another_kind(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} list[] = {
		{"\x01\x43\x00", 3}, {"\x01\x44\x00\x00", 4}, {"\x01\x72", 2},
		{"\x01\x74\x00\x00", 4}, {"\x00\x14\x00\x06secret", 10}, {"\x00\x12", 2},
		{"\x03\xc4\x00\x01J", 5}, {"\x03\xc4\x00\x02J1", 6}, {"\x03\xc4\x00\x02jp", 6},
		{"\x03\xc3\x01\x02", 4}, {"\x01\xe1", 2}, {"\x3e\x72", 2},
	};
	struct facts_item it;

	facts_clear(&facts);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct facts_reader r = facts_reader((const uint8_t *)list[i].bytes, list[i].n);

		CHECK(facts_well_formed((const uint8_t *)list[i].bytes, list[i].n));
		CHECK(facts_next(&r, &it) && facts_decode(&facts, &it) == -1);
	}
	for (int i = 0; i < SIGNAL_COUNT; i++)
		CHECK(!facts_known(&facts, (enum signal_id)i));
}

static void
prints_for_people(void)
{
	char buf[16];

	fill();
	CHECK_STR(facts_print(&facts, SIG_SESSION_AGE, buf, sizeof(buf)), "90 min");
	CHECK_STR(facts_print(&facts, SIG_PLACE_COUNTRY, buf, sizeof(buf)), "JP");
	CHECK_STR(facts_print(&facts, SIG_PLACE_ASN, buf, sizeof(buf)), "unknown");
	CHECK_STR(facts_print(&facts, SIG_REQUEST_PATH, buf, 5), "/api");
	CHECK_STR(facts_print(&facts, SIG_RISK_SCORE, buf, sizeof(buf)), "-92233720368547");
	facts_set_int(&facts, SIG_SESSION_AGE, 0);
	CHECK_STR(facts_print(&facts, SIG_SESSION_AGE, buf, sizeof(buf)), "0 ms");
	facts_set_int(&facts, SIG_SESSION_AGE, 86400000 + 1);
	CHECK_STR(facts_print(&facts, SIG_SESSION_AGE, buf, sizeof(buf)), "86400001 ms");
}

static void
reads_what_it_prints(void)
{
	char a[64], b[64];

	fill();
	facts_clear(&again);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		enum signal_id id = (enum signal_id)i;

		facts_print(&facts, id, a, sizeof(a));
		CHECK(facts_parse(&again, id, a, strlen(a)));
		CHECK_STR(facts_print(&again, id, b, sizeof(b)), a);
	}
	CHECK(facts_parse(&again, SIG_SESSION_AGE, "2h", 2));
	CHECK_INT(again.v[SIG_SESSION_AGE].num, 7200000);
	CHECK(facts_parse(&again, SIG_SESSION_AGE, "1500", 4));
	CHECK_INT(again.v[SIG_SESSION_AGE].num, 1500);
	CHECK(!facts_parse(&again, SIG_SESSION_AGE, "2 x", 3));
	CHECK(!facts_known(&again, SIG_SESSION_AGE));
	CHECK(!facts_parse(&again, SIG_SESSION_AGE, "", 0));
	CHECK(!facts_parse(&again, SIG_PLACE_ASN, "9223372036854775808", 19));
	CHECK(!facts_parse(&again, SIG_PLACE_ASN, "5 min", 5));
	CHECK(!facts_parse(&again, SIG_SESSION_BOUND, "yes", 3));
	CHECK(!facts_parse(&again, SIG_PLACE_COUNTRY, "J", 1));
}

static void
cuts_long_texts_between_characters(void)
{
	static char text[FACTS_TEXT_MAX + 2];
	char evidence[FACTS_EVIDENCE_MAX + 2];

	memset(text, 'a', sizeof(text));
	memcpy(text + FACTS_TEXT_MAX - 1, "\xe5\x89\xb2", 3);
	memset(evidence, 'b', sizeof(evidence));
	memcpy(evidence + FACTS_EVIDENCE_MAX - 1, "\xc3\xa9", 2);
	facts_clear(&facts);
	facts_set_text(&facts, SIG_USER_NAME, text, sizeof(text));
	CHECK_INT(facts.v[SIG_USER_NAME].n, FACTS_TEXT_MAX - 1);
	facts_set_evidence(&facts, SIG_USER_NAME, evidence, sizeof(evidence), "", 0);
	CHECK_INT(facts.why[SIG_USER_NAME].bound_n, FACTS_EVIDENCE_MAX - 1);
}

int
main(void)
{
	TAP_RUN(the_table_is_sound);
	TAP_RUN(numbers_never_change);
	TAP_RUN(facts_come_back_from_the_log);
	TAP_RUN(the_bytes_are_as_documented);
	TAP_RUN(a_value_is_read_only_as_its_type);
	TAP_RUN(refuses_malformed_bytes);
	TAP_RUN(refuses_values_of_another_kind);
	TAP_RUN(prints_for_people);
	TAP_RUN(reads_what_it_prints);
	TAP_RUN(cuts_long_texts_between_characters);
	return tap_done();
}
