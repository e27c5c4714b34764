/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/problem.h - what warifu answers for itself, and its
 * application/problem+json.
 *
 * The table problem.def names every such answer once; the gate's fixed answers, the
 * portal's pages and the JSON bodies here all speak from it. RFC 9457 members: type
 * (urn:warifu:TOKEN), title, status, detail, instance (urn:warifu:support:NUMBER), and
 * two of ours: support (the number alone) and login (path of the login page).
 *
 * Ownership  texts are static; problem_write fills the caller's buffer.
 * Errors     WF_EFULL; PROBLEM_BODY_MAX always suffices.
 * Threads    pure.
 * Not here   the choice between a page and JSON (the gate's), header fields.
 */
#ifndef WARIFU_BASE_PROBLEM_H
#define WARIFU_BASE_PROBLEM_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum problem_kind {
#define PROBLEM(id, token, status, ten, tja, den, dja) PROBLEM_##id,
#include "proxy/base/problem.def"
#undef PROBLEM
	PROBLEM_COUNT
};

enum problem_lang { PROBLEM_EN, PROBLEM_JA };

enum { PROBLEM_BODY_MAX = 8192, PROBLEM_SUPPORT_MAX = 64, PROBLEM_PATH_MAX = 1024 };

#define PROBLEM_TYPE "application/problem+json"

struct problem {
	enum problem_kind kind;
	enum problem_lang lang;
	unsigned status;     /* 0: the table's */
	struct span support; /* empty, or not problem_support_ok: left out */
	struct span login;   /* empty, or not problem_local_path: left out */
};

const char *problem_token(enum problem_kind kind);
unsigned problem_status(enum problem_kind kind);
const char *problem_title(enum problem_kind kind, enum problem_lang lang);
const char *problem_detail(enum problem_kind kind, enum problem_lang lang);

/* The kind of a token; WF_ENOTFOUND leaves *kind at PROBLEM_REFUSED. */
int problem_find(struct span token, enum problem_kind *kind);

/* The body, not NUL-terminated. */
int problem_write(const struct problem *p, char *out, size_t cap, size_t *len);

/* One to PROBLEM_SUPPORT_MAX letters, digits and "-". */
bool problem_support_ok(struct span support);

/* Starts with one "/", is visible ASCII without quotes, brackets and backslashes:
 * fit to stand in a link of ours, and cannot lead to another site. */
bool problem_local_path(struct span path);

/* Japanese if Accept-Language prefers it to English, else English. Bounded work. */
enum problem_lang problem_lang_of(struct span accept_language);

#endif
