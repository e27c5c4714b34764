/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader and the checker of policies refuse, where they point, and what they
 * say. */
#include <stdlib.h>

#include "policy/policy.h"

#include "tests/unit/tap.h"

static struct diags diags;

static struct policy *
load(const char *text)
{
	diags_init(&diags);
	return policy_load_text(text, strlen(text), "t", &diags);
}

static void
show(const char *text)
{
	printf("# %zu errors in: %s\n", diags.errors, text);
	for (size_t i = 0; i < diags.n; i++)
		printf("# %u:%u %s [%s]\n", diags.list[i].pos.line, diags.list[i].pos.col,
		       diags.list[i].text, diags.list[i].hint);
}

/* Exactly one error, there, with this part in text or hint. */
static int
refused(const char *text, unsigned line, unsigned col, const char *part)
{
	struct policy *p = load(text);
	const struct diag *d = &diags.list[0];
	int ok = p == NULL && diags.errors == 1 && d->pos.line == line &&
		 d->pos.col == col && (strstr(d->text, part) || strstr(d->hint, part));

	if (!ok)
		show(text);
	policy_free(p);
	return ok;
}

/* As refused, for the condition of one rule, which is line 4. */
static int
at(const char *expr, unsigned line, unsigned col, const char *part)
{
	char text[4096];

	snprintf(
	    text, sizeof(text),
	    "policy \"t\" { default allow let home = { JP, SG } let long = 30 min\n"
	    "let late = session.age > long and known\nrule R1 \"A rule.\" { when\n%s\n"
	    "then challenge } rule R2 \"Uses all lets.\" { when place.country in home "
	    "and session.idle > long and late and known then flag } }",
	    expr);
	return refused(text, line, col, part);
}

static int
condition(const char *expr, unsigned col, const char *part)
{
	return at(expr, 4, col, part);
}

static int
accepted(const char *expr)
{
	char text[4096];
	struct policy *p;

	snprintf(
	    text, sizeof(text),
	    "policy \"t\" { default allow let home = { JP, SG } let long = 30 min\n"
	    "let late = session.age > long and known\nrule R1 \"A rule.\" { when\n%s\n"
	    "then challenge } }",
	    expr);
	p = load(text);
	if (p == NULL || diags.errors)
		show(text);
	policy_free(p);
	return p != NULL && diags.errors == 0;
}

static void
accepts_what_handles_unknown(void)
{
	CHECK(accepted("session.bound"));
	CHECK(accepted("place.country-changed and known"));
	CHECK(accepted("not place.country-changed or unknown"));
	CHECK(accepted("place.country-changed and known(place.country-changed)"));
	CHECK(accepted("known(place.country) and place.country in home"));
	CHECK(accepted("session.bound and (place.country not in home or unknown)"));
	CHECK(accepted("late and session.bound"));
	CHECK(accepted("session.age >= long and known"));
	CHECK(accepted("not known(place.asn)"));
	CHECK(accepted("request.path under \"/api\" or request.path = \"/x\""));
	CHECK(accepted("request.class >= write and request.class != sensitive"));
	CHECK(accepted("device.proof < dbsc"));
	CHECK(accepted("request.method in { \"GET\", \"HEAD\" }"));
	CHECK(accepted("not (not (session.bound))"));
	/* Exact, not only by the look: the unknown is decided by the other side. */
	CHECK(accepted("(place.asn = 1 or not known(place.asn)) and "
		       "(known(place.asn) or session.bound)"));
}

static void
refuses_what_forgets_unknown(void)
{
	CHECK(condition("place.country-changed", 1, "place.country-changed is unknown"));
	CHECK(condition("session.bound and place.country in home", 19, "place.country"));
	CHECK(condition("session.bound and\tnot place.asn-same", 23, "place.asn-same"));
	CHECK(condition("(place.asn-same and known) or place.country = JP", 31,
			"place.country"));
	CHECK(condition("place.asn-same and known(place.country)", 1, "place.asn-same"));
	CHECK(condition("risk.score > 5", 1, "'... and known'"));
}

