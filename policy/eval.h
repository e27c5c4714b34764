/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/eval.h - three-valued evaluation of conditions. Private to policy/.
 *
 * Errors     none: every condition has a value for every set of facts.
 * Units      v[i] gets the enum kleene of node i.
 * Threads    pure.
 */
#ifndef WARIFU_POLICY_EVAL_H
#define WARIFU_POLICY_EVAL_H

#include "policy/ast.h"

/* All nodes; v has room for p->n_nodes. */
void eval_all(const struct policy *p, const struct facts *f, uint8_t *v);

/* Only the nodes in order[n], ascending and closed under operands. */
void eval_some(const struct policy *p, const struct facts *f, const uint16_t *order,
	       size_t n, uint8_t *v);

/* What read-only means for this request. What is unknown counts against it. */
enum verdict eval_read_only(const struct facts *f);

/* Is path[n] the item or below it? Case (ASCII) and slashes at the end do not matter. */
bool eval_path_under(const char *path, size_t n, const struct item *it);
bool eval_path_is(const char *path, size_t n, const struct item *it);

#endif
