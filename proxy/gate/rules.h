/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/rules.h - a site's policy: read, checked, tried on its golden cases, hashed.
 *
 * A policy that fails one of its cases is no policy: what it was meant to decide is
 * written there, and a start or reload with it would be a surprise. The supervisor and
 * `warifu check` run the cases; the gate builds from what they found sound.
 *
 * Ownership  the policy belongs to the site's entry; faults go into the list.
 * Errors     WF_ECONFIG with at least one error in the list.
 * Threads    one.
 */
#ifndef WARIFU_GATE_RULES_H
#define WARIFU_GATE_RULES_H

#include "proxy/gate/snapshot.h"

/* `settings` is the file that names the policy. `cases`: run them. */
int
rules_load(struct snapshot_site *site, const struct snapshot_reader *r, bool cases,
    const struct diag_source *settings, struct diags *diags);

/* The built-in starter policy: what a site without `policy` gets. */
struct span
rules_starter(void);

#endif
