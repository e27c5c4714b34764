/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/method.h - request methods.
 *
 * Methods are case-sensitive. Seven are built in; a site may list more (QUERY, PROPFIND,
 * ...): those read as METHOD_EXTRA and keep their text. CONNECT and TRACE are never
 * served, listed or not.
 *
 * Threads  pure.
 */
#ifndef WARIFU_WIRE_METHOD_H
#define WARIFU_WIRE_METHOD_H

#include "proxy/base/reason.h"

enum method {
	METHOD_NONE,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_EXTRA,
};

/* The text of a built-in method; empty for METHOD_NONE and METHOD_EXTRA. */
struct span method_text(enum method m);

/* What s names, given the site's extra methods. WF_ESYNTAX with *why if it may not be
 * served; *out is then METHOD_NONE. */
int method_parse(struct span s, const struct span *extra, size_t n_extra,
		 enum method *out, enum reason *why);

#endif
