/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/replay.h - recorded decisions, decided again.
 *
 * Model      One JSON object per line, as `warifu log export` writes them. A line with a
 *            member "facts" is a decision: {"facts": {signal: value or null}, "verdict":
 *            name, "rules": [ids of the enforced rules that matched]}; other lines are
 *            passed over. Values are JSON's true, false and whole numbers (in the unit of
 *            the signal), or text as policy/signal.h spells it. A signal that a line does
 *            not name is unknown, and counted if the policy reads it; a name that this
 *            release does not know is ignored.
 * Ownership  reads `in`, writes `out`; keeps nothing.
 * Errors     counted, each with a line on `out`; reading goes on.
 */
#ifndef WARIFU_MAIN_REPLAY_H
#define WARIFU_MAIN_REPLAY_H

#include <stdio.h>

#include "policy/policy.h"

struct replay_count {
	size_t decisions;
	size_t differ; /* another verdict or other rules */
	size_t other;  /* lines that are no decisions */
	size_t malformed;
	size_t incomplete; /* decisions that lack a fact which the policy reads */
};

void replay_run(const struct policy *p, FILE *in, FILE *out, struct replay_count *count);

#endif
