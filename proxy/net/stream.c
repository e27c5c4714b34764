/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/stream.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/must.h"

enum {
	STREAM_TLS_SLACK = 2048, /* alerts, tickets and record overhead beside one write */
	STREAM_RECORD = 16384,
	STREAM_TICKET = 8192, /* holds a client's certificate, where one was shown */
};

/* ---- the socket ---- */

/* SSL_get_error looks at the thread's queue of errors: it must be empty before each call, and
 * nearly always is. To look costs a fifth of clearing it. */
static void
stream_no_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

static void
stream_fail(struct stream *s)
{
	s->dead = true;
	s->can_read = s->can_write = false;
}

/*
 * A receive that brings less than asked has emptied a stream socket: with edge triggers
 * the next bytes or the end come as an event of their own, so no second call is needed.
 */
static ssize_t
stream_recv(struct stream *s, void *p, size_t cap)
{
	ssize_t n;

	if (!s->can_read)
		return 0;
	do
		n = recv(s->watch.fd, p, cap, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->got += (uint64_t)n;
		if ((size_t)n < cap && !s->eof)
			s->can_read = false;
		return n;
	}
	if (n == 0)
		return WF_ECLOSED;
	s->can_read = false;
	if (errno == EAGAIN)
		return 0;
	stream_fail(s);
	return WF_EIO;
}

/* One TLS record; `out` has room for it. */
static void
stream_record(struct stream *s, struct span d)
{
	size_t k = 0;

	stream_no_errors();
	if (SSL_write_ex(s->ssl, d.p, d.n, &k) != 1 || k != d.n)
		stream_fail(s);
}

/* A record of what was gathered. */
static void
stream_seal(struct stream *s)
{
	if (s->plain.n == 0 || s->dead)
		return;
	stream_record(s, buf_data(&s->plain));
	buf_eat(&s->plain, s->plain.n);
}

/*
 * Full records as the bytes come; the rest is gathered, so that a head and the first bytes
 * of its body, or many small writes, share one. What fills records alone is not copied.
 */
static void
stream_write_tls(struct stream *s, struct span d)
{
	/* Room for all of it at once: a block that grows is copied. */
	if (d.n >= STREAM_RECORD)
		(void)buf_room(&s->out, d.n + STREAM_TLS_SLACK);
	while (d.n > 0 && !s->dead) {
		size_t n = STREAM_RECORD - s->plain.n;

		if (s->plain.n == 0 && d.n >= STREAM_RECORD) {
			stream_record(s, span_of(d.p, STREAM_RECORD));
		} else {
			n = d.n < n ? d.n : n;
			MUST(buf_put(&s->plain, span_of(d.p, n)));
			if (s->plain.n == STREAM_RECORD)
				stream_seal(s);
		}
		d = span_tail(d, n);
	}
}

void
stream_flush(struct stream *s)
{
	if (s->holds && !s->finishing)
		return;
	stream_seal(s);
	while (s->out.n > 0 && s->can_write && !s->dead) {
		struct span d = buf_data(&s->out);
		ssize_t n = send(s->watch.fd, d.p, d.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			s->can_write = false;
			if (errno != EAGAIN)
				stream_fail(s);
			break;
		}
		s->sent += (uint64_t)n;
		if ((size_t)n < d.n)
			s->can_write = false;
		buf_eat(&s->out, (size_t)n);
	}
	if (s->out.n == 0 && s->finishing && !s->dead)
		(void)shutdown(s->watch.fd, SHUT_WR);
}

static void
stream_on_flush(struct loop_task *t)
{
	struct stream *s = (struct stream *)(void *)((char *)t - offsetof(struct stream, flush));

	stream_flush(s);
	if (s->dead)
		s->fn(s, STREAM_DEAD);
	else if (s->wants_room && stream_room(s) > 0) {
		s->wants_room = false;
		s->fn(s, STREAM_OUT);
	}
}

