/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/tlsdoor_relay.h - bytes between one TLS connection and one end of a socket
 * pair.
 *
 *   client ==TLS==> net [ssl] ==up==> inner ==socket pair==> libmicrohttpd
 *                             <=down=
 *
 * Each direction has one bounded buffer, so whoever reads slowly slows the other side
 * down. Made for edge-triggered events: a pump goes on until nothing moves.
 *
 * Ownership  tlsdoor_relay_fini frees ssl and closes both descriptors.
 * Errors     enum tlsdoor_relay_result.
 * Threads    one owner at a time.
 */
#ifndef WARIFU_WEB_TLSDOOR_RELAY_H
#define WARIFU_WEB_TLSDOOR_RELAY_H

#include "proxy/base/span.h"

struct ssl_st; /* OpenSSL's SSL */

enum { TLSDOOR_RELAY_BUFFER = 16384 };

struct tlsdoor_relay_pipe {
	size_t from, to;
	uint8_t bytes[TLSDOOR_RELAY_BUFFER];
};

struct tlsdoor_relay {
	struct ssl_st *ssl;
	int net, inner; /* inner: -1 until the handshake is over */
	bool net_eof, inner_eof, told_inner;
	struct tlsdoor_relay_pipe up, down;
};

enum tlsdoor_relay_result {
	TLSDOOR_RELAY_BROKEN = -1, /* end it at once */
	TLSDOOR_RELAY_QUIET,	   /* nothing moved */
	TLSDOOR_RELAY_MOVED,
	TLSDOOR_RELAY_DONE, /* the inner side closed and all of it is with the client */
};

void tlsdoor_relay_init(struct tlsdoor_relay *r, struct ssl_st *ssl, int net);
void tlsdoor_relay_fini(struct tlsdoor_relay *r);

/* TLSDOOR_RELAY_DONE when the handshake is over, QUIET while it needs more. */
enum tlsdoor_relay_result tlsdoor_relay_handshake(struct tlsdoor_relay *r);

enum tlsdoor_relay_result tlsdoor_relay_pump(struct tlsdoor_relay *r);

/* Says goodbye; then tlsdoor_relay_linger until it is true. Closing with unread bytes
 * would reset the connection under our last answer. */
void tlsdoor_relay_goodbye(struct tlsdoor_relay *r);
bool tlsdoor_relay_linger(struct tlsdoor_relay *r);

/* Why the client certificate was not accepted; NULL: it was, or none came. */
const char *tlsdoor_relay_verdict(const struct tlsdoor_relay *r);

/* Subject of the verified client certificate (RFC 2253), at most cap bytes; 0 if none. */
size_t tlsdoor_relay_who(const struct tlsdoor_relay *r, char *who, size_t cap);

#endif