static void
points_at_a_misspelt_signal(void)
{
	CHECK(condition("session.bound and place.contry-changed", 19,
			"did you mean place.country-changed?"));
	CHECK(
	    condition("place.contry not in home and session.bound", 1, "place.country?"));
	CHECK(condition("place.contry = JP and known", 1, "did you mean place.country?"));
	CHECK(condition("known(place.asn-sam) and session.bound", 7, "place.asn-same?"));
	CHECK(condition("country-changed and known", 1,
			"did you mean place.country-changed?"));
	CHECK(condition("weather.fine", 1, "warifu-policy(5)"));
	CHECK(condition("lat and session.bound", 1, "did you mean late?"));
	CHECK(condition("device.proof = dbcs", 16, "did you mean dbsc?"));
	CHECK(condition("request.class = secret", 17, "open read write sensitive"));
}

static void
refuses_wrong_types_and_units(void)
{
	CHECK(condition("session.age > 30 and known", 15, "a duration with its unit"));
	CHECK(condition("session.age > 50% and known", 15, "not a percentage"));
	CHECK(condition("place.asn = 5 min and known", 13, "a number without unit"));
	CHECK(condition("place.asn = JP and known", 13, "a number without unit"));
	CHECK(condition("place.country = \"JP\" and known", 17, "a country code"));
	CHECK(condition("place.country = UK and known", 17, "GB"));
	CHECK(condition("place.country = jp and known", 17, "two capital letters"));
	CHECK(condition("place.country in { JP, XX } and known", 24, "'XX'"));
	CHECK(condition("place.country > JP and known", 1, "no order"));
	CHECK(condition("request.method < \"GET\"", 1, "no order"));
	CHECK(condition("request.method = GET", 18, "a text in double quotes"));
	CHECK(condition("session.bound = 1", 17, "true or false"));
	CHECK(condition("session.bound = yes", 17, "true or false"));
	CHECK(condition("session.bound < true", 1, "no order"));
	CHECK(condition("session.bound in { true }", 15, "does not apply"));
	CHECK(condition("place.country under \"/x\" and known", 15, "does not apply"));
	CHECK(condition("request.path = \"api\"", 16, "no normal path"));
	CHECK(condition("request.path under \"/a//b\"", 20, "no normal path"));
	CHECK(condition("request.path under \"/a?x=1\"", 20, "no normal path"));
	CHECK(condition("place.country", 1, "by itself it is no condition"));
	CHECK(condition("session.age > -5 s and known", 15, "never below 0"));
	CHECK(condition("session.age > session.idle", 15, "not with another signal"));
	CHECK(condition("session.age > home and known", 15, "no value"));
	CHECK(condition("place.country in long and known", 18, "no set"));
	CHECK(condition("home and session.bound", 1, "no condition"));
}

static void
refuses_conditions_that_cannot_matter(void)
{
	CHECK(
	    condition("request.class = open and request.class = read", 22, "never true"));
	CHECK(condition("session.bound or not session.bound", 15, "always true"));
	CHECK(condition("session.age < 0 s and known", 23, "never true"));
	CHECK(condition("(place.asn > 5 and place.asn < 6) and known", 39, "never true"));
	CHECK(condition("known(place.asn) or not known(place.asn)", 18, "always true"));
	CHECK(condition("request.path under \"/a/b\" and not request.path under \"/A/\"",
			27, "never true"));
	CHECK(condition("request.path under \"/\"", 1, "always true"));
	CHECK(condition("session.bound and known", 19, "never unknown"));
	CHECK(condition("session.bound or unknown", 18, "never unknown"));
	CHECK(condition("late and known", 10, "never unknown"));
	CHECK(condition("known(request.path)", 7, "always known"));
	CHECK(condition("session.bound or (lock.active and not lock.active)", 31,
			"never true"));
}

static void
finds_grammar_faults(void)
{
	/* What is missing shows at the next line's start. */
	CHECK(at("session.bound and", 5, 1, "found 'then'"));
	CHECK(at("(session.bound", 5, 1, "expected ')'"));
	CHECK(condition("session.bound lock.active", 15, "found 'lock.active'"));
	CHECK(condition("session.bound and or lock.active", 19, "expected a condition"));
	CHECK(
	    condition("place.asn-same and known and session.bound", 26, "ends a chain"));
	CHECK(
	    condition("place.asn-same or unknown or session.bound", 27, "ends a chain"));
	CHECK(condition("place.country in { JP SG } and known", 23, "',' or '}'"));
	CHECK(condition("place.country in { } and known", 18, "empty"));
	CHECK(condition("place.country not JP and known", 19, "'in' or 'under'"));
	CHECK(condition("session.bound && lock.active", 15, "'&&'"));
	CHECK(condition("place.asn == 5 and known", 11, "write '='"));
}