static void
stream_on_event(struct loop_watch *w, uint32_t events)
{
	struct stream *s = (struct stream *)(void *)((char *)w - offsetof(struct stream, watch));
	unsigned out = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		s->can_read = true;
		if (events & (EPOLLRDHUP | EPOLLHUP))
			s->eof = true; /* keep reading until recv says 0 */
		s->hung_up |= (events & (EPOLLHUP | EPOLLERR)) != 0;
		out |= STREAM_IN;
	}
	if (events & EPOLLOUT) {
		s->can_write = true;
		if (s->connecting) {
			s->connecting = false;
			out |= STREAM_OUT;
		}
		if (s->out.n > 0 || s->finishing)
			loop_defer(&s->net->loop, &s->flush);
	}
	if (events & EPOLLERR && s->connecting)
		stream_fail(s);
	if (s->dead)
		out |= STREAM_DEAD;
	if (out)
		s->fn(s, out);
}

/* ---- OpenSSL over our buffers ---- */

static int
stream_bio_read(BIO *bio, char *p, size_t cap, size_t *got)
{
	struct stream *s = BIO_get_data(bio);
	ssize_t n;

	*got = 0;
	BIO_clear_retry_flags(bio);
	if (s->dead)
		return 0;
	n = stream_recv(s, p, cap);
	if (n > 0) {
		if (s->tap != NULL && s->tap(s, span_of(p, (size_t)n)) != 0) {
			stream_fail(s);
			return 0;
		}
		*got = (size_t)n;
		return 1;
	}
	if (n == 0)
		BIO_set_retry_read(bio);
	return 0;
}

static int
stream_bio_write(BIO *bio, const char *p, size_t n, size_t *put)
{
	struct stream *s = BIO_get_data(bio);

	*put = 0;
	BIO_clear_retry_flags(bio);
	if (s->dead)
		return 0;
	if (!buf_put(&s->out, span_of(p, n))) {
		BIO_set_retry_write(bio);
		return 0;
	}
	loop_defer(&s->net->loop, &s->flush);
	*put = n;
	return 1;
}

static long
stream_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

/* ---- life ---- */

int
net_open(struct net *net, uint64_t (*mono_ns)(void), uint64_t (*wall_ns)(void))
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "warifu");

	net->bio = m;
	if (m == NULL)
		return WF_ENOMEM;
	BIO_meth_set_read_ex(m, stream_bio_read);
	BIO_meth_set_write_ex(m, stream_bio_write);
	BIO_meth_set_ctrl(m, stream_bio_ctrl);
	buf_pool_init(&net->pool);
	return loop_open(&net->loop, mono_ns, wall_ns);
}

void
net_close(struct net *net)
{
	loop_close(&net->loop);
	buf_pool_fini(&net->pool);
	BIO_meth_free(net->bio);
	net->bio = NULL;
}

int
stream_open(struct stream *s, struct net *net, int fd,
    void (*fn)(struct stream *s, unsigned events))
{
	int err;

	*s = (struct stream){.net = net, .fn = fn, .can_read = true, .can_write = true,
	    .shaken = true};
	s->watch.fd = fd;
	s->watch.fn = stream_on_event;
	s->flush.fn = stream_on_flush;
	buf_init(&s->out, &net->pool, STREAM_OUT_MAX);
	buf_init(&s->plain, &net->pool, STREAM_RECORD);
	err = loop_add(&net->loop, &s->watch);
	if (err != 0) {
		close(fd);
		s->watch.fd = -1;
		s->dead = true;
	}
	return err;
}

int
stream_tls(struct stream *s, struct ssl_st *ssl, bool server)
{
	BIO *bio = BIO_new(s->net->bio);

	if (bio == NULL) {
		SSL_free(ssl);
		return WF_ENOMEM;
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_read_ahead(ssl, 1);
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			      SSL_MODE_RELEASE_BUFFERS);
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	s->ssl = ssl;
	s->shaken = false;
	return 0;
}

int
stream_shake(struct stream *s)
{
	int r, why;

	if (s->shaken)
		return 0;
	if (s->dead)
		return WF_EIO;
	stream_no_errors();
	r = SSL_do_handshake(s->ssl);
	if (r == 1) {
		s->shaken = true;
		s->tap = NULL;
		return 0;
	}
	why = SSL_get_error(s->ssl, r);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ||
	    why == SSL_ERROR_WANT_CLIENT_HELLO_CB || why == SSL_ERROR_WANT_X509_LOOKUP)
		return s->dead ? WF_EIO : WF_MORE;
	stream_flush(s); /* the alert, if OpenSSL wrote one */
	return why == SSL_ERROR_SYSCALL ? WF_EIO : WF_EVERIFY;
}

