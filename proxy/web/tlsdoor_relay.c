/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/tlsdoor_relay.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

void
tlsdoor_relay_init(struct tlsdoor_relay *r, struct ssl_st *ssl, int net)
{
	r->ssl = ssl;
	r->net = net;
	r->inner = -1;
	r->net_eof = r->inner_eof = r->told_inner = false;
	r->up.from = r->up.to = r->down.from = r->down.to = 0;
}

void
tlsdoor_relay_fini(struct tlsdoor_relay *r)
{
	SSL_free(r->ssl);
	close(r->net);
	if (r->inner >= 0)
		close(r->inner);
}

/* Whether an SSL call only wants to be called again. */
static bool
tlsdoor_relay_again(SSL *ssl, int rc)
{
	int e = SSL_get_error(ssl, rc);

	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

enum tlsdoor_relay_result
tlsdoor_relay_handshake(struct tlsdoor_relay *r)
{
	int rc;

	ERR_clear_error();
	rc = SSL_accept(r->ssl);
	if (rc == 1)
		return TLSDOOR_RELAY_DONE;
	return tlsdoor_relay_again(r->ssl, rc) ? TLSDOOR_RELAY_QUIET
					       : TLSDOOR_RELAY_BROKEN;
}

static bool
tlsdoor_relay_fill_up(struct tlsdoor_relay *r)
{
	size_t n = 0;
	int rc;

	if (r->net_eof || r->up.to == TLSDOOR_RELAY_BUFFER)
		return false;
	ERR_clear_error();
	rc = SSL_read_ex(r->ssl, r->up.bytes + r->up.to, TLSDOOR_RELAY_BUFFER - r->up.to,
			 &n);
	if (rc <= 0) {
		r->net_eof = !tlsdoor_relay_again(r->ssl, rc);
		return r->net_eof;
	}
	r->up.to += n;
	return true;
}

static bool
tlsdoor_relay_drain_up(struct tlsdoor_relay *r)
{
	struct tlsdoor_relay_pipe *p = &r->up;
	ssize_t n;

	if (p->from == p->to) {
		if (!r->net_eof || r->told_inner)
			return false;
		shutdown(r->inner, SHUT_WR);
		r->told_inner = true;
		return true;
	}
	n = send(r->inner, p->bytes + p->from, p->to - p->from, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		/* It reads no more, but its last answer may still be on the way. */
		p->from = p->to = 0;
		r->net_eof = r->told_inner = true;
	}
	if (n <= 0)
		return false;
	p->from += (size_t)n;
	if (p->from == p->to)
		p->from = p->to = 0;
	return true;
}

static bool
tlsdoor_relay_fill_down(struct tlsdoor_relay *r)
{
	struct tlsdoor_relay_pipe *p = &r->down;
	ssize_t n;

	if (r->inner_eof || p->to == TLSDOOR_RELAY_BUFFER)
		return false;
	n = recv(r->inner, p->bytes + p->to, TLSDOOR_RELAY_BUFFER - p->to, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	r->inner_eof = n <= 0;
	p->to += n > 0 ? (size_t)n : 0;
	return true;
}

static enum tlsdoor_relay_result
tlsdoor_relay_drain_down(struct tlsdoor_relay *r)
{
	struct tlsdoor_relay_pipe *p = &r->down;
	size_t n = 0;
	int rc;

	if (p->from == p->to)
		return TLSDOOR_RELAY_QUIET;
	ERR_clear_error();
	rc = SSL_write_ex(r->ssl, p->bytes + p->from, p->to - p->from, &n);
	if (rc <= 0)
		return tlsdoor_relay_again(r->ssl, rc) ? TLSDOOR_RELAY_QUIET
						       : TLSDOOR_RELAY_BROKEN;
	p->from += n;
	if (p->from == p->to)
		p->from = p->to = 0;
	return TLSDOOR_RELAY_MOVED;
}

enum tlsdoor_relay_result
tlsdoor_relay_pump(struct tlsdoor_relay *r)
{
	enum tlsdoor_relay_result result = TLSDOOR_RELAY_QUIET;
	bool moved;

	do {
		enum tlsdoor_relay_result down;

		moved = tlsdoor_relay_fill_up(r);
		moved |= tlsdoor_relay_drain_up(r);
		moved |= tlsdoor_relay_fill_down(r);
		down = tlsdoor_relay_drain_down(r);
		if (down == TLSDOOR_RELAY_BROKEN)
			return TLSDOOR_RELAY_BROKEN;
		moved |= down == TLSDOOR_RELAY_MOVED;
		if (moved)
			result = TLSDOOR_RELAY_MOVED;
	} while (moved);
	if (r->inner_eof && r->down.from == r->down.to)
		return TLSDOOR_RELAY_DONE;
	return result;
}

void
tlsdoor_relay_goodbye(struct tlsdoor_relay *r)
{
	ERR_clear_error();
	SSL_shutdown(r->ssl);
	shutdown(r->net, SHUT_WR);
}

bool
tlsdoor_relay_linger(struct tlsdoor_relay *r)
{
	ssize_t n;

	do
		n = recv(r->net, r->up.bytes, TLSDOOR_RELAY_BUFFER, 0);
	while (n > 0);
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

const char *
tlsdoor_relay_verdict(const struct tlsdoor_relay *r)
{
	long rc = SSL_get_verify_result(r->ssl);

	return rc == X509_V_OK ? NULL : X509_verify_cert_error_string(rc);
}

size_t
tlsdoor_relay_who(const struct tlsdoor_relay *r, char *who, size_t cap)
{
	X509 *cert = SSL_get1_peer_certificate(r->ssl);
	BIO *bio = cert ? BIO_new(BIO_s_mem()) : NULL;
	int n = 0;

	if (bio != NULL && SSL_get_verify_result(r->ssl) == X509_V_OK &&
	    X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, who, (int)cap);
	BIO_free(bio);
	X509_free(cert);
	return n > 0 ? (size_t)n : 0;
}
