/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h2_print.h - how a client begins an HTTP/2 connection, as a short text.
 *
 *     1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p
 *
 * The entries of its first SETTINGS in their order; the first WINDOW_UPDATE of the whole
 * connection (0: none); how many PRIORITY frames came before the first request; the order
 * of that request's pseudo-header fields, by their initials. Settings and frames whose
 * numbers are drawn at random (GREASE) are left out. The text stays the same from version
 * to version of a program and differs between programs (docs/detection.md).
 *
 * Ownership  nothing is borrowed.
 * Errors     none: what does not fit is cut off, always alike.
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_H2_PRINT_H
#define WARIFU_WIRE_H2_PRINT_H

#include "proxy/wire/h2_walk.h"

enum { H2_PRINT_SETTINGS = 16, H2_PRINT_ORDER = 5, H2_PRINT_TEXT = 320 };

struct h2_print_setting {
	uint16_t id;
	uint32_t value;
};

struct h2_print {
	struct h2_print_setting settings[H2_PRINT_SETTINGS];
	unsigned n_settings, priorities, n_order;
	uint32_t window;
	char order[H2_PRINT_ORDER];
	bool settled; /* the first SETTINGS was seen */
	bool done;    /* the first request was: the rest says nothing more */
};

/* A whole frame, in the order of their coming. */
void
h2_print_frame(struct h2_print *p, const struct h2_walk *w);

/* The first request's fields, as a block (h2_block.h): from now on the text stands. A
 * CONNECT has other fields in front, and is passed over. */
void
h2_print_request(struct h2_print *p, struct span block);

/* Its length; empty before the first request. */
size_t
h2_print_text(const struct h2_print *p, char out[H2_PRINT_TEXT]);

#endif
