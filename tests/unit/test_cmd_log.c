/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cmdlogkit.h"

static void
a_request_is_one_line_with_its_outcome(void)
{
	struct logkit k;
	uint64_t first, second;

	made(&k);
	first = rec_exchange_id(k.now, 1, k.seq + 1);
	CHECK_INT(logkit_decision(&k, "alice", "/slow"), 0);
	second = rec_exchange_id(k.now, 1, k.seq + 1);
	CHECK_INT(logkit_decision(&k, "bob", "/quick"), 0);
	outcome(&k, second, 204);
	outcome(&k, first, 500);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "show", "--site", "wallet.example"), 0);
	CHECK_INT(lines(), 2);
	/* in the order of the decisions */
	CHECK(strstr(out_text, "/slow") < strstr(out_text, "/quick"));
	CHECK(shows("500") && shows("204") && shows("alice") && shows("192.0.2.1"));
	CHECK_INT(RUN(&k, "show"), 0);
	CHECK_INT(lines(), 3); /* and the creation of the log */
	logkit_fini(&k);
}

static void
filters_find_what_they_say(void)
{
	struct logkit k;
	char support[REC_SUPPORT_LEN];

	made(&k);
	request(&k, "alice", "/1", 200);
	rec_support_text(rec_exchange_id(k.now, 1, k.seq + 1), support);
	request(&k, "bob", "/2", 201);
	request(&k, "alice", "/3", 202);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "show", "--user", "alice"), 0);
	CHECK(lines() == 2 && shows("/1") && shows("/3") && shows("202"));
	CHECK_INT(RUN(&k, "show", "--support", support), 0);
	CHECK(lines() == 1 && shows("/2") && shows("201"));
	CHECK_INT(RUN(&k, "show", "--support", "0000-00000-0001"), 1);
	CHECK_INT(RUN(&k, "show", "--user", "nobody"), 0);
	CHECK_INT(lines(), 0);
	CHECK_INT(RUN(&k, "show", "--country", "jp"), 0);
	CHECK_INT(lines(), 3);
	CHECK_INT(RUN(&k, "show", "--verdict", "refuse"), 0);
	CHECK_INT(lines(), 0);
	CHECK_INT(RUN(&k, "show", "--since", "1s"), 0);
	CHECK(shows("/3") && !shows("/2"));
	CHECK_INT(RUN(&k, "show", "--until", "2026-11-22"), 0);
	CHECK_INT(lines(), 0);
	CHECK_INT(RUN(&k, "show", "--limit", "1", "--user", "alice"), 0);
	CHECK(lines() == 1 && shows("/3"));
	logkit_fini(&k);
}

static void
wrong_arguments_are_refused(void)
{
	struct logkit k;

	made(&k);
	CHECK_INT(RUN(&k, "show", "--since", "yesterday"), 2);
	CHECK_INT(RUN(&k, "show", "--session", "xyz"), 2);
	CHECK_INT(RUN(&k, "show", "--limit"), 2);
	CHECK_INT(RUN(&k, "show", "--nonsense", "1"), 2);
	CHECK_INT(RUN(&k, "show", "--lang", "fr"), 2);
	CHECK_INT(RUN(&k, "export"), 2);
	CHECK_INT(RUN(&k, "export", "--format", "xml"), 2);
	CHECK_INT(RUN(&k, "verify", "--head", "12:3"), 2);
	CHECK_INT(RUN(&k, "burn"), 2);
	CHECK_INT(RUN(&k, "show", "--state", "/nonexistent"), 3);
	CHECK_INT(RUN(&k, "verify", "--state", "/nonexistent"), 3);
	logkit_fini(&k);
}

/* Bytes from outside: a line break, an escape, a quote, a right-to-left mark, no UTF-8. */
#define HOSTILE "/a\nFAKE 2026 allow\x1b[2J\"',;=\xe2\x80\xae\xff\r"

static void
no_byte_from_outside_forges_a_line(void)
{
	struct logkit k;

	made(&k);
	request(&k, "=cmd|' /C calc'!A0\r\nx", HOSTILE, 200);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "show", "--site", "wallet.example"), 0);
	CHECK_INT(lines(), 1);
	CHECK(!shows("\x1b[2J") && !shows("\xe2\x80\xae") && !shows("\r"));
	CHECK(shows("\\x0aFAKE") && shows("\\x1b[2J") && shows("\\u{202e}") && shows("\\xff"));
	CHECK_INT(RUN(&k, "show", "-v", "--site", "wallet.example"), 0);
	CHECK(!shows("\nFAKE") && !shows("\x1b[2J"));
	CHECK_INT(RUN(&k, "export", "--format", "jsonl"), 0);
	CHECK_INT(lines(), 3);
	CHECK(!shows("\nFAKE") && shows("\\nFAKE") && !shows("\xff"));
	CHECK_INT(RUN(&k, "export", "--format", "csv"), 0);
	CHECK_INT(lines(), 4);
	CHECK(shows("\"'=cmd|") && !shows("\"=cmd") && !shows("\nFAKE"));
	CHECK(shows("[2J\"\"',;="));
	logkit_fini(&k);
}

