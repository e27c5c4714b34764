/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/check.h - what the grammar cannot say: what a whole policy must fulfil. Private.
 *
 * Sorts rules by id. Refuses: a missing default; ids given twice or retired; a condition
 * that can be unknown, or is always or never true; `known` and `unknown` that do nothing;
 * a refusal that depends on risk.score; what is too large with all lets written out.
 */
#ifndef WARIFU_POLICY_CHECK_H
#define WARIFU_POLICY_CHECK_H

#include "policy/ast.h"

/* Reports into diags; false only if there was no memory. */
bool check_policy(struct policy *p, const struct diag_source *src, struct diags *diags);

#endif
