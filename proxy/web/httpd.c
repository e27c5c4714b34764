/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/httpd.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/web/conns.h"
#include "proxy/web/reply.h"
#include "proxy/web/route.h"
#include "proxy/web/wait.h"

/*
 * libmicrohttpd runs without a thread of its own: its epoll descriptor lies inside ours,
 * and MHD_run is called when it is readable. So its callbacks, our deadlines and the
 * watches all happen in one thread.
 */
enum { HTTPD_TICK_MS = 1000, HTTPD_GRACE_MS = 3000 };

struct httpd_request {
	struct httpd *h;
	struct MHD_Connection *mhd;
	struct conn *conn;
	const struct httpd_route *route; /* NULL until the head is accepted */
	uint8_t *body;
	size_t body_n;
	size_t target_n;
	char target[];
};

struct httpd {
	struct httpd_config cfg;
	struct MHD_Daemon *mhd;
	struct wait wait;
	struct conns conns;
	char *scratch;
	uint64_t next_tick_ms;
	atomic_bool stop;
};

static uint64_t
httpd_now(void)
{
	return clock_mono() / CLOCK_MS;
}

/* --- connections --- */

static uint64_t
httpd_in(unsigned seconds)
{
	return httpd_now() + seconds * UINT64_C(1000);
}

static struct conn *
httpd_conn_start(struct httpd *h, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c;

	MUST(info != NULL);
	c = conns_start(&h->conns, info->connect_fd, httpd_in(h->cfg.head_s));
	if (c == NULL || !conns_welcome(c, h->cfg.peer_uid))
		shutdown(info->connect_fd, SHUT_RDWR);
	return c;
}

static void
httpd_conn_notify(void *cls, struct MHD_Connection *mhd, void **context,
		  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = httpd_conn_start(cls, mhd);
		return;
	}
	if (*context != NULL)
		conns_end(*context);
	*context = NULL;
}

/* --- requests --- */

/* Called with the raw target, before libmicrohttpd decodes it. */
static void *
httpd_request_new(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct httpd *h = cls;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	size_t n = strnlen(target, h->cfg.target_max + 1);
	struct httpd_request *rq = calloc(1, sizeof(*rq) + n);

	if (rq == NULL)
		return NULL;
	rq->h = h;
	rq->mhd = mhd;
	rq->conn = info ? info->socket_context : NULL;
	rq->target_n = n;
	memcpy(rq->target, target, n);
	if (rq->conn)
		rq->conn->busy = true;
	return rq;
}

static void
httpd_request_end(void *cls, struct MHD_Connection *mhd, void **context,
		  enum MHD_RequestTerminationCode code)
{
	struct httpd_request *rq = *context;

	(void)cls, (void)mhd, (void)code;
	*context = NULL;
	if (rq == NULL)
		return;
	if (rq->conn) {
		rq->conn->busy = false;
		rq->conn->deadline_ms = httpd_in(rq->h->cfg.idle_s);
	}
	free(rq->body);
	free(rq);
}

static struct span
httpd_target(const struct httpd_request *rq)
{
	return span_of(rq->target, rq->target_n);
}

struct httpd_find {
	struct span name;
	unsigned count;
	struct span value;
};

static enum MHD_Result
httpd_field_each(void *cls, enum MHD_ValueKind kind, const char *key, size_t key_n,
		 const char *value, size_t value_n)
{
	struct httpd_find *f = cls;

	(void)kind;
	if (span_ieq(span_of(key, key_n), f->name)) {
		f->count++;
		f->value = span_of(value, value ? value_n : 0);
	}
	return MHD_YES;
}

int
httpd_field(struct httpd_request *rq, const char *name, size_t max, struct span *value)
{
	struct httpd_find f = {.name = span_str(name)};

	*value = span_of(NULL, 0);
	MHD_get_connection_values_n(rq->mhd, MHD_HEADER_KIND, httpd_field_each, &f);
	if (f.count != 1)
		return f.count ? WF_EAMBIGUOUS : WF_ENOTFOUND;
	if (f.value.n > max)
		return WF_ERANGE;
	*value = f.value;
	return 0;
}

int
httpd_query(const struct httpd_request *rq, const char *name, size_t max,
	    struct span *value)
{
	return route_query(httpd_target(rq), name, max, value);
}

struct span
httpd_body(const struct httpd_request *rq)
{
	return span_of(rq->body, rq->body_n);
}

struct span
httpd_who(const struct httpd_request *rq)
{
	return rq->conn ? span_of(rq->conn->who, rq->conn->who_n) : span_of(NULL, 0);
}

/* --- replies --- */

static void
httpd_reply_field(void *arg, const char *name, const char *value)
{
	MUST(MHD_add_response_header(arg, name, value) == MHD_YES);
}

