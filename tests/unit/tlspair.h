/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/tlspair.h - two TLS ends in one process, over memory, fed in any portions.
 */
#ifndef WARIFU_TESTS_TLSPAIR_H
#define WARIFU_TESTS_TLSPAIR_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tlspair {
	SSL *client, *server;
	size_t chunk;	       /* bytes moved at once; 0: all there is */
	uint8_t flight[65536]; /* what the client sent, from its first byte */
	size_t flight_n;
	unsigned long client_err, server_err;
};

/* OpenSSL's macros cast const away; this says so openly. */
static inline void
tlspair_set(SSL *ssl, int what, long arg, const char *text)
{
	SSL_ctrl(ssl, what, arg, (void *)(uintptr_t)text);
}

static inline void
tlspair_sni(SSL *ssl, const char *name)
{
	tlspair_set(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name);
}

static inline void
tlspair_end(SSL *ssl)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(ssl, in, out);
}

static inline void
tlspair_init(struct tlspair *p, SSL_CTX *client, SSL_CTX *server)
{
	memset(p, 0, sizeof(*p));
	p->client = SSL_new(client);
	p->server = SSL_new(server);
	tlspair_end(p->client);
	tlspair_end(p->server);
	SSL_set_connect_state(p->client);
	SSL_set_accept_state(p->server);
}

static inline void
tlspair_fini(struct tlspair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
}

/* Moves at most p->chunk bytes from one end to the other. */
static inline bool
tlspair_move(struct tlspair *p, SSL *from, SSL *to)
{
	uint8_t buf[16384];
	size_t want = p->chunk && p->chunk < sizeof(buf) ? p->chunk : sizeof(buf);
	int n = BIO_read(SSL_get_wbio(from), buf, (int)want);

	if (n <= 0)
		return false;
	if (from == p->client && p->flight_n + (size_t)n <= sizeof(p->flight)) {
		memcpy(p->flight + p->flight_n, buf, (size_t)n);
		p->flight_n += (size_t)n;
	}
	BIO_write(SSL_get_rbio(to), buf, n);
	return true;
}

static inline void
tlspair_step(SSL *ssl, unsigned long *err)
{
	ERR_clear_error();
	if (SSL_do_handshake(ssl) <= 0 && *err == 0)
		*err = ERR_get_error();
}

/* True if both ends finished; else the errors tell why. */
static inline bool
tlspair_shake(struct tlspair *p)
{
	uint8_t byte;
	bool moved = true;

	for (int i = 0; moved && i < 100000; i++) {
		tlspair_step(p->client, &p->client_err);
		moved = tlspair_move(p, p->client, p->server);
		tlspair_step(p->server, &p->server_err);
		moved |= tlspair_move(p, p->server, p->client);
	}
	/* Lets the client read tickets. */
	ERR_clear_error();
	(void)SSL_peek(p->client, &byte, 1);
	ERR_clear_error();
	return SSL_is_init_finished(p->client) && SSL_is_init_finished(p->server);
}

static inline int
tlspair_alert(const struct tlspair *p)
{
	int reason = ERR_GET_REASON(p->client_err);

	return reason >= SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : -1;
}

#endif
