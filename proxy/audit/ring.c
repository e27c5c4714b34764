/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/ring.h"

#include <unistd.h>

#include "proxy/audit/ringmem.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/*
 * Positions count bytes since the ring was made and never wrap in practice; the place in
 * the data area is position mod capacity. Everything is aligned to 16, so that a header
 * always fits before the end of the area; an entry that does not fit there is preceded by
 * a padding entry, which has no sequence.
 *
 * One store publishes: `head`, with release order, behind the padding and the entry. A
 * producer killed before it has published nothing, one killed after it everything. The
 * sequence is not stored apart: it stands in the entries, and a restarted producer walks
 * from `tail` to `head` to find the last one (`committed` when there is none: the consumer
 * stores `committed` before `tail`, so an empty ring has both right).
 *
 * Sleep and wake: each side announces what it waits for, puts a full fence, and looks
 * once more; the other side publishes, puts a full fence, and looks for the announcement.
 * At least one of the two sees the other.
 */

static uint64_t
ring_align(uint64_t n)
{
	return (n + 15) & ~UINT64_C(15);
}

static uint64_t
ring_entry_max(uint64_t cap)
{
	return cap / 4 < RING_ENTRY_MAX ? cap / 4 : RING_ENTRY_MAX;
}

static bool
ring_cap_ok(uint64_t cap)
{
	return cap >= RING_CAP_MIN && cap <= RING_CAP_MAX && (cap & (cap - 1)) == 0;
}

size_t
ring_bytes(size_t cap)
{
	return RING_PAGE + cap;
}

int
ring_init(void *mem, size_t cap, uint16_t thread, uint64_t boot)
{
	struct ring_shared *s = mem;

	if (!ring_cap_ok(cap) || boot == 0)
		return WF_ERANGE;
	memset(mem, 0, RING_PAGE);
	s->version = RING_VERSION;
	s->thread = thread;
	s->cap = cap;
	s->boot = boot;
	s->magic = RING_MAGIC;
	return 0;
}

/* Header words are loaded once each: the producer may change them while we look. */
static struct ring_header
ring_header_load(const uint8_t *p)
{
	const volatile uint64_t *w = (const volatile uint64_t *)(const volatile void *)p;
	uint64_t first = w[0], seq = w[1];
	struct ring_header h = {(uint32_t)first, (uint16_t)(first >> 32), seq};

	if (first >> 48 != RING_MARK)
		h.len = UINT32_MAX;
	return h;
}

static void
ring_header_store(uint8_t *p, uint32_t len, uint16_t flags, uint64_t seq)
{
	volatile uint64_t *w = (volatile uint64_t *)(volatile void *)p;

	w[0] = (uint64_t)RING_MARK << 48 | (uint64_t)flags << 32 | len;
	w[1] = seq;
}

int
ringmem_look(const struct ring *r, uint64_t pos, uint64_t head, struct ring_header *h,
    uint64_t *at, uint64_t *next)
{
	for (int paddings = 0; paddings < 2; paddings++) {
		uint64_t off = pos & (r->cap - 1), room = r->cap - off, size;

		if (head - pos < RING_HEADER)
			return WF_EVERIFY;
		*h = ring_header_load(r->data + off);
		size = RING_HEADER + ring_align(h->len);
		if (h->len == UINT32_MAX || size > room || size > head - pos)
			return WF_EVERIFY;
		*at = pos;
		*next = pos + size;
		if ((h->flags & RING_PAD) == 0) {
			if (h->len == 0 || h->len > ring_entry_max(r->cap) || h->seq == 0)
				return WF_EVERIFY;
			return 0;
		}
		if (off == 0 || size != room || h->seq != 0)
			return WF_EVERIFY;
		pos = *next;
	}
	return WF_EVERIFY;
}

bool
ringmem_head_ok(const struct ring *r, uint64_t from, uint64_t head)
{
	return (head & 15) == 0 && head >= from && head - from <= r->cap;
}

static int
ring_attach_producer(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->s->tail, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&r->s->head, memory_order_acquire);
	uint64_t pos = tail, at;
	struct ring_header h;

	if ((tail & 15) != 0 || !ringmem_head_ok(r, tail, head))
		return WF_EVERIFY;
	r->seq = atomic_load_explicit(&r->s->committed, memory_order_acquire);
	for (bool first = true; pos < head; first = false) {
		if (ringmem_look(r, pos, head, &h, &at, &pos) != 0)
			return WF_EVERIFY;
		if (!first && h.seq != r->seq + 1)
			return WF_EVERIFY;
		r->seq = h.seq;
	}
	r->head = head;
	r->tail_seen = tail;
	return 0;
}

static int
ring_attach_consumer(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->s->tail, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&r->s->head, memory_order_acquire);
	uint64_t at, next;
	struct ring_header h;

	if ((tail & 15) != 0 || !ringmem_head_ok(r, tail, head))
		return WF_EVERIFY;
	r->seq = atomic_load_explicit(&r->s->committed, memory_order_acquire);
	if (tail != head) {
		if (ringmem_look(r, tail, head, &h, &at, &next) != 0 || h.seq > r->seq + 1)
			return WF_EVERIFY;
		r->seq = h.seq - 1;
	}
	r->pos = r->done_pos = tail;
	r->done_seq = r->seq;
	return 0;
}

