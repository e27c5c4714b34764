/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy decides: three values, the strictest verdict, read-only, observe. */
#include <stdlib.h>

#include "policy/cases.h"
#include "policy/explain.h"
#include "policy/policy.h"
#include "policy/sql.h"

#include "tests/unit/tap.h"

static struct diags diags;
static struct facts facts;
static struct decision d;

static struct policy *
load(const char *text)
{
	struct policy *p;

	diags_init(&diags);
	p = policy_load_text(text, strlen(text), "t", &diags);
	for (size_t i = 0; i < diags.n && diags.errors; i++)
		printf("# %u:%u %s\n", diags.list[i].pos.line, diags.list[i].pos.col,
		    diags.list[i].text);
	return p;
}

static void
set(const char *name, const char *value)
{
	int id = signal_by_name(name, strlen(name));

	CHECK(id >= 0);
	CHECK(facts_parse(&facts, (enum signal_id)id, value, strlen(value)));
}

static const char *
decide(const struct policy *p)
{
	policy_decide(p, &facts, &d);
	return verdict_name(d.verdict);
}

/* Sets three signals that may be unknown to values 'F', 'U' or 'T'. */
static void
three(const char *abc)
{
	static const enum signal_id ids[] = {SIG_CLIENT_CORE_SAME, SIG_PLACE_ASN_SAME,
	    SIG_CLIENT_SYSTEM_SAME};

	facts_clear(&facts);
	for (int i = 0; i < 3; i++)
		if (abc[i] != 'U')
			facts_set_bool(&facts, ids[i], abc[i] == 'T');
}

/* The value of an expression over a, b, c as 'F', 'U' or 'T'. */
static char
kleene(const char *expr, const char *abc)
{
	char text[1024];
	struct policy *p;
	bool may, must;

	snprintf(text, sizeof(text),
	    "policy \"k\" { default allow let a = client.core-same let b = place.asn-same\n"
	    "let c = client.system-same let e = %s\n"
	    "rule MAY \"x\" { when e or unknown then flag }\n"
	    "rule MUST \"x\" { when e and known then challenge } }",
	    expr);
	p = load(text);
	if (p == NULL)
		return '?';
	three(abc);
	policy_decide(p, &facts, &d);
	may = decision_has(d.matched, (size_t)policy_rule_find(p, "MAY", 3));
	must = decision_has(d.matched, (size_t)policy_rule_find(p, "MUST", 4));
	policy_free(p);
	return must ? 'T' : may ? 'U' : 'F';
}

static void
follows_kleenes_tables(void)
{
	static const char val[] = "FUT", and[3][4] = {"FFF", "FUU", "FUT"},
			  or [3][4] = {"FUT", "UUT", "TTT"}, not[] = "TUF";

	for (int x = 0; x < 3; x++) {
		for (int y = 0; y < 3; y++) {
			char abc[] = {val[x], val[y], 'U', '\0'};

			CHECK_INT(kleene("a and b", abc), and[x][y]);
			CHECK_INT(kleene("a or b", abc), or [x][y]);
		}
		CHECK_INT(kleene("not a", (char[]){val[x], 'U', 'U', '\0'}), not [x]);
	}
}

static void
binds_not_and_or_in_this_order(void)
{
	CHECK_INT(kleene("not a and b", "FTU"), 'T');
	CHECK_INT(kleene("not (a and b)", "FFU"), 'T');
	CHECK_INT(kleene("not a and b", "FFU"), 'F');
	CHECK_INT(kleene("a or b and c", "TFF"), 'T');
	CHECK_INT(kleene("(a or b) and c", "TFF"), 'F');
	CHECK_INT(kleene("a and b or c", "FFT"), 'T');
	CHECK_INT(kleene("a or not b and not c", "FUF"), 'U');
}

static void
a_comparison_with_unknown_is_unknown(void)
{
	CHECK_INT(kleene("a or place.asn = 5", "FUU"), 'U');
	CHECK_INT(kleene("a or place.asn != 5", "FUU"), 'U');
	CHECK_INT(kleene("a or place.asn not in { 5, 6 }", "FUU"), 'U');
	CHECK_INT(kleene("a or place.country in { JP }", "FUU"), 'U');
	CHECK_INT(kleene("a or user.name != \"x\"", "FUU"), 'U');
	CHECK_INT(kleene("a or session.age <= 5 s", "FUU"), 'U');
	CHECK_INT(kleene("a or known(place.asn)", "FUU"), 'F');
	CHECK_INT(kleene("(a and known) or b", "UFU"), 'F');
	CHECK_INT(kleene("(a or unknown) and b", "UTU"), 'T');
	CHECK_INT(kleene("(a and b and known) or c", "TUF"), 'F');
}

