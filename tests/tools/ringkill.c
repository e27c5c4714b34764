/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/ringkill.c - kill -9 of producers and scribe, anywhere, many times.
 *
 *   ringkill DIR KILLS SEED
 *
 * The parent holds the rings, as the supervisor does; two producers and a scribe are child
 * processes that it kills after random times (0 to 30 ms, half of them within 3 ms, so that
 * the attach after a restart is hit too) and starts again. Each producer counts, in memory
 * of its own that outlives it, an entry before and after it publishes. At the end everything
 * is let run out and stopped in order; one line of JSON says per thread what was begun, what
 * was published for certain and the last sequence. Whoever reads the log must find each
 * thread's sequence 1 … last exactly once, in order, with published ≤ last ≤ begun, and what
 * was acknowledged in it.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/audit/entry.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/scribe.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "tests/tools/dice.h"

enum { THREADS = 2, CAP = 1 << 18, CHILDREN = THREADS + 1 };

struct tally {
	_Atomic uint64_t begun;
	_Atomic uint64_t published;
	_Atomic uint64_t stop;
};

struct kill_world {
	const char *dir;
	char generation[4096];
	uint8_t master[KEYS_MASTER_LEN];
	uint64_t boot;
	void *ring[THREADS];
	int wake[THREADS];
	int event_fd;
	struct tally *tally;
	pid_t child[CHILDREN]; /* producers, then the scribe */
	int stop[2];
};

static uint64_t
kill_wall(void *arg)
{
	(void)arg;
	return clock_wall();
}

static uint64_t
kill_mono(void *arg)
{
	(void)arg;
	return clock_mono();
}

static void
kill_note(void *arg, enum scribe_note_level level, enum rec_event event, int err,
    const char *text)
{
	(void)arg;
	(void)event;
	if (level == SCRIBE_ALARM)
		fprintf(stderr, "ringkill: %s (%s)\n", text, err_text(err));
}

static void
kill_scribe(struct kill_world *w)
{
	struct scribe_ring rings[THREADS];
	struct scribe_conf conf = {.dir = w->dir, .generation = w->generation,
	    .master = w->master, .rings = rings, .n_rings = THREADS, .boot = w->boot,
	    .event_fd = w->event_fd, .stop_fd = w->stop[0], .load_fds = {-1, -1, -1, -1},
	    .gather_ms = 1, .batch_bytes = 16384, .wall = kill_wall, .mono = kill_mono,
	    .note = kill_note};
	int err;

	close(w->stop[1]);
	for (uint16_t i = 0; i < THREADS; i++)
		rings[i] = (struct scribe_ring){w->ring[i], ring_bytes(CAP), i, w->wake[i]};
	err = scribe_run(&conf);
	if (err != 0)
		fprintf(stderr, "ringkill: scribe: %s\n", err_text(err));
	_exit(err != 0);
}

static void
kill_publish(struct kill_world *w, struct ring *r, struct tally *t, uint64_t *state)
{
	uint8_t *room;
	struct rec_head h = {.kind = REC_EVENT, .thread = r->thread, .boot = r->boot};
	struct entry_session s = {.state = 1, .expires = UINT64_MAX, .site = SPAN_LIT("s")};
	size_t len, extra = dice_below(state, 900);
	uint8_t fill[900];
	struct entry e;

	if (ring_reserve(r, 4096, RING_CRITICAL, &room) != 0) {
		ring_notify(r, w->event_fd);
		usleep(100);
		return;
	}
	h.seq = ring_next_seq(r);
	h.time = clock_wall();
	memset(fill, (int)(h.seq & 0xff), sizeof(fill));
	entry_begin(&e, room, 4096, &h);
	rec_put_u64(&e.rec, REC_TAG_EVENT, REC_EVENT_LOGIN);
	rec_put_u64(&e.rec, REC_TAG_COUNT, h.seq);
	rec_put_bytes(&e.rec, 0x2000, span_of(fill, extra));
	rec_personal(&e.rec);
	rec_put_text(&e.rec, REC_TAG_USER, h.seq % 3 ? "alice" : "bob");
	entry_leaf_end(&e);
	if (h.seq % 50 == 0) {
		memcpy(s.id, &h.seq, sizeof(h.seq));
		s.id[15] = (uint8_t)r->thread;
		entry_session_put(&e, &s);
	}
	MUST(entry_end(&e, &len) == 0);
	atomic_fetch_add(&t->begun, 1);
	(void)ring_publish(r, len, h.seq % 64 == 0 ? RING_DURABLE : 0);
	atomic_fetch_add(&t->published, 1);
	if (h.seq % 7 == 0)
		ring_notify(r, w->event_fd);
}

