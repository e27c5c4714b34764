/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/h1.h - heads of HTTP/1 requests and responses, read strictly.
 *
 * Feed everything received so far; the parser answers WF_MORE until the head is complete,
 * then says in one struct what the message is: what is asked, of whom, and where its body
 * ends. A head that two programs could read differently is refused, never repaired;
 * nothing of it may then be forwarded. docs/decisions/002-http1-policy-cases.md has the
 * cases that the grammar leaves open.
 *
 *     struct h1_request rq = {0};
 *     do
 *             r = h1_request_parse(received, &rq, array, &limits, &used, &why);
 *     while (r == WF_MORE && more arrives);
 *
 * Zero the struct for each new head. Between calls that answer WF_MORE only struct
 * h1_scan is kept (offsets): the bytes may move, but those already fed may not change.
 *
 * Ownership  spans point into `in` (some into constants); the fields into the caller's
 * array. Units      bytes; lengths are below 2^60. Errors     0, WF_MORE, or WF_ESYNTAX
 * with *why. The verdict does not depend on how the bytes were cut into portions. A
 * refusal is final for the connection. Threads    pure. Not here   bodies in chunks
 * (chunk.h), writing (h1_write.h), which host is ours, what the path means, cookies.
 */
#ifndef WARIFU_WIRE_H1_H
#define WARIFU_WIRE_H1_H

#include "proxy/base/reason.h"
#include "proxy/wire/authority.h"
#include "proxy/wire/fields.h"
#include "proxy/wire/lines.h"
#include "proxy/wire/method.h"

struct h1_limits {
	size_t line; /* first line, without CR LF */
	size_t
	    head; /* whole head, empty line included; keep it below the buffer's size */
	const struct span *methods; /* served besides the built-in ones */
	size_t n_methods;
};

/* 8 KiB and 32 KiB, no extra methods: for tests and as the settings' defaults. */
extern const struct h1_limits h1_limits_default;

/* Where the body ends. */
enum h1_framing {
	H1_NONE,    /* there is none */
	H1_LENGTH,  /* after `length` bytes */
	H1_CHUNKED, /* see chunk.h */
	H1_CLOSE,   /* when the backend closes; responses only */
};

/* How far the search for the head's end went: offsets into what is fed. */
struct h1_scan {
	struct lines lines;
	size_t first, fields; /* where the first line and the fields begin */
	bool first_ok;	      /* the first line was read and is well-formed */
};

struct h1_request {
	struct h1_scan scan;
	enum method method;
	uint8_t minor; /* HTTP/1.minor: 0 or 1 */
	enum h1_framing framing;
	uint64_t length; /* of H1_LENGTH, may be 0; else 0 */
	bool keep_alive; /* the client is willing to send another request */
	bool expect_100; /* it waits for 100 before it sends the body */
	bool upgrade;	 /* an exact WebSocket handshake */
	bool absolute;	 /* the target was in absolute form */
	bool has_query;	 /* a '?' was there, also if nothing followed it */
	struct span method_text;
	struct span target;	 /* as received */
	struct span target_host; /* of an absolute target; equals Host but for case */
	struct span path;  /* begins with '/', or is "*"; as received, still encoded */
	struct span query; /* behind the first '?' */
	struct authority authority; /* host and port, from Host */
	struct fields fields;
	struct fields_hop hop;
};

/* `array` holds the fields; *used counts the head's bytes on success, one empty line
 * before it included, and is 0 otherwise. After a refusal method_text, target and
 * authority may hold what had been read: only for the log. */
int h1_request_parse(struct span in, struct h1_request *out, struct fields array,
		     const struct h1_limits *limits, size_t *used, enum reason *why);

/* What the response answers, for its framing depends on it. */
struct h1_asked {
	enum method method;
	bool upgrade; /* 101 is welcome */
};

struct h1_response {
	struct h1_scan scan;
	uint16_t status; /* 100 to 599 */
	uint8_t minor;
	enum h1_framing framing;
	uint64_t length;  /* of H1_LENGTH */
	bool keep_alive;  /* the connection may be used again after this response */
	bool interim;	  /* 100 or 103: the final response follows */
	bool upgraded;	  /* 101 with an exact Upgrade: what follows is a tunnel */
	bool has_length;  /* Content-Length was there, also where no body follows (HEAD,
			     304) */
	uint64_t stated;  /* its value */
	struct span text; /* reason phrase, never forwarded */
	struct fields fields; /* Set-Cookie lines stay apart */
	struct fields_hop hop;
};

int h1_response_parse(struct span in, struct h1_response *out, struct fields array,
		      const struct h1_limits *limits, struct h1_asked asked, size_t *used,
		      enum reason *why);

#endif
