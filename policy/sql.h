/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/sql.h - a policy as one SQLite expression: the second opinion.
 *
 * Model      The expression stands over columns named by the signals ("place.country"),
 *            NULL where unknown, and yields the verdict's number (0 allow ... 4 revoke).
 *            BOOL is 0 or 1; numbers are in the signal's unit (durations in ms); TEXT,
 *            PATH, COUNTRY and the words of an ENUM are text. SQLite's NULL logic is
 *            Kleene's, so an auditor may recompute every verdict without our program:
 *                SELECT <expression> FROM facts;
 * Errors     none; as snprintf, returns the length wanted. SQLite's default limit on the
 *            depth of expressions (1000) is not reached by policies people write.
 * Threads    pure.
 */
#ifndef WARIFU_POLICY_SQL_H
#define WARIFU_POLICY_SQL_H

#include "policy/policy.h"

/* all_enforced: rules in observe mode count too (verdict_all_enforced). */
size_t sql_write(const struct policy *p, bool all_enforced, char *buf, size_t cap);

#endif
