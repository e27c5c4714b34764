/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/plant.h - how a child that was forked leaves behind what is not its own.
 *
 *   role      descriptors                              secrets
 *   gate      listeners, bundle, rings' wakers, …      TLS keys, credential and ticket keys
 *   scribe    rings' wakers, the state folder's lock   the master key
 *   portal    its socket                               none
 *   console   its socket                               none yet (its TLS key: read before)
 *
 * All other descriptors are closed, all other secrets wiped, and then the sandbox closes
 * behind it (sandbox.h). struct plant's snapshot is gone afterwards in every child.
 *
 * Errors   a negative wf_err, said on stderr: the child must then end.
 * Threads  before any thread is started.
 */
#ifndef WARIFU_MAIN_PLANT_H
#define WARIFU_MAIN_PLANT_H

#include "proxy/main/roles.h"

/* NULL where the settings name none. */
const char *
plant_user(const struct conf *c, enum role r);

int
plant_enter(struct plant *p, enum role r);

#endif