static void
personal_data_show_only_with_their_key(void)
{
	struct logkit k;
	uint8_t buf[1024];
	struct entry e;
	char path[160];

	made(&k);
	request(&k, "alice", "/1", 200);
	request(&k, "bob", "/2", 200);
	CHECK_INT(logkit_commit(&k), 0);
	logkit_begin(&k, &e, buf, sizeof(buf), REC_EVENT);
	rec_put_u64(&e.rec, REC_TAG_EVENT, REC_EVENT_ERASE);
	entry_leaf_end(&e);
	entry_erase(&e, SPAN_LIT("alice"));
	CHECK_INT(logkit_end(&k, &e), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "show", "-v"), 0);
	CHECK(shows("<erased>") && shows("bob") && !shows("alice"));
	CHECK_INT(RUN(&k, "export", "--format", "jsonl"), 0);
	CHECK(shows("\"personal\":\"erased\"") && shows("\"personal\":\"open\""));
	(void)snprintf(path, sizeof(path), "%s/master.key", k.dir);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(RUN(&k, "show", "-v"), 0);
	CHECK(shows("<encrypted>") && !shows("bob") && !shows("alice"));
	CHECK_INT(RUN(&k, "show", "--user", "bob"), 3);
	CHECK_INT(RUN(&k, "verify"), 0);
	logkit_fini(&k);
}

static void
verify_says_what_it_proves(void)
{
	struct logkit k;
	char head[128];

	made(&k);
	request(&k, "alice", "/1", 200);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "head"), 0);
	(void)snprintf(head, sizeof(head), "%.120s", out_text);
	head[strcspn(head, "\n")] = '\0';
	CHECK_INT(RUN(&k, "verify"), 0);
	CHECK(shows("without --head") && shows("OK") && shows(head));
	CHECK_INT(RUN(&k, "verify", "--head", head), 0);
	CHECK(!shows("without --head") && shows("is the one of the head given"));
	CHECK_INT(RUN(&k, "verify", "--lang", "ja"), 0);
	CHECK(shows("検証に成功しました"));
	head[0] = head[0] == '0' ? '1' : '0';
	CHECK_INT(RUN(&k, "verify", "--head", head), 1);
	CHECK(shows("rewritten"));
	logkit_fini(&k);
}

static void
a_terminal_line_fits_its_width(void)
{
	static const unsigned widths[] = {60, 80, 100, 140, 200};
	struct logkit k;
	const char *const words[] = {"show", "--lang", "ja", NULL};

	made(&k);
	request(&k, "山田太郎山田太郎山田太郎@取引所.example",
	    "/とても長いパス/とても長いパス/とても長いパス/とても長いパス/とても長いパス/"
	    "とても長いパス/とても長いパス/とても長いパス/とても長いパス/とても長いパス", 200);
	CHECK_INT(logkit_commit(&k), 0);
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		CHECK_INT(run(&k, true, widths[i], words), 0);
		for (char *p = out_text, *e; (e = strchr(p, '\n')) != NULL; p = e + 1) {
			size_t columns = 0;

			for (char *c = p; c < e; c++) {
				if (*c == '\x1b') {
					c = strchr(c, 'm');
					continue;
				}
				/* a character counts at its first byte; 3 bytes are wide, but
				 * "…" and the rule before the date */
				if (((unsigned char)*c & 0xc0) != 0x80)
					columns += (unsigned char)*c >= 0xe3 ? 2 : 1;
			}
			CHECK(columns <= widths[i]);
		}
	}
	logkit_fini(&k);
}

/* A challenge with two rules, whose signals differ from the login's. */
static void
challenged(struct logkit *k)
{
	static const struct {
		enum signal_id id;
		const char *bound, *seen;
	} facts[] = {{SIG_CLIENT_CORE_SAME, "aaaa", "bbbb"},
	    {SIG_CLIENT_CORE_COMPATIBLE, "aaaa", "bbbb"},
	    {SIG_CLIENT_FAMILY_SAME, "boringssl", "openssl"},
	    {SIG_PLACE_COUNTRY_CHANGED, "JP", "KP"}};
	uint8_t buf[4096];
	struct facts f;
	struct entry e;

	facts_clear(&f);
	logkit_begin(k, &e, buf, sizeof(buf), REC_DECISION);
	rec_put_text(&e.rec, REC_TAG_SITE, "wallet");
	rec_put_text(&e.rec, REC_TAG_METHOD, "POST");
	rec_put_text(&e.rec, REC_TAG_PATH, "/withdraw");
	rec_put_u64(&e.rec, REC_TAG_VERDICT, 2);
	rec_list_begin(&e.rec, REC_TAG_RULES);
	rec_list_add(&e.rec, SPAN_LIT("R10"));
	rec_list_add(&e.rec, SPAN_LIT("R20"));
	rec_list_end(&e.rec);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		facts_set_bool(&f, facts[i].id, false);
		facts_set_evidence(&f, facts[i].id, facts[i].bound, strlen(facts[i].bound),
		    facts[i].seen, strlen(facts[i].seen));
	}
	rec_put_facts(&e.rec, &f);
	entry_leaf_end(&e);
	CHECK_INT(logkit_end(k, &e), 0);
}

