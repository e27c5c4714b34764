/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/listen.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/unit/tap.h"

enum { WAITING = 5 };

static struct net net;
static struct listener listener;
static int accepted[64];
static unsigned n_accepted;

static void
take(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	(void)l, (void)peer;
	if (n_accepted < 64)
		accepted[n_accepted++] = fd;
}

static int
dial(int listening)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t n = sizeof(in);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (getsockname(listening, (struct sockaddr *)&in, &n) != 0 ||
	    connect(s, (struct sockaddr *)&in, sizeof(in)) != 0) {
		close(s);
		return -1;
	}
	return s;
}

/* No descriptor more than there are now. */
static rlim_t
starve(void)
{
	struct rlimit l;
	rlim_t kept;
	int next = dup(0);

	close(next);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &l), 0);
	kept = l.rlim_cur;
	l.rlim_cur = (rlim_t)next;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &l), 0);
	return kept;
}

static void
feed(rlim_t kept)
{
	struct rlimit l;

	CHECK_INT(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = kept;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &l), 0);
}

/* How often the loop woke in that time. */
static unsigned
turns(uint64_t ms)
{
	uint64_t end = clock_mono() + ms * 1000000u;
	unsigned n = 0;

	for (; clock_mono() < end; n++)
		loop_once(&net.loop, LOOP_TICK_MS);
	return n;
}

static void
without_descriptors_it_counts_waits_and_then_takes_all_who_waited(void)
{
	char why[200];
	int fd = -1, client[WAITING];
	rlim_t kept;
	unsigned n;

	CHECK_INT(net_open(&net, clock_mono, clock_wall), 0);
	CHECK_INT(listen_bind("127.0.0.1:0", true, &fd, why, sizeof(why)), 0);
	CHECK_INT(listen_open(&listener, &net, fd, NULL, take), 0);
	for (int i = 0; i < WAITING; i++)
		client[i] = dial(fd);
	CHECK(client[WAITING - 1] >= 0);
	kept = starve();
	n = turns(600);
	CHECK_INT(n_accepted, 0);
	CHECK(listener.failed >= 1 && listener.failed <= 8); /* one in 100 ms */
	CHECK(n < 60);
	feed(kept);
	(void)turns(300);
	CHECK_INT(n_accepted, WAITING);
	for (int i = 0; i < WAITING; i++)
		close(client[i]);
	for (unsigned i = 0; i < n_accepted; i++)
		close(accepted[i]);
	listen_close(&listener);
	net_close(&net);
}

/* A gate that dies is started again with the same socket. */
static void
who_came_before_the_listener_was_watched_is_taken(void)
{
	char why[200];
	int fd = -1, client;

	n_accepted = 0;
	CHECK_INT(net_open(&net, clock_mono, clock_wall), 0);
	CHECK_INT(listen_bind("127.0.0.1:0", true, &fd, why, sizeof(why)), 0);
	client = dial(fd);
	CHECK(client >= 0);
	CHECK_INT(listen_open(&listener, &net, fd, NULL, take), 0);
	(void)turns(200);
	CHECK_INT(n_accepted, 1);
	close(client);
	if (n_accepted > 0)
		close(accepted[0]);
	listen_close(&listener);
	net_close(&net);
}

int
main(void)
{
	TAP_RUN(without_descriptors_it_counts_waits_and_then_takes_all_who_waited);
	TAP_RUN(who_came_before_the_listener_was_watched_is_taken);
	return tap_done();
}
