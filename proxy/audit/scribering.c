/* SPDX-License-Identifier: Apache-2.0 */
/* The scribe and its rings. */
#include "proxy/audit/scribepriv.h"

#include <unistd.h>

#include "proxy/base/err.h"

void
scribering_set_state(struct scribe *s, enum ring_log_state st)
{
	s->state = st;
	for (size_t i = 0; i < s->conf->n_rings; i++)
		if (!s->bad[i])
			ring_set_log_state(&s->rings[i], st);
}

static void
scribering_damaged(struct scribe *s, size_t i)
{
	s->bad[i] = true;
	scribe_raise(s, REC_EVENT_LOG_STATE, WF_EVERIFY,
	    "a ring holds what its writer cannot have written; it is read no further");
	if (s->rings[i].s != NULL)
		ring_set_log_state(&s->rings[i], RING_LOG_DEGRADED);
}

int
scribering_attach(struct scribe *s)
{
	const struct scribe_conf *c = s->conf;

	for (size_t i = 0; i < c->n_rings; i++) {
		struct ring *r = &s->rings[i];
		int err = ring_attach(r, c->rings[i].mem, c->rings[i].size, RING_CONSUMER);

		if (err == WF_ERANGE)
			return err;
		if (err != 0 || r->boot != c->boot || r->thread != c->rings[i].thread)
			scribering_damaged(s, i);
	}
	return 0;
}

int
scribering_resume(struct scribe *s)
{
	for (size_t i = 0; i < s->conf->n_rings; i++) {
		uint64_t seq = store_applied(s->store, s->conf->rings[i].thread);

		if (!s->bad[i] && ring_resume(&s->rings[i], seq) != 0)
			scribering_damaged(s, i);
	}
	return 0;
}

static int
scribering_drain_one(struct scribe *s, size_t i)
{
	struct ring_entry e;
	int err;

	for (;;) {
		if (store_pending(s->store) >= s->batch) {
			s->drained = false;
			return 0;
		}
		err = ring_next(&s->rings[i], s->buf, RING_ENTRY_MAX, &e);
		if (err == WF_MORE)
			return 0;
		if (err != 0) {
			scribering_damaged(s, i);
			return 0;
		}
		if (s->since == 0)
			s->since = scribe_mono(s);
		s->durable |= (e.flags & RING_DURABLE) != 0;
		if (e.flags & RING_DURABLE)
			scribe_alarm(s, i, e.seq, span_of(s->buf, e.len));
		err = store_add(s->store, s->conf->rings[i].thread, e.seq,
		    span_of(s->buf, e.len), scribe_wall(s));
		if (err != 0)
			return err;
	}
}

/* What stands beside the entries: given up ones have no sequence, so only this says it. */
static int
scribering_say(struct scribe *s, size_t i)
{
	uint16_t thread = s->conf->rings[i].thread;
	bool told;
	int err;

	if (s->bad[i])
		return store_add_damage(s->store, thread, scribe_wall(s));
	err = store_add_gaps(s->store, thread, ring_gaps(&s->rings[i]), scribe_wall(s),
	    &told);
	s->durable |= told;
	return err;
}

int
scribering_drain(struct scribe *s)
{
	int err = 0;

	s->drained = true;
	/* Another one first each time: who fills a batch alone must not starve the rest. */
	s->first++;
	for (size_t k = 0; err == 0 && k < s->conf->n_rings; k++) {
		size_t i = (s->first + k) % s->conf->n_rings;

		if (!s->bad[i])
			err = scribering_drain_one(s, i);
		if (err == 0)
			err = scribering_say(s, i);
	}
	return err;
}

static void
scribering_wake(int fd)
{
	uint64_t one = 1;
	ssize_t n = fd < 0 ? 0 : write(fd, &one, sizeof(one));

	(void)n;
}

void
scribering_acknowledge(struct scribe *s)
{
	uint8_t head[DIGEST_LEN];
	uint64_t count;

	store_head(s->store, &count, head);
	for (size_t i = 0; i < s->conf->n_rings; i++) {
		if (s->bad[i])
			continue;
		ring_set_head(&s->rings[i], count, head);
		if (ring_commit(&s->rings[i]))
			scribering_wake(s->conf->rings[i].wake_fd);
	}
}

void
scribering_rewind(struct scribe *s)
{
	for (size_t i = 0; i < s->conf->n_rings; i++)
		if (!s->bad[i])
			ring_rewind(&s->rings[i]);
}

bool
scribering_sleep(struct scribe *s)
{
	bool sleep = true;

	for (size_t i = 0; i < s->conf->n_rings; i++)
		if (!s->bad[i])
			sleep &= ring_sleep(&s->rings[i], s->since != 0, s->batch);
	return sleep;
}

void
scribering_awake(struct scribe *s)
{
	for (size_t i = 0; i < s->conf->n_rings; i++)
		if (!s->bad[i])
			ring_awake(&s->rings[i]);
}
