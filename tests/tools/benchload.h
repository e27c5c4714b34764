/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/benchload.h - what benchload was asked for, the file of cookies, and
 * latencies.
 */
#ifndef WARIFU_TOOLS_BENCHLOAD_H
#define WARIFU_TOOLS_BENCHLOAD_H

#include <getopt.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "proxy/base/must.h"
#include "proxy/base/span.h"

enum { COOKIE = 64, COOKIES_MAX = 1 << 20, TOOK_MAX = 1 << 21, BUF = 32768, BUF_IDLE = 4096 };

enum mode { KEEP, NEW, RESUME, RATE, IDLE, LOGIN };
static const char *const modes[] = {"keep", "new", "resume", "rate", "idle", "login"};

static struct {
	enum mode mode;
	uint16_t port;
	const char *host, *path, *file, *user;
	unsigned conns;
	unsigned long count;
	double seconds, rate;
	bool plain, addresses;
} opt = {.path = "/wallet/overview", .conns = 16, .seconds = 2, .rate = 500};

static bool
options(int argc, char **argv)
{
	int o;

	for (opt.mode = KEEP; argc > 1 && strcmp(argv[1], modes[opt.mode]) != 0;)
		if (++opt.mode > LOGIN)
			return false;
	optind = 2;
	while ((o = getopt(argc, argv, "p:h:c:t:n:r:u:s:U:PA")) != -1)
		switch (o) {
		case 'p':
			opt.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 'h':
			opt.host = optarg;
			break;
		case 'c':
			opt.conns = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'n':
			opt.count = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			opt.rate = strtod(optarg, NULL);
			break;
		case 'u':
			opt.path = optarg;
			break;
		case 's':
			opt.file = optarg;
			break;
		case 'U':
			opt.user = optarg;
			break;
		case 'P':
			opt.plain = true;
			break;
		case 'A':
			opt.addresses = true;
			break;
		default:
			return false;
		}
	return argc > 1 && opt.port != 0 && opt.host != NULL && opt.conns > 0 &&
	       (opt.mode != LOGIN || (opt.count > 0 && opt.file != NULL));
}

enum state { CONNECTING, SHAKING, FREE, BUSY };

struct lane {
	int fd;
	unsigned index;
	enum state state;
	SSL *ssl;
	SSL_SESSION *ticket;
	unsigned long at; /* number of its next cookie, or of the login under way */
	bool login;	  /* what is under way is one */
	uint64_t from;
	ssize_t left; /* of the answer's body; -1: its head is not whole */
	size_t have;
	int status;
	char *buf;
};

/* ---- cookies ---- */

static char (*cookies)[COOKIE];
static unsigned long n_cookies;
static void
read_cookies(void)
{
	FILE *f = opt.mode == LOGIN || opt.mode == RESUME ? NULL : fopen(opt.file, "r");
	unsigned long cap = opt.mode == LOGIN ? opt.count : COOKIES_MAX;

	cookies = calloc(cap, sizeof(*cookies));
	MUST(cookies != NULL);
	if (opt.mode == LOGIN)
		n_cookies = opt.count;
	if (opt.mode == RESUME)
		n_cookies = opt.conns;
	if (f == NULL)
		return;
	while (n_cookies < cap && fscanf(f, "%63s", cookies[n_cookies]) == 1)
		n_cookies++;
	fclose(f);
	MUST(n_cookies > 0);
}

static void
write_cookies(void)
{
	FILE *f = fopen(opt.file, "w");

	MUST(f != NULL);
	for (unsigned long i = 0; i < n_cookies; i++)
		fprintf(f, "%s\n", cookies[i]);
	MUST(fclose(f) == 0);
}

/* ---- requests ---- */

/* What a browser says of itself in each request. */
static const char chrome[] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, "
			     "like Gecko) Chrome/156.0.0.0 Safari/537.36";
/* A Chrome whose TLS is another's is given no ticket: somebody opens its connections. */
static const char honest[] = "benchload/1.0 (X11; Linux x86_64) OpenSSL/3.0 (a program that "
			     "says what it is, as long as a browser's)";
static const char browser[] =
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n";

static const char *
agent(void)
{
	return opt.mode == RESUME ? honest : chrome;
}

static int
make_login(unsigned long at, char *q, size_t cap)
{
	char user[64];
	int n;

	if (opt.user != NULL)
		n = snprintf(user, sizeof(user), "%s", opt.user);
	else
		n = snprintf(user, sizeof(user), "user%lu", at / 10);
	return snprintf(
	    q, cap,
	    "POST /login HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%sContent-Type: "
	    "application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\nusername=%s",
	    opt.host, agent(), browser, n + 9, user);
}

/* The login with that number, or a request with that cookie, where there are any. */
static int
make_request(unsigned long at, bool login, char *q, size_t cap)
{
	if (login)
		return make_login(at, q, cap);
	if (n_cookies == 0)
		return snprintf(q, cap, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%s\r\n", opt.path,
				opt.host, agent(), browser);
	return snprintf(q, cap,
			"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n%sCookie: theme=dark; lang=ja; "
			"sid=%s\r\n\r\n",
			opt.path, opt.host, agent(), browser, cookies[at]);
}

/* A PROXY header of version 2, TCP over IPv4 (proxy/wire/ppv.h): from 126.1.x.y, one for
 * each lane. */
static void
send_address(const struct lane *l)
{
	uint8_t h[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
		      "\x7e\1\0\0\x7f\0\0\1\x9c\x40\1\xbb";

	h[18] = (uint8_t)(l->index >> 8);
	h[19] = (uint8_t)l->index;
	MUST(send(l->fd, h, sizeof(h) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(h) - 1);
}

/* ---- answers ---- */

static size_t buf_size = BUF;

/* The head, when it is whole: its status and how much is still to come. */
static bool
take_head(struct lane *l)
{
	char *end, *length;

	l->buf[l->have] = '\0';
	end = strstr(l->buf, "\r\n\r\n");
	if (end == NULL)
		return l->have < buf_size - 1;
	length = strcasestr(l->buf, "\r\ncontent-length:");
	if (length == NULL || length > end)
		return false;
	l->status = (int)strtol(l->buf + 9, NULL, 10);
	l->left = strtol(length + 17, NULL, 10) -
		  (ssize_t)(l->have - (size_t)(end + 4 - l->buf));
	return true;
}

static void
keep_cookie(struct lane *l)
{
	char *at = strcasestr(l->buf, "set-cookie: sid=");

	if (at != NULL && l->at < n_cookies)
		(void)snprintf(cookies[l->at], COOKIE, "%.*s",
			       (int)strcspn(at + 16, ";\r"), at + 16);
	l->at += opt.conns;
}

/* ---- latencies ---- */

static uint32_t *took; /* tenths of microseconds */
static size_t n_took;

static int
order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile(double share)
{
	return n_took == 0 ? 0 : took[(size_t)(share * (double)(n_took - 1))] / 10.0;
}

#endif
