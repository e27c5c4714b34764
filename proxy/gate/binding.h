/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/binding.h - a session is made: by a login that succeeded, or by adoption.
 *
 * The session's one accepted context is that of the login. What the login's cookie had
 * before is dropped (security model 4). Whether an answer is a successful login at all is
 * login.h's; that the binding is durable before the answer goes on is step_learn's.
 *
 * Threads    the worker's.
 */
#ifndef WARIFU_GATE_BINDING_H
#define WARIFU_GATE_BINDING_H

#include "proxy/gate/exchange.h"

/* Binds the login that ex is. STEP_NEXT: there is nothing to wait for. */
enum step_result
binding_login(struct exchange *ex);

/* The answer of the backend is kept back; the client is told why. */
enum step_result
binding_refuse(struct exchange *ex, enum reason why);

/* Makes a session out of an unknown credential of ex, within the date of `adopt`. */
int
binding_adopt(struct exchange *ex);

/* The backend answered as to somebody it knows: the adoption is recorded. Otherwise the
 * session is forgotten; a cookie that somebody invented leaves nothing behind. */
void
binding_adopted(struct exchange *ex, bool known);

#endif
