/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/setcookie.h - Set-Cookie, read as browsers do (RFC 6265bis), written fresh.
 *
 * The point is to know what the browser will do: keep it, drop it, or delete it. So the
 * reading is the browsers': the last attribute of a name wins, unknown SameSite values
 * are no SameSite, a broken Expires makes a session cookie, Max-Age beats Expires, a
 * control character or more than 4096 bytes of name and value lose the cookie, and
 * __Secure-,
 * __Host- and __Http- names without what they demand are lost too (`prefix_broken`).
 *
 * Ownership  spans point into the line.
 * Units      seconds since 1970 (expires, now), seconds (max_age).
 * Errors     setcookie_parse: WF_ESYNTAX, WF_ERANGE: a browser ignores this line; do not
 *            learn from it. setcookie_write: WF_EFULL, WF_EAMBIGUOUS (a nameless cookie
 *            that would come back as a named one).
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_SETCOOKIE_H
#define WARIFU_WIRE_SETCOOKIE_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { SETCOOKIE_OTHERS = 8 };

enum setcookie_site {
	SETCOOKIE_SITE_UNSET, /* not given, or a value that browsers ignore */
	SETCOOKIE_SITE_LAX,
	SETCOOKIE_SITE_STRICT,
	SETCOOKIE_SITE_NONE,
};

enum setcookie_harden {
	SETCOOKIE_ADD_SECURE = 1,
	SETCOOKIE_ADD_HTTPONLY = 2,
	SETCOOKIE_ADD_LAX = 4, /* SameSite=Lax where none is given */
};

struct setcookie {
	struct span name, value; /* as stored by a browser: quotes belong to the value */
	struct span domain;	 /* without a leading dot */
	struct span path;	 /* empty: the browser's default path */
	bool has_expires, has_max_age;
	int64_t expires;
	int64_t max_age; /* clipped to +-2^40 */
	bool secure, http_only, partitioned;
	enum setcookie_site site;
	bool prefix_broken;
	struct span other[SETCOOKIE_OTHERS]; /* unknown attributes as they came */
	size_t others;			     /* further ones are dropped */
};

int setcookie_parse(struct span line, struct setcookie *c);

/* Does it take the cookie away from the browser? Max-Age <= 0, or Expires not after now
 * and no Max-Age, or an empty value (which frameworks use for the same). */
bool setcookie_deletes(const struct setcookie *c, int64_t now);

/* A browser keeps it past its own end (it has a lifetime that is still to come). */
bool setcookie_lasts(const struct setcookie *c, int64_t now);

/* `harden` is a set of enum setcookie_harden; a cookie whose prefix is broken is never
 * hardened, since that could make it valid. */
int setcookie_write(const struct setcookie *c, unsigned harden, uint8_t *buf, size_t cap,
		    struct span *out);

/* A date in any format that browsers accept in Expires (RFC 6265 5.1.1). */
int setcookie_date(struct span text, int64_t *sec);

#endif
