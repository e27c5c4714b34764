/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/base/must.h"

enum { LISTEN_BACKLOG = 4096, LISTEN_RETRY_MS = 100, LISTEN_BATCH = 64 };

static int
listen_bind_unix(const char *path, int *fd, char *why, size_t why_n)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int s;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(why, why_n, "the socket path %s is longer than %zu bytes", path,
		    sizeof(sun.sun_path) - 1);
		return WF_ERANGE;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)unlink(path);
	if (s < 0 || bind(s, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    chmod(path, 0660) != 0 || listen(s, LISTEN_BACKLOG) != 0) {
		snprintf(why, why_n, "cannot listen on unix:%s: %s", path, strerror(errno));
		if (s >= 0)
			close(s);
		return WF_EIO;
	}
	*fd = s;
	return 0;
}

/* Splits "host:port" or "[v6]:port" in place; an empty host or "*" is any address. */
static int
listen_split(char *where, char **host, char **port)
{
	char *colon = strrchr(where, ':');

	if (colon == NULL || colon[1] == '\0')
		return WF_ESYNTAX;
	*colon = '\0';
	*port = colon + 1;
	*host = where;
	if (where[0] == '[') {
		size_t n = strlen(where);

		if (n < 2 || where[n - 1] != ']')
			return WF_ESYNTAX;
		where[n - 1] = '\0';
		*host = where + 1;
	}
	return 0;
}

static int
listen_socket(const struct addrinfo *ai, bool reuseport)
{
	int one = 1, s;

	s = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuseport)
		(void)setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(s, ai->ai_addr, ai->ai_addrlen) == 0 && listen(s, LISTEN_BACKLOG) == 0)
		return s;
	close(s);
	return -1;
}

int
listen_bind(const char *where, bool reuseport, int *fd, char *why, size_t why_n)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *ai = NULL;
	char copy[256], *host, *port;
	int err;

	*fd = -1;
	if (strncmp(where, "unix:", 5) == 0)
		return listen_bind_unix(where + 5, fd, why, why_n);
	snprintf(copy, sizeof(copy), "%s", where);
	if (strlen(where) >= sizeof(copy) || listen_split(copy, &host, &port) != 0) {
		snprintf(why, why_n, "\"%s\" is no address: write 192.0.2.1:443, [::]:443 or "
				     "unix:/path", where);
		return WF_ESYNTAX;
	}
	if (*host == '\0' || strcmp(host, "*") == 0)
		host = NULL;
	err = getaddrinfo(host, port, &hints, &ai);
	if (err != 0) {
		snprintf(why, why_n, "\"%s\" is no numeric address and port: %s", where,
		    gai_strerror(err));
		return WF_ESYNTAX;
	}
	*fd = listen_socket(ai, reuseport);
	if (*fd < 0)
		snprintf(why, why_n, "cannot listen on %s: %s", where, strerror(errno));
	freeaddrinfo(ai);
	return *fd < 0 ? WF_EIO : 0;
}

static void
listen_accept(struct listener *l)
{
	/* Bounded, so that a flood of connections does not starve those at work. */
	for (int i = 0; i < LISTEN_BATCH; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t n = sizeof(peer);
		int one = 1;
		int fd = accept4(l->watch.fd, (struct sockaddr *)&peer, &n,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN) {
				l->failed++;
				loop_timer_set(&l->net->loop, &l->retry, LISTEN_RETRY_MS);
			}
			return;
		}
		if (peer.ss_family != AF_UNIX)
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		l->fn(l, fd, &peer);
	}
	loop_timer_set(&l->net->loop, &l->retry, 1);
}

static void
listen_on_event(struct loop_watch *w, uint32_t events)
{
	(void)events;
	listen_accept((struct listener *)(void *)((char *)w - offsetof(struct listener, watch)));
}

static void
listen_on_retry(struct loop_timer *t)
{
	listen_accept((struct listener *)(void *)((char *)t - offsetof(struct listener, retry)));
}

int
listen_open(struct listener *l, struct net *net, int fd, void *arg,
    void (*fn)(struct listener *l, int fd, const struct sockaddr_storage *peer))
{
	*l = (struct listener){.net = net, .arg = arg, .fn = fn};
	l->watch.fd = fd;
	l->watch.fn = listen_on_event;
	l->retry.fn = listen_on_retry;
	return loop_add(&net->loop, &l->watch);
}

void
listen_close(struct listener *l)
{
	if (l->watch.fd < 0)
		return;
	loop_timer_del(&l->retry);
	loop_del(&l->net->loop, &l->watch);
	close(l->watch.fd);
	l->watch.fd = -1;
}
