/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/tlsout.h"
#include "proxy/base/must.h"

/*
 * What became idle in this batch of the loop stands apart until the next one: of the rest the
 * loop knows by now whether they were quiet, and nobody has to ask the kernel. The one that
 * became idle last is used first, so that those not needed run into their idle time.
 */
struct upstream_idle {
	struct upstream_target *target;
	struct upstream_conn *head;
	struct upstream_conn *fresh, **fresh_end; /* since batch number `turn` */
	uint64_t turn;
	unsigned n;
};

struct upstream_pool {
	struct net *net;
	size_t n;
	struct upstream_idle idle[];
};

struct upstream_pool *
upstream_pool_new(struct net *net, struct upstream_target **targets, size_t n)
{
	struct upstream_pool *p = calloc(1, sizeof(*p) + n * sizeof(p->idle[0]));

	if (p == NULL)
		return NULL;
	p->net = net;
	p->n = n;
	for (size_t i = 0; i < n; i++) {
		p->idle[i].target = targets[i];
		p->idle[i].fresh_end = &p->idle[i].fresh;
	}
	return p;
}

static struct upstream_idle *
upstream_idle_of(struct upstream_pool *p, const struct upstream_target *t)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->idle[i].target == t)
			return &p->idle[i];
	MUST(false); /* a target of this pool */
	return NULL;
}

static void
upstream_close_all(struct upstream_conn *c)
{
	for (struct upstream_conn *next; c != NULL; c = next) {
		next = c->next;
		upstream_drop(c);
	}
}

void
upstream_pool_close_idle(struct upstream_pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		upstream_close_all(p->idle[i].head);
		upstream_close_all(p->idle[i].fresh);
	}
}

unsigned
upstream_pool_idle(const struct upstream_pool *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->idle[i].n;
	return n;
}

void
upstream_pool_free(struct upstream_pool *p)
{
	if (p == NULL)
		return;
	upstream_pool_close_idle(p);
	free(p);
}

/* ---- health ---- */

bool
upstream_is_up(struct upstream_target *t, uint64_t now)
{
	return !atomic_load_explicit(&t->check_failed, memory_order_relaxed) &&
	       atomic_load_explicit(&t->down_until, memory_order_relaxed) <= now;
}

struct upstream_target *
upstream_pick(struct upstream_target **targets, size_t n, unsigned *turn, uint64_t now)
{
	struct upstream_target *best;

	MUST(n > 0);
	best = targets[*turn % n];
	for (size_t i = 0; i < n; i++) {
		struct upstream_target *t = targets[(*turn + i) % n];

		if (upstream_is_up(t, now)) {
			*turn = (unsigned)((*turn + i + 1) % n);
			return t;
		}
		if (atomic_load(&t->down_until) < atomic_load(&best->down_until))
			best = t;
	}
	(*turn)++;
	return best;
}

void
upstream_checked(struct upstream_target *t, bool ok)
{
	atomic_store(&t->check_failed, !ok);
	if (ok) {
		atomic_store(&t->fails, 0);
		atomic_store(&t->down_until, 0);
	}
}

static void
upstream_failed(struct upstream_target *t, uint64_t now)
{
	unsigned fails = atomic_fetch_add(&t->fails, 1);
	uint64_t ms = UPSTREAM_DOWN_MS;

	while (fails-- > 0 && ms < UPSTREAM_DOWN_MAX_MS)
		ms *= 2;
	if (ms > UPSTREAM_DOWN_MAX_MS)
		ms = UPSTREAM_DOWN_MAX_MS;
	atomic_store(&t->down_until, now + ms * 1000000u);
}

/* ---- one connection ---- */

static void
upstream_link(struct upstream_conn **list, struct upstream_conn *c)
{
	c->next = *list;
	c->prev = list;
	if (*list != NULL)
		(*list)->prev = &c->next;
	*list = c;
}

static void
upstream_unlink(struct upstream_conn *c)
{
	struct upstream_idle *idle;

	if (!c->idle)
		return;
	idle = upstream_idle_of(c->pool, c->target);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (idle->fresh_end == &c->next)
		idle->fresh_end = c->prev;
	idle->n--;
	c->idle = false;
}

