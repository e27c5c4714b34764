/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/quote.h - text for readers that would obey it: HTML and metrics.
 *
 * A struct quote is a bounded writer. Trusted text is a literal of ours (QUOTE_LIT, which
 * takes nothing else); everything that varies goes through an escaper. What no longer
 * fits latches `full`, and from then on nothing is written: ask quote_done() once and
 * drop the whole text if it says so.
 *
 * Escapers   bytes that are no well-formed UTF-8, C0, C1 and DEL become U+FFFD; so do the
 *            characters that reorder or hide text (bidi controls, zero width, U+2028).
 * Ownership  the buffer is the caller's and is not NUL-terminated.
 * Errors     WF_EFULL from quote_done.
 * Threads    one owner at a time.
 * Not here   JSON (proxy/base/json.h).
 */
#ifndef WARIFU_BASE_QUOTE_H
#define WARIFU_BASE_QUOTE_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

struct quote {
	char *p;
	size_t cap;
	size_t n;
	bool full;
};

void quote_init(struct quote *q, void *buffer, size_t cap);

/* The finished text, or WF_EFULL and an empty span. */
int quote_done(const struct quote *q, struct span *out);

/* As it is: only for what is safe by construction. Use QUOTE_LIT for literals. */
void quote_raw(struct quote *q, struct span s);
#define QUOTE_LIT(q, literal) quote_raw((q), SPAN_LIT(literal))

/* Element content or a double-quoted attribute. */
void quote_html(struct quote *q, struct span s);

/* The inside of a label value or a help text in Prometheus' text format. */
void quote_label(struct quote *q, struct span s);

void quote_uint(struct quote *q, uint64_t v);
void quote_int(struct quote *q, int64_t v);

/* v / 10^digits with `digits` decimals (at most 9), trailing zeros left out. */
void quote_fixed(struct quote *q, uint64_t v, unsigned digits);

#endif