static void
kill_producer(struct kill_world *w, unsigned i)
{
	struct tally *t = &w->tally[i];
	uint64_t state = clock_mono();
	struct ring r;

	if (ring_attach(&r, w->ring[i], ring_bytes(CAP), RING_PRODUCER) != 0) {
		fprintf(stderr, "ringkill: a producer finds its ring broken\n");
		_exit(1);
	}
	while (atomic_load(&t->stop) == 0)
		kill_publish(w, &r, t, &state);
	ring_notify(&r, w->event_fd);
	_exit(0);
}

static void
kill_start(struct kill_world *w, unsigned i)
{
	pid_t parent = getpid();

	w->child[i] = fork();
	MUST(w->child[i] >= 0);
	if (w->child[i] > 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (i == THREADS)
		kill_scribe(w);
	kill_producer(w, i);
}

/* Its exit status, or -1 when it was killed. */
static int
kill_reap(struct kill_world *w, unsigned i)
{
	int status = 0;

	MUST(waitpid(w->child[i], &status, 0) == w->child[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
kill_setup(struct kill_world *w, const char *dir)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS;

	w->dir = dir;
	w->boot = clock_wall();
	(void)snprintf(w->generation, sizeof(w->generation), "%s/generation", dir);
	w->event_fd = eventfd(0, EFD_NONBLOCK);
	w->tally = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
	MUST(w->tally != MAP_FAILED && pipe(w->stop) == 0);
	for (uint16_t i = 0; i < THREADS; i++) {
		w->ring[i] = mmap(NULL, ring_bytes(CAP), PROT_READ | PROT_WRITE, flags, -1, 0);
		MUST(w->ring[i] != MAP_FAILED);
		MUST(ring_init(w->ring[i], CAP, i, w->boot) == 0);
		w->wake[i] = eventfd(0, EFD_NONBLOCK);
	}
}

/* True when every child that died was killed by us. */
static bool
kill_many(struct kill_world *w, unsigned kills, uint64_t state)
{
	for (unsigned i = 0; i < CHILDREN; i++)
		kill_start(w, i);
	for (unsigned n = 0; n < kills; n++) {
		unsigned i = dice_below(&state, 4);

		i = i >= THREADS ? THREADS : i; /* the scribe twice as often */
		usleep(dice_below(&state, dice_below(&state, 2) ? 3000 : 30000));
		(void)kill(w->child[i], SIGKILL);
		if (kill_reap(w, i) != -1)
			return false;
		kill_start(w, i);
	}
	return true;
}

static bool
kill_settle(struct kill_world *w, struct ring *last)
{
	bool ok = true;

	for (unsigned i = 0; i < THREADS; i++) {
		atomic_store(&w->tally[i].stop, 1);
		ok &= kill_reap(w, i) == 0;
		ok &= ring_attach(&last[i], w->ring[i], ring_bytes(CAP), RING_PRODUCER) == 0;
	}
	for (unsigned i = 0; ok && i < THREADS; i++)
		for (int ms = 0; ring_committed(&last[i]) < last[i].seq && ms < 30000; ms++)
			usleep(1000);
	close(w->stop[1]);
	return kill_reap(w, THREADS) == 0 && ok;
}

int
main(int argc, char **argv)
{
	struct kill_world w = {.master = {7}};
	struct ring last[THREADS];
	bool ok;

	if (argc != 4)
		return 2;
	kill_setup(&w, argv[1]);
	ok = kill_many(&w, (unsigned)strtoul(argv[2], NULL, 10),
	    strtoul(argv[3], NULL, 10));
	ok = kill_settle(&w, last) && ok;
	printf("{\"ok\": %s, \"boot\": %llu, \"threads\": [", ok ? "true" : "false",
	    (unsigned long long)w.boot);
	for (unsigned i = 0; i < THREADS; i++)
		printf("%s{\"begun\": %llu, \"published\": %llu, \"last\": %llu,"
		       " \"committed\": %llu}", i ? ", " : "",
		    (unsigned long long)w.tally[i].begun,
		    (unsigned long long)w.tally[i].published,
		    (unsigned long long)last[i].seq,
		    (unsigned long long)ring_committed(&last[i]));
	printf("]}\n");
	return ok ? 0 : 1;
}