/* In a new batch: what became idle in the one before joins the others, in front of them. */
static void
upstream_settle(struct upstream_idle *idle, uint64_t turn)
{
	if (idle->turn == turn)
		return;
	idle->turn = turn;
	if (idle->fresh == NULL)
		return;
	*idle->fresh_end = idle->head;
	if (idle->head != NULL)
		idle->head->prev = idle->fresh_end;
	idle->head = idle->fresh;
	idle->head->prev = &idle->head;
	idle->fresh = NULL;
	idle->fresh_end = &idle->fresh;
}

/* All that needs the pool or the target. */
static void
upstream_shut(struct upstream_conn *c)
{
	upstream_unlink(c);
	loop_timer_del(&c->timer);
	loop_undefer(&c->pool->net->loop, &c->ready);
	stream_close(&c->stream);
	atomic_fetch_sub(&c->target->conns, 1);
}

void
upstream_drop(struct upstream_conn *c)
{
	upstream_shut(c);
	free(c);
}

/* Whoever is told may be the last user of the pool and the target, and free both. */
static void
upstream_give_up(struct upstream_conn *c, enum upstream_fail why)
{
	c->fail = why;
	if (why != UPSTREAM_FAIL_LIMIT)
		upstream_failed(c->target, c->pool->net->loop.now);
	upstream_shut(c);
	c->fn(c, UPSTREAM_FAILED);
	free(c);
}

static void
upstream_advance(struct upstream_conn *c)
{
	int err, so = 0;
	socklen_t so_n = sizeof(so);

	if (c->stream.connecting)
		return;
	if (getsockopt(c->stream.watch.fd, SOL_SOCKET, SO_ERROR, &so, &so_n) != 0 || so != 0) {
		upstream_give_up(c, UPSTREAM_FAIL_CONNECT);
		return;
	}
	err = stream_shake(&c->stream);
	if (err == WF_MORE)
		return;
	if (err != 0) {
		upstream_give_up(c, UPSTREAM_FAIL_TLS);
		return;
	}
	loop_timer_del(&c->timer);
	atomic_store(&c->target->fails, 0);
	atomic_store(&c->target->down_until, 0);
	c->is_ready = true;
	c->fn(c, UPSTREAM_READY);
}

static void
upstream_on_stream(struct stream *s, unsigned events)
{
	struct upstream_conn *c = (struct upstream_conn *)(void *)s;

	if (c->idle) {
		upstream_drop(c); /* an idle server has nothing to say but goodbye */
		return;
	}
	if (!c->is_ready) {
		if (s->dead)
			upstream_give_up(c, UPSTREAM_FAIL_CONNECT);
		else if (!c->ready.queued)
			upstream_advance(c);
		return;
	}
	c->fn(c, events);
}

static void
upstream_on_timer(struct loop_timer *t)
{
	struct upstream_conn *c = (struct upstream_conn *)(void *)((char *)t -
	    offsetof(struct upstream_conn, timer));

	if (c->idle)
		upstream_drop(c);
	else
		upstream_give_up(c, UPSTREAM_FAIL_TIMEOUT);
}

/* Runs after the caller of upstream_get has its pointer. */
static void
upstream_on_ready(struct loop_task *t)
{
	struct upstream_conn *c = (struct upstream_conn *)(void *)((char *)t -
	    offsetof(struct upstream_conn, ready));

	if (c->fail == UPSTREAM_FAIL_LIMIT)
		upstream_give_up(c, UPSTREAM_FAIL_LIMIT);
	else if (c->stream.dead)
		upstream_give_up(c, UPSTREAM_FAIL_CONNECT);
	else if (c->reused) {
		c->is_ready = true;
		c->fn(c, UPSTREAM_READY);
	} else
		upstream_advance(c);
}

