/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/benchload.c - the client of `make bench` and `make soak`: one thread,
 * epoll, HTTP/1.1 over TLS 1.3 to 127.0.0.1.
 *
 *   benchload MODE -p PORT -h HOST [options]
 *
 *   keep     kept connections; each asks again as soon as its answer is whole
 *   new      a new connection, with a full handshake, for each request
 *   resume   the same, resumed with the ticket that the connection before it got; each of the
 *            -c first logs in over a connection that is not counted, since a proxy may give
 *            tickets to logins only; when all have, a line is printed and one awaited on
 *            stdin. One that is not resumed is lost
 *   rate     kept connections, -r requests a second in all: for latencies
 *   idle     opens -c connections, one login each, prints a line, holds them till stdin
 * ends login    -n logins (POST /login), connection k those with number k, k+c, ...; the
 * cookies go to the file -s, a line each
 *
 *   -c N connections   -t S seconds   -n N requests at most   -u PATH   -P no TLS
 *   -s FILE  each request carries a cookie of this file: connection k sends the lines k,
 * k+c,
 *            ... in turn, so that with the same -c each cookie stays on the connection
 * (and with -A: the address) of its login -U NAME  the user who logs in; without it ten
 * logins each for user0, user1, ... -A       PROXY protocol: connection k comes from an
 * address of its own in 126.0.0.0/8
 *
 * Prints one line of JSON. Lost is what got no whole answer of status 200 (303 for a
 * login).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/tools/benchload.h"

enum { EVENTS = 256, OPENING = 64 };

static int ep, tick_fd;
static SSL_CTX *ctx;
static struct lane *lanes;
static unsigned opened, ready;
static bool begun; /* of resume: all have logged in */
static uint64_t done, lost, bytes, resumed, late, asked, dialled;
static int last; /* status of the last one lost; 0: no whole answer */
/* ---- one connection ---- */

static int
keep_ticket(SSL *ssl, SSL_SESSION *s)
{
	struct lane *l = SSL_get_app_data(ssl);

	SSL_SESSION_free(l->ticket);
	l->ticket = s;
	return 1;
}

static void
watch(struct lane *l, int op, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = l};

	MUST(epoll_ctl(ep, op, l->fd, &ev) == 0);
}

