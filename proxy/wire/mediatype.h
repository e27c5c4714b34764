/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/mediatype.h - is a Content-Type exactly what we can read? (RFC 9110 8.3)
 *
 * A body that decides something (who logs in) is read by us and by the backend. Another
 * character set, or a parameter that one of the two ignores, and they read different
 * things: a name written in UTF-7 is no name to us. So nothing but the bare type, or the
 * type with charset=utf-8, is taken.
 *
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_MEDIATYPE_H
#define WARIFU_WIRE_MEDIATYPE_H

#include "proxy/base/span.h"

/* `want` in lower case, "application/json". */
bool
mediatype_is(struct span field, struct span want);

#endif
