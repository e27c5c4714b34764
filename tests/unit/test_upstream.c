/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/upstream.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"

enum { FILL = 0x5a };

static uint64_t clock_ns = 1000000000u;

static uint64_t
clock_now(void)
{
	return clock_ns;
}

/* A user who frees pool and target when he hears of the failure, as the last exchange of
 * an old snapshot does. What he frees is filled and looked at afterwards. */
struct user {
	struct upstream_pool *pool;
	struct upstream_target *target;
	unsigned failed, why;
	unsigned conns; /* of the target, when he was told */
};

static void
user_told(struct upstream_conn *c, unsigned events)
{
	struct user *u = c->user;

	if (!(events & UPSTREAM_FAILED))
		return;
	u->failed++;
	u->why = c->fail;
	u->conns = atomic_load(&u->target->conns);
	upstream_pool_free(u->pool);
	memset(u->target, FILL, sizeof(*u->target));
}

/* A port of 127.0.0.1 where nobody listens. */
static int
port_take(struct upstream_target *t)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, n) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		abort();
	memcpy(t->addr, &at, sizeof(at));
	t->addr_n = sizeof(at);
	return fd;
}

static bool
target_untouched(const struct upstream_target *t)
{
	const uint8_t *p = (const uint8_t *)t;

	for (size_t i = 0; i < sizeof(*t); i++)
		if (p[i] != FILL)
			return false;
	return true;
}

static void
fails_with(unsigned max_conns, unsigned used, unsigned how, unsigned why)
{
	struct upstream_target *t = calloc(1, sizeof(*t));
	struct net *net = calloc(1, sizeof(*net));
	struct user u = {.target = t};
	int fd;

	if (t == NULL || net == NULL || net_open(net, clock_now, clock_now) != 0)
		abort();
	t->connect_ms = 1000;
	t->max_conns = max_conns;
	atomic_store(&t->conns, used);
	fd = port_take(t);
	u.pool = upstream_pool_new(net, &t, 1);
	CHECK(upstream_get(u.pool, t, how, &u, user_told) != NULL);
	for (unsigned i = 0; i < 100 && u.failed == 0; i++)
		loop_once(&net->loop, 10);
	CHECK_INT(u.failed, 1);
	CHECK_INT(u.why, why);
	CHECK_INT(u.conns, used); /* ours is not counted any more */
	CHECK(target_untouched(t));
	close(fd);
	net_close(net);
	free(net);
	free(t);
}

static void
a_refused_dial_touches_nothing_that_its_user_freed(void)
{
	fails_with(0, 0, UPSTREAM_FRESH, UPSTREAM_FAIL_CONNECT);
}

static void
a_target_at_its_limit_touches_nothing_that_its_user_freed(void)
{
	fails_with(3, 3, UPSTREAM_FRESH | UPSTREAM_RESERVE, UPSTREAM_FAIL_LIMIT);
}

/* The server refuses every dial: FAIL_CONNECT means that one was made. */
static void
the_last_quarter_is_kept_for_those_who_may_have_it(void)
{
	fails_with(8, 5, UPSTREAM_FRESH, UPSTREAM_FAIL_CONNECT);
	fails_with(8, 6, UPSTREAM_FRESH, UPSTREAM_FAIL_LIMIT);
	fails_with(8, 6, UPSTREAM_FRESH | UPSTREAM_RESERVE, UPSTREAM_FAIL_CONNECT);
	fails_with(8, 7, UPSTREAM_FRESH | UPSTREAM_RESERVE, UPSTREAM_FAIL_CONNECT);
	fails_with(8, 8, UPSTREAM_FRESH | UPSTREAM_RESERVE, UPSTREAM_FAIL_LIMIT);
}

/* ---- kept connections ---- */

/* One server on loopback that says what it is told to, and one connection to it. */
struct kept {
	struct net net;
	struct upstream_target target, *list;
	struct upstream_pool *pool;
	struct upstream_conn *c;
	struct loop_watch other; /* an event that is told before the server's */
	int listener, server;
	bool ready, reused;
};

static void
kept_on_event(struct upstream_conn *c, unsigned events)
{
	struct kept *k = c->user;

	k->ready |= (events & UPSTREAM_READY) != 0;
}

static void
kept_open(struct kept *k)
{
	*k = (struct kept){.list = &k->target};
	if (net_open(&k->net, clock_now, clock_now) != 0)
		abort();
	k->target.connect_ms = k->target.idle_ms = 1000;
	k->target.max_idle = 8;
	k->listener = port_take(&k->target);
	k->pool = upstream_pool_new(&k->net, &k->list, 1);
	if (listen(k->listener, 8) != 0)
		abort();
	k->c = upstream_get(k->pool, &k->target, UPSTREAM_FRESH, k, kept_on_event);
	for (unsigned i = 0; i < 100 && !k->ready; i++)
		loop_once(&k->net.loop, 10);
	k->server = accept(k->listener, NULL, NULL);
	CHECK(k->ready);
	upstream_put(k->c);
}

static void
kept_close(struct kept *k)
{
	upstream_pool_free(k->pool);
	close(k->server);
	close(k->listener);
	net_close(&k->net);
}

static void
kept_take(struct kept *k)
{
	k->c = upstream_get(k->pool, &k->target, 0, k, kept_on_event);
	k->reused = k->c->reused;
	upstream_drop(k->c);
}

static void
a_quiet_server_is_used_again(void)
{
	struct kept k;

	kept_open(&k);
	loop_once(&k.net.loop, 0);
	kept_take(&k);
	CHECK(k.reused);
	kept_close(&k);
}

/* In the batch in which it became idle nothing tells yet that it spoke. */
static void
a_server_that_spoke_in_the_same_batch_is_not_used_again(void)
{
	struct kept k;

	kept_open(&k);
	CHECK_INT(write(k.server, "x", 1), 1);
	kept_take(&k);
	CHECK(!k.reused);
	kept_close(&k);
}

static void
kept_on_other(struct loop_watch *w, uint32_t events)
{
	struct kept *k =
	    (struct kept *)(void *)((char *)w - offsetof(struct kept, other));

	(void)events;
	kept_take(k);
}

/* Its event is behind another one in the batch: whoever is told first must not take it.
 */
static void
a_server_whose_event_still_waits_is_not_used_again(void)
{
	struct kept k;
	int pair[2];

	kept_open(&k);
	loop_once(&k.net.loop, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	k.other = (struct loop_watch){.fd = pair[0], .fn = kept_on_other};
	k.reused = true;
	CHECK_INT(write(pair[1], "x", 1), 1);
	CHECK_INT(loop_add(&k.net.loop, &k.other), 0);
	CHECK_INT(write(k.server, "x", 1), 1);
	loop_once(&k.net.loop, 100);
	CHECK(!k.reused);
	loop_del(&k.net.loop, &k.other);
	close(pair[0]);
	close(pair[1]);
	kept_close(&k);
}

int
main(void)
{
	TAP_RUN(a_quiet_server_is_used_again);
	TAP_RUN(a_server_that_spoke_in_the_same_batch_is_not_used_again);
	TAP_RUN(a_server_whose_event_still_waits_is_not_used_again);
	TAP_RUN(a_refused_dial_touches_nothing_that_its_user_freed);
	TAP_RUN(a_target_at_its_limit_touches_nothing_that_its_user_freed);
	TAP_RUN(the_last_quarter_is_kept_for_those_who_may_have_it);
	return tap_done();
}
