/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/fallback.h - the page that needs nobody: for when the portal is down.
 *
 * A few hundred bytes of HTML in both languages with the support number. No style sheet,
 * no link, nothing to fetch; the only variable parts are numbers and the support number,
 * which must be of its alphabet (letters, digits, "-") or is left out.
 *
 * Ownership  fills the caller's buffer; tables are static.
 * Errors     WF_EFULL; FALLBACK_MAX always suffices.
 * Threads    pure.
 */
#ifndef WARIFU_BASE_FALLBACK_H
#define WARIFU_BASE_FALLBACK_H

#include "proxy/base/problem.h"

enum { FALLBACK_MAX = 2048 };

#define FALLBACK_TYPE "text/html; charset=utf-8"
#define FALLBACK_CSP                                                                \
	"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors " \
	"'none'"

struct fallback_field {
	const char *name;
	const char *value;
};

/* Everything that such an answer carries besides status, date and length: type, CSP,
 * Cache-Control: no-store and harden.def. Ends with a NULL name. */
extern const struct fallback_field fallback_fields[];

int fallback_page(enum problem_kind kind, struct span support, char *out, size_t cap,
		  size_t *len);

#endif
