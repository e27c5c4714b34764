/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/canon.h - conditions and values in their one spelling. Private to policy/.
 *
 * Lets are written out, sets are sorted, `!=` becomes `not ... =`, parentheses stand only
 * where they are needed. Reading the result gives the same nodes again.
 */
#ifndef WARIFU_POLICY_CANON_H
#define WARIFU_POLICY_CANON_H

#include "policy/ast.h"
#include "policy/out.h"

void canon_condition(struct out *o, const struct policy *p, uint16_t root);

/* The operands of a chain of `and` or of `or`, however it was built, left to right. list
 * has room for POLICY_NODES_MAX: a condition's weight counts shared lets each time. */
size_t canon_operands(const struct policy *p, const struct node *top, uint16_t *list);

/* A number of the signal as a literal: "30 min", "JP", "sensitive", "7". */
void canon_number(struct out *o, unsigned sig, int64_t num);

enum { CANON_DATE_LEN = 16 };

/* Seconds since 1970 as 2026-12-31; returns day. */
const char *canon_date(int64_t since, char day[CANON_DATE_LEN]);

/* In double quotes, with escapes. */
void canon_string(struct out *o, const char *s, size_t n);

#endif
