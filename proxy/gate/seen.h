/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/seen.h - for a decision's record: what each rule that matched went by, as
 * bound at the login and as seen now.
 *
 * One element for each rule and each of its signals that compares, in words for people:
 *
 *   R10 client.family-same: boringssl -> openssl
 *   R20 place.country-changed: JP -> NL
 *   R02 context.challenged: JP AS9605 chromium 131 windows -> NL AS1136 curl
 *
 * Where both sides say the same, or one is unknown, there is none: nothing was held against
 * anybody by it. Addresses and their networks stand here only, so the field is personal; no
 * credential and no hash of one is among them. At most SEEN_MOST elements.
 *
 * Threads    the worker's.
 * Not here   the facts themselves, from which the decision is made again: journal.c.
 */
#ifndef WARIFU_GATE_SEEN_H
#define WARIFU_GATE_SEEN_H

#include "proxy/gate/exchange.h"

enum { SEEN_MOST = 32 };

/* In the personal part, at the place of REC_TAG_SEEN. */
void
seen_put(struct rec *r, const struct exchange *ex);

#endif
