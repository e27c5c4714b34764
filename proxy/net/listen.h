/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/net/listen.h - sockets that wait for connections.
 *
 * The supervisor binds (listen_bind), once per gate thread with SO_REUSEPORT, and hands
 * the descriptors down; a gate that is restarted gets the same sockets, so nobody who
 * connects in between is turned away.
 *
 * Errors   listen_bind fills `why` with a sentence for the admin.
 * Threads  a listener belongs to its loop's thread.
 */
#ifndef WARIFU_NET_LISTEN_H
#define WARIFU_NET_LISTEN_H

#include <sys/socket.h>

#include "proxy/net/stream.h"

struct listener {
	struct net *net;
	struct loop_watch watch;
	struct loop_timer retry; /* accept again after a pause when descriptors ran out */
	unsigned failed; /* times nothing could be accepted; its reader sets it back */
	void *arg;
	/* Gets each accepted, non-blocking socket and owns it. */
	void (*fn)(struct listener *l, int fd, const struct sockaddr_storage *peer);
};

/* TCP ("1.2.3.4:443", "[::]:443") or unix ("unix:/path"). *fd is close-on-exec. */
int
listen_bind(const char *where, bool reuseport, int *fd, char *why, size_t why_n);

int
listen_open(struct listener *l, struct net *net, int fd, void *arg,
    void (*fn)(struct listener *l, int fd, const struct sockaddr_storage *peer));
void
listen_close(struct listener *l);

#endif
