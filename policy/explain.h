/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/explain.h - rules and decisions in words, in English ("en") and Japanese ("ja").
 *
 * For `warifu policy explain`, the log's reader and the console. A decision is told with
 * the facts its rules asked for, as *bound value -> seen value* where the facts carry
 * evidence.
 *
 * Ownership  writes into the caller's buffer; as snprintf, returns the length wanted.
 * Errors     none; a lang other than "ja" is English.
 * Not here   escaping: facts hold what came from outside, so control characters are
 *            written as '?'; HTML and terminals' own rules are the caller's.
 */
#ifndef WARIFU_POLICY_EXPLAIN_H
#define WARIFU_POLICY_EXPLAIN_H

#include "policy/policy.h"

/* Several lines, each with '\n'. */
size_t explain_decision(const struct policy *p, const struct facts *f,
			const struct decision *d, const char *lang, char *buf,
			size_t cap);

/* One rule: sentence, condition, verdict, note, and what its signals mean. */
size_t explain_rule(const struct policy *p, size_t i, const char *lang, char *buf,
		    size_t cap);

/* One fact in one line without '\n': name, value, bound -> seen. */
size_t explain_fact(const struct facts *f, enum signal_id id, const char *lang, char *buf,
		    size_t cap);

#endif
