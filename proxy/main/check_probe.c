/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a backend answer around warifu? Who reaches it directly needs no stolen cookie's
 * device: he simply sends the cookie there. From here we see the addresses of this machine;
 * what others see, a firewall in between decides.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/main/check.h"
#include "proxy/wire/authority.h"

enum { CHECK_PROBE_MAX = 64, CHECK_PROBE_HOSTS = 16 };

struct check_try {
	const struct conf_site *site;
	struct diag_pos at;
	char where[80];
	bool asked; /* probe-around: asked for by the settings */
	struct pollfd *p;
};

struct check_probe {
	const struct conf *c;
	struct diags *diags;
	struct diag_source src;
	struct ip own[CHECK_PROBE_HOSTS];
	size_t n_own;
	struct check_try tries[CHECK_PROBE_MAX];
	struct pollfd polls[CHECK_PROBE_MAX];
	size_t n;
	size_t left_out;
};

static size_t
check_probe_len(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					 : sizeof(struct sockaddr_in);
}

/* Addresses of this machine that others can reach. */
static void
check_probe_own(struct check_probe *k)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) != 0)
		return;
	for (struct ifaddrs *i = list; i != NULL && k->n_own < CHECK_PROBE_HOSTS; i = i->ifa_next) {
		struct ip ip;
		uint16_t port;

		if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP) ||
		    (i->ifa_flags & IFF_LOOPBACK))
			continue;
		if (i->ifa_addr->sa_family == AF_INET6 &&
		    ((const uint8_t *)i->ifa_addr)[8] == 0xfe)
			continue; /* link-local: would need its scope */
		if (ip_from_sockaddr(i->ifa_addr, check_probe_len(i->ifa_addr), &ip, &port) == 0)
			k->own[k->n_own++] = ip;
	}
	freeifaddrs(list);
}

static bool
check_probe_is_own(const struct check_probe *k, const struct ip *ip)
{
	for (size_t i = 0; i < k->n_own; i++)
		if (memcmp(&k->own[i].b, &ip->b, sizeof(ip->b)) == 0)
			return true;
	return false;
}

/* A port that warifu itself holds there would answer for it. */
static bool
check_probe_ours(const struct check_probe *k, uint16_t port)
{
	for (size_t i = 0; i < k->c->n_listens; i++)
		if (k->c->listens[i].port == port)
			return true;
	return false;
}

static void
check_probe_start(struct check_probe *k, const struct conf_site *s, struct diag_pos at,
    const struct ip *ip, uint16_t port, bool asked)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = (socklen_t)ip_to_sockaddr(ip, port, &ss);
	struct check_try *t = &k->tries[k->n];
	char text[IP_TEXT];
	int fd;

	if (k->n == CHECK_PROBE_MAX) {
		k->left_out++;
		return;
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&ss, n) != 0 && errno != EINPROGRESS) {
		close(fd);
		return;
	}
	(void)ip_print(ip, text);
	*t = (struct check_try){.site = s, .at = at, .asked = asked, .p = &k->polls[k->n]};
	snprintf(t->where, sizeof(t->where), ip->family == 6 ? "[%s]:%u" : "%s:%u", text, port);
	k->polls[k->n++] = (struct pollfd){.fd = fd, .events = POLLOUT};
}

static void
check_probe_server(struct check_probe *k, const struct conf_site *s,
    const struct conf_server *sv)
{
	bool local = sv->ip.family != 0 ? ip_is_loopback(&sv->ip)
					: span_ieq(sv->host, SPAN_LIT("localhost"));

	if (sv->scheme == CONF_UNIX)
		return;
	if (!local && (sv->ip.family == 0 || !check_probe_is_own(k, &sv->ip))) {
		diag_warn(k->diags, &k->src, sv->at,
		    "let its firewall admit this machine only; probe-around \"URL\" tries it",
		    "site %s: whether others reach %s around warifu cannot be seen from here",
		    (const char *)s->name.p, sv->text);
		return;
	}
	for (size_t i = 0; i < k->n_own && !check_probe_ours(k, sv->port); i++)
		check_probe_start(k, s, sv->at, &k->own[i], sv->port, false);
}

/* "http://HOST[:PORT]/…": only whether somebody answers there. */
static void
check_probe_around(struct check_probe *k, const struct conf_site *s, const char *url)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *host = strstr(url, "://");
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *ai = NULL;
	struct authority a;
	char name[256], service[8];
	struct ip ip;
	uint16_t port;

	host = host == NULL ? url : host + 3;
	if (authority_parse(span_of(host, strcspn(host, "/?")), &a) != 0)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)a.host.n, (const char *)a.host.p);
	if (name[0] == '[') {
		memmove(name, name + 1, strlen(name));
		name[strcspn(name, "]")] = '\0';
	}
	snprintf(service, sizeof(service), "%u", a.port ? a.port : tls ? 443u : 80u);
	if (getaddrinfo(name, service, &hints, &ai) != 0)
		return; /* a name that leads nowhere cannot be gone around by */
	if (ip_from_sockaddr(ai->ai_addr, ai->ai_addrlen, &ip, &port) == 0)
		check_probe_start(k, s, s->at, &ip, port, true);
	freeaddrinfo(ai);
}

static void
check_probe_wait(struct check_probe *k)
{
	uint64_t end = clock_mono() + CHECK_PROBE_MS * UINT64_C(1000000);

	for (;;) {
		uint64_t now = clock_mono();
		size_t open = 0;

		for (size_t i = 0; i < k->n; i++)
			open += k->polls[i].fd >= 0 && k->polls[i].revents == 0;
		if (open == 0 || now >= end)
			return;
		/* Those that were answered are asked no more. */
		for (size_t i = 0; i < k->n; i++)
			if (k->polls[i].revents != 0)
				k->polls[i].events = 0;
		(void)poll(k->polls, k->n, (int)((end - now) / 1000000) + 1);
	}
}

static void
check_probe_tell(struct check_probe *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct check_try *t = &k->tries[i];
		socklen_t n = sizeof(int);
		int err = ETIMEDOUT;

		if (k->polls[i].revents != 0)
			(void)getsockopt(k->polls[i].fd, SOL_SOCKET, SO_ERROR, &err, &n);
		close(k->polls[i].fd);
		if (err != 0)
			continue;
		diag_warn(k->diags, &k->src, t->at,
		    t->asked ? "close that way: firewall, or bind the backend elsewhere"
			     : "bind the backend to 127.0.0.1 or a unix socket",
		    "site %s: the backend answers at %s, around warifu",
		    (const char *)t->site->name.p, t->where);
	}
	if (k->left_out > 0)
		diag_warn(k->diags, &k->src, (struct diag_pos){0, 0}, NULL,
		    "%zu more ways around warifu were not tried", k->left_out);
}

void
check_probe(const struct conf *c, struct diags *diags)
{
	struct check_probe *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return;
	k->c = c;
	k->diags = diags;
	k->src.file = c->file;
	check_probe_own(k);
	for (size_t i = 0; i < c->n_sites; i++) {
		const struct conf_backend *b = &c->sites[i].backend;

		for (size_t n = 0; n < b->n_servers; n++)
			check_probe_server(k, &c->sites[i], &b->servers[n]);
		if (b->around != NULL)
			check_probe_around(k, &c->sites[i], b->around);
	}
	check_probe_wait(k);
	check_probe_tell(k);
	free(k);
}
