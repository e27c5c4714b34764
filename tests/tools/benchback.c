/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/benchback.c PORT - the backend of `make bench` and `make soak`: one thread
 * that answers from memory, so that what is measured is the proxy.
 *
 *   GET /1m…, GET /10m…   1 and 10 MiB
 *   GET anything          1 KiB
 *   POST anything         a redirect and a fresh cookie `sid`
 *   POST /login?sid=NAME  the same with the cookie that the client wishes: for a load
 *                         generator that cannot read cookies
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/base/span.h"

enum { HEAD_MAX = 16384, EVENTS = 256, LOGIN_MAX = 256, LOGIN_SID = 64 };

struct page {
	char *p;
	size_t n;
};

struct peer {
	int fd;
	size_t have;	 /* bytes of requests in buf */
	const char *out; /* of the answer, what is left */
	size_t left;
	char login[LOGIN_MAX];
	char buf[HEAD_MAX];
};

static struct page small, mega, ten;

static struct page
page_make(size_t body)
{
	struct page g;
	char head[128];
	int n = snprintf(
	    head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n\r\n",
	    body);

	g.n = (size_t)n + body;
	g.p = malloc(g.n);
	MUST(g.p != NULL);
	memcpy(g.p, head, (size_t)n);
	memset(g.p + n, 'x', body);
	return g;
}

/* Writes what is left of the answer. False: the peer is gone. */
static bool
peer_flush(struct peer *p)
{
	while (p->left > 0) {
		ssize_t n = send(p->fd, p->out, p->left, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		p->out += n;
		p->left -= (size_t)n;
	}
	return true;
}

static void
peer_login(struct peer *p)
{
	static const char wish[] = "POST /login?sid=";
	static unsigned logins;
	char sid[LOGIN_SID];
	size_t n = 0;

	(void)snprintf(sid, sizeof(sid), "%08x%08x", ++logins, (unsigned)getpid());
	if (strncmp(p->buf, wish, sizeof(wish) - 1) == 0) {
		n = strspn(p->buf + sizeof(wish) - 1, "0123456789abcdefghijklmnopqrstuvwxyz");
		(void)snprintf(sid, sizeof(sid), "%.*s", (int)n, p->buf + sizeof(wish) - 1);
	}
	p->out = p->login;
	p->left = (size_t)snprintf(p->login, sizeof(p->login),
	    "HTTP/1.1 303 See Other\r\nLocation: /\r\nSet-Cookie: sid=%s; Path=/\r\n"
	    "Content-Length: 0\r\n\r\n",
	    sid);
}

static void
peer_answer(struct peer *p)
{
	const struct page *g = &small;

	if (memcmp(p->buf, "POST ", 5) == 0) {
		peer_login(p);
		return;
	}
	if (memcmp(p->buf, "GET /1m", 7) == 0)
		g = &mega;
	else if (memcmp(p->buf, "GET /10m", 8) == 0)
		g = &ten;
	p->out = g->p;
	p->left = g->n;
}

/* Length of the first request in buf, head and body; 0: not whole yet. */
static size_t
peer_whole(struct peer *p)
{
	char *end, *length = NULL;
	size_t n;

	p->buf[p->have] = '\0';
	end = memmem(p->buf, p->have, "\r\n\r\n", 4);
	if (end == NULL)
		return 0;
	if (p->buf[0] == 'P')
		length = strcasestr(p->buf, "\r\ncontent-length: ");
	n = (size_t)(end + 4 - p->buf);
	if (length != NULL && length < end)
		n += strtoul(length + 18, NULL, 10);
	return n <= p->have ? n : 0;
}

/* Answers what is there, one after the other. False: close. */
static bool
peer_serve(struct peer *p)
{
	size_t n;

	while (p->left == 0 && (n = peer_whole(p)) > 0) {
		peer_answer(p);
		memmove(p->buf, p->buf + n, p->have - n);
		p->have -= n;
		if (!peer_flush(p))
			return false;
	}
	return p->have < HEAD_MAX - 1;
}

static bool
peer_event(struct peer *p, uint32_t events)
{
	ssize_t n;

	if (p->left > 0 && !(peer_flush(p) && peer_serve(p)))
		return false;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return true;
	n = recv(p->fd, p->buf + p->have, HEAD_MAX - 1 - p->have, 0);
	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	p->have += (size_t)n;
	return peer_serve(p);
}

static void
back_accept(int ep, int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct peer *p = malloc(sizeof(*p));
		struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
					 .data.ptr = p};

		MUST(p != NULL);
		p->fd = fd;
		p->have = p->left = 0;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0);
	}
}

static int
back_listen(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	MUST(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(s, 4096) == 0);
	return s;
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[EVENTS], in = {.events = EPOLLIN, .data.ptr = NULL};
	int ep = epoll_create1(EPOLL_CLOEXEC), s;

	if (argc != 2)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	small = page_make(1024);
	mega = page_make(1 << 20);
	ten = page_make(10 << 20);
	s = back_listen((uint16_t)strtoul(argv[1], NULL, 10));
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, s, &in) == 0);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = ev[i].data.ptr;

			if (p == NULL) {
				back_accept(ep, s);
			} else if (!peer_event(p, ev[i].events)) {
				close(p->fd);
				free(p);
			}
		}
	}
}
