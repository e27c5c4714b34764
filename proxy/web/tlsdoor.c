/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/tlsdoor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/web/tlsdoor_relay.h"

/*
 * Both descriptors of a connection are registered once, edge-triggered and for both
 * directions; any event on either pumps the whole connection until nothing moves. So no
 * interest mask can be wrong, at the price of a few reads that find nothing.
 *
 * A slot that ends in mid-batch is only marked; later events of the batch may still name
 * it, so it becomes free after the batch.
 */
enum { DOOR_WHO = 256, DOOR_TICK_MS = 250, DOOR_LINGER_MS = 2000, DOOR_BATCH = 64, DOOR_TELL_MS = 10000 };

enum door_state { DOOR_FREE, DOOR_HANDSHAKE, DOOR_RELAY, DOOR_LINGER, DOOR_ENDED };

struct door_conn {
	enum door_state state;
	uint64_t deadline_ms;
	socklen_t addr_n;
	struct sockaddr_storage addr;
	struct tlsdoor_relay relay;
};

struct tlsdoor {
	struct tlsdoor_config cfg;
	struct door_conn *conns;
	int epoll, wake;
	uint64_t told_ms;
	bool listening; /* the listening descriptor is in the epoll set */
	atomic_bool stop;
	atomic_uint grace_ms;
	pthread_t thread;
	pthread_mutex_t lock; /* of ctx */
	SSL_CTX *ctx;
	_Atomic uint64_t accepted, delivered, failed, timeout, full, open;
};

static uint64_t
door_now(void)
{
	return clock_mono() / CLOCK_MS;
}

static void
door_end(struct tlsdoor *d, struct door_conn *c)
{
	if (c->state == DOOR_FREE || c->state == DOOR_ENDED)
		return;
	tlsdoor_relay_fini(&c->relay);
	c->state = DOOR_ENDED;
	d->open--;
}

/* --- handshake and delivery --- */

static int
door_register(struct tlsdoor *d, struct door_conn *c, int fd)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				.data.ptr = c};

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int
door_deliver(struct tlsdoor *d, struct door_conn *c)
{
	char who[DOOR_WHO];
	size_t who_n = tlsdoor_relay_who(&c->relay, who, sizeof(who));
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return WF_EIO;
	c->relay.inner = pair[0];
	if (door_register(d, c, pair[0]) != 0) {
		close(pair[1]);
		return WF_EIO;
	}
	c->state = DOOR_RELAY;
	c->deadline_ms = door_now() + d->cfg.idle_s * UINT64_C(1000);
	d->delivered++;
	return d->cfg.deliver(d->cfg.arg, pair[1], (struct sockaddr *)&c->addr, c->addr_n,
			      span_of(who, who_n));
}

static void
door_tell(struct tlsdoor *d, const struct door_conn *c)
{
	const char *why = tlsdoor_relay_verdict(&c->relay);
	uint64_t now = door_now();

	if (why == NULL || d->cfg.refused == NULL ||
	    (d->told_ms != 0 && now - d->told_ms < DOOR_TELL_MS))
		return;
	d->told_ms = now;
	d->cfg.refused(why);
}

static void
door_handshake(struct tlsdoor *d, struct door_conn *c)
{
	enum tlsdoor_relay_result r = tlsdoor_relay_handshake(&c->relay);

	if (r == TLSDOOR_RELAY_BROKEN) {
		d->failed++;
		door_tell(d, c);
		door_end(d, c);
	} else if (r == TLSDOOR_RELAY_DONE && door_deliver(d, c) != 0)
		door_end(d, c);
}

static void
door_relay(struct tlsdoor *d, struct door_conn *c)
{
	switch (tlsdoor_relay_pump(&c->relay)) {
	case TLSDOOR_RELAY_BROKEN:
		door_end(d, c);
		break;
	case TLSDOOR_RELAY_DONE:
		tlsdoor_relay_goodbye(&c->relay);
		c->state = DOOR_LINGER;
		c->deadline_ms = door_now() + DOOR_LINGER_MS;
		break;
	case TLSDOOR_RELAY_MOVED:
		c->deadline_ms = door_now() + d->cfg.idle_s * UINT64_C(1000);
		break;
	case TLSDOOR_RELAY_QUIET:
		break;
	}
}

static void
door_pump(struct tlsdoor *d, struct door_conn *c)
{
	if (c->state == DOOR_HANDSHAKE)
		door_handshake(d, c);
	if (c->state == DOOR_RELAY)
		door_relay(d, c);
	if (c->state == DOOR_LINGER && tlsdoor_relay_linger(&c->relay))
		door_end(d, c);
}

