/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/httpd.h - the one wrapper around libmicrohttpd.
 *
 * A struct httpd serves a table of routes on a listening socket it inherits (AF_UNIX or
 * TCP) and on connections handed to it (httpd_add). One thread runs it: httpd_run() is
 * the loop, and every handler, tick and watch is called from there, so none of them
 * locks.
 *
 * A route is an exact path, compared with the raw target before its "?": nothing is
 * decoded, and a target with bytes that are not visible ASCII is refused. GET routes
 * answer HEAD too. The handler writes into rp->body (bounded scratch memory,
 * proxy/base/quote.h) or points rp->fixed at static bytes. Each response carries
 * harden.def, a strict Content-Security-Policy and, unless the handler says otherwise,
 * Cache-Control: no-store.
 *
 * Limits     target, head, fields, body, connections; a request must be complete within
 *            head_s of the connection (idle_s after an earlier one), its response be
 * taken within reply_s, or the connection is shut. Refusals that libmicrohttpd itself
 *            makes (malformed head, head too large) are its own short texts.
 * Ownership  httpd_start copies the configuration; tables and arg must outlive it. The
 *            listening descriptor is httpd's from then on; so is one given to httpd_add.
 *            Spans from a request live until its handler returns.
 * Errors     0 or a negative enum wf_err.
 * Threads    httpd_add and httpd_stop from any thread; the rest from the loop's.
 * Not here   TLS (tlsdoor), escaping (page, quote), authentication of clients.
 */
#ifndef WARIFU_WEB_HTTPD_H
#define WARIFU_WEB_HTTPD_H

#include <sys/socket.h>

#include "proxy/base/err.h"
#include "proxy/base/quote.h"
#include "proxy/base/span.h"

struct httpd;
struct httpd_request;

#define HTTPD_CSP                                                                 \
	"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'"

struct httpd_reply {
	unsigned status;   /* preset to 200 */
	const char *type;  /* preset to text/plain; charset=utf-8 */
	const char *cache; /* preset to no-store */
	const char *csp;   /* preset to HTTPD_CSP */
	const char *lang;  /* Content-Language, or NULL */
	const char *vary;  /* or NULL */
	const char *allow; /* or NULL */
	unsigned retry_s;  /* Retry-After; 0 for none */
	struct span fixed; /* static bytes instead of body when n != 0 */
	struct quote body;
};

/* Nonzero: the reply is dropped and 500 is sent instead. */
typedef int (*httpd_handler)(void *arg, struct httpd_request *rq, struct httpd_reply *rp);

struct httpd_route {
	const char *method; /* "GET" answers HEAD too */
	const char *path;
	httpd_handler handler;
	size_t body_max; /* of the request; 0 for none */
};

enum { HTTPD_HOSTS_MAX = 8 };

struct httpd_config {
	int listen_fd; /* -1: only httpd_add */
	const struct httpd_route *routes;
	size_t nroutes;
	void *arg;				   /* for handlers and tick */
	void (*tick)(void *arg, uint64_t mono_ms); /* about once a second, or NULL */
	/* Host fields that are answered, without port; none listed: all (unix socket). */
	const char *hosts[HTTPD_HOSTS_MAX];
	long peer_uid; /* AF_UNIX: the only user who may connect; -1: any */
	/* 0 takes the default in brackets. */
	unsigned connections;		  /* [256] */
	unsigned connections_addr;	  /* per address [64]; not counted on AF_UNIX */
	unsigned head_s, idle_s, reply_s; /* [10, 75, 30] */
	size_t target_max;		  /* bytes [2048] */
	size_t memory;			  /* per connection, holds the head [32768] */
	size_t fields_max;		  /* number [64] */
	size_t reply_max;		  /* bytes of a body [262144] */
};

int httpd_start(const struct httpd_config *cfg, struct httpd **out);

/* Hands a connected stream socket over, with the address of the true client and who he is
 * (a text, or empty). On error fd is closed too. */
int httpd_add(struct httpd *h, int fd, const struct sockaddr *addr, socklen_t len,
	      struct span who);

/* Calls ready(arg) in the loop whenever fd is readable or at its end; at most 8. */
int httpd_watch(struct httpd *h, int fd, void (*ready)(void *arg), void *arg);

/* Serves until httpd_stop; then lets running requests finish, at most 3 s. */
int httpd_run(struct httpd *h);

void httpd_stop(struct httpd *h);

/* Closes what is left. After httpd_run has returned. */
void httpd_free(struct httpd *h);

/* --- for handlers --- */

/* The one value of a field: WF_ENOTFOUND, WF_EAMBIGUOUS if it occurs more than once,
 * WF_ERANGE above max bytes; *value is empty then. */
int httpd_field(struct httpd_request *rq, const char *name, size_t max,
		struct span *value);

/* The raw value of a query parameter (nothing decoded); same errors. */
int httpd_query(const struct httpd_request *rq, const char *name, size_t max,
		struct span *value);

struct span httpd_body(const struct httpd_request *rq);

/* As given to httpd_add; empty otherwise. */
struct span httpd_who(const struct httpd_request *rq);

#endif
