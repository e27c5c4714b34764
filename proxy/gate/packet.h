/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/packet.h - how far away a client is, and how its system builds packets.
 *
 * Only where warifu itself ends the client's TCP: not behind the PROXY protocol, nor for
 * requests of a trusted hop. There everything is unknown.
 *
 *   SYN      read once, at accept: its core and its text (proxy/wire/syn.h)
 *   TCP      the shortest round trip: at accept, at the first request, and then with a request
 *            at most every PACKET_AGAIN_MS
 *   TLS      from the moment the server's last flight of the handshake was sent until the
 *            client's answer arrived
 *
 * The *gap* is the second less the first: what ends TCP answers at once, what ends TLS
 * stands behind it. A relay (a residential proxy, a browser on somebody else's machine that
 * is driven from afar) cannot take its own way away. A single gap may be long for many
 * reasons, so the shortest of a holder's connections counts.
 *
 * Errors   none; what cannot be told is unknown.
 * Threads  the worker's.
 */
#ifndef WARIFU_GATE_PACKET_H
#define WARIFU_GATE_PACKET_H

#include "proxy/audit/record.h"
#include "proxy/session/session.h"
#include "proxy/wire/syn.h"

struct conn;
struct exchange;

enum { PACKET_AGAIN_MS = 10000 };

struct packet {
	bool direct;	    /* warifu ends the client's TCP */
	uint64_t core;	    /* of the SYN; 0: unknown */
	uint64_t put;	    /* bytes of the handshake sent so far … */
	uint64_t flight_ns; /* … and since when */
	uint32_t tls_us;    /* 0: unknown */
	uint32_t rtt_us;    /* 0: unknown */
	uint64_t rtt_ns;    /* when it was asked for; 0: not since the handshake */
	char text[SYN_TEXT];
};

/* At accept. */
void
packet_accept(struct conn *c);
/* After a step of the handshake that did not end it. */
void
packet_flight(struct conn *c);
void
packet_shaken(struct conn *c);

/* Into ex->seen, before its context is looked for. */
void
packet_see(struct exchange *ex);
/* The facts, beside what was bound (NULL: nothing); ex->seen.gap is the holder's by now. */
void
packet_gather(struct exchange *ex, const struct session_context *bound);

void
packet_record(struct rec *r, const struct exchange *ex);

#endif
