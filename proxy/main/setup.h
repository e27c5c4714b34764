/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/setup.h - from a settings file to a plant that children can be started in.
 *
 * setup_snapshot is also what `warifu check` and a reload do: read and check everything,
 * change nothing.
 *
 * Errors   a negative wf_err; messages are in the list, or printed to stderr.
 */
#ifndef WARIFU_MAIN_SETUP_H
#define WARIFU_MAIN_SETUP_H

#include "proxy/main/roles.h"

/* Reads, checks and bundles. On failure all outputs are NULL. */
int
setup_snapshot(const char *path, uint64_t number, struct snapshot **snap,
    struct bundle **bundle, struct diags *diags);

/* After settings at fault: what is wrong with the policies, certificates and geo files
 * that they name, as far as they could be read. */
void
setup_faults(const char *path, struct diags *diags);

/* As root each role has a user; who is missing is told with the command that makes him. */
int
setup_users(const struct conf *c);

/* How many clients the gate can have: what limits say, or what the process's limit of
 * descriptors leaves. A client needs two, his own and a backend's. */
unsigned
setup_connections(const struct conf *c, const struct plant *p);

/* Folders, secrets, rings, metrics, sockets. Prints what goes wrong. */
int
setup_plant(struct plant *p);

#endif
