/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer's side of a ring, and what anybody may read. */
#include "proxy/audit/ring.h"

#include "proxy/audit/ringmem.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

static int
ring_broken(struct ring *r)
{
	r->bad = true;
	return WF_EVERIFY;
}

int
ring_next(struct ring *r, uint8_t *buf, size_t cap, struct ring_entry *e)
{
	uint64_t head = atomic_load_explicit(&r->s->head, memory_order_acquire);
	uint64_t at, next;
	struct ring_header h;

	memset(e, 0, sizeof(*e));
	MUST(r->side == RING_CONSUMER);
	if (r->bad || !ringmem_head_ok(r, r->done_pos, head) || head < r->pos)
		return ring_broken(r);
	if (head == r->pos)
		return WF_MORE;
	if (ringmem_look(r, r->pos, head, &h, &at, &next) != 0 || h.seq != r->seq + 1)
		return ring_broken(r);
	if (h.len > cap)
		return WF_EFULL;
	memcpy(buf, r->data + (at & (r->cap - 1)) + RING_HEADER, h.len);
	e->seq = h.seq;
	e->flags = h.flags;
	e->len = h.len;
	r->pos = next;
	r->seq = h.seq;
	return 0;
}

bool
ring_commit(struct ring *r)
{
	r->done_pos = r->pos;
	r->done_seq = r->seq;
	if (r->seq > ring_committed(r))
		atomic_store_explicit(&r->s->committed, r->seq, memory_order_release);
	atomic_store_explicit(&r->s->tail, r->pos, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&r->s->waiting, memory_order_relaxed) == 0)
		return false;
	return atomic_exchange_explicit(&r->s->waiting, 0, memory_order_seq_cst) != 0;
}

void
ring_rewind(struct ring *r)
{
	r->pos = r->done_pos;
	r->seq = r->done_seq;
}

int
ring_resume(struct ring *r, uint64_t seq)
{
	uint64_t head = atomic_load_explicit(&r->s->head, memory_order_acquire);
	uint64_t committed = ring_committed(r);

	if (seq < r->seq || committed > seq || (head == r->pos && seq != r->seq))
		return WF_ESTATE;
	atomic_store_explicit(&r->s->committed, seq, memory_order_release);
	return 0;
}

bool
ring_sleep(struct ring *r, bool gather, uint64_t bytes)
{
	uint64_t pending = r->pos - r->done_pos;

	if (r->bad)
		return true;
	/* The producer compares with what is not freed yet, so count that in. */
	atomic_store_explicit(&r->s->gather_bytes, pending + bytes, memory_order_relaxed);
	atomic_store_explicit(&r->s->sleeping, gather ? RING_GATHERS : RING_SLEEPS,
	    memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&r->s->head, memory_order_acquire) == r->pos)
		return true;
	ring_awake(r);
	return false;
}

void
ring_awake(struct ring *r)
{
	atomic_store_explicit(&r->s->sleeping, RING_AWAKE, memory_order_seq_cst);
}

uint64_t
ring_gaps(const struct ring *r)
{
	return atomic_load_explicit(&r->s->gaps, memory_order_relaxed);
}

void
ring_set_log_state(struct ring *r, enum ring_log_state st)
{
	atomic_store_explicit(&r->s->log_state, (uint32_t)st, memory_order_release);
}

void
ring_set_head(struct ring *r, uint64_t count, const uint8_t head[RING_HEAD_LEN])
{
	uint32_t v = atomic_load_explicit(&r->s->head_version, memory_order_relaxed) | 1;
	uint64_t w[RING_HEAD_LEN / 8];

	memcpy(w, head, sizeof(w));
	atomic_store_explicit(&r->s->head_version, v, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&r->s->head_count, count, memory_order_relaxed);
	for (size_t i = 0; i < ARRAY_LEN(w); i++)
		atomic_store_explicit(&r->s->head_words[i], w[i], memory_order_relaxed);
	/* 0 is "never published": skip it when the version wraps. */
	atomic_store_explicit(&r->s->head_version, v + 1 == 0 ? 2 : v + 1,
	    memory_order_release);
}

int
ring_get_head(const struct ring *r, uint64_t *count, uint8_t head[RING_HEAD_LEN])
{
	uint64_t w[RING_HEAD_LEN / 8];

	*count = 0;
	memset(head, 0, RING_HEAD_LEN);
	for (int tries = 0; tries < 1000; tries++) {
		uint32_t v =
		    atomic_load_explicit(&r->s->head_version, memory_order_acquire);
		uint64_t n =
		    atomic_load_explicit(&r->s->head_count, memory_order_relaxed);

		for (size_t i = 0; i < ARRAY_LEN(w); i++)
			w[i] = atomic_load_explicit(&r->s->head_words[i],
			    memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (v == 0)
			return WF_ESTATE;
		if ((v & 1) != 0 || v != atomic_load_explicit(&r->s->head_version,
					     memory_order_relaxed))
			continue;
		*count = n;
		memcpy(head, w, RING_HEAD_LEN);
		return 0;
	}
	return WF_ESTATE;
}
