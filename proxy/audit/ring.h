/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/ring.h - the way of a record from one writer to the scribe, in memory
 * that outlives both.
 *
 * One ring has one producer (a gate thread, or the supervisor) and one consumer (the
 * scribe). It lives in a memfd that the supervisor keeps, so that `kill -9` of either
 * side at any instruction loses nothing that was published: an entry exists from the
 * release store of `head` on, and its bytes are freed only after the scribe committed.
 * A restarted producer goes on behind the last published entry, a restarted consumer
 * reads again from the first one that was not freed.
 *
 *   producer  ring_attach → { ring_reserve → fill → ring_publish } … → ring_notify
 *             waiting for a commit: ring_wait_begin, then the thread's eventfd
 *   consumer  ring_attach → { ring_next … → commit to disk → ring_commit } or ring_rewind
 *             before it sleeps: ring_sleep; after: ring_awake
 *
 * Every entry holds exactly one leaf, so that the entry's sequence (1, 2, 3 … for one
 * ring and boot) is the leaf's thread sequence too, and a hole shows.
 *
 * Trust      the consumer believes nothing it reads: positions are kept in its own memory,
 *            lengths are read once and checked, and an entry is copied out before anybody
 *            looks into it. A broken ring gives WF_EVERIFY for ever; the supervisor then
 *            makes a new one. The producer checks what the consumer wrote in the same way.
 * Ownership  the mapping is the caller's; struct ring is a private handle on it.
 * Units      bytes; capacity is a power of two from RING_CAP_MIN to RING_CAP_MAX.
 * Errors     WF_EFULL: no room for this class now. WF_EVERIFY: the ring is broken.
 * Threads    one producer and one consumer; the ring_*_read calls are for anybody.
 * Not here   what an entry means: entry.h. docs/formats/ring.md has the layout.
 */
#ifndef WARIFU_AUDIT_RING_H
#define WARIFU_AUDIT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/span.h"

enum {
	RING_CAP_MIN = 1 << 16,
	RING_CAP_DEFAULT = 8 << 20,
	RING_CAP_MAX = 1 << 30,
	RING_KEEP_MAX = 40, /* per cent of the area: strangers' share stays open to sessions */
	RING_ENTRY_MAX = 256 << 10, /* payload; and never more than a quarter of a ring */
	RING_HEAD_LEN = 32
};

/* Who may fill the ring how far. */
enum ring_class {
	RING_STRANGER, /* no known session: only below 50 % fill */
	RING_ORDINARY, /* below 90 % … */
	RING_CRITICAL, /* login, logout, revoke, refusal in a session: while there is room … */
	RING_OWED      /* … and both leave what ring_keep set aside for these */
};

/* Flags of an entry. */
enum {
	RING_DURABLE = 1 /* somebody waits for the commit: do not gather any longer */
};

/* What the scribe says of the log; the gate fails closed on sensitive routes unless OK. */
enum ring_log_state {
	RING_LOG_STARTING, /* no scribe has attached yet */
	RING_LOG_OK,
	RING_LOG_DEGRADED, /* locked, slow or failing: being retried */
	RING_LOG_FULL      /* no room on the disk: being retried */
};

enum ring_side { RING_PRODUCER, RING_CONSUMER };

struct ring_shared;

struct ring {
	struct ring_shared *s;
	uint8_t *data;
	uint64_t cap;
	uint64_t boot;
	uint16_t thread;
	enum ring_side side;
	bool bad;
	/* producer: published end, and what ring_reserve set aside */
	uint64_t head;
	uint64_t tail_seen;
	uint64_t seq; /* producer: last published; consumer: last returned */
	uint64_t reserved_at;
	size_t reserved;
	uint64_t keep; /* of ring_keep */
	bool urgent; /* a durable entry was published since the last ring_notify */
	/* consumer: next to read, and where the last commit stands */
	uint64_t pos;
	uint64_t done_pos;
	uint64_t done_seq;
};

struct ring_entry {
	uint64_t seq;
	unsigned flags;
	size_t len; /* payload bytes, now in the caller's buffer */
};

