/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/redirect.h - plain HTTP listeners: on to https, and nothing else.
 *
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_REDIRECT_H
#define WARIFU_GATE_REDIRECT_H

#include "proxy/gate/conn.h"

/* Answers 308 to https for a host of ours whose site wants that, else 421; takes ex. */
void
redirect_answer(struct conn *c, struct exchange *ex);

#endif
