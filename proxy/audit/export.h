/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/export.h - leaves as JSON Lines or CSV, for other programs.
 *
 * One leaf is one line, always: bytes from outside are escaped so that they can neither end
 * a line, nor a string, nor a cell, nor begin a formula in a spreadsheet. Keys and columns
 * are the names of record.def, facts those of policy/signal.def.
 * docs/formats/record.md describes both forms.
 *
 * Ownership  export_new allocates; the stream is the caller's.
 * Errors     WF_EIO: the stream failed.
 * Threads    one owner.
 */
#ifndef WARIFU_AUDIT_EXPORT_H
#define WARIFU_AUDIT_EXPORT_H

#include <stdio.h>

#include "proxy/audit/query.h"

enum export_format { EXPORT_JSONL, EXPORT_CSV };

struct export;

struct export *
export_new(FILE *out, enum export_format f);

void
export_free(struct export *x);

/* The first line, where the format has one. */
int
export_begin(struct export *x);

int
export_leaf(struct export *x, const struct query_item *it);

#endif
