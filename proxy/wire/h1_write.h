/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h1_write.h - heads of HTTP/1 messages, written anew.
 *
 * A head is a first line, fields, framing, and an end, in this order:
 *
 *     h1_write_request_line(&o, rq.method_text, rq.path, rq.has_query, rq.query);
 *     h1_write_field(&o, SPAN_LIT("Host"), host);
 *     h1_write_copy(&o, &rq.fields, &rq.hop, keep, ctx);
 *     h1_write_framing(&o, rq.framing, rq.length);
 *     h1_write_connection(&o, H1_WRITE_KEEP);
 *     h1_write_end(&o);
 *     if (!h1_out_ok(&o)) ...
 *
 * Nothing can put a line of its own into a head: every name, value and target is checked
 * when it is written, whoever made it (see h1_out.h). Copying leaves out what belongs to
 * one hop and what says where the body ends; both are written from the parsed form.
 *
 * Ownership  appends to the caller's struct h1_out; borrows everything else.
 * Errors     latched in struct h1_out.
 * Threads    pure.
 */
#ifndef WARIFU_WIRE_H1_WRITE_H
#define WARIFU_WIRE_H1_WRITE_H

#include "proxy/wire/h1.h"
#include "proxy/wire/h1_out.h"

/* METHOD SP path[?query] SP HTTP/1.1. */
void h1_write_request_line(struct h1_out *o, struct span method, struct span path,
			   bool has_query, struct span query);

/* HTTP/1.1 SP status SP text, with the standard text of the status (or none). */
void h1_write_status_line(struct h1_out *o, unsigned status);

void h1_write_field(struct h1_out *o, struct span name, struct span value);

void h1_write_field_uint(struct h1_out *o, struct span name, uint64_t value);

/* May this field pass? NULL in place of the function: all may. */
typedef bool h1_write_keep(void *ctx, const struct field *x);

/* Copies fields in order, names as received: never hop-by-hop or framing fields, never
 * Warifu-*, and only what keep allows. Host is not copied: write it first. */
void h1_write_copy(struct h1_out *o, const struct fields *f, const struct fields_hop *hop,
		   h1_write_keep *keep, void *ctx);

/* Content-Length or Transfer-Encoding; nothing for H1_NONE and H1_CLOSE. */
void h1_write_framing(struct h1_out *o, enum h1_framing framing, uint64_t length);

enum h1_write_connection { H1_WRITE_KEEP, H1_WRITE_CLOSE, H1_WRITE_WEBSOCKET };

/* Nothing, `Connection: close`, or the two fields of a WebSocket handshake. */
void h1_write_connection(struct h1_out *o, enum h1_write_connection c);

void h1_write_end(struct h1_out *o);

/* The standard text of a status, or an empty span. */
struct span h1_write_status_text(unsigned status);

#endif