static void
dial(struct lane *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
	int one = 1;

	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	MUST(l->fd >= 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	MUST(connect(l->fd, (struct sockaddr *)&a, sizeof(a)) == 0 ||
	     errno == EINPROGRESS);
	l->state = CONNECTING;
	dialled += opt.mode != RESUME || l->ticket != NULL;
	watch(l, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
	if (opt.plain)
		return;
	l->ssl = SSL_new(ctx);
	MUST(l->ssl != NULL && SSL_set_fd(l->ssl, l->fd) == 1);
	SSL_set_app_data(l->ssl, l);
	SSL_set_connect_state(l->ssl);
	SSL_set_tlsext_host_name(l->ssl, opt.host);
	if (opt.mode == RESUME && l->ticket != NULL)
		SSL_set_session(l->ssl, l->ticket);
}

static void
hang_up(struct lane *l)
{
	if (l->ssl != NULL) {
		SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(l->ssl);
		l->ssl = NULL;
	}
	close(l->fd);
}

static void
lose(struct lane *l, int status)
{
	lost++;
	last = status;
	hang_up(l);
	dial(l);
}

/* ---- requests ---- */

static void
ask(struct lane *l)
{
	char q[2048];
	int n;

	l->login = opt.mode == LOGIN || opt.mode == IDLE ||
		   (opt.mode == RESUME && l->ticket == NULL);
	n = make_request(l->at, l->login, q, sizeof(q));
	if (opt.mode != LOGIN && n_cookies > 0) {
		l->at += opt.conns;
		if (l->at >= n_cookies)
			l->at = l->index % n_cookies;
	}

	asked += opt.mode != RESUME || !l->login;
	l->from = clock_mono();
	l->left = -1;
	l->have = 0;
	l->state = BUSY;
	/* A connection that died is told by its event. */
	if (opt.plain)
		(void)!send(l->fd, q, (size_t)n, MSG_NOSIGNAL);
	else
		(void)SSL_write(l->ssl, q, n);
}

/* 1: the answer is whole; 0: more is to come; -1: the connection is of no use. */
static int
take_answer(struct lane *l)
{
	while (l->left != 0) {
		size_t at = l->left < 0 ? l->have : 0;
		int n = opt.plain
			    ? (int)recv(l->fd, l->buf + at, buf_size - 1 - at, 0)
			    : SSL_read(l->ssl, l->buf + at, (int)(buf_size - 1 - at));

		if (n <= 0)
			return (opt.plain
				    ? n < 0 && errno == EAGAIN
				    : SSL_get_error(l->ssl, n) == SSL_ERROR_WANT_READ)
				   ? 0
				   : -1;
		bytes += (uint64_t)n;
		if (l->left > 0) {
			l->left -= n;
			continue;
		}
		l->have += (size_t)n;
		if (!take_head(l))
			return -1;
	}
	return 1;
}

/* ---- what happens next ---- */

/* Free, and it is its turn: asks, or opens anew. */
static void
go_on(struct lane *l)
{
	if (opt.count != 0 && opt.mode != IDLE && opt.mode != LOGIN && asked >= opt.count)
		return;
	switch (opt.mode) {
	case LOGIN:
		if (l->at < opt.count)
			ask(l);
		return;
	case NEW:
	case RESUME:
		hang_up(l);
		if (opt.count == 0 || dialled < opt.count)
			dial(l);
		return;
	case KEEP:
		ask(l);
		return;
	case RATE:
	case IDLE:
		return;
	}
}

/* Logged in: ready for the connections that count, once the ticket is here too. */
static void
begin(struct lane *l)
{
	char byte;

	l->state = FREE;
	if (l->ticket == NULL)
		(void)SSL_read(l->ssl, &byte, 1); /* it may be here already */
	if (l->ticket != NULL) {
		l->login = false;
		l->at = l->index;
		ready++;
	}
}

static void
whole(struct lane *l)
{
	if (l->status != (l->login ? 303 : 200)) {
		lose(l, l->status);
		return;
	}
	if (opt.mode == RESUME && l->login) {
		keep_cookie(l);
		begin(l);
		return;
	}
	done++;
	if (n_took < TOOK_MAX)
		took[n_took++] = (uint32_t)((clock_mono() - l->from) / 100);
	if (opt.mode == LOGIN)
		keep_cookie(l);
	l->state = FREE;
	if (opt.mode == IDLE) {
		ready++;
		if (opened < opt.conns)
			dial(&lanes[opened++]);
	}
	go_on(l);
}

static void
shake(struct lane *l)
{
	int r = 1;

	if (l->state == CONNECTING && opt.addresses)
		send_address(l);
	l->state = SHAKING;
	if (!opt.plain && (r = SSL_do_handshake(l->ssl)) != 1) {
		if (SSL_get_error(l->ssl, r) == SSL_ERROR_WANT_READ)
			watch(l, EPOLL_CTL_MOD, EPOLLIN);
		else
			lose(l, 0);
		return;
	}
	if (!opt.plain && SSL_session_reused(l->ssl) == 1)
		resumed++;
	else
		lost += opt.mode == RESUME && l->ticket != NULL;
	watch(l, EPOLL_CTL_MOD, EPOLLIN);
	l->state = FREE;
	if (opt.mode == RATE)
		ready++;
	else if (opt.mode == LOGIN ? l->at < opt.count : opt.count == 0 || asked < opt.count)
		ask(l);
}

static void
event(struct lane *l)
{
	char byte;
	int r;

	switch (l->state) {
	case CONNECTING:
	case SHAKING:
		shake(l);
		break;
	case BUSY:
		r = take_answer(l);
		if (r > 0)
			whole(l);
		else if (r < 0)
			lose(l, 0);
		break;
	case FREE: /* a ticket, or the end */
		r = opt.plain ? (int)recv(l->fd, &byte, 1, 0)
			      : SSL_read(l->ssl, &byte, 1);
		if (r > 0 ||
		    (opt.plain ? errno != EAGAIN
			       : SSL_get_error(l->ssl, r) != SSL_ERROR_WANT_READ))
			lose(l, 0);
		else if (l->login && opt.mode == RESUME)
			begin(l);
		break;
	}
}

/* ---- a fixed rate ---- */

static void
tick_at(double at)
{
	struct itimerspec t = {
	    .it_value = {(time_t)at, (long)((at - (double)(time_t)at) * 1e9)}};

	MUST(timerfd_settime(tick_fd, TFD_TIMER_ABSTIME, &t, NULL) == 0);
}

static double
now_s(void)
{
	return (double)clock_mono() / 1e9;
}

/* Asks on the connection that has been free longest; none free: that one is late. */
static void
tick(double *next)
{
	static unsigned turn;
	uint64_t n;

	(void)!read(tick_fd, &n, sizeof(n));
	for (; *next <= now_s(); *next += 1 / opt.rate) {
		unsigned k = 0;

		while (k < opt.conns && lanes[(turn + k) % opt.conns].state != FREE)
			k++;
		if (k == opt.conns) {
			late++;
			continue;
		}
		turn = (turn + k) % opt.conns;
		ask(&lanes[turn]);
		turn++;
	}
	tick_at(*next);
}

/* ---- all of it ---- */

static void
say_ready(void)
{
	printf("{\"ready\": %u, \"lost\": %llu}\n", ready, (unsigned long long)lost);
	fflush(stdout);
}

static void
hold(void)
{
	char b[64];

	say_ready();
	while (read(0, b, sizeof(b)) > 0)
		;
}

/* All have tickets: now it counts. */
static void
resume_all(void)
{
	char b;

	say_ready();
	(void)!read(0, &b, 1);
	begun = true;
	for (unsigned i = 0; i < opt.conns; i++)
		go_on(&lanes[i]);
}

static bool
over(uint64_t end)
{
	switch (opt.mode) {
	case LOGIN:
		return done + lost >= opt.count || clock_mono() > end;
	case IDLE:
		return ready == opt.conns || lost > 100;
	case RESUME:
		if (!begun)
			return lost > 100 || clock_mono() > end + 100 * (uint64_t)1e9;
		/* fallthrough */
	default:
		return clock_mono() > end || (opt.count != 0 && done + lost >= opt.count);
	}
}

/* Runs until it is over; the time that it took, in seconds. */
static double
run(void)
{
	struct epoll_event ev[EVENTS], t = {.events = EPOLLIN, .data.ptr = NULL};
	uint64_t from = clock_mono(), span = (uint64_t)(opt.seconds * 1e9),
		 end = from + span;
	double next = 0;

	while (opened < opt.conns && (opt.mode != IDLE || opened < OPENING))
		dial(&lanes[opened++]);
	while (!over(end)) {
		int n;

		if (opt.mode == RATE && next == 0 && ready == opt.conns) {
			from = clock_mono();
			end = from + span;
			next = now_s() + 0.02;
			MUST(epoll_ctl(ep, EPOLL_CTL_ADD, tick_fd, &t) == 0);
			tick_at(next);
		}
		if (opt.mode == RESUME && !begun && ready == opt.conns) {
			resume_all();
			from = clock_mono();
			end = from + span;
		}
		n = epoll_wait(ep, ev, EVENTS, 50);
		for (int i = 0; i < n; i++)
			if (ev[i].data.ptr == NULL)
				tick(&next);
			else
				event(ev[i].data.ptr);
	}
	return (double)(clock_mono() - from) / 1e9;
}

static void
prepare(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	ep = epoll_create1(EPOLL_CLOEXEC);
	tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	ctx = SSL_CTX_new(TLS_client_method());
	MUST(ep >= 0 && tick_fd >= 0 && ctx != NULL);
	/* The same handshake with every proxy. */
	MUST(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	     SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1 &&
	     SSL_CTX_set1_groups_list(ctx, "X25519") == 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
						SSL_SESS_CACHE_NO_INTERNAL);
	if (opt.mode == RESUME)
		SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	if (opt.file != NULL || opt.mode == RESUME)
		read_cookies();
	if (opt.mode == IDLE)
		buf_size = BUF_IDLE;
	took = malloc(TOOK_MAX * sizeof(*took));
	lanes = calloc(opt.conns, sizeof(*lanes));
	MUST(took != NULL && lanes != NULL);
	for (unsigned i = 0; i < opt.conns; i++) {
		lanes[i].index = i;
		lanes[i].at = opt.mode == LOGIN || n_cookies == 0 ? i : i % n_cookies;
		lanes[i].buf = malloc(buf_size);
		MUST(lanes[i].buf != NULL);
	}
}

int
main(int argc, char **argv)
{
	double seconds;

	if (!options(argc, argv)) {
		fprintf(stderr, "usage: see the head of tests/tools/benchload.c\n");
		return 2;
	}
	prepare();
	seconds = run();
	if (opt.mode == IDLE) {
		hold();
		return lost != 0;
	}
	if (opt.mode == LOGIN)
		write_cookies();
	qsort(took, n_took, sizeof(*took), order);
	printf(
	    "{\"requests\": %llu, \"bytes\": %llu, \"lost\": %llu, \"lost_status\": %d, \"resumed\": "
	    "%llu, \"late\": %llu, "
	    "\"seconds\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
	    (unsigned long long)done, (unsigned long long)bytes, (unsigned long long)lost, last,
	    (unsigned long long)resumed, (unsigned long long)late, seconds,
	    percentile(0.5), percentile(0.99), percentile(0.999));
	return lost != 0;
}