int
ring_attach(struct ring *r, void *mem, size_t size, enum ring_side side)
{
	struct ring_shared *s = mem;
	int err;

	memset(r, 0, sizeof(*r));
	r->bad = true;
	if (size < RING_PAGE || !ring_cap_ok(size - RING_PAGE))
		return WF_ERANGE;
	if (s->magic != RING_MAGIC || s->version != RING_VERSION ||
	    s->cap != size - RING_PAGE || s->boot == 0)
		return WF_EVERIFY;
	r->s = s;
	r->data = (uint8_t *)mem + RING_PAGE;
	r->cap = size - RING_PAGE;
	r->boot = s->boot;
	r->thread = s->thread;
	r->side = side;
	err = side == RING_PRODUCER ? ring_attach_producer(r) : ring_attach_consumer(r);
	r->bad = err != 0;
	return err;
}

/* ---- producer ---- */

static int
ring_refresh_tail(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->s->tail, memory_order_acquire);

	if (tail < r->tail_seen || tail > r->head || (tail & 15) != 0) {
		r->bad = true;
		return WF_EVERIFY;
	}
	r->tail_seen = tail;
	return 0;
}

static uint64_t
ring_limit(const struct ring *r, enum ring_class class)
{
	switch (class) {
	case RING_STRANGER:
		return r->cap / 2;
	case RING_ORDINARY:
		return r->cap / 10 * 9 - r->keep;
	case RING_CRITICAL:
		return r->cap - r->keep;
	default:
		return r->cap;
	}
}

void
ring_keep(struct ring *r, uint64_t bytes)
{
	uint64_t most = r->cap / 100 * RING_KEEP_MAX;

	r->keep = bytes < most ? bytes : most;
}

int
ring_reserve(struct ring *r, size_t max, enum ring_class class, uint8_t **out)
{
	uint64_t off = r->head & (r->cap - 1), room = r->cap - off;
	uint64_t need = RING_HEADER + ring_align(max), pad;
	int err;

	*out = NULL;
	r->reserved = 0;
	MUST(r->side == RING_PRODUCER);
	if (r->bad)
		return WF_EVERIFY;
	if (max == 0 || max > ring_entry_max(r->cap))
		return WF_ERANGE;
	pad = need > room ? room : 0;
	if (r->head - r->tail_seen + pad + need > ring_limit(r, class)) {
		if ((err = ring_refresh_tail(r)) != 0)
			return err;
		if (r->head - r->tail_seen + pad + need > ring_limit(r, class))
			return WF_EFULL;
	}
	r->reserved_at = r->head + pad;
	r->reserved = max;
	*out = r->data + (r->reserved_at & (r->cap - 1)) + RING_HEADER;
	return 0;
}

uint64_t
ring_next_seq(const struct ring *r)
{
	return r->seq + 1;
}

uint64_t
ring_publish(struct ring *r, size_t len, unsigned flags)
{
	uint64_t pad = r->reserved_at - r->head;

	MUST(len > 0 && len <= r->reserved);
	if (pad)
		ring_header_store(r->data + (r->head & (r->cap - 1)),
		    (uint32_t)(pad - RING_HEADER), RING_PAD, 0);
	ring_header_store(r->data + (r->reserved_at & (r->cap - 1)), (uint32_t)len,
	    (uint16_t)(flags & ~(unsigned)RING_PAD), r->seq + 1);
	r->head = r->reserved_at + RING_HEADER + ring_align(len);
	atomic_store_explicit(&r->s->head, r->head, memory_order_release);
	r->reserved = 0;
	r->urgent |= (flags & RING_DURABLE) != 0;
	return ++r->seq;
}

static void
ring_poke(int fd)
{
	uint64_t one = 1;
	ssize_t n;

	/* EAGAIN means that the counter is at its top: the other side is woken anyway. */
	n = write(fd, &one, sizeof(one));
	(void)n;
}

void
ring_notify(struct ring *r, int scribe_fd)
{
	uint32_t how;

	atomic_thread_fence(memory_order_seq_cst);
	how = atomic_load_explicit(&r->s->sleeping, memory_order_relaxed);
	if (how == RING_GATHERS && !r->urgent) {
		uint64_t tail = atomic_load_explicit(&r->s->tail, memory_order_relaxed);
		uint64_t least =
		    atomic_load_explicit(&r->s->gather_bytes, memory_order_relaxed);

		if (r->head - tail < least)
			return;
	}
	r->urgent = false;
	if (how == RING_AWAKE)
		return;
	if (atomic_exchange_explicit(&r->s->sleeping, RING_AWAKE, memory_order_seq_cst))
		ring_poke(scribe_fd);
}

void
ring_gap(struct ring *r)
{
	atomic_fetch_add_explicit(&r->s->gaps, 1, memory_order_relaxed);
}

uint64_t
ring_committed(const struct ring *r)
{
	return atomic_load_explicit(&r->s->committed, memory_order_acquire);
}

bool
ring_wait_begin(struct ring *r, uint64_t seq)
{
	if (ring_committed(r) >= seq)
		return true;
	atomic_store_explicit(&r->s->waiting, 1, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
	return ring_committed(r) >= seq;
}

unsigned
ring_fill(const struct ring *r)
{
	uint64_t head = atomic_load_explicit(&r->s->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&r->s->tail, memory_order_relaxed);

	if (head < tail || head - tail > r->cap)
		return 100;
	return (unsigned)((head - tail) * 100 / r->cap);
}

enum ring_log_state
ring_log_state(const struct ring *r)
{
	uint32_t st = atomic_load_explicit(&r->s->log_state, memory_order_acquire);

	return st <= RING_LOG_FULL ? (enum ring_log_state)st : RING_LOG_DEGRADED;
}
