/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/changes.h - what a reload changed, in one line for its admin and its record.
 *
 * Ownership  writes into the caller's memory; cut with "…" when it does not fit.
 */
#ifndef WARIFU_MAIN_CHANGES_H
#define WARIFU_MAIN_CHANGES_H

#include "proxy/gate/snapshot.h"

/* "nothing changed", or parts such as "site wallet: mode enforce, policy; geo". */
void
changes_text(const struct snapshot *old, const struct snapshot *now, char *out, size_t cap);

#endif
