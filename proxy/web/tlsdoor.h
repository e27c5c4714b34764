/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/tlsdoor.h - TLS for the console: OpenSSL ends it here, libmicrohttpd never
 * sees it.
 *
 * One thread accepts on a TCP socket, shakes hands, and for each finished handshake makes
 * a socket pair: one end goes to `deliver` together with the true client address and the
 * subject of his verified certificate, the other end is relayed to and from the TLS
 * connection with two bounded buffers. Nothing is delivered before the handshake is over,
 * so a client without the certificate that the context demands never reaches HTTP.
 *
 * Limits     connections; handshake_s for the handshake; idle_s without a byte.
 * Ownership  the listening descriptor and a reference on the SSL_CTX are the door's;
 *            delivered descriptors belong to `deliver`.
 * Errors     0 or a negative enum wf_err; failed handshakes are counted, not reported.
 * Threads    `deliver` and `refused` are called in the door's thread. tlsdoor_context swaps the context
 *            for new connections (reload) and may be called from any thread.
 * Not here   making contexts and choosing certificates (certs/, proxy/main).
 */
#ifndef WARIFU_WEB_TLSDOOR_H
#define WARIFU_WEB_TLSDOOR_H

#include <sys/socket.h>

#include "proxy/base/err.h"
#include "proxy/base/span.h"

struct tlsdoor;
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

struct tlsdoor_config {
	int listen_fd;
	struct ssl_ctx_st *ctx;
	int (*deliver)(void *arg, int fd, const struct sockaddr *addr, socklen_t len,
		       struct span who);
	/* A client certificate was not accepted, and why; told at most every ten seconds. NULL:
	 * nobody listens. */
	void (*refused)(const char *why);
	void *arg;
	unsigned connections;	      /* 0: 128 */
	unsigned handshake_s, idle_s; /* 0: 10, 120 */
};

struct tlsdoor_counts {
	uint64_t accepted;
	uint64_t delivered;
	uint64_t failed;  /* handshake refused or broken */
	uint64_t timeout; /* handshake too slow */
	uint64_t full;	  /* no place free */
	uint64_t open;
};

int tlsdoor_open(const struct tlsdoor_config *cfg, struct tlsdoor **out);

void tlsdoor_context(struct tlsdoor *d, struct ssl_ctx_st *ctx);

void tlsdoor_counts(const struct tlsdoor *d, struct tlsdoor_counts *out);

/* Stops accepting, gives open connections up to grace_ms to end, joins the thread. */
void tlsdoor_close(struct tlsdoor *d, unsigned grace_ms);

#endif