/* `n` times before, the middle, `n` times after. */
static const char *
around(char *buf, size_t cap, int n, const char *before, const char *mid, const char *after)
{
	size_t at = 0;

	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s", before);
	at += (size_t)snprintf(buf + at, cap - at, "%s", mid);
	for (int i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, cap - at, "%s", after);
	return buf;
}

static void
bounds_depth_and_size(void)
{
	const int max = POLICY_DEPTH_MAX;
	char buf[3000];

	CHECK(accepted(around(buf, sizeof(buf), max, "(", "session.bound", ")")));
	CHECK(condition(around(buf, sizeof(buf), max + 1, "(", "session.bound", ")"),
	    (unsigned)max + 1, "nested"));
	CHECK(accepted(around(buf, sizeof(buf), 60, "", "session.bound",
	    " or (lock.active and session.adopted)")));
}

static void
bounds_lets_that_double(void)
{
	char text[8192] =
	    "policy \"t\" { default allow let a0 = session.bound and lock.active ";
	size_t n = strlen(text);

	for (int i = 1; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "let a%d = not (a%d and a%d) ", i, i - 1, i - 1);
	snprintf(text + n, sizeof(text) - n, "rule R \"x\" { when a39 then flag } }");
	CHECK(load(text) == NULL);
	CHECK_INT(diags.errors, 1);
	CHECK(strstr(diags.list[0].text, "too large or too deep") != NULL);
}

static void
checks_rules_as_a_whole(void)
{
	CHECK(refused(
	    "policy \"t\" { default allow\nrule R1 { when session.bound then flag } }", 2,
	    6, "no sentence"));
	CHECK(refused("policy \"t\" { default allow\nrule R1 \" \" { when session.bound "
		      "then flag } }",
		      2, 6, "no sentence"));
	CHECK(refused(
	    "policy \"t\" { default allow\nrule R1 \"a\\nb\" { when session.bound then "
	    "flag } }",
	    2, 9, "no line ends"));
	CHECK(refused("policy \"t\" { default allow\nrule R1 \"s\" { then flag } }", 2, 6,
		      "no 'when'"));
	CHECK(refused(
	    "policy \"t\" { default allow\nrule R1 \"s\" { when session.bound } }", 2, 6,
	    "no 'then'"));
	CHECK(refused(
	    "policy \"t\" { default allow\nrule R1 \"s\" { when session.bound then flag\n"
	    "then flag } }",
	    3, 1, "twice"));
	CHECK(refused("policy \"t\" { default allow rule R1 \"s\" { when session.bound "
		      "then flag }\n"
		      " rule R1 \"s\" { when lock.active then flag } }",
		      2, 7, "given twice, first in line 1"));
	CHECK(refused("policy \"t\" { default allow retired { R0, R1 }\n"
		      "rule R1 \"s\" { when lock.active then flag } }",
		      2, 6, "retired"));
	CHECK(
	    refused("policy \"t\" { default allow retired { R0,\nR0 } }", 2, 1, "twice"));
	CHECK(refused("policy \"t\" { rule R1 \"s\" { when lock.active then flag } }", 0,
		      0, "no default"));
	CHECK(refused("policy \"t\" { default allow\n default flag }", 2, 2, "twice"));
	CHECK(refused("policy \"t\" {\n default revoke }", 2, 2, "revoke"));
	CHECK(refused("policy \"t\" {\n default alow }", 2, 10, "did you mean allow?"));
	CHECK(refused(
	    "policy \"t\" { default allow\nrule R1 \"s\" { when lock.active then\n"
	    "chalenge } }",
	    3, 1, "did you mean challenge?"));
	CHECK(refused(
	    "policy \"t\" { default allow let x = { JP }\nlet x = { SG } rule R \"s\" "
	    "{ when place.country in x and known then flag } }",
	    2, 5, "twice"));
	CHECK(refused("policy \"t\" { default allow\nlet sensitive = 5 }", 2, 5,
		      "a word of the "));
	CHECK(refused("policy \"t\" { default allow\nlet a.b = 5 }", 2, 5, "no dot"));
	CHECK(refused("policy \"t\" { default allow", 1, 27, "'}' at the end"));
	CHECK(refused("policy \"t\" { default allow } x", 1, 30, "the end of the file"));
	CHECK(refused("policy \"\" { default allow }", 1, 8, "empty"));
	CHECK(refused("", 1, 1, "expected 'policy'"));
}