static int
upstream_dial(struct upstream_conn *c)
{
	struct upstream_target *t = c->target;
	const struct sockaddr *sa = (const struct sockaddr *)(const void *)t->addr;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ssl_st *ssl;
	int one = 1, err;

	if (fd < 0)
		return WF_EIO;
	if (sa->sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	err = connect(fd, sa, t->addr_n) == 0 ? 0 : errno;
	if (err != 0 && err != EINPROGRESS) {
		close(fd);
		return WF_EIO;
	}
	if (stream_open(&c->stream, c->pool->net, fd, upstream_on_stream) != 0)
		return WF_EIO;
	c->stream.connecting = err == EINPROGRESS;
	if (t->tls == NULL)
		return 0;
	ssl = SSL_new(tlsout_ctx(t->tls));
	if (ssl == NULL)
		return WF_ENOMEM;
	if (tlsout_prepare(t->tls, ssl) != 0) {
		SSL_free(ssl);
		return WF_ECRYPTO;
	}
	return stream_tls(&c->stream, ssl, false);
}

/*
 * Between two requests a server has nothing to say. Bytes that are here already would be
 * taken for the next answer and reach another client; an end that is here already would
 * cost a retry. Of one that was idle when the loop last asked the kernel, and whose event
 * does not still wait in the loop, nothing has come. Of others, ask.
 */
static bool
upstream_is_quiet(const struct upstream_conn *c, bool settled)
{
	uint8_t byte;

	if (c->stream.ssl != NULL && SSL_has_pending(c->stream.ssl))
		return false;
	if (settled && !c->stream.watch.pending)
		return true;
	return recv(c->stream.watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

/* The first of a list that is quiet; those before it are closed. */
static struct upstream_conn *
upstream_first_quiet(struct upstream_conn *c, bool settled)
{
	while (c != NULL && !upstream_is_quiet(c, settled)) {
		struct upstream_conn *next = c->next;

		upstream_drop(c);
		c = next;
	}
	return c;
}

static struct upstream_conn *
upstream_take_idle(struct upstream_pool *p, struct upstream_target *t)
{
	struct upstream_idle *idle = upstream_idle_of(p, t);
	struct upstream_conn *c;

	upstream_settle(idle, p->net->loop.turn);
	c = upstream_first_quiet(idle->head, true);
	if (c == NULL)
		c = upstream_first_quiet(idle->fresh, false);
	if (c == NULL)
		return NULL;
	upstream_unlink(c);
	loop_timer_del(&c->timer);
	c->reused = true;
	c->is_ready = false;
	return c;
}

static bool
upstream_has_room(const struct upstream_target *t, unsigned conns, unsigned how)
{
	unsigned kept = how & UPSTREAM_RESERVE ? 0 : t->max_conns / 4;

	return t->max_conns == 0 || conns < t->max_conns - kept;
}

struct upstream_conn *
upstream_get(struct upstream_pool *p, struct upstream_target *t, unsigned how, void *user,
    void (*fn)(struct upstream_conn *c, unsigned events))
{
	struct upstream_conn *c = how & UPSTREAM_FRESH ? NULL : upstream_take_idle(p, t);

	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return NULL;
		c->pool = p;
		c->target = t;
		c->timer.fn = upstream_on_timer;
		c->ready.fn = upstream_on_ready;
		c->fail = UPSTREAM_FAIL_CONNECT;
		c->stream.watch.fd = -1;
		if (!upstream_has_room(t, atomic_fetch_add(&t->conns, 1), how)) {
			c->fail = UPSTREAM_FAIL_LIMIT;
			c->stream.dead = true;
			c->stream.net = p->net;
		} else if (upstream_dial(c) != 0) {
			c->stream.dead = true;
			c->stream.net = p->net;
		}
		loop_timer_set(&p->net->loop, &c->timer, t->connect_ms);
	}
	c->user = user;
	c->fn = fn;
	loop_defer(&p->net->loop, &c->ready);
	return c;
}

void
upstream_put(struct upstream_conn *c)
{
	struct upstream_idle *idle = upstream_idle_of(c->pool, c->target);

	if (!stream_is_open(&c->stream) || c->stream.eof || c->stream.finishing ||
	    c->stream.out.n > 0 || idle->n >= c->target->max_idle) {
		upstream_drop(c);
		return;
	}
	upstream_settle(idle, c->pool->net->loop.turn);
	upstream_link(&idle->fresh, c);
	if (c->next == NULL)
		idle->fresh_end = &c->next;
	idle->n++;
	c->idle = true;
	c->user = NULL;
	c->fn = NULL;
	loop_timer_set(&c->pool->net->loop, &c->timer, c->target->idle_ms);
}
