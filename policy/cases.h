/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/cases.h - golden cases: what a policy must decide, written beside it.
 *
 *   facts "the owner at his desk" {
 *       request.class = read
 *       client.core-same = true
 *       place.country = JP
 *   }
 *   case "moves to the phone's network" {
 *       like "the owner at his desk"
 *       place.asn-same = false
 *       expect flag by R40          # the rules that match: exactly these
 *       observed R95                # rules in observe mode whose condition holds: ditto
 *   }
 *
 * Model      A set of facts may be `like` earlier ones and change some; what no line
 *            names is unknown. `expect VERDICT` without `by` expects that no enforced
 *            rule matches; `by *` accepts any. Without `observed` any may.
 * Ownership  nothing is kept.
 * Errors     faults of the file and failed cases go into the list, at their line.
 * Threads    pure.
 */
#ifndef WARIFU_POLICY_CASES_H
#define WARIFU_POLICY_CASES_H

#include "policy/policy.h"

struct cases_result {
	const char *name; /* borrowed for the call */
	unsigned line;
	bool passed;
	const struct decision *got;
	const struct facts *facts;
};

struct cases_count {
	size_t passed;
	size_t failed;
};

/* Runs all cases in text[len]. True if the file is sound and every case passed. `told`
 * may be NULL; else it is called for each case. A file without a case is a fault. */
bool cases_run(const struct policy *p, const char *text, size_t len, const char *name,
	       struct diags *diags, void (*told)(void *arg, const struct cases_result *r),
	       void *arg, struct cases_count *count);

#endif
