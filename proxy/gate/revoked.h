/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/revoked.h - does any reading of an ambiguous request lead to a session that
 * was ended for good, or may have been?
 *
 * An observed site passes what can be read in two ways, for its backend to make of it what
 * it always made. Without this look a revoked cookie would live on beside a second one of
 * its name. Whoever writes more spellings than anybody needs is taken for a yes.
 *
 * Threads    the worker's.
 * Not here   requests that can be read in one way only: KNOW.
 */
#ifndef WARIFU_GATE_REVOKED_H
#define WARIFU_GATE_REVOKED_H

#include "proxy/gate/exchange.h"

bool
revoked_in_any_reading(struct exchange *ex);

#endif
