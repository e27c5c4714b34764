/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/conn.h - one connection of a client: from accept to its last request.
 *
 *   PROXY  a listed load balancer's header, where the listener asks for it
 *   SHAKE  the ClientHello is watched, fingerprinted and answered
 *   HEAD   HTTP/1.1: between requests, or inside a head
 *   BUSY   an exchange is at work
 *   HTTP2  HTTP/2: any number of exchanges at work
 *   DRAIN  the answer is out, the rest of a refused body is read and dropped
 *   END    everything is written; waiting for the client to close
 *
 * What a connection determines (address, place, fingerprint) is computed once, here.
 *
 * Ownership  conns come from the worker's free list; conn_drop gives one back.
 * Threads    the worker's.
 * Not here   the way of a request (exchange.h).
 */
#ifndef WARIFU_GATE_CONN_H
#define WARIFU_GATE_CONN_H

#include "certs/tlsctx.h"
#include "proxy/gate/continuity.h"
#include "proxy/gate/exchange.h"
#include "proxy/gate/packet.h"
#include "proxy/wire/ua.h"

enum conn_state {
	CONN_PROXY,
	CONN_SHAKE,
	CONN_HEAD,
	CONN_BUSY,
	CONN_HTTP2,
	CONN_DRAIN,
	CONN_END
};

struct connh2;

struct conn {
	struct stream stream; /* first: found by its address */
	struct worker *w;
	struct wsnap *ws; /* whose TLS contexts the connection uses */
	struct conn *next, **prev;
	struct loop_timer timer;
	struct loop_task step; /* goes on after an exchange ended */
	enum conn_state state;
	enum metric_id timer_metric;
	const struct conf_listen *listen;
	bool counted; /* in the address limit */
	bool half_closed;
	bool last; /* no request after this one */
	bool chunked; /* the answer's end is marked by a last chunk */
	struct buf in;
	struct exchange *ex; /* of HTTP/1.1 */
	struct connh2 *h2;   /* of HTTP/2, while it is spoken */
	bool http2;	     /* … and it was */
	uint32_t h2_print;   /* hash of how it began; 0: not known yet */
	struct ip peer, client;
	uint16_t peer_port, client_port;
	bool via_proxy;
	bool local; /* a balancer's own, by its header: for health checks */
	uint64_t requests;
	uint64_t accepted_ns;
	uint64_t drain_left;
	struct h1_scan scan; /* of a head that is not complete */
	struct body drain;

	/* TLS */
	struct tlsctx_hello hello;
	struct hello_watch watch;
	int site; /* index in ws's settings; -1: plain */
	bool has_core;
	bool hello_odd;
	bool resumed;
	struct continuity continuity;
	char ja4[TLSFP_JA4_SIZE];
	uint8_t core[TLSFP_CORE_LEN];
	uint8_t soft[TLSFP_CORE_LEN];
	enum tlsfp_family family;

	struct packet packet;

	/* place: looked up when first asked for, and again under another snapshot */
	struct place place;
	uint64_t place_snap; /* its number; 0: none */

	struct ua_memo agent; /* of the last request */

	uint64_t number; /* for the log */
	uint64_t told_in, told_out; /* bytes that are in the metrics already */
};

/* A listener's callback: takes the descriptor. */
void
conn_accept(struct listener *l, int fd, const struct sockaddr_storage *peer);
/* Closes and gives back; an exchange at work is aborted first. */
void
conn_drop(struct conn *c, const char *why);
/* Brings what was received and sent into the metrics; between requests and at the end. */
void
conn_count_bytes(struct conn *c);
/* No further request; closes at once if idle. */
void
conn_retire(struct conn *c);

/* Where the client is, by this exchange's snapshot. */
const struct place *
conn_place(struct conn *c, const struct snapshot *snap, const struct ip *client);

#endif