static const char ladder[] = "policy \"t\" { default challenge\n"
			     "rule A \"x\" { when request.path = \"/a\" then allow }\n"
			     "rule F \"x\" { when request.path under \"/f\" then flag reason f }\n"
			     "rule C \"x\" { when request.path under \"/f/c\" then challenge }\n"
			     "rule R \"x\" { when request.path under \"/f/c/r\" then refuse reason r }\n"
			     "rule S \"x\" { when request.path under \"/f/c/r\" then refuse reason s }\n"
			     "rule V \"x\" { when request.path under \"/f/c/r/v\" then revoke }\n"
			     "rule O \"x\" { when request.path under \"/o\" then refuse observe } }";

static const char *
at_path(const struct policy *p, const char *path)
{
	facts_clear(&facts);
	facts_set_text(&facts, SIG_REQUEST_PATH, path, strlen(path));
	return decide(p);
}

static void
the_strictest_match_wins(void)
{
	struct policy *p = load(ladder);

	CHECK_STR(at_path(p, "/a"), "allow");
	CHECK(!d.by_default);
	CHECK_STR(at_path(p, "/nothing"), "challenge");
	CHECK(d.by_default);
	CHECK_INT(d.rule, POLICY_NO_RULE);
	CHECK_STR(at_path(p, "/f"), "flag");
	CHECK_STR(d.reason, "f");
	CHECK_STR(at_path(p, "/f/c"), "challenge");
	CHECK_INT(d.n_matched, 2);
	CHECK_STR(d.reason, "");
	CHECK_STR(at_path(p, "/f/c/r"), "refuse");
	CHECK_STR(policy_rule_info(p, d.rule)->id, "R");
	CHECK_STR(d.reason, "r");
	CHECK_STR(at_path(p, "/f/c/r/v"), "revoke");
	CHECK_INT(d.n_matched, 5);
	policy_free(p);
}

static void
observe_never_counts_but_is_told(void)
{
	struct policy *p = load(ladder);

	CHECK_STR(at_path(p, "/o"), "challenge");
	CHECK(d.by_default);
	CHECK_INT(d.n_matched, 0);
	CHECK_INT(d.n_observed, 1);
	CHECK(decision_has(d.observed, (size_t)policy_rule_find(p, "O", 1)));
	CHECK_INT(d.verdict_all_enforced, VERDICT_REFUSE);
	CHECK_STR(at_path(p, "/a"), "allow");
	CHECK_INT(d.verdict_all_enforced, VERDICT_ALLOW);
	policy_free(p);
}

static void
paths_ignore_case_and_slashes_at_the_end(void)
{
	struct policy *p = load(ladder);

	CHECK_STR(at_path(p, "/A/"), "allow");
	CHECK_STR(at_path(p, "/F/C/"), "challenge");
	CHECK_INT(d.n_matched, 2);
	CHECK_STR(at_path(p, "/fc"), "challenge");
	CHECK(d.by_default);
	CHECK_STR(at_path(p, "/a/b"), "challenge");
	CHECK(d.by_default);
	CHECK_STR(at_path(p, "/"), "challenge");
	CHECK_STR(at_path(p, ""), "challenge");
	policy_free(p);
}

static const char *
read_only(const struct policy *p, const char *method, const char *class, const char *ws)
{
	facts_clear(&facts);
	if (method)
		facts_set_text(&facts, SIG_REQUEST_METHOD, method, strlen(method));
	set("request.class", class);
	set("request.websocket", ws);
	set("lock.active", "true");
	return decide(p);
}

