/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/deviceproof.h - where a browser registers its key, and proves it anew.
 *
 * Both endpoints are told by the challenge or by the session's name whose they are, never by
 * a cookie: behind a login by an identity provider the browser sends none. Statuses are
 * chosen for what Chromium makes of them: 400 and 404 make it forget the key, 403 with a
 * challenge makes it sign, 503 makes it try later; 429 and redirects never go out here.
 *
 *   register   a key for the session whose login offered this very challenge, within a
 *              minute, from where the login came, once; durable before it is answered
 *   refresh    a fresh cookie for a signature over a fresh challenge
 *
 * Threads    the worker's.
 * Not here   what a request may do (device.h).
 */
#ifndef WARIFU_GATE_DEVICEPROOF_H
#define WARIFU_GATE_DEVICEPROOF_H

#include "proxy/gate/exchange.h"

#define DEVICEPROOF_REGISTER "/.warifu/dbsc/register"
#define DEVICEPROOF_REFRESH "/.warifu/dbsc/refresh"

/* Is it a request for one of them? ADMIT knows the site and the path. */
enum device_ask
deviceproof_ask(const struct exchange *ex);

/* DECIDE for such a request: what it is worth. */
enum step_result
deviceproof_decide(struct exchange *ex);

/* ACT: what was proven is told to the session and the log. */
enum step_result
deviceproof_act(struct exchange *ex);

#endif
