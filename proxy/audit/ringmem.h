/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/ringmem.h - the bytes of a ring; private to ring.c and ringuse.c.
 *
 * docs/formats/ring.md describes the same layout.
 *
 * Threads  every word of struct ring_shared has one writer; see there.
 */
#ifndef WARIFU_AUDIT_RINGMEM_H
#define WARIFU_AUDIT_RINGMEM_H

#include <stdatomic.h>

#include "proxy/audit/ring.h"

enum {
	RING_VERSION = 1,
	RING_PAGE = 4096,
	RING_HEADER = 16,
	RING_PAD = 0x8000,
	RING_MARK = 0x57a1
};

#define RING_MAGIC UINT64_C(0x3167526f66697277)

enum { RING_AWAKE, RING_SLEEPS, RING_GATHERS };

struct ring_shared {
	/* written once */
	uint64_t magic;
	uint32_t version;
	uint16_t thread;
	uint16_t zero;
	uint64_t cap;
	uint64_t boot;
	uint8_t pad0[32];
	/* the producer's */
	_Atomic uint64_t head;
	_Atomic uint64_t gaps;
	_Atomic uint32_t waiting;
	uint8_t pad1[44];
	/* the consumer's */
	_Atomic uint64_t tail;
	_Atomic uint64_t committed;
	_Atomic uint64_t gather_bytes;
	_Atomic uint32_t sleeping;
	_Atomic uint32_t log_state;
	uint8_t pad2[32];
	/* the chain's head: an odd version means that it is being written */
	_Atomic uint32_t head_version;
	uint32_t zero2;
	_Atomic uint64_t head_count;
	_Atomic uint64_t head_words[RING_HEAD_LEN / 8];
};

_Static_assert(offsetof(struct ring_shared, head) == 64, "docs/formats/ring.md");
_Static_assert(offsetof(struct ring_shared, tail) == 128, "docs/formats/ring.md");
_Static_assert(offsetof(struct ring_shared, head_version) == 192, "docs/formats/ring.md");

struct ring_header {
	uint32_t len;
	uint16_t flags;
	uint64_t seq;
};

/* The entry at `pos` of an area that is filled up to `head`, paddings skipped. On success
 * *at is where the entry's header stands and *next what follows it. */
int
ringmem_look(const struct ring *r, uint64_t pos, uint64_t head, struct ring_header *h,
    uint64_t *at, uint64_t *next);

/* Is `head` possible when everything before `from` is done with? */
bool
ringmem_head_ok(const struct ring *r, uint64_t from, uint64_t head);

#endif