static void
read_only_resolves_first(void)
{
	struct policy *p = load("policy \"t\" { default read-only rule R \"x\" { when lock.active "
				"then read-only } rule F \"x\" { when request.class = read then "
				"flag } }");

	CHECK_STR(read_only(p, "GET", "open", "false"), "allow");
	CHECK_STR(read_only(p, "HEAD", "read", "false"), "flag");
	CHECK_INT(d.n_matched, 2);
	CHECK_STR(read_only(p, "GET", "write", "false"), "refuse");
	CHECK_STR(read_only(p, "GET", "sensitive", "false"), "refuse");
	CHECK_STR(read_only(p, "POST", "read", "false"), "refuse");
	CHECK_STR(read_only(p, "get", "read", "false"), "refuse");
	CHECK_STR(read_only(p, "OPTIONS", "read", "false"), "refuse");
	CHECK_STR(read_only(p, "GET", "read", "true"), "refuse");
	CHECK_STR(read_only(p, NULL, "read", "false"), "refuse");
	CHECK_STR(read_only(p, "GET", "unknown", "false"), "refuse");
	CHECK_STR(read_only(p, "GET", "read", "unknown"), "refuse");
	set("lock.active", "false");
	set("request.class", "open");
	CHECK_STR(decide(p), "refuse");
	CHECK(d.by_default);
	policy_free(p);
}

static void
tells_when_a_fact_is_missing_that_always_exists(void)
{
	struct policy *p = load("policy \"t\" { default allow rule R \"x\" { when session.bound and "
				"place.asn-same and known then flag } }");

	facts_clear(&facts);
	decide(p);
	CHECK(d.incomplete);
	set("session.bound", "true");
	decide(p);
	CHECK(!d.incomplete);
	CHECK(policy_reads(p, SIG_PLACE_ASN_SAME));
	CHECK(!policy_reads(p, SIG_PLACE_ASN));
	policy_free(p);
}

static char *
canonical(const char *text)
{
	struct policy *p = load(text);
	size_t n;
	char *out;

	if (p == NULL)
		return NULL;
	n = policy_canonical(p, NULL, 0);
	out = malloc(n + 1);
	CHECK_INT(policy_canonical(p, out, n + 1), n);
	CHECK_INT(strlen(out), n);
	policy_free(p);
	return out;
}

static void
equal_policies_have_equal_canonical_texts(void)
{
	char *a = canonical("policy \"t\" { default allow retired { Z2, Z1 } let x = { SG, JP, JP }\n"
			    "let y = place.country in x # comment\n"
			    "rule R2 \"two\" { when (y and known) then flag since 2026-01-02 }\n"
			    "rule R1 \"one\" { then challenge reason a when session.age != 90 s and "
			    "known or (lock.active and (session.bound and session.adopted)) } }");
	char *b = canonical("policy \"t\" { retired { Z1, Z2 } rule R1 \"one\" { when (not "
			    "session.age = 90000 ms and known) or lock.active and session.bound and "
			    "session.adopted then challenge reason a enforce; }\n"
			    "rule R2 \"two\" { when place.country in { JP, SG } and known then flag "
			    "since 2026-01-02 } default allow }");
	char *c;

	CHECK(a && b);
	CHECK_STR(a, b);
	c = canonical(a);
	CHECK_STR(a, c);
	CHECK_STR(a, "policy \"t\" {\n"
		     "\tdefault allow\n"
		     "\tretired { Z1, Z2 }\n"
		     "\n"
		     "\trule R1 \"one\" {\n"
		     "\t\twhen not session.age = 90 s and known or lock.active and session.bound "
		     "and session.adopted\n"
		     "\t\tthen challenge reason a\n"
		     "\t}\n"
		     "\n"
		     "\trule R2 \"two\" {\n"
		     "\t\twhen place.country in { JP, SG } and known\n"
		     "\t\tthen flag\n"
		     "\t\tsince 2026-01-02\n"
		     "\t}\n"
		     "}\n");
	free(a);
	free(b);
	free(c);
}

static void
writing_never_passes_the_buffer(void)
{
	struct policy *p = load(ladder);
	size_t n = policy_canonical(p, NULL, 0);
	char *buf = malloc(64);

	for (size_t cap = 0; cap <= 64; cap++) {
		memset(buf, 'x', 64);
		CHECK_INT(policy_canonical(p, buf, cap), n);
		CHECK(cap == 0 || strlen(buf) == cap - 1);
		CHECK(cap == 64 || buf[cap] == 'x');
	}
	CHECK(sql_write(p, false, buf, 64) > 64);
	free(buf);
	policy_free(p);
}

