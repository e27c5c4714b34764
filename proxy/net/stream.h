/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/net/stream.h - one TCP or unix connection, plain or under TLS.
 *
 * TLS runs over our own BIO: what OpenSSL writes lands in `out` and leaves in one send at
 * the end of the event batch; what arrives from the socket passes `tap` before OpenSSL
 * sees it (the ClientHello watcher sits there until the handshake is over).
 *
 *   stream_open   over a connected or connecting non-blocking socket
 *   stream_tls    from now on under this SSL object (server or client side)
 *   stream_shake  drives the handshake: 0 done, WF_MORE wait for an event, error
 *   stream_read   plain bytes into a buf; 0 bytes and WF_MORE mean: wait for an event
 *   stream_write  takes as much as stream_room says; sent at the end of the batch
 *   stream_finish no more from us: close_notify and FIN once `out` is empty
 *   stream_close  at once
 *
 * `fn` is called with STREAM_IN when reading may give something, with STREAM_OUT when
 * `out` has drained after it was full, with STREAM_DEAD when the socket failed. It may
 * close the stream.
 *
 * Ownership  the descriptor and the SSL object belong to the stream from open/tls on.
 * Units      bytes.
 * Errors     0, WF_MORE or a negative enum wf_err; WF_ECLOSED is the peer's orderly end;
 *            a TLS peer that cuts without close_notify gives WF_EIO.
 * Threads    the loop's thread only.
 */
#ifndef WARIFU_NET_STREAM_H
#define WARIFU_NET_STREAM_H

#include "proxy/net/buf.h"
#include "proxy/net/loop.h"

struct ssl_st;
struct bio_method_st;

/* What all streams of one thread share. */
struct net {
	struct loop loop;
	struct buf_pool pool;
	struct bio_method_st *bio;
};

int
net_open(struct net *net, uint64_t (*mono_ns)(void), uint64_t (*wall_ns)(void));
void
net_close(struct net *net);

enum { STREAM_IN = 1, STREAM_OUT = 2, STREAM_DEAD = 4 };
enum { STREAM_OUT_MAX = BUF_LARGE, STREAM_READ_MAX = 16384, STREAM_READ_BODY = 65536 };

struct stream {
	struct net *net;
	struct loop_watch watch;
	struct loop_task flush;
	struct ssl_st *ssl;
	struct buf plain; /* under TLS: less than a record, gathered until the batch ends */
	struct buf out;	  /* for the socket */
	uint64_t got, sent; /* bytes on the wire */
	bool can_read;	    /* the socket may have more */
	bool can_write;
	bool connecting;
	bool shaken;	    /* TLS handshake done, or no TLS */
	bool finishing;
	bool wants_room;    /* a write was cut short: tell when there is room */
	bool holds;	    /* what is in `out` goes with the next write */
	bool eof;	    /* the peer sends no more than what is on its way */
	bool hung_up;	    /* … and takes nothing more */
	bool over;	    /* a read ended the TLS stream, in order or not */
	bool dead;
	void (*fn)(struct stream *s, unsigned events);
	/* Sees raw bytes before OpenSSL; a non-zero return makes the stream dead. */
	int (*tap)(struct stream *s, struct span raw);
};

int
stream_open(struct stream *s, struct net *net, int fd,
    void (*fn)(struct stream *s, unsigned events));

/* Takes ssl. `server` chooses the side of the handshake. */
int
stream_tls(struct stream *s, struct ssl_st *ssl, bool server);
int
stream_shake(struct stream *s);

/* Reads at most `most` bytes into b (less if b has less room). *n is what came. */
int
stream_read(struct stream *s, struct buf *b, size_t most, size_t *n);

/* Plain bytes that stream_write would take now. */
size_t
stream_room(const struct stream *s);
/* Writes up to stream_room bytes and says how many; a dead stream swallows nothing. */
size_t
stream_write(struct stream *s, struct span data);
void
stream_flush(struct stream *s);

/* A TLS 1.3 handshake is over, and more than its end has come: what it still sends (a
 * ticket) may go with the answer to that, in one send instead of two. */
void
stream_hold(struct stream *s);

/* Sends one TLS 1.3 session ticket, if there is room for it. */
bool
stream_ticket(struct stream *s);

void
stream_finish(struct stream *s);
void
stream_close(struct stream *s);

static inline bool
stream_is_open(const struct stream *s)
{
	return s->watch.fd >= 0 && !s->dead;
}

#endif