static SSL *
door_ssl_new(struct tlsdoor *d, int fd)
{
	SSL *ssl;

	pthread_mutex_lock(&d->lock);
	ssl = SSL_new(d->ctx);
	pthread_mutex_unlock(&d->lock);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
	SSL_set_mode(ssl,
		     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return ssl;
}

static struct door_conn *
door_slot(struct tlsdoor *d)
{
	for (unsigned i = 0; i < d->cfg.connections; i++)
		if (d->conns[i].state == DOOR_FREE)
			return &d->conns[i];
	return NULL;
}

static void
door_admit(struct tlsdoor *d, int fd, const struct sockaddr_storage *addr, socklen_t len)
{
	struct door_conn *c = door_slot(d);
	SSL *ssl = c ? door_ssl_new(d, fd) : NULL;
	int one = 1;

	d->accepted++;
	if (ssl == NULL || door_register(d, c, fd) != 0) {
		d->full++;
		SSL_free(ssl);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	tlsdoor_relay_init(&c->relay, ssl, fd);
	c->state = DOOR_HANDSHAKE;
	c->deadline_ms = door_now() + d->cfg.handshake_s * UINT64_C(1000);
	c->addr = *addr;
	c->addr_n = len;
	d->open++;
}

/* --- the thread --- */

static void
door_listen(struct tlsdoor *d, bool on)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

	if (on == d->listening)
		return;
	epoll_ctl(d->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, d->cfg.listen_fd, &e);
	d->listening = on;
}

static void
door_accept(struct tlsdoor *d)
{
	for (unsigned i = 0; i < DOOR_BATCH; i++) {
		struct sockaddr_storage addr = {0};
		socklen_t len = sizeof(addr);
		int fd = accept4(d->cfg.listen_fd, (struct sockaddr *)&addr, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			door_admit(d, fd, &addr, len);
			continue;
		}
		/* Out of descriptors: try again at the next tick, not at once. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			door_listen(d, false);
		return;
	}
}

static void
door_sweep(struct tlsdoor *d, uint64_t now)
{
	for (unsigned i = 0; i < d->cfg.connections; i++) {
		struct door_conn *c = &d->conns[i];

		if (c->state == DOOR_ENDED)
			c->state = DOOR_FREE;
		if (c->state == DOOR_FREE || now < c->deadline_ms)
			continue;
		d->timeout += c->state == DOOR_HANDSHAKE;
		door_end(d, c);
		c->state = DOOR_FREE;
	}
}

static void
door_turn(struct tlsdoor *d, bool stopping)
{
	struct epoll_event events[DOOR_BATCH];
	int n = epoll_wait(d->epoll, events, DOOR_BATCH, DOOR_TICK_MS);

	for (int i = 0; i < n; i++) {
		void *p = events[i].data.ptr;

		if (p == NULL)
			door_accept(d);
		else if (p != d)
			door_pump(d, p);
	}
	door_sweep(d, door_now());
	door_listen(d, !stopping);
}

static void *
door_thread(void *arg)
{
	struct tlsdoor *d = arg;
	uint64_t end;

	while (!atomic_load(&d->stop))
		door_turn(d, false);
	/* It stays readable and would make the wait below a busy one. */
	epoll_ctl(d->epoll, EPOLL_CTL_DEL, d->wake, NULL);
	door_listen(d, false);
	end = door_now() + atomic_load(&d->grace_ms);
	while (d->open > 0 && door_now() < end)
		door_turn(d, true);
	for (unsigned i = 0; i < d->cfg.connections; i++)
		door_end(d, &d->conns[i]);
	return NULL;
}

/* Signals are the main thread's. */
static int
door_spawn(struct tlsdoor *d)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&d->thread, NULL, door_thread, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? 0 : WF_EIO;
}

static void
door_free(struct tlsdoor *d)
{
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->wake >= 0)
		close(d->wake);
	close(d->cfg.listen_fd);
	SSL_CTX_free(d->ctx);
	pthread_mutex_destroy(&d->lock);
	free(d->conns);
	free(d);
}

static int
door_prepare(struct tlsdoor *d)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = d};
	int flags = fcntl(d->cfg.listen_fd, F_GETFL);

	if (d->conns == NULL)
		return WF_ENOMEM;
	if (d->epoll < 0 || d->wake < 0 || flags < 0 ||
	    fcntl(d->cfg.listen_fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    epoll_ctl(d->epoll, EPOLL_CTL_ADD, d->wake, &e) != 0)
		return WF_EIO;
	door_listen(d, true);
	return door_spawn(d);
}

int
tlsdoor_open(const struct tlsdoor_config *cfg, struct tlsdoor **out)
{
	struct tlsdoor *d = calloc(1, sizeof(*d));
	int rc;

	*out = NULL;
	if (d == NULL)
		return WF_ENOMEM;
	d->cfg = *cfg;
	d->cfg.connections = cfg->connections ? cfg->connections : 128;
	d->cfg.handshake_s = cfg->handshake_s ? cfg->handshake_s : 10;
	d->cfg.idle_s = cfg->idle_s ? cfg->idle_s : 120;
	d->conns = calloc(d->cfg.connections, sizeof(*d->conns));
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	MUST(pthread_mutex_init(&d->lock, NULL) == 0);
	MUST(SSL_CTX_up_ref(cfg->ctx) == 1);
	d->ctx = cfg->ctx;
	rc = door_prepare(d);
	if (rc != 0)
		door_free(d);
	else
		*out = d;
	return rc;
}

void
tlsdoor_context(struct tlsdoor *d, struct ssl_ctx_st *ctx)
{
	SSL_CTX *old;

	MUST(SSL_CTX_up_ref(ctx) == 1);
	pthread_mutex_lock(&d->lock);
	old = d->ctx;
	d->ctx = ctx;
	pthread_mutex_unlock(&d->lock);
	SSL_CTX_free(old);
}

void
tlsdoor_counts(const struct tlsdoor *d, struct tlsdoor_counts *out)
{
	*out = (struct tlsdoor_counts){d->accepted, d->delivered, d->failed,
				       d->timeout,  d->full,	  d->open};
}

void
tlsdoor_close(struct tlsdoor *d, unsigned grace_ms)
{
	uint64_t one = 1;

	if (d == NULL)
		return;
	atomic_store(&d->grace_ms, grace_ms);
	atomic_store(&d->stop, true);
	(void)!write(d->wake, &one, sizeof(one));
	pthread_join(d->thread, NULL);
	door_free(d);
}