static void
keeps_the_score_from_refusing(void)
{
	CHECK(refused("policy \"t\" { default allow rule R \"s\" {\nwhen risk.score > 80 "
		      "and known\n"
		      "then refuse } }",
		      3, 6, "must not refuse"));
	CHECK(refused("policy \"t\" { default allow rule R \"s\" {\nwhen risk.score > 80 "
		      "and known\n"
		      "then revoke observe } }",
		      3, 6, "must not revoke"));
	CHECK(refused("policy \"t\" { default allow rule R \"s\" {\nwhen risk.score > 80 "
		      "and known\n"
		      "then read-only } }",
		      3, 6, "must not read-only"));
	CHECK(refused(
	    "policy \"t\" { default allow let hot = risk.score > 80 and known\n"
	    "let both = hot or lock.active rule R \"s\" { when both\nthen refuse } }",
	    3, 6, "must not refuse"));
	CHECK(refused("policy \"t\" { default refuse rule R \"s\" {\nwhen risk.score < "
		      "10 and known\n"
		      "then allow } }",
		      3, 6, "the score would refuse"));
	CHECK(accepted("risk.score > 80 and known")); /* then challenge */
}

static void
reports_all_faults_at_once(void)
{
	struct policy *p =
	    load("policy \"t\" {\n"
		 "  default alow\n"
		 "  let home = { JP, , SG }\n"
		 "  rule R1 \"One.\" { when place.contry = JP and known then flag }\n"
		 "  rule R2 \"Two.\" { when session.age > 5 and known then flag }\n"
		 "  rule R3 { when lock.active then flag }\n"
		 "  rule R4 \"Four.\" { when place.asn-same then refus }\n"
		 "  rule R5 \"Five.\" { when ( then flag note }\n"
		 "  rule R6 \"Six.\" { when risk.score > 1 and known then revoke }\n"
		 "}\n");
	static const unsigned lines[] = {2, 3, 4, 5, 6, 7, 8, 8, 7, 9};

	CHECK(p == NULL);
	if (diags.errors != sizeof(lines) / sizeof(lines[0]))
		show("many");
	CHECK_INT(diags.errors, sizeof(lines) / sizeof(lines[0]));
	for (size_t i = 0; i < diags.n && i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK_INT(diags.list[i].pos.line, lines[i]);
}

static void
warns_of_a_let_that_nobody_uses(void)
{
	struct policy *p = load("policy \"t\" { default allow\nlet home = { JP } }");

	CHECK(p != NULL);
	CHECK_INT(diags.errors, 0);
	CHECK_INT(diags.warnings, 1);
	CHECK_INT(diags.list[0].pos.line, 2);
	CHECK_INT(diags.list[0].pos.col, 5);
	policy_free(p);
}

int
main(void)
{
	TAP_RUN(accepts_what_handles_unknown);
	TAP_RUN(refuses_what_forgets_unknown);
	TAP_RUN(points_at_a_misspelt_signal);
	TAP_RUN(refuses_wrong_types_and_units);
	TAP_RUN(refuses_conditions_that_cannot_matter);
	TAP_RUN(finds_grammar_faults);
	TAP_RUN(bounds_depth_and_size);
	TAP_RUN(bounds_lets_that_double);
	TAP_RUN(checks_rules_as_a_whole);
	TAP_RUN(keeps_the_score_from_refusing);
	TAP_RUN(reports_all_faults_at_once);
	TAP_RUN(warns_of_a_let_that_nobody_uses);
	return tap_done();
}
