/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/policy.h - an administrator's rules, checked, and the decision on one request.
 *
 * Model      A policy is a list of rules and a default. Every rule is evaluated on every
 *            request; the strictest verdict of the matching rules wins; if none matches,
 *            the default applies. The order in the file has no meaning: rules are kept
 *            sorted by id. A condition is three-valued, but the checker refuses one that
 *            could come out unknown, so a rule matches or does not. `read-only` resolves
 *            to allow (GET or HEAD, class open or read, no WebSocket) or refuse first. A
 *            rule in observe mode never counts as a match; what it would have done is
 *            told beside the verdict.
 * Ownership  policy_load_text copies what it needs; policy_free ends it. A loaded policy
 *            is never changed. Strings given out live as long as the policy.
 * Errors     NULL and messages in the list. policy_decide cannot fail.
 * Threads    a loaded policy may be used by any number of threads at once.
 * Limits     POLICY_*_MAX below; beyond them the file is refused.
 * Not here   reading files, hashing (hash policy_canonical's bytes), acting on verdicts,
 *            the observe mode of a whole site (the gate has it).
 */
#ifndef WARIFU_POLICY_POLICY_H
#define WARIFU_POLICY_POLICY_H

#include "policy/diag.h"
#include "policy/signal.h"

enum {
	POLICY_RULES_MAX = 256,
	POLICY_LETS_MAX = 128,
	POLICY_RETIRED_MAX = 512,
	POLICY_NODES_MAX =
	    8192, /* conditions and members of sets, all lets written out */
	POLICY_ITEMS_MAX = 8192,    /* members of all sets, and values */
	POLICY_DEPTH_MAX = 32,	    /* parentheses and nots */
	POLICY_ID_MAX = 31,	    /* bytes of a rule's id, a let's name, a reason */
	POLICY_TEXT_MAX = 1u << 20, /* bytes of a policy file */
	POLICY_NO_RULE = 0xffff,
};

enum verdict {
#define VERDICT(ident, name, en, ja) VERDICT_##ident,
#include "policy/verdict.def"
#undef VERDICT
	VERDICT_COUNT
};

/* "allow" ...; "?" for a number outside the table. */
const char *verdict_name(enum verdict v);
/* One clause for people, in "ja" or (any other lang) English. */
const char *verdict_sentence(enum verdict v, const char *lang);
/* -1 if it is no verdict (read-only is none: it resolves). */
int verdict_by_name(const char *name, size_t n);

struct decision {
	enum verdict verdict; /* what to do */
	enum verdict
	    verdict_all_enforced; /* what it were if no rule was in observe mode */
	bool by_default;	  /* no enforced rule matched */
	bool incomplete; /* a fact that the gate always knows was unknown: a bug, or an
			  * old record that has no such fact yet */
	uint16_t rule;	 /* index of the deciding rule (lowest id among the strictest), or
			  * POLICY_NO_RULE */
	uint16_t n_matched;
	uint16_t n_observed;
	uint64_t matched[POLICY_RULES_MAX / 64]; /* enforced rules whose condition held */
	uint64_t observed[POLICY_RULES_MAX / 64]; /* observe rules whose condition held */
	const char *reason; /* the deciding rule's reason word, "" if none; borrowed */
};

struct policy_rule {
	const char *id;
	const char *sentence;
	const char *sentence_ja; /* "" if none */
	const char *note;	 /* "" if none */
	const char *reason;	 /* "" if none */
	const char *then;	 /* the verdict as written, "read-only" included */
	enum verdict verdict;	 /* the strictest that it can resolve to */
	bool read_only;
	bool observe;
	bool has_since;
	int64_t since;				  /* seconds since 1970 */
	unsigned line;				  /* where the rule starts in its file */
	uint64_t reads[(SIGNAL_COUNT + 63) / 64]; /* bit SIG_x: the condition reads it */
};

struct policy;

/* NULL if there was any error; `name` is the file's name in messages. */
struct policy *policy_load_text(const char *text, size_t len, const char *name,
				struct diags *diags);

void policy_free(struct policy *p);

/* No allocation, no IO, no clock. */
void policy_decide(const struct policy *p, const struct facts *f, struct decision *d);

/* The same policy always gives the same bytes, whatever its order, spacing, comments and
 * lets; it is a policy file itself. As snprintf: returns the length needed without the
 * NUL; writes at most cap bytes, NUL included. Its SHA-256 is the policy's hash. */
size_t policy_canonical(const struct policy *p, char *buf, size_t cap);

const char *policy_name(const struct policy *p);
/* "allow" ... or "read-only". */
const char *policy_default(const struct policy *p);
size_t policy_rule_count(const struct policy *p);
/* Never NULL for i < policy_rule_count; rules come sorted by id. */
const struct policy_rule *policy_rule_info(const struct policy *p, size_t i);
/* Index, or -1. */
int policy_rule_find(const struct policy *p, const char *id, size_t n);
/* Does any rule read this signal? The gate may skip gathering what nobody asks. */
bool policy_reads(const struct policy *p, enum signal_id id);

static inline bool
decision_has(const uint64_t *set, size_t i)
{
	return i < POLICY_RULES_MAX && (set[i / 64] >> (i % 64) & 1) != 0;
}

#endif