static void
what_decided_is_seen_at_any_width(void)
{
	static const unsigned widths[] = {0, 60, 80, 120};
	const char *const words[] = {"show", NULL};
	struct logkit k;

	made(&k);
	request(&k, "alice", "/1", 200);
	challenged(&k);
	CHECK_INT(logkit_commit(&k), 0);
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		CHECK_INT(run(&k, widths[i] != 0, widths[i], words), 0);
		CHECK(shows("R10, R20") && shows("client.family-same boringssl → openssl"));
		CHECK(shows("place.country-changed JP → KP"));
		CHECK(shows("core-same aaaa → bbbb") && !shows("core-compatible"));
		/* in a pipe a request stays one line */
		CHECK(widths[i] != 0 || lines() == 3);
	}
	logkit_fini(&k);
}

static void
a_record_is_found_by_its_number(void)
{
	struct logkit k;

	made(&k);
	request(&k, "alice", "/1", 200);
	request(&k, "bob", "/2", 201);
	CHECK_INT(logkit_commit(&k), 0);
	/* record 1 tells of the log itself; a request is two */
	for (int n = 4; n <= 5; n++) {
		CHECK_INT(RUN(&k, "show", "--record", n == 4 ? "4" : "5"), 0);
		CHECK(lines() == 1 && shows("/2") && shows("201"));
	}
	CHECK_INT(RUN(&k, "show", "--record", "99"), 1);
	CHECK_INT(RUN(&k, "show", "--record", "0"), 2);
	CHECK_INT(RUN(&k, "export", "--record", "4", "--format", "csv"), 2);
	logkit_fini(&k);
}

static void
facts_are_exported_under_their_names(void)
{
	struct facts f;
	struct logkit k;
	uint8_t buf[2048];
	struct entry e;

	made(&k);
	facts_clear(&f);
	facts_set_country(&f, SIG_PLACE_COUNTRY, "KP", 2);
	facts_set_evidence(&f, SIG_PLACE_COUNTRY, "JP", 2, "KP", 2);
	facts_set_bool(&f, SIG_PLACE_ASN_SAME, false);
	logkit_begin(&k, &e, buf, sizeof(buf), REC_DECISION);
	rec_put_u64(&e.rec, REC_TAG_VERDICT, 2);
	rec_put_u64(&e.rec, REC_TAG_ENFORCED, 0);
	rec_put_facts(&e.rec, &f);
	entry_leaf_end(&e);
	CHECK_INT(logkit_end(&k, &e), 0);
	/* By a later release: a signal that this one does not know. */
	logkit_begin(&k, &e, buf, sizeof(buf), REC_DECISION);
	rec_put_u64(&e.rec, REC_TAG_VERDICT, 0);
	rec_put_bytes(&e.rec, REC_TAG_FACTS, SPAN_LIT("\x01\x42\xff\xf2"));
	entry_leaf_end(&e);
	CHECK_INT(logkit_end(&k, &e), 0);
	CHECK_INT(logkit_commit(&k), 0);
	CHECK_INT(RUN(&k, "export", "--format", "jsonl"), 0);
	CHECK(shows("\"place.country\":\"KP\"") && shows("\"place.asn-same\":false"));
	CHECK(shows("\"place.asn\":null") && shows("\"verdict\":\"challenge\""));
	CHECK(shows("\"evidence\":{\"place.country\":{\"bound\":\"JP\",\"seen\":\"KP\"}}"));
	CHECK(shows("\"facts\":{\"session.bound\":true},\"unknown\":{\"fact 4095\":\"fff2\"}"));
	CHECK_INT(RUN(&k, "show", "-v"), 0);
	CHECK(shows("bound JP → seen KP") && shows("~challenge"));
	CHECK(shows("fact 4095") && shows("place.asn "));
	CHECK_INT(RUN(&k, "export", "--format", "csv"), 0);
	CHECK(shows("\"KP\",\"unknown\",\"unknown\",\"false\"") && !shows("facts"));
	logkit_fini(&k);
}

int
main(void)
{
	TAP_RUN(a_request_is_one_line_with_its_outcome);
	TAP_RUN(filters_find_what_they_say);
	TAP_RUN(wrong_arguments_are_refused);
	TAP_RUN(no_byte_from_outside_forges_a_line);
	TAP_RUN(personal_data_show_only_with_their_key);
	TAP_RUN(verify_says_what_it_proves);
	TAP_RUN(a_terminal_line_fits_its_width);
	TAP_RUN(what_decided_is_seen_at_any_width);
	TAP_RUN(a_record_is_found_by_its_number);
	TAP_RUN(facts_are_exported_under_their_names);
	return tap_done();
}
