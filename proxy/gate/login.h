/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/login.h - was this a successful login, whose, and with which credentials?
 *
 * Reads the backend's answer by the site's recipe. All conditions must hold; what cannot
 * be read in exactly one way is no success. The user's name comes from what the backend
 * asserts where the recipe says so, and is looked at only after success, since people
 * type passwords into the wrong field.
 *
 * Threads  the worker's.
 * Not here binding (learn.c).
 */
#ifndef WARIFU_GATE_LOGIN_H
#define WARIFU_GATE_LOGIN_H

#include "proxy/gate/exchange.h"

enum { LOGIN_COOKIES = 2 * RECIPE_CARRIERS }; /* each deleted, then set */

/* A session cookie that the answer sets. */
struct login_cookie {
	struct span name;
	struct span value;
	struct span domain, path; /* a browser keeps one value for each name, domain and path */
	bool deletes;
};

/* Must the answer's body be read before its head may go on? */
bool
login_needs_body(const struct recipe_login *l);
/* … and the request's body be kept? */
bool
login_needs_request(const struct recipe_login *l);

/* Before the backend hears of it: a login whose user is read from the request must be of a
 * kind that we and the backend read alike. */
enum reason
login_admit(const struct exchange *ex);

/* What the answer's Set-Cookie lines together do to the session cookies: a later line
 * replaces what one before said of the same name, domain and path, and a deletion beside
 * a value is that value's. How many. */
size_t
login_cookies(const struct exchange *ex, struct login_cookie out[LOGIN_COOKIES]);

bool
login_succeeded(struct exchange *ex);

/* Sets ex->user and ex->user_how; leaves them empty where nothing can be read. */
void
login_read_user(struct exchange *ex);

/* The bearer token of the JSON answer, or empty. */
struct span
login_token(struct exchange *ex);

#endif