/* Bytes of shared memory for one ring of this capacity (a header page and the data). */
size_t
ring_bytes(size_t cap);

/* Makes a fresh ring in `mem` (page-aligned, ring_bytes(cap) long). `boot` is random, new
 * with each start of the supervisor, never 0. WF_ERANGE for a wrong capacity. */
int
ring_init(void *mem, size_t cap, uint16_t thread, uint64_t boot);

/* A handle for one side; `size` is the length of the mapping. The producer walks what is
 * still unread to find its sequence. WF_EVERIFY when anything in there is impossible. */
int
ring_attach(struct ring *r, void *mem, size_t size, enum ring_side side);

/* ---- producer ---- */

/* Room for a payload of up to `max` bytes, contiguous, 16-aligned; *out points into the
 * ring. Nothing is visible before ring_publish; a second reserve forgets the first.
 * WF_EFULL, WF_ERANGE (larger than the ring takes), WF_EVERIFY. */
int
ring_reserve(struct ring *r, size_t max, enum ring_class class, uint8_t **out);

/* Sets room aside for entries of RING_OWED that are to come: the outcomes of what is
 * recorded already. No more than RING_KEEP_MAX per cent. */
void
ring_keep(struct ring *r, uint64_t bytes);

/* The sequence that the next published entry gets: it goes into the leaf's header. */
uint64_t
ring_next_seq(const struct ring *r);

/* Publishes the first `len` bytes (1 .. max) of the reserved room; its sequence. */
uint64_t
ring_publish(struct ring *r, size_t len, unsigned flags);

/* Once after a batch of publishes: wakes the scribe through its eventfd, with a system
 * call only if the scribe sleeps and these entries concern it. */
void
ring_notify(struct ring *r, int scribe_fd);

/* Counts an entry that was given up because the ring was full; the scribe makes a log
 * gap event of it. Do not call it when you will retry. */
void
ring_gap(struct ring *r);

/* The last committed sequence: entries up to it survive power loss. */
uint64_t
ring_committed(const struct ring *r);

/* Call before waiting for a commit: true = already there, do not wait. Otherwise the
 * scribe writes the thread's eventfd after its next commit (once; call again then). */
bool
ring_wait_begin(struct ring *r, uint64_t seq);

/* Per cent of the data area that is in use. */
unsigned
ring_fill(const struct ring *r);

enum ring_log_state
ring_log_state(const struct ring *r);

/* ---- consumer ---- */

/* Copies the next entry into buf. 0, WF_MORE (nothing there), WF_EFULL (buf too small for
 * it; nothing consumed), WF_EVERIFY. */
int
ring_next(struct ring *r, uint8_t *buf, size_t cap, struct ring_entry *e);

/* Everything that ring_next returned is on disk: free it and publish the sequence. The
 * result is true when the producer waits: write its eventfd. */
bool
ring_commit(struct ring *r);

/* The transaction failed: ring_next starts again behind the last ring_commit. */
void
ring_rewind(struct ring *r);

/* After a restart: entries up to `seq` are known to be in the database. Publishes that;
 * frees nothing. WF_ESTATE when ring and database cannot both be right (entries between
 * them are gone, or ring_next would give old sequences anew). */
int
ring_resume(struct ring *r, uint64_t seq);

/* Declares sleep. `gather`: wake me only for a durable entry or from `bytes` unread on.
 * False = something to do has arrived meanwhile: do not sleep. */
bool
ring_sleep(struct ring *r, bool gather, uint64_t bytes);

void
ring_awake(struct ring *r);

/* Entries the producer gave up since the ring was made. */
uint64_t
ring_gaps(const struct ring *r);

void
ring_set_log_state(struct ring *r, enum ring_log_state st);

/* Shows the chain's head (for status and metrics). */
void
ring_set_head(struct ring *r, uint64_t count, const uint8_t head[RING_HEAD_LEN]);

/* For anybody: a consistent count and head; WF_ESTATE when none was published. */
int
ring_get_head(const struct ring *r, uint64_t *count, uint8_t head[RING_HEAD_LEN]);

#endif
