/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/form.h - name=value pairs: queries and urlencoded bodies.
 *
 * Pairs are split at & as in the URL standard; + is a space and percent escapes are
 * decoded once. A malformed escape is kept as it stands and marks the pair `odd`, since
 * backends disagree about it.
 *
 * form_one is for fields that decide something (the user's name): the field must occur
 * exactly once in the reading of *any* common backend. A second name that equals it only
 * after folding case, or after PHP's renaming (leading spaces, `.`, `[`, space), with an
 * array mark (name[], name[x]), cut at NUL, or behind a semicolon (older Python and Ruby
 * split there), makes it ambiguous.
 *
 * Ownership  decoded spans point into the caller's buffer, raw ones into the input.
 * Errors     WF_ENOTFOUND, WF_EAMBIGUOUS, WF_ESYNTAX (odd, or not UTF-8), WF_EFULL.
 * Threads    pure.
 * Not here   multipart bodies. Whoever classes routes treats them as not looked into.
 */
#ifndef WARIFU_WIRE_FORM_H
#define WARIFU_WIRE_FORM_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

struct form {
	struct span rest;
};

struct form_pair {
	struct span raw_name, raw_value;
	struct span name, value; /* decoded; empty when the buffer was too small */
	bool has_eq;
	bool odd; /* a malformed escape, or the decoded text is not UTF-8 */
};

/* Over a query (without its ?) or a body. */
void form_init(struct form *f, struct span raw);

/* The next pair; empty pairs (&&) are skipped. buf of the input's length always suffices
 * and may be used again for the next pair. False at the end. */
bool form_next(struct form *f, uint8_t *buf, size_t cap, struct form_pair *pair);

/* The value of the only field of that name, decoded. */
int form_one(struct span raw, struct span name, uint8_t *buf, size_t cap,
	     struct span *value);

/* Does it hold a field by which a framework changes the method (_method and others, after
 * decoding and folding)? */
bool form_overrides_method(struct span raw);

/*
 * The same over a body of any length that comes in pieces. Only the name under way is
 * kept, and of that no more than tells: a name that is longer is judged by its begin.
 */
enum { FORM_SCAN_NAME = 96 };

struct form_scan {
	uint8_t name[FORM_SCAN_NAME];
	uint8_t n;
	bool in_value;
	bool longer; /* the name did not fit */
};

/* Over zeroed memory. True as soon as such a name is complete. */
bool form_scan_feed(struct form_scan *s, struct span data);
bool form_scan_end(struct form_scan *s);

#endif
