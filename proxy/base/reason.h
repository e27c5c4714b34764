/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/reason.h - the one table of reasons why a message or a request was refused.
 *
 * A reason has a number that never changes its meaning (records keep it), a short name
 * (logs, metrics, `Warifu-Reason`), a sentence for the operator who must act, a sentence
 * for the auditor who reads the record years later, and the status of the answer.
 *
 * A parser that refuses returns WF_ESYNTAX and says here which rule was broken; enum
 * wf_err says how our own calls failed, enum reason what was wrong with the others'
 * bytes. Bytes from a backend are judged by the same rules: whoever forwards its answer
 * then replies with REASON_UPSTREAM_BAD_RESPONSE's status and records the finer reason.
 *
 * Threads  pure, constant tables.
 * Not here what a browser is shown in its own language (proxy/web).
 */
#ifndef WARIFU_BASE_REASON_H
#define WARIFU_BASE_REASON_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum reason {
	REASON_NONE = 0,
#define REASON(number, id, name, status, operators, auditors) REASON_##id = number,
#include "proxy/base/reason.def"
#undef REASON
};

struct reason_info {
	enum reason reason;
	const char *name;      /* lower case, words joined by '-', at most 31 bytes */
	int status;	       /* of the HTTP answer, 400 to 504 */
	const char *operators; /* what happened and what to look at */
	const char *auditors;  /* what the rule protects, in plain words */
};

/* Never NULL: numbers outside the table (a newer version's record) read "unknown". */
const struct reason_info *reason_info(enum reason r);

/* Shorthand for reason_info(r)->name. */
const char *reason_name(enum reason r);

/* The i-th entry in table order, or NULL past the end: for manual pages and metrics. */
const struct reason_info *reason_at(size_t i);

/* REASON_NONE when no entry has that name. */
enum reason reason_by_name(struct span name);

/* For parsers: `return reason_refuse(why, REASON_HOST_MISSING);` */
static inline int
reason_refuse(enum reason *why, enum reason r)
{
	*why = r;
	return WF_ESYNTAX;
}

#endif
