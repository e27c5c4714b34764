/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h1_frame.h - what requests and responses say alike; only for
 * h1_*.c and h2_*.c.
 *
 * A complete head is indexed once by field id; from then on "is there a Content-Length,
 * and only one" is a look into an array. The index also is where duplicates show.
 *
 * Errors   0 or WF_ESYNTAX with *why.
 * Threads  pure.
 */
#ifndef WARIFU_WIRE_H1_FRAME_H
#define WARIFU_WIRE_H1_FRAME_H

#include "proxy/wire/h1.h"

/* The first line, without CR LF; WF_MORE until it is there, then 0 on each call. */
int h1_frame_first(struct span in, struct h1_scan *scan, const struct h1_limits *limits,
		   struct span *line, enum reason *why);

/* Goes on from there: 0 when the head is complete, *block being its field lines. */
int h1_frame_rest(struct span in, struct h1_scan *scan, const struct h1_limits *limits,
		  struct span *block, enum reason *why);

struct h1_index {
	const struct field *first[FIELD_COUNT];
};

/* Refuses a second field of any id that has one of the flags `once`. */
int h1_frame_index(const struct fields *f, unsigned once, struct h1_index *x,
		   enum reason *why);

/* Refuses a name with '_' or the like that a folding backend would take for a known field. */
int h1_frame_aliases(const struct fields *f, enum reason *why);

/* Expect, when the framing is known. HTTP/1.0 has no 100 (Continue): its Expect is ignored
 * (RFC 9110 10.1.1). */
int h1_frame_expect(const struct h1_index *x, struct h1_request *out, enum reason *why);

/* Content-Length and Transfer-Encoding; H1_NONE when neither is there. */
int h1_frame_body(const struct h1_index *x, uint8_t minor, enum h1_framing *framing,
		  uint64_t *length, enum reason *why);

/* Connection, and whether the connection stays open after this message. */
int h1_frame_connection(const struct fields *f, const struct h1_index *x, uint8_t minor,
			struct fields_hop *hop, bool *keep_alive, enum reason *why);

/* HTTP/1.0 or HTTP/1.1, exactly. */
int h1_frame_version(struct span s, uint8_t *minor, enum reason *why);

/* True if the head asks for, or confirms, the WebSocket protocol and no other. *listed is
 * true as soon as it is among the names of Upgrade and Connection makes that count. */
bool h1_frame_websocket(const struct h1_index *x, const struct fields_hop *hop,
			bool *listed);

#endif
