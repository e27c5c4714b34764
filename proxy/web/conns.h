/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/conns.h - the connections of one httpd: deadlines, and who is at the other
 * end.
 *
 * libmicrohttpd knows only an inactivity time-out, which a client that sends one byte now
 * and then never reaches. Here every connection has a real deadline, and one that misses
 * it is shut down, which libmicrohttpd then notices and closes. Connections handed over
 * by another thread wait here until the loop takes them.
 *
 * Ownership  struct conn is the list's; it lives from conns_start to conns_end. Handed
 *            descriptors are the list's until conns_take.
 * Units      milliseconds of a monotonic clock that the caller reads.
 * Errors     conns_hand: WF_EFULL, WF_ERANGE; conns_start: NULL without memory.
 * Threads    conns_hand from any thread; everything else from the loop.
 * Not here   libmicrohttpd, closing (its owner closes).
 */
#ifndef WARIFU_WEB_CONNS_H
#define WARIFU_WEB_CONNS_H

#include <pthread.h>
#include <sys/socket.h>

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { CONNS_WHO_MAX = 256, CONNS_HANDED = 64 };

struct conn {
	struct conn *prev, *next;
	int fd;
	bool busy; /* between a request's first line and its end */
	uint64_t deadline_ms;
	size_t who_n;
	char who[CONNS_WHO_MAX];
};

enum conns_state { CONNS_FREE, CONNS_WAITING, CONNS_TAKEN };

struct conns_handed {
	enum conns_state state;
	int fd;
	socklen_t addr_n;
	struct sockaddr_storage addr;
	size_t who_n;
	char who[CONNS_WHO_MAX];
};

struct conns {
	struct conn ring;
	pthread_mutex_t lock; /* of handed */
	struct conns_handed handed[CONNS_HANDED];
};

void conns_init(struct conns *cs);
/* Closes what was handed over and never taken. */
void conns_fini(struct conns *cs);

int conns_hand(struct conns *cs, int fd, const struct sockaddr *addr, socklen_t len,
	       struct span who);
/* The next handed connection; the entry stays reserved until conns_start or conns_drop.
 */
const struct conns_handed *conns_take(struct conns *cs);
/* The connection could not be used; its descriptor is somebody else's by now. */
void conns_drop(struct conns *cs, const struct conns_handed *e);

/* A connection that exists now; learns who it is if it was handed over. */
struct conn *conns_start(struct conns *cs, int fd, uint64_t deadline_ms);
void conns_end(struct conn *c);
/* The other end of a unix socket runs as uid; any if uid is negative. */
bool conns_welcome(const struct conn *c, long uid);
bool conns_empty(const struct conns *cs);

/* Shuts what is overdue; with `idle` also what has no request in work. */
void conns_sweep(struct conns *cs, uint64_t now_ms, bool idle);

#endif
