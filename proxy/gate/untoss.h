/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/untoss.h - makes a browser forget every cookie of a name.
 *
 * Two cookies of one name: which of them was planted cannot be told, and a browser removes
 * one only for exactly the domain and path it was set with (RFC 6265 5.3). So the answer
 * expires the name without a domain, for the host and for each parent domain, times the
 * root and each prefix of the request's path (security model 7). Browsers ignore those
 * for public suffixes themselves.
 *
 * Threads    the worker's.
 */
#ifndef WARIFU_GATE_UNTOSS_H
#define WARIFU_GATE_UNTOSS_H

#include "proxy/gate/exchange.h"

/* Appends Set-Cookie fields to a refusal because of tossing; else does nothing. */
void
untoss(struct exchange *ex, struct reply *r);

#endif