static int
stream_read_tls(struct stream *s, uint8_t *p, size_t cap, size_t *n)
{
	int r;

	stream_no_errors();
	r = SSL_read_ex(s->ssl, p, cap, n);
	if (r == 1)
		return 0;
	*n = 0;
	switch (SSL_get_error(s->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return s->dead ? WF_EIO : WF_MORE;
	case SSL_ERROR_ZERO_RETURN:
		s->over = true;
		return WF_ECLOSED;
	default:
		s->over = true;
		return WF_EIO;
	}
}

/* Nothing can come: neither from the socket nor from what OpenSSL holds. It would find out
 * by itself, at the price of a buffer and of its queue of errors. */
static bool
stream_is_dry(const struct stream *s)
{
	return !s->can_read && !s->over && s->shaken &&
	       (s->ssl == NULL || !SSL_has_pending(s->ssl));
}

int
stream_read(struct stream *s, struct buf *b, size_t most, size_t *n)
{
	size_t want = most < buf_left(b) ? most : buf_left(b);
	ssize_t got;
	uint8_t *p;
	int err;

	*n = 0;
	if (want == 0)
		return WF_EFULL;
	if (s->dead)
		return WF_EIO;
	if (stream_is_dry(s))
		return WF_MORE;
	p = buf_room(b, want);
	if (p == NULL)
		return WF_ENOMEM;
	if (s->ssl != NULL) {
		err = stream_read_tls(s, p, want, n);
	} else {
		got = stream_recv(s, p, want);
		err = got > 0 ? 0 : got == 0 ? WF_MORE : (int)got;
		*n = got > 0 ? (size_t)got : 0;
	}
	if (*n > 0)
		buf_added(b, *n);
	else if (b->n == 0)
		buf_eat(b, 0); /* gives the unused block back */
	return err;
}

size_t
stream_room(const struct stream *s)
{
	size_t left = buf_left(&s->out);

	if (s->dead || s->finishing || s->connecting)
		return 0;
	if (s->ssl == NULL)
		return left;
	if (left < s->plain.n + STREAM_TLS_SLACK)
		return 0;
	return left - s->plain.n - STREAM_TLS_SLACK;
}

size_t
stream_write(struct stream *s, struct span d)
{
	size_t room = stream_room(s);

	if (d.n > room) {
		s->wants_room = true;
		d.n = room;
	}
	if (d.n == 0)
		return 0;
	s->holds = false;
	if (s->ssl != NULL)
		stream_write_tls(s, d);
	else
		MUST(buf_put(&s->out, d));
	loop_defer(&s->net->loop, &s->flush);
	return d.n;
}

void
stream_hold(struct stream *s)
{
	s->holds = s->shaken && s->out.n > 0 && SSL_has_pending(s->ssl) == 1;
}

bool
stream_ticket(struct stream *s)
{
	if (s->ssl == NULL || !s->shaken || s->dead || s->finishing ||
	    buf_left(&s->out) < s->plain.n + STREAM_TLS_SLACK + STREAM_TICKET)
		return false;
	ERR_clear_error();
	return SSL_new_session_ticket(s->ssl) == 1 && SSL_do_handshake(s->ssl) == 1;
}

void
stream_finish(struct stream *s)
{
	if (s->finishing || s->dead)
		return;
	if (s->ssl != NULL && s->shaken) {
		stream_seal(s);
		stream_no_errors();
		(void)SSL_shutdown(s->ssl);
	}
	s->finishing = true;
	loop_defer(&s->net->loop, &s->flush);
}

void
stream_close(struct stream *s)
{
	if (s->watch.fd < 0)
		return;
	s->holds = false;
	if (!s->dead)
		stream_flush(s);
	loop_undefer(&s->net->loop, &s->flush);
	loop_del(&s->net->loop, &s->watch);
	if (s->ssl != NULL) {
		/* Without this OpenSSL would drop the session of a peer that vanished. */
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(s->ssl);
		s->ssl = NULL;
	}
	buf_fini(&s->out);
	buf_fini(&s->plain);
	close(s->watch.fd);
	s->watch.fd = -1;
	s->dead = true;
}
