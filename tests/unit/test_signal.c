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
		{SIG_CLIENT_TICKET_SAME, 48}, {SIG_CLIENT_H2_SAME, 49},
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

static void
facts_come_back_from_the_log(void)
{
	static uint8_t wire[SIGNAL_COUNT][FACTS_WIRE_MAX];
	char a[64], b[64];

	fill();
	facts_clear(&again);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		enum signal_id id = (enum signal_id)i;
		size_t n = facts_encode_one(&facts, id, wire[i], FACTS_WIRE_MAX);

		CHECK(n > 0);
		CHECK_INT(facts_encode_one(&facts, id, wire[i], n - 1), 0);
		CHECK(facts_decode_one(&again, signal_info(id)->number, wire[i], n));
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
	uint8_t buf[FACTS_WIRE_MAX];

	fill();
	CHECK_INT(facts_encode_one(&facts, SIG_SESSION_BOUND, buf, sizeof(buf)), 2);
	CHECK(memcmp(buf, "\x81\x01", 2) == 0);
	CHECK_INT(facts_encode_one(&facts, SIG_PLACE_ASN, buf, sizeof(buf)), 1);
	CHECK(memcmp(buf, "\x02", 1) == 0);
	CHECK_INT(facts_encode_one(&facts, SIG_CLIENT_VERSION_STEP, buf, sizeof(buf)), 9);
	CHECK(memcmp(buf, "\x82\xff\xff\xff\xff\xff\xff\xff\xfe", 9) == 0);
	CHECK_INT(facts_encode_one(&facts, SIG_REQUEST_CLASS, buf, sizeof(buf)), 6);
	CHECK(memcmp(buf, "\x87write", 6) == 0);
	CHECK_INT(facts_encode_one(&facts, SIG_PLACE_COUNTRY, buf, sizeof(buf)), 9);
	CHECK(memcmp(buf, "\xc6\x02SG\x02JPJP", 9) == 0);
	CHECK_INT(facts_encode_one(&facts, SIG_PLACE_ASN_SAME, buf, sizeof(buf)), 6);
	CHECK(memcmp(buf, "\x41\x03" "AS1\x00", 6) == 0);
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
		unsigned number;
		const char *bytes;
		size_t n;
	} list[] = {
		{20, "", 0}, {20, "\x81", 1}, {20, "\x81\x02", 2}, {20, "\x81\x01\x01", 3},
		{20, "\x82\x01", 2}, {20, "\x01\x01", 2}, {23, "\x83\0\0\0\0\0\0\0", 8},
		{1, "\x87secret", 7}, {60, "\x86J", 2}, {60, "\x86J1", 3}, {60, "\x86jp", 3},
		{60, "\xc6\x02S", 3}, {60, "\xc6\x01S", 3}, {60, "\xc6\x00\x00JP", 5},
		{60, "\xc6\x51", 2}, {999, "\x81\x01", 2},
	};

	facts_clear(&facts);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		CHECK(!facts_decode_one(&facts, list[i].number, (const uint8_t *)list[i].bytes,
		    list[i].n));
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
	TAP_RUN(prints_for_people);
	TAP_RUN(reads_what_it_prints);
	TAP_RUN(cuts_long_texts_between_characters);
	return tap_done();
}
