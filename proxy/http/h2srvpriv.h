/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/http/h2srvpriv.h - between h2srv.c (what comes) and h2srvout.c (what goes).
 *
 * Private to the two of them: nghttp2's types stay here.
 *
 * Threads  one owner at a time.
 */
#ifndef WARIFU_HTTP_H2SRVPRIV_H
#define WARIFU_HTTP_H2SRVPRIV_H

#include <nghttp2/nghttp2.h>

#include "proxy/http/h2srv.h"
#include "proxy/wire/h2_block.h"

struct h2srv_bucket {
	struct h2srv_rate rate;
	uint64_t full; /* when it will be */
};

enum {
	H2SRV_PAST = 32,
	H2SRV_SENT_PER_FRAME = 1024, /* data sent pay for an idle frame (WINDOW_UPDATE) */
};

/* Of the PING behind h2srv_warn's GOAWAY. */
#define H2SRV_PING "goodbye"

struct h2srv {
	nghttp2_session *ng;
	const struct h2srv_ops *ops;
	void *arg;
	struct h2srv_opt opt;
	uint64_t now;
	struct h2_walk walk;
	struct h2_print print;

	/* the head that is being decoded */
	bool open, large;
	int32_t open_id;
	uint64_t decoded;
	struct h1_out block; /* over the scratch, while bytes are fed */
	uint8_t *kept;	     /* … and between */
	size_t kept_n;

	bool blocked;	  /* no room for the frame that is next */
	bool pinged;	  /* a GOAWAY that refuses nothing went out, and a PING */
	bool warned;	  /* … which is answered */
	struct span pend; /* of nghttp2's, not written yet */

	struct h2srv_bucket resets, idle;
	uint64_t credit; /* data sent that no idle frame has used up */
	uint64_t n_resets;
	/* streams that are over, the latest: we reset them while the client could still
	 * send, or the client said its last word on them */
	int32_t we_reset[H2SRV_PAST], they_ended[H2SRV_PAST];
	unsigned we_at, they_at;
	enum h2srv_abuse abuse;
};

void
h2srv_send_callbacks(nghttp2_session_callbacks *cb);
void
h2srv_count_reset(struct h2srv *s);
void
h2srv_blame(struct h2srv *s, enum h2srv_abuse why);

#endif
