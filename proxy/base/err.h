/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/err.h - the one table of errors.
 *
 * Every function of ours that can fail returns 0, or one of these (all negative).
 * Incremental parsers also return WF_MORE (positive): feed more bytes and call again.
 * Predicates return bool and read as a question.
 *
 * Threads  all calls are pure.
 */
#ifndef WARIFU_BASE_ERR_H
#define WARIFU_BASE_ERR_H

enum { WF_MORE = 1 };

/* Numbered 0, 1, 2 … in table order, so that the errors below are their negatives. */
enum wf_err_number {
#define ERR(name, text) WF_N_##name,
#include "proxy/base/err.def"
#undef ERR
	WF_N_COUNT
};

enum wf_err {
#define ERR(name, text) WF_E##name = -(int)WF_N_##name,
#include "proxy/base/err.def"
#undef ERR
};

/* The sentence for an error; never NULL, also for numbers outside the table. */
const char *
err_text(int err);

#endif
