/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/conns.h"

#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/must.h"

void
conns_init(struct conns *cs)
{
	*cs = (struct conns){.ring = {.fd = -1}};
	cs->ring.prev = cs->ring.next = &cs->ring;
	MUST(pthread_mutex_init(&cs->lock, NULL) == 0);
}

void
conns_fini(struct conns *cs)
{
	MUST(conns_empty(cs));
	for (size_t i = 0; i < CONNS_HANDED; i++)
		if (cs->handed[i].state == CONNS_WAITING)
			close(cs->handed[i].fd);
	pthread_mutex_destroy(&cs->lock);
}

int
conns_hand(struct conns *cs, int fd, const struct sockaddr *addr, socklen_t len,
	   struct span who)
{
	int rc = WF_EFULL;

	if (len > sizeof(struct sockaddr_storage))
		return WF_ERANGE;
	if (who.n > CONNS_WHO_MAX)
		who.n = CONNS_WHO_MAX;
	pthread_mutex_lock(&cs->lock);
	for (size_t i = 0; i < CONNS_HANDED; i++) {
		struct conns_handed *e = &cs->handed[i];

		if (e->state != CONNS_FREE)
			continue;
		*e = (struct conns_handed){
		    .state = CONNS_WAITING, .fd = fd, .addr_n = len};
		memcpy(&e->addr, addr, len);
		e->who_n = who.n;
		if (who.n)
			memcpy(e->who, who.p, who.n);
		rc = 0;
		break;
	}
	pthread_mutex_unlock(&cs->lock);
	return rc;
}

const struct conns_handed *
conns_take(struct conns *cs)
{
	struct conns_handed *found = NULL;

	pthread_mutex_lock(&cs->lock);
	for (size_t i = 0; i < CONNS_HANDED && found == NULL; i++)
		if (cs->handed[i].state == CONNS_WAITING)
			found = &cs->handed[i];
	if (found)
		found->state = CONNS_TAKEN;
	pthread_mutex_unlock(&cs->lock);
	return found;
}

void
conns_drop(struct conns *cs, const struct conns_handed *e)
{
	pthread_mutex_lock(&cs->lock);
	cs->handed[e - cs->handed].state = CONNS_FREE;
	pthread_mutex_unlock(&cs->lock);
}

static void
conns_identify(struct conns *cs, struct conn *c)
{
	pthread_mutex_lock(&cs->lock);
	for (size_t i = 0; i < CONNS_HANDED; i++) {
		struct conns_handed *e = &cs->handed[i];

		if (e->state != CONNS_TAKEN || e->fd != c->fd)
			continue;
		c->who_n = e->who_n;
		memcpy(c->who, e->who, e->who_n);
		e->state = CONNS_FREE;
		break;
	}
	pthread_mutex_unlock(&cs->lock);
}

struct conn *
conns_start(struct conns *cs, int fd, uint64_t deadline_ms)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->deadline_ms = deadline_ms;
	c->next = &cs->ring;
	c->prev = cs->ring.prev;
	c->prev->next = c->next->prev = c;
	conns_identify(cs, c);
	return c;
}

void
conns_end(struct conn *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
	free(c);
}

bool
conns_welcome(const struct conn *c, long uid)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	if (uid < 0)
		return true;
	return getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       len == sizeof(cred) && (long)cred.uid == uid;
}

bool
conns_empty(const struct conns *cs)
{
	return cs->ring.next == &cs->ring;
}

void
conns_sweep(struct conns *cs, uint64_t now_ms, bool idle)
{
	for (struct conn *c = cs->ring.next; c != &cs->ring; c = c->next)
		if (now_ms >= c->deadline_ms || (idle && !c->busy))
			shutdown(c->fd, SHUT_RDWR);
}
