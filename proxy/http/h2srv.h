/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/http/h2srv.h - one HTTP/2 connection towards a client, without IO.
 *
 * The engine under the gate: it takes the bytes that came and calls back what they say,
 * and it makes the bytes that go. Frames, HPACK and flow control are nghttp2's; what a
 * message means is not (its checks of HTTP are off: h2_request.h reads heads by the very
 * rules of HTTP/1.1, so that there is one strictness and each refusal can be recorded).
 *
 *   h2srv_recv     feeds bytes; the callbacks of struct h2srv_ops run inside
 *   h2srv_send     makes frames of what is queued, as long as there is room
 *   h2srv_reply    the head of an answer; its body is asked for by `pending` and `take`
 *   h2srv_ate      body bytes of a request went on: only now may the client send more
 *
 * What a client can do without asking for anything is budgeted: resets (its own and those
 * it provokes), heads above the limit, and frames that carry nothing. Who exceeds a
 * budget gets GOAWAY with ENHANCE_YOUR_CALM, and h2srv_abuse says what it was.
 *
 * A stream is the caller's pointer, given in answer to `head`. No callback may call
 * h2srv_recv, h2srv_send or h2srv_free; all else is allowed inside one.
 *
 * Ownership  h2srv_new / h2srv_free. Spans in callbacks live for the call.
 * Units      bytes; nanoseconds of the clock that the caller passes in.
 * Errors     0, WF_MORE (no room to send more now), or a negative enum wf_err: the
 *            connection is over.
 * Threads    one owner at a time.
 * Not here   sockets, TLS, requests and their steps (proxy/gate/connh2.c).
 */
#ifndef WARIFU_HTTP_H2SRV_H
#define WARIFU_HTTP_H2SRV_H

#include "proxy/base/err.h"
#include "proxy/wire/fields.h"
#include "proxy/wire/h2_print.h"

struct h2srv;

enum {
	H2SRV_WINDOW = 65535,	       /* of a stream: what one request's body may hold here */
	H2SRV_CONNECTION = 512 * 1024, /* of all streams of a connection */
	H2SRV_BLOCK = 32 * 1024 + 512, /* for a head while it is decoded */
	H2SRV_FRAME = 16384,
};

/* RFC 9113 7. */
enum h2srv_code {
	H2SRV_NO_ERROR = 0,
	H2SRV_PROTOCOL_ERROR = 1,
	H2SRV_INTERNAL_ERROR = 2,
	H2SRV_STREAM_CLOSED = 5,
	H2SRV_REFUSED_STREAM = 7,
	H2SRV_CANCEL = 8,
	H2SRV_CALM = 11,
};

enum h2srv_abuse {
	H2SRV_FAIR,
	H2SRV_RESETS,	     /* more streams reset than the budget allows */
	H2SRV_IDLE_FRAMES,   /* … frames that carry nothing */
	H2SRV_CONTINUATIONS, /* a head in too many frames */
	H2SRV_ACKS,	     /* more to acknowledge than it reads */
	H2SRV_HEADS,	     /* a head far above the limit, or many above it */
};

struct h2srv_rate {
	uint64_t interval; /* ns for one more; 0: no limit */
	uint64_t burst;
};

struct h2srv_opt {
	uint32_t streams; /* open at once */
	uint32_t head;	  /* bytes of a head, as a block; at most H2SRV_BLOCK */
	bool tunnels;	  /* extended CONNECT is offered (RFC 8441) */
	struct h2srv_rate resets, idle_frames;
};

/* What is there to send of an answer's body. */
struct h2srv_pending {
	size_t n;
	bool end;	   /* nothing comes behind these */
	struct span trail; /* … but these fields, as a block; empty: none */
};

enum { H2SRV_ENDED = 1, H2SRV_LARGE = 2 };

struct h2srv_ops {
	/* A request's head, as a block; LARGE: it exceeds the limit and is not whole. The
	 * stream, or NULL: refused (REFUSED_STREAM). */
	void *(*head)(void *arg, int32_t id, struct span block, unsigned flags);
	/* Fields behind the body, as a block; always the end. */
	void (*trailers)(void *arg, void *stream, struct span block, unsigned flags);
	void (*data)(void *arg, void *stream, struct span data);
	/* No more of the request. */
	void (*ended)(void *arg, void *stream);
	/* The stream is over, on either side's word; it is not named again. */
	void (*closed)(void *arg, void *stream, uint32_t code);

	struct h2srv_pending (*pending)(void *arg, void *stream);
	/* Exactly n bytes of what is pending, in one piece, or an empty span if there are
	 * no longer as many … */
	struct span (*take)(void *arg, void *stream, size_t n);
	/* … and they have been written. */
	void (*taken)(void *arg, void *stream, size_t n);

	/* The answer is out to its end. */
	void (*said)(void *arg, void *stream);

	/* Towards the transport. */
	size_t (*room)(void *arg);
	size_t (*write)(void *arg, struct span bytes);
};

/* NULL: out of memory. */
struct h2srv *
h2srv_new(const struct h2srv_ops *ops, void *arg, const struct h2srv_opt *opt);
void
h2srv_free(struct h2srv *s);

/* `scratch`: H2SRV_BLOCK bytes that any connection of this thread may use in turn. */
int
h2srv_recv(struct h2srv *s, struct span in, uint8_t *scratch, uint64_t now);
int
h2srv_send(struct h2srv *s);

/* Is a head open whose end has not come yet? */
bool
h2srv_in_head(const struct h2srv *s);
/* Neither side has anything to say any more. */
bool
h2srv_is_over(struct h2srv *s);
/* Streams that were asked for and nothing sent yet: more control frames wait than a
 * client that reads would let wait. */
bool
h2srv_is_clogged(struct h2srv *s);
/* How the client began, as h2_print_text. */
size_t
h2srv_print(const struct h2srv *s, char out[H2_PRINT_TEXT]);
enum h2srv_abuse
h2srv_abuse(const struct h2srv *s);
uint64_t
h2srv_resets(const struct h2srv *s);

/* An interim answer (1xx), and the final one; fields as they are, names of any case.
 * `body`: more than the head may follow. */
int
h2srv_interim(struct h2srv *s, int32_t id, unsigned status, const struct fields *f);
int
h2srv_reply(struct h2srv *s, int32_t id, unsigned status, const struct fields *f,
    bool body);
/* There is something pending again. */
void
h2srv_resume(struct h2srv *s, int32_t id);
void
h2srv_reset(struct h2srv *s, int32_t id, enum h2srv_code code);

/* The stream is not to be named any more, although it is not over. */
void
h2srv_forget(struct h2srv *s, int32_t id);

/* n bytes of a body went on; and where the stream is gone, only the connection's share. */
void
h2srv_ate(struct h2srv *s, int32_t id, size_t n);
void
h2srv_ate_lost(struct h2srv *s, size_t n);

/* The client is asked to begin no more streams, and those that it began before it read so
 * are taken: GOAWAY that refuses none, and a PING behind it (RFC 9113 6.8) … */
void
h2srv_warn(struct h2srv *s);
/* … whose answer came: all that had crossed it is here. */
bool
h2srv_is_warned(const struct h2srv *s);
/* No stream beyond those that are open (GOAWAY). */
void
h2srv_retire(struct h2srv *s);
/* GOAWAY with a code, and no more. */
void
h2srv_end(struct h2srv *s, enum h2srv_code code);

#endif
