/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/domain.h - which values can a condition have at all? Private to policy/.
 *
 * Model      A signal takes only finitely many values that a condition can tell apart:
 *            each constant, its neighbours, "something else", and unknown. Trying all
 *            combinations is exact. Where there are more than DOMAIN_TRIES, each node
 *            gets the set of values that its operands allow, once for every choice of
 *            which signals are known: that may list a value which cannot occur, but
 *            never misses one.
 * Errors     false when a signal too many can be unknown (DOMAIN_UNKNOWNS), or when
 *            there is no memory.
 * Not here   what to say about it (check.c).
 */
#ifndef WARIFU_POLICY_DOMAIN_H
#define WARIFU_POLICY_DOMAIN_H

#include "policy/ast.h"

enum { DOMAIN_TRIES = 16384, DOMAIN_UNKNOWNS = 10 };

struct domain {
	size_t n;	 /* nodes of the condition, ascending; the last is its root */
	uint16_t *order; /* borrowed */
	uint8_t *
	    seen; /* by node: bit v is set if the node can have enum kleene v; borrowed */
	uint8_t *v;  /* scratch, by node; borrowed */
	int culprit; /* a signal whose being unknown makes the root unknown, or -1 */
};

bool domain_run(const struct policy *p, struct domain *d);

#endif
