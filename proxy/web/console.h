/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/console.h - what admins and their monitors look at.
 *
 *   /         overview for people: parts, verdicts, log head, certificates, backends
 *   /metrics  Prometheus text format
 *   /healthz  "ok": this process lives
 *   /readyz   200 or 503 and JSON with every part
 *
 * All data come through struct console_source, which only reads; proxy/main fills it in.
 *
 * Ownership  console_run takes the descriptors and copies the configuration.
 * Errors     0 after an orderly stop, or a negative enum wf_err.
 * Threads    runs in the calling thread (the door, if any, in its own); the source is
 *            called from the calling thread only.
 * Not here   the auditor's console over the log.
 */
#ifndef WARIFU_WEB_CONSOLE_H
#define WARIFU_WEB_CONSOLE_H

#include "proxy/base/err.h"
#include "proxy/base/metric.h"
#include "proxy/base/span.h"
#include "proxy/web/httpd.h"

enum { CONSOLE_NAME_MAX = 128, CONSOLE_LIST_MAX = 64, CONSOLE_HEAD_LEN = 32 };

enum console_part {
	CONSOLE_GATE,	/* its tables are loaded and its threads run */
	CONSOLE_SCRIBE, /* alive */
	CONSOLE_LOG,	/* can be written */
	CONSOLE_PORTAL, /* goes round its loop */
	CONSOLE_CERTS,	/* none that is served has expired */
	CONSOLE_PARTS
};

enum console_health { CONSOLE_OK, CONSOLE_STARTING, CONSOLE_DOWN, CONSOLE_FULL, CONSOLE_EXPIRED };

struct console_state {
	enum console_health parts[CONSOLE_PARTS];
	char version[CONSOLE_NAME_MAX];
	int64_t started_s; /* wall clock, seconds since 1970 */
	int64_t now_s;
	uint64_t log_records; /* committed */
	int64_t crl_ends_s;   /* of the revocation lists for our clients; 0: none */
	int64_t log_time_s;   /* of the last commit; 0: none yet */
	bool log_head_known;
	uint8_t log_head[CONSOLE_HEAD_LEN];
	uint8_t policy[CONSOLE_HEAD_LEN]; /* hash of the policy in force; zeros: none */
};

struct console_cert {
	char name[CONSOLE_NAME_MAX];
	int64_t not_before_s;
	int64_t not_after_s;
};

struct console_upstream {
	char name[CONSOLE_NAME_MAX];
	bool up;
};

struct console_site {
	char name[CONSOLE_NAME_MAX];
	char mode[32]; /* enforce, observe, bypass */
};

struct console_lock {
	char site[CONSOLE_NAME_MAX]; /* empty: all sites */
	char what[32];		     /* a route class, or "bypass" */
	int64_t until_s;	     /* 0: until taken back */
};

/* Lists return how many entries they filled, at most cap; NULL: none to show. */
struct console_source {
	void *arg;
	void (*state)(void *arg,
		      struct console_state *out); /* required; *out is zeroed */
	size_t (*certs)(void *arg, struct console_cert *out, size_t cap);
	size_t (*upstreams)(void *arg, struct console_upstream *out, size_t cap);
	size_t (*sites)(void *arg, struct console_site *out, size_t cap);
	size_t (*locks)(void *arg, struct console_lock *out, size_t cap);
	const struct metric_view *metrics; /* or NULL */
};

struct ssl_ctx_st;
struct overview_history;

struct console_config {
	int listen_fd; /* plain HTTP, meant for loopback or a unix socket; -1: none */
	bool figures_only; /* … and there no pages, only what monitors read */
	int tls_fd;    /* HTTPS; -1: none */
	struct ssl_ctx_st *tls;		    /* required with tls_fd */
	void (*refused)(const char *why);   /* see tlsdoor.h; or NULL */
	int stop_fd;			    /* readable or at its end: stop; -1: none */
	const char *hosts[HTTPD_HOSTS_MAX]; /* names it answers to, see httpd.h */
	struct console_source source;
	/* Where the last hour is kept, to outlive this process; NULL: in it. */
	struct overview_history *history;
};

int console_run(const struct console_config *cfg);

#endif
