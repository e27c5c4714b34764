/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/tlsctx.h - TLS towards browsers: contexts, choice of the site, captured hellos.
 *
 * One front context per snapshot and listener; connections are made from it with
 * SSL_new(tlsctx_front(t)). In the ClientHello callback, before any ticket is read, the
 * server name picks the site and the connection moves to that site's context, with its
 * certificates, client CA, session-id context and ticket keys: a ticket of site A does
 * not resume at site B.
 *
 * Profile: Mozilla's "intermediate": TLS 1.2 and 1.3, ECDHE with AEAD, X25519, P-256 and
 * P-384, no compression, no renegotiation, no early data, released buffers. TLS 1.2
 * gets no tickets unless asked for: one stolen ticket key would open recorded traffic.
 *
 * A struct tlsctx_hello watches one connection: `take` gets the raw handshake message
 * (4 bytes of header, then the body) of the *first* ClientHello; a second one, after a
 * HelloRetryRequest, is counted only. Hellos in SSLv2 format and hellos above
 * TLSCTX_HELLO_MAX are refused with an alert, and `refused` says why a hello was.
 *
 *	SSL *ssl = SSL_new(tlsctx_front(t));
 *	tlsctx_watch(ssl, &conn->hello);         before the first byte
 *	... SSL_do_handshake ...
 *	tlsctx_unwatch(ssl);                     else the callback runs for each record
 *	site = tlsctx_site(ssl);
 *
 * Ownership  the store and the client CAs must outlive the tlsctx, and the tlsctx every
 *            connection made from it (hold the snapshot). Application data slot 0 of
 *            SSL and SSL_CTX belongs to this module.
 * Units      seconds since 1970; bytes.
 * Errors     0 or -1, with a sentence in `why`.
 * Threads    shared; only the clock changes, atomically (tlsctx_tick).
 * Not here   towards backends: certs/tlsout.h. No IO.
 */
#ifndef WARIFU_CERTS_TLSCTX_H
#define WARIFU_CERTS_TLSCTX_H

#include "certs/clientca.h"
#include "certs/store.h"
#include "certs/ticket.h"

struct ssl_ctx_st;
struct ssl_st;
struct tlsctx;

enum { TLSCTX_HELLO_MAX = 16384, TLSCTX_ALPN_MAX = 64 };

enum tlsctx_refusal {
	TLSCTX_OK,
	TLSCTX_SSLV2,	     /* a hello in SSLv2 format */
	TLSCTX_TOO_LONG,     /* more than TLSCTX_HELLO_MAX bytes */
	TLSCTX_NO_NAME,	     /* no server name, and no default site */
	TLSCTX_BAD_NAME,     /* a malformed server name extension */
	TLSCTX_UNKNOWN_NAME, /* no site has this name */
	TLSCTX_NO_HELLO,     /* the watch was set too late: a bug of the caller */
};

struct tlsctx_opt {
	const uint8_t *alpn; /* in order of preference, wire form: "\x08http/1.1" */
	size_t alpn_n;
	/* TICKET_SECRET_LEN bytes shared by all threads and restarts; NULL: no tickets */
	const uint8_t *ticket_secret;
	int64_t ticket_interval; /* rotation; 0 means 12 hours */
	/* How many a full TLS 1.3 handshake issues by itself; a resumed one issues one more
	 * if its ticket had a label (certs/tlslabel.h) */
	unsigned tickets;
	bool tickets_tls12;
	const struct clientca *const *clients; /* one per site of the store, or NULL */
	int64_t now;
};

struct tlsctx_hello {
	/* May be NULL. `msg` is borrowed for the call. */
	void (*take)(void *arg, const uint8_t *msg, size_t n);
	void *arg;
	unsigned seen; /* ClientHellos; 2 after a HelloRetryRequest */
	enum tlsctx_refusal refused;
};

int tlsctx_open(struct tlsctx **out, const struct certs *store,
		const struct tlsctx_opt *opt, char *why, size_t cap);

void tlsctx_close(struct tlsctx *t);

/* Tells the time that decides on ticket keys; call it about once a second. */
void tlsctx_tick(struct tlsctx *t, int64_t now);

struct ssl_ctx_st *tlsctx_front(const struct tlsctx *t);

/* `h` must live until tlsctx_unwatch; take and arg set, the rest zero. */
void tlsctx_watch(struct ssl_st *ssl, struct tlsctx_hello *h);

void tlsctx_unwatch(struct ssl_st *ssl);

/* Index of the site that the server name picked (as in the store), or -1 before. */
int tlsctx_site(const struct ssl_st *ssl);

/* Did the handshake choose "h2"? */
bool tlsctx_is_http2(const struct ssl_st *ssl);

/* A short sentence for a refusal, for records and logs. */
const char *tlsctx_refusal_text(enum tlsctx_refusal r);

/* Empties OpenSSL's error queue of this thread into one short line. */
void tlsctx_error(char *buf, size_t cap);

#endif