static void
golden_cases_fail_where_they_stand(void)
{
	struct policy *p = load(ladder);
	const char *text = "facts \"f\" { request.path = \"/f\" }\n"
			   "case \"good\" { like \"f\" expect flag by F }\n"
			   "case \"any\" { like \"f\" request.path = \"/f/c\" expect challenge by * }\n"
			   "case \"bad\" { like \"f\"\n  expect allow }\n"
			   "case \"rules\" { like \"f\" expect flag by F C }\n"
			   "case \"trial\" { request.path = \"/o\" expect challenge observed O }\n";
	struct cases_count count;

	CHECK(!cases_run(p, text, strlen(text), "c", &diags, NULL, NULL, &count));
	CHECK_INT(count.passed, 3);
	CHECK_INT(count.failed, 2);
	CHECK_INT(diags.n, 2);
	CHECK_INT(diags.list[0].pos.line, 5);
	CHECK_INT(diags.list[0].pos.col, 10);
	CHECK_STR(diags.list[0].text, "case \"bad\": got flag, rules: F; observed: none");
	CHECK_INT(diags.list[1].pos.line, 6);
	policy_free(p);
}

static void
golden_cases_refuse_slips(void)
{
	static const struct {
		const char *text;
		unsigned line, col;
	} list[] = {
		{"case \"x\" { request.pth = \"/f\" expect flag by F }", 1, 12},
		{"case \"x\" { request.class = secret expect flag by F }", 1, 28},
		{"case \"x\" { session.age = 5 expect flag by F }", 1, 26},
		{"case \"x\" { like \"f\" expect flag by F }", 1, 17},
		{"case \"x\" { expect flag by Z }", 1, 27},
		{"case \"x\" { expect flag by O }", 1, 27},
		{"case \"x\" { expect read-only }", 1, 19},
		{"case \"x\" { request.path = \"/f\" }", 1, 1},
		{"case \"x\" { expect allow by }", 1, 28},
		{"facts \"f\" { request.path = \"/f\" }", 0, 0},
		{"", 0, 0},
		{"case \"x\" { expect allow", 1, 24},
	};
	struct policy *p = load(ladder);
	struct cases_count count;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		diags_init(&diags);
		CHECK(!cases_run(p, list[i].text, strlen(list[i].text), "c", &diags, NULL, NULL,
		    &count));
		CHECK_INT(diags.n, 1);
		CHECK_INT(diags.list[0].pos.line, list[i].line);
		CHECK_INT(diags.list[0].pos.col, list[i].col);
	}
	policy_free(p);
}

static void
explains_with_bound_and_seen(void)
{
	struct policy *p = load("policy \"t\" { default allow rule R1 \"Other country.\" { ja \"国。\" "
				"when place.country-changed and known then challenge reason place } "
				"rule R2 \"Trial.\" { when place.country = UA and known then refuse "
				"observe } }");
	char buf[2048];

	facts_clear(&facts);
	set("place.country", "UA");
	set("place.country-changed", "true");
	facts_set_evidence(&facts, SIG_PLACE_COUNTRY_CHANGED, "JP", 2, "UA\n\x1b", 4);
	policy_decide(p, &facts, &d);
	explain_decision(p, &facts, &d, "en", buf, sizeof(buf));
	CHECK_STR(buf, "Verdict: challenge (ask for proof first)\n"
		       "Rule R1 decided: Other country.\n"
		       "    place.country-changed = true  (at the login: JP -> now: UA?" "?)\n"
		       "Rule R2 is on trial and would have matched: Trial.\n"
		       "    place.country = UA\n"
		       "With all rules in force: refuse (do not let the request pass)\n");
	explain_decision(p, &facts, &d, "ja", buf, sizeof(buf));
	CHECK(strstr(buf, "規則 R1 による判定: 国。\n") != NULL);
	CHECK(strstr(buf, "ログイン時: JP -> 今回: UA?" "?") != NULL);
	explain_rule(p, 0, "en", buf, sizeof(buf));
	CHECK(strstr(buf, "when      place.country-changed and known\n") != NULL);
	policy_free(p);
}

int
main(void)
{
	TAP_RUN(follows_kleenes_tables);
	TAP_RUN(binds_not_and_or_in_this_order);
	TAP_RUN(a_comparison_with_unknown_is_unknown);
	TAP_RUN(the_strictest_match_wins);
	TAP_RUN(observe_never_counts_but_is_told);
	TAP_RUN(paths_ignore_case_and_slashes_at_the_end);
	TAP_RUN(read_only_resolves_first);
	TAP_RUN(tells_when_a_fact_is_missing_that_always_exists);
	TAP_RUN(equal_policies_have_equal_canonical_texts);
	TAP_RUN(writing_never_passes_the_buffer);
	TAP_RUN(golden_cases_fail_where_they_stand);
	TAP_RUN(golden_cases_refuse_slips);
	TAP_RUN(explains_with_bound_and_seen);
	return tap_done();
}
