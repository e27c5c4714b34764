/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/learn.h - LEARN's part in an answer that passes while it is looked at.
 *
 * At a site that enforces, a login's answer is read first and then delivered. At an
 * observed one nothing may wait: DELIVER shows each run of the body as it goes by, and
 * the whole is judged when it is out.
 *
 * Threads    the worker's.
 */
#ifndef WARIFU_GATE_LEARN_H
#define WARIFU_GATE_LEARN_H

#include "proxy/gate/exchange.h"

/* Reads the answer's body into res_cap: 0 when all of it is there, or when it is too long to
 * be looked at (then the rest is still to be read); WF_MORE, or an error. */
int
learn_read_body(struct exchange *ex);

/* d of the answer's body was delivered. */
void
learn_passed(struct exchange *ex, struct span d);

/* All of it was. */
void
learn_late(struct exchange *ex);

#endif