static enum MHD_Result
httpd_reply_send(struct httpd_request *rq, struct httpd_reply *rp, bool last)
{
	struct MHD_Response *r;
	struct span body = rp->fixed;
	enum MHD_Result result;

	if (body.n)
		memcpy(rq->h->scratch, body.p, body.n);
	else
		MUST(quote_done(&rp->body, &body) == 0);
	r = MHD_create_response_from_buffer(body.n, rq->h->scratch,
					    MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	reply_fields(rp, httpd_reply_field, r);
	if (last)
		httpd_reply_field(r, "Connection", "close");
	result = MHD_queue_response(rq->mhd, rp->status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result
httpd_refuse(struct httpd_request *rq, unsigned status, const char *allow)
{
	struct httpd_reply rp;

	reply_init(&rp, rq->h->scratch, rq->h->cfg.reply_max);
	reply_refusal(&rp, status, MHD_get_reason_phrase_for(status));
	rp.allow = allow;
	return httpd_reply_send(rq, &rp, true);
}

/* --- admission --- */

/* A browser that was lured to a rebound name still sends that name. */
static bool
httpd_host_ok(struct httpd_request *rq)
{
	struct span host;
	int rc = httpd_field(rq, "Host", 256, &host);

	if (rc == WF_EAMBIGUOUS)
		return false;
	if (rq->h->cfg.hosts[0] == NULL)
		return true;
	return rc == 0 && route_host_in(host, rq->h->cfg.hosts, HTTPD_HOSTS_MAX);
}

/* Only a plain Content-Length within the route's bound; never a transfer coding. */
static unsigned
httpd_body_admit(struct httpd_request *rq, size_t body_max)
{
	struct span v;
	uint64_t n = 0;
	int rc;

	if (httpd_field(rq, "Transfer-Encoding", 0, &v) != WF_ENOTFOUND)
		return 411;
	rc = httpd_field(rq, "Content-Length", 20, &v);
	if (rc == WF_ENOTFOUND)
		return 0;
	if (rc != 0 || text_uint(v, UINT64_MAX / 2, &n) != 0)
		return 400;
	if (n > body_max)
		return 413;
	if (n && (rq->body = malloc((size_t)n)) == NULL)
		return 503;
	return 0;
}

static unsigned
httpd_admit(struct httpd_request *rq, const char *method, const char *version,
	    const char **allow)
{
	int fields = MHD_get_connection_values_n(rq->mhd, MHD_HEADER_KIND, NULL, NULL);
	const struct httpd_route *route;
	unsigned status;

	if (rq->conn == NULL)
		return 503;
	if (rq->target_n > rq->h->cfg.target_max)
		return 414;
	if (fields < 0 || (size_t)fields > rq->h->cfg.fields_max)
		return 431;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 505;
	if (!route_target_ok(httpd_target(rq)))
		return 400;
	if (!httpd_host_ok(rq))
		return 421;
	route = route_find(rq->h->cfg.routes, rq->h->cfg.nroutes,
			   route_path(httpd_target(rq)), method, allow);
	if (route == NULL)
		return *allow ? 405 : 404;
	status = httpd_body_admit(rq, route->body_max);
	if (status == 0)
		rq->route = route;
	return status;
}

static enum MHD_Result
httpd_answer(struct httpd_request *rq)
{
	struct httpd_reply rp;

	reply_init(&rp, rq->h->scratch, rq->h->cfg.reply_max);
	if (rq->route->handler(rq->h->cfg.arg, rq, &rp) != 0 || rp.body.full ||
	    rp.fixed.n > rq->h->cfg.reply_max)
		return httpd_refuse(rq, 500, NULL);
	return httpd_reply_send(rq, &rp, false);
}

/* libmicrohttpd calls this once with the head, then with each piece of body, then once
 * more with none. */
static enum MHD_Result
httpd_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
	     const char *version, const char *data, size_t *data_n, void **context)
{
	struct httpd_request *rq = *context;

	(void)cls, (void)mhd, (void)url;
	if (rq == NULL)
		return MHD_NO;
	if (rq->route == NULL) {
		const char *allow = NULL;
		unsigned status;

		if (rq->conn)
			rq->conn->deadline_ms = httpd_in(rq->h->cfg.reply_s);
		status = httpd_admit(rq, method, version, &allow);
		return status ? httpd_refuse(rq, status, allow) : MHD_YES;
	}
	if (*data_n == 0)
		return httpd_answer(rq);
	if (rq->body == NULL || *data_n > rq->route->body_max - rq->body_n)
		return MHD_NO;
	memcpy(rq->body + rq->body_n, data, *data_n);
	rq->body_n += *data_n;
	*data_n = 0;
	return MHD_YES;
}

/* --- life --- */

static void
httpd_defaults(struct httpd_config *c)
{
	c->connections = c->connections ? c->connections : 256;
	c->connections_addr = c->connections_addr ? c->connections_addr : 64;
	c->head_s = c->head_s ? c->head_s : 10;
	c->idle_s = c->idle_s ? c->idle_s : 75;
	c->reply_s = c->reply_s ? c->reply_s : 30;
	c->target_max = c->target_max ? c->target_max : 2048;
	c->memory = c->memory ? c->memory : 32768;
	c->fields_max = c->fields_max ? c->fields_max : 64;
	c->reply_max = c->reply_max ? c->reply_max : 262144;
}

static struct MHD_Daemon *
httpd_daemon(struct httpd *h)
{
	const struct httpd_config *c = &h->cfg;
	bool door = c->listen_fd < 0;
	const struct MHD_OptionItem options[] = {
	    {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)c->connections, NULL},
	    {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)c->connections_addr, NULL},
	    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)c->memory, NULL},
	    {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
	    {door ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, c->listen_fd, NULL},
	    {MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | (door ? MHD_USE_NO_LISTEN_SOCKET : 0);

	return MHD_start_daemon(flags, 0, NULL, NULL, httpd_access, h,
				MHD_OPTION_URI_LOG_CALLBACK, httpd_request_new, h,
				MHD_OPTION_NOTIFY_COMPLETED, httpd_request_end, h,
				MHD_OPTION_NOTIFY_CONNECTION, httpd_conn_notify, h,
				MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

int
httpd_start(const struct httpd_config *cfg, struct httpd **out)
{
	const union MHD_DaemonInfo *info;
	struct httpd *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL)
		return WF_ENOMEM;
	h->cfg = *cfg;
	httpd_defaults(&h->cfg);
	conns_init(&h->conns);
	h->scratch = malloc(h->cfg.reply_max);
	if (wait_open(&h->wait) != 0 || h->scratch == NULL)
		goto out;
	h->mhd = httpd_daemon(h);
	if (h->mhd == NULL)
		goto out;
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL || wait_add(&h->wait, info->epoll_fd, NULL, NULL) != 0)
		goto out;
	*out = h;
out:
	if (*out == NULL)
		httpd_free(h);
	return *out ? 0 : WF_EIO;
}

void
httpd_free(struct httpd *h)
{
	if (h == NULL)
		return;
	if (h->mhd != NULL)
		MHD_stop_daemon(h->mhd);
	conns_fini(&h->conns);
	wait_close(&h->wait);
	free(h->scratch);
	free(h);
}

int
httpd_add(struct httpd *h, int fd, const struct sockaddr *addr, socklen_t len,
	  struct span who)
{
	int rc = conns_hand(&h->conns, fd, addr, len, who);

	if (rc != 0)
		close(fd);
	else
		wait_wake(&h->wait);
	return rc;
}

int
httpd_watch(struct httpd *h, int fd, void (*ready)(void *arg), void *arg)
{
	return wait_add(&h->wait, fd, ready, arg);
}

void
httpd_stop(struct httpd *h)
{
	atomic_store(&h->stop, true);
	wait_wake(&h->wait);
}

static void
httpd_take_handed(struct httpd *h)
{
	const struct conns_handed *e;
	struct sockaddr_storage addr;

	while ((e = conns_take(&h->conns)) != NULL) {
		addr = e->addr;
		/* Closes the descriptor itself when it fails. */
		if (MHD_add_connection(h->mhd, e->fd, (struct sockaddr *)&addr,
				       e->addr_n) != MHD_YES)
			conns_drop(&h->conns, e);
	}
}

static void
httpd_turn(struct httpd *h, bool stopping)
{
	MHD_UNSIGNED_LONG_LONG wait = HTTPD_TICK_MS;
	uint64_t now;

	if (MHD_get_timeout(h->mhd, &wait) != MHD_YES || wait > HTTPD_TICK_MS)
		wait = stopping ? HTTPD_TICK_MS / 20 : HTTPD_TICK_MS;
	wait_turn(&h->wait, (unsigned)wait);
	httpd_take_handed(h);
	MHD_run(h->mhd);
	now = httpd_now();
	if (now >= h->next_tick_ms || stopping) {
		h->next_tick_ms = now + HTTPD_TICK_MS;
		conns_sweep(&h->conns, now, stopping);
		if (h->cfg.tick && !stopping)
			h->cfg.tick(h->cfg.arg, now);
	}
}

int
httpd_run(struct httpd *h)
{
	uint64_t end;
	int fd;

	while (!atomic_load(&h->stop))
		httpd_turn(h, false);
	/* A watch that stays ready would make the wait below a busy one. */
	wait_keep(&h->wait, 1);
	fd = MHD_quiesce_daemon(h->mhd);
	if (fd >= 0)
		close(fd);
	end = httpd_now() + HTTPD_GRACE_MS;
	while (!conns_empty(&h->conns) && httpd_now() < end)
		httpd_turn(h, true);
	return 0;
}
