/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/scribeload.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/audit/store.h"
#include "proxy/base/err.h"

enum { SCRIBELOAD_FRAME = LOAD_FRAME_MAX + 4, SCRIBELOAD_TURN = 1 << 20 };

struct scribeload_one {
	int fd; /* -1 = none */
	bool waits; /* for its snapshot */
	bool ended; /* END is in the buffer */
	struct storestate_load *rows;
	size_t n;
	size_t off;
	uint8_t buf[2 * SCRIBELOAD_FRAME];
};

struct scribeload {
	struct scribeload_one one[SCRIBE_LOADS_MAX];
};

struct scribeload *
scribeload_new(const int fds[SCRIBE_LOADS_MAX])
{
	struct scribeload *l = calloc(1, sizeof(*l));

	for (size_t i = 0; l != NULL && i < SCRIBE_LOADS_MAX; i++)
		l->one[i].fd = fds[i];
	return l;
}

/* Back to waiting for a request. */
static void
scribeload_end(struct scribeload_one *o)
{
	store_load_close(o->rows);
	o->rows = NULL;
	o->n = o->off = 0;
	o->ended = o->waits = false;
}

void
scribeload_drop(struct scribeload *l)
{
	for (size_t i = 0; i < SCRIBE_LOADS_MAX; i++)
		if (l->one[i].rows != NULL)
			scribeload_end(&l->one[i]);
}

void
scribeload_free(struct scribeload *l)
{
	if (l == NULL)
		return;
	scribeload_drop(l);
	free(l);
}

/* A request: what went on before was for a gate that is gone. The last one counts when
 * several came; a bare LOAD_REQUEST asks without a nonce. */
static void
scribeload_request(struct scribeload_one *o)
{
	uint8_t ask[16 * LOAD_ASK_LEN];
	ssize_t n = recv(o->fd, ask, sizeof(ask), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	scribeload_end(o);
	if (n <= 0) {
		o->fd = -1;
		return;
	}
	o->waits = true;
	if (n % LOAD_ASK_LEN == 0 && ask[n - LOAD_ASK_LEN] == LOAD_REQUEST) {
		o->n = LOAD_NONCE_LEN;
		memcpy(o->buf, ask + n - LOAD_NONCE_LEN, LOAD_NONCE_LEN);
	} else if (ask[0] != LOAD_REQUEST) {
		scribeload_end(o);
	}
}

void
scribeload_heard(struct scribeload *l, const struct pollfd p[SCRIBE_LOADS_MAX])
{
	for (size_t i = 0; i < SCRIBE_LOADS_MAX; i++)
		if (p[i].fd >= 0 && (p[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			scribeload_request(&l->one[i]);
}

bool
scribeload_waiting(const struct scribeload *l)
{
	for (size_t i = 0; i < SCRIBE_LOADS_MAX; i++)
		if (l->one[i].waits)
			return true;
	return false;
}

void
scribeload_start(struct scribeload *l, const struct store *store, uint64_t now)
{
	for (size_t i = 0; i < SCRIBE_LOADS_MAX; i++) {
		struct scribeload_one *o = &l->one[i];

		if (o->waits && store_load_open(store, now, &o->rows) == 0)
			o->waits = false;
	}
}

/* Frames into the empty buffer; false at the end or when something failed. */
static bool
scribeload_fill(struct scribeload_one *o)
{
	struct load_item it;
	size_t len;

	o->off = o->n = 0;
	while (!o->ended && sizeof(o->buf) - o->n >= SCRIBELOAD_FRAME) {
		if (store_load_next(o->rows, &it) != 0 ||
		    load_write(&it, o->buf + o->n, sizeof(o->buf) - o->n, &len) != 0)
			return false;
		o->n += len;
		o->ended = it.kind == LOAD_END;
	}
	return o->n > 0;
}

/* False: it is over, one way or the other. */
static bool
scribeload_write(struct scribeload_one *o)
{
	for (size_t sent = 0; sent < SCRIBELOAD_TURN;) {
		ssize_t n;

		if (o->off == o->n && !scribeload_fill(o))
			return false;
		n = send(o->fd, o->buf + o->off, o->n - o->off, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
		o->off += (size_t)n;
		sent += (size_t)n;
	}
	return true;
}

void
scribeload_poll(struct scribeload *l, struct pollfd p[SCRIBE_LOADS_MAX])
{
	for (size_t i = 0; i < SCRIBE_LOADS_MAX; i++) {
		struct scribeload_one *o = &l->one[i];

		if (o->rows != NULL && !scribeload_write(o))
			scribeload_end(o);
		p[i] = (struct pollfd){.fd = o->fd,
		    .events = (short)(o->rows != NULL ? POLLIN | POLLOUT : POLLIN)};
	}
}
