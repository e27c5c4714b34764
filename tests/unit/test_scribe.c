/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/scribe.h"

#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "proxy/audit/load.h"
#include "proxy/audit/query.h"
#include "proxy/audit/storeold.h"
#include "proxy/base/clock.h"
#include "tests/unit/logkit.h"

enum { RINGS = 2, CAP = RING_CAP_MIN };

/* A scribe in a thread of its own, and the producers' sides of two rings. */
struct world {
	struct logkit k;
	struct scribe_conf conf;
	struct scribe_ring shared[RINGS];
	struct ring ring[RINGS];
	int wake[RINGS];
	int stop[2];
	int load[2];
	pthread_t thread;
	int err;
	_Atomic uint64_t skew;
};

static uint64_t
world_wall(void *arg)
{
	struct world *w = arg;

	return clock_wall() + atomic_load(&w->skew);
}

static uint64_t
world_mono(void *arg)
{
	(void)arg;
	return clock_mono();
}

static void *
world_thread(void *arg)
{
	struct world *w = arg;

	w->err = scribe_run(&w->conf);
	return NULL;
}

static void
world_start(struct world *w)
{
	MUST(pipe(w->stop) == 0);
	w->conf.stop_fd = w->stop[0];
	MUST(pthread_create(&w->thread, NULL, world_thread, w) == 0);
}

static void
world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	logkit_init(&w->k);
	for (uint16_t i = 0; i < RINGS; i++) {
		void *mem = mmap(NULL, ring_bytes(CAP), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		MUST(mem != MAP_FAILED && ring_init(mem, CAP, i, 1001) == 0);
		MUST(ring_attach(&w->ring[i], mem, ring_bytes(CAP), RING_PRODUCER) == 0);
		w->wake[i] = eventfd(0, EFD_NONBLOCK);
		w->shared[i] = (struct scribe_ring){mem, ring_bytes(CAP), i, w->wake[i]};
	}
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, w->load) == 0);
	w->conf = (struct scribe_conf){.dir = w->k.dir, .generation = w->k.generation,
	    .master = w->k.master, .rings = w->shared, .n_rings = RINGS, .boot = 1001,
	    .event_fd = eventfd(0, EFD_NONBLOCK), .load_fds = {w->load[1], -1, -1, -1},
	    .wall = world_wall, .mono = world_mono, .arg = w};
}

static void
world_stop(struct world *w)
{
	close(w->stop[1]);
	pthread_join(w->thread, NULL);
	close(w->stop[0]);
}

static void
world_fini(struct world *w)
{
	for (size_t i = 0; i < RINGS; i++) {
		munmap(w->shared[i].mem, w->shared[i].size);
		close(w->wake[i]);
	}
	close(w->load[0]);
	close(w->load[1]);
	close(w->conf.event_fd);
	logkit_fini(&w->k);
}

/* One event in ring i; with `id` also a session's row, with this form of it. */
static uint64_t
publish_form(struct world *w, size_t i, enum rec_event event, uint8_t id, unsigned flags,
    struct span blob)
{
	struct ring *r = &w->ring[i];
	struct rec_head h = {.kind = REC_EVENT, .thread = r->thread, .boot = r->boot,
	    .seq = ring_next_seq(r), .time = clock_wall()};
	struct entry_session s = {.state = 1, .expires = UINT64_MAX, .site = SPAN_LIT("s"),
	    .blob = blob};
	struct entry e;
	uint8_t *room;
	size_t len;
	uint64_t seq;

	if (ring_reserve(r, 1024, RING_CRITICAL, &room) != 0)
		return 0;
	memset(s.id, id, sizeof(s.id));
	entry_begin(&e, room, 1024, &h);
	rec_put_u64(&e.rec, REC_TAG_EVENT, event);
	rec_personal(&e.rec);
	rec_put_text(&e.rec, REC_TAG_USER, "alice");
	entry_leaf_end(&e);
	if (id != 0 && event == REC_EVENT_REVOKE)
		entry_session_end(&e, s.id, 3, s.expires);
	else if (id != 0)
		entry_session_put(&e, &s);
	MUST(entry_end(&e, &len) == 0);
	seq = ring_publish(r, len, flags);
	ring_notify(r, w->conf.event_fd);
	return seq;
}

static uint64_t
publish(struct world *w, size_t i, enum rec_event event, uint8_t id, unsigned flags)
{
	return publish_form(w, i, event, id, flags, SPAN_LIT("blob"));
}

/* How long anything may take: a shared disk can stand still for seconds. */
enum { PATIENCE_MS = 30000 };

static bool
committed(struct world *w, size_t i, uint64_t seq)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (ring_committed(&w->ring[i]) >= seq)
			return true;
		usleep(1000);
	}
	return false;
}

static bool
log_becomes(struct world *w, enum ring_log_state state)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (ring_log_state(&w->ring[0]) == state)
			return true;
		usleep(1000);
	}
	return false;
}

static void
what_is_published_is_committed_and_the_thread_is_woken(void)
{
	struct world w;
	uint64_t seq = 0, n;
	struct pollfd p;

	world_init(&w);
	world_start(&w);
	for (int i = 0; i < 100; i++)
		seq = publish(&w, (size_t)i % RINGS, REC_EVENT_LOGIN, 0, 0);
	CHECK(committed(&w, 1, seq));
	seq = publish(&w, 0, REC_EVENT_LOGIN, 9, RING_DURABLE);
	if (!ring_wait_begin(&w.ring[0], seq)) {
		p = (struct pollfd){.fd = w.wake[0], .events = POLLIN};
		CHECK_INT(poll(&p, 1, 5000), 1);
		CHECK_INT(read(w.wake[0], &n, 8), 8);
	}
	CHECK(ring_committed(&w.ring[0]) >= seq);
	CHECK_INT(ring_log_state(&w.ring[0]), RING_LOG_OK);
	world_stop(&w);
	CHECK_INT(w.err, 0);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOGIN), 101);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_SCRIBE_START), 1);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_SCRIBE_STOP), 1);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	world_fini(&w);
}

static void
the_heads_of_ring_and_files_agree(void)
{
	uint8_t head[RING_HEAD_LEN];
	struct world w;
	uint64_t n;

	world_init(&w);
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	world_stop(&w);
	CHECK_INT(ring_get_head(&w.ring[1], &n, head), 0);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	CHECK(n == w.k.result.count && memcmp(head, w.k.result.head, sizeof(head)) == 0);
	world_fini(&w);
}

static void
a_scribe_that_starts_again_continues(void)
{
	struct world w;

	world_init(&w);
	for (int run = 0; run < 3; run++) {
		uint64_t seq;

		/* published while nobody reads */
		for (int i = 0; i < 10; i++)
			seq = publish(&w, 0, REC_EVENT_LOGIN, 0, 0);
		world_start(&w);
		CHECK(committed(&w, 0, seq));
		world_stop(&w);
		CHECK_INT(w.err, 0);
	}
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOGIN), 30);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	world_fini(&w);
}

/* What a gate reads that starts now. */
static size_t
load(struct world *w, bool with_nonce)
{
	static uint8_t buf[LOAD_FRAME_MAX + 65536];
	uint8_t ask[LOAD_ASK_LEN] = {LOAD_REQUEST}, *at;
	struct load_reader r;
	struct load_item it = {.kind = LOAD_SESSION};
	size_t n = 0, room;
	int err = WF_MORE;

	load_reader_init(&r, buf, sizeof(buf));
	if (with_nonce)
		load_ask(&r, ask);
	CHECK(write(w->load[0], ask, with_nonce ? sizeof(ask) : 1) > 0);
	while (it.kind != LOAD_END && (err == WF_MORE || err == 0)) {
		ssize_t got;

		at = load_room(&r, &room);
		got = read(w->load[0], at, room > 100 ? 100 : room);
		CHECK(got > 0);
		load_fed(&r, (size_t)got);
		while ((err = load_next(&r, &it)) == 0 && it.kind != LOAD_END)
			n += it.kind == LOAD_SESSION && !it.session.ended;
	}
	CHECK_INT(err, 0);
	return n;
}

static void
a_starting_gate_gets_everything_that_was_in_the_rings(void)
{
	struct world w;

	world_init(&w);
	world_start(&w);
	for (uint8_t i = 1; i <= 200; i++)
		MUST(publish(&w, i % RINGS, REC_EVENT_LOGIN, i, 0) != 0);
	MUST(publish(&w, 0, REC_EVENT_REVOKE, 7, 0) != 0);
	CHECK_INT(load(&w, true), 199);
	/* a gate that died in the middle of its stream: the next one is not confused */
	CHECK_INT(write(w.load[0], "L0123456789abcdef", LOAD_ASK_LEN), LOAD_ASK_LEN);
	usleep(50000);
	CHECK_INT(load(&w, true), 199);
	CHECK_INT(load(&w, false), 199);
	world_stop(&w);
	CHECK_INT(w.err, 0);
	world_fini(&w);
}

static void
an_older_form_of_a_session_replaces_no_newer(void)
{
	static const char *const forms[] = {"\3-------1old", "\3-------3new", "\3-------2late",
	    "\2...without"};
	char path[200];
	struct world w;
	sqlite3_stmt *st;
	sqlite3 *c;

	world_init(&w);
	world_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		CHECK(committed(&w, i % RINGS,
		    publish_form(&w, i % RINGS, REC_EVENT_LOGIN, 5, RING_DURABLE,
			span_str(forms[i]))));
	world_stop(&w);
	(void)snprintf(path, sizeof(path), "%s/state.db", w.k.dir);
	CHECK_INT(sqlite3_open(path, &c), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(c, "SELECT blob FROM session", -1, &st, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_step(st), SQLITE_ROW);
	CHECK(span_eq(span_of(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)),
	    span_str(forms[1])));
	sqlite3_finalize(st);
	sqlite3_close(c);
	world_fini(&w);
}

static void
a_locked_log_is_said_and_loses_nothing(void)
{
	struct world w;
	char path[200], day[16];
	uint64_t seq = 0;
	sqlite3 *c;

	world_init(&w);
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	clock_day_text(clock_day(clock_wall()), day);
	(void)snprintf(path, sizeof(path), "%s/log-%.4s%.2s%.2s.db", w.k.dir, day, day + 5,
	    day + 8);
	CHECK_INT(sqlite3_open(path, &c), SQLITE_OK);
	CHECK_INT(sqlite3_exec(c, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 50; i++)
		seq = publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE);
	CHECK(log_becomes(&w, RING_LOG_DEGRADED));
	CHECK(ring_committed(&w.ring[0]) < seq);
	CHECK_INT(sqlite3_exec(c, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
	CHECK(committed(&w, 0, seq));
	CHECK(log_becomes(&w, RING_LOG_OK));
	world_stop(&w);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOGIN), 51);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOG_STATE), 1);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	world_fini(&w);
}

static void
entries_given_up_are_counted_in_the_log(void)
{
	struct world w;
	uint64_t seq;

	world_init(&w);
	while ((seq = publish(&w, 0, REC_EVENT_LOGIN, 0, 0)) != 0)
		;
	for (int i = 0; i < 5; i++)
		ring_gap(&w.ring[0]);
	world_start(&w);
	CHECK(committed(&w, 0, w.ring[0].seq));
	world_stop(&w);
	world_start(&w);
	world_stop(&w);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOG_GAP), 1);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	world_fini(&w);
}

static void
a_damaged_ring_is_said_and_does_not_stop_the_others(void)
{
	struct world w;

	world_init(&w);
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	MUST(publish(&w, 0, REC_EVENT_LOGIN, 0, 0) != 0);
	memset((uint8_t *)w.shared[0].mem + 64, 0xff, 8); /* its head */
	CHECK(committed(&w, 1, publish(&w, 1, REC_EVENT_LOGOUT, 0, RING_DURABLE)));
	CHECK(log_becomes(&w, RING_LOG_DEGRADED));
	world_stop(&w);
	CHECK_INT(w.err, 0);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOGOUT), 1);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOG_GAP), 1);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	world_fini(&w);
}

static void
a_clock_that_jumps_is_recorded(void)
{
	struct world w;

	world_init(&w);
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	atomic_store(&w.skew, 3 * LOGKIT_SEC);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	usleep(20000);
	atomic_store(&w.skew, 2 * LOGKIT_SEC);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	world_stop(&w);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_CLOCK_JUMP), 1);
	world_fini(&w);
}

/* Entries on three days, the scribe stopped between them. */
static void
three_days(struct world *w)
{
	static const uint64_t day = 86400 * LOGKIT_SEC;

	for (uint64_t i = 0; i < 3; i++) {
		atomic_store(&w->skew, i * day);
		world_start(w);
		CHECK(committed(w, 0, publish(w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
		world_stop(w);
	}
}

static void
days_past_their_retention_go_and_the_rest_still_verifies(void)
{
	struct storeold_day old;
	struct world w;
	uint64_t before;

	world_init(&w);
	three_days(&w);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	CHECK_INT(w.k.result.segments, 3);
	before = w.k.result.count;
	w.conf.retention = 86400 * LOGKIT_SEC;
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	world_stop(&w);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOG_PRUNED), 1);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	CHECK_INT(w.k.result.segments, 2);
	CHECK(w.k.result.first > 1 && w.k.result.first <= before);
	/* The newest day stays, however old. */
	CHECK_INT(storeold_oldest(w.k.dir, NULL, UINT64_MAX / 2, &old), 0);
	CHECK_INT(storeold_remove(w.k.dir, old.day), 0);
	CHECK_INT(storeold_oldest(w.k.dir, NULL, UINT64_MAX / 2, &old), WF_ENOTFOUND);
	world_fini(&w);
}

static void
little_room_counts_as_full_but_is_still_written(void)
{
	struct world w;

	world_init(&w);
	w.conf.min_free = UINT64_MAX;
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	CHECK(log_becomes(&w, RING_LOG_FULL));
	world_stop(&w);
	CHECK_INT(logkit_events(&w.k, REC_EVENT_LOG_STATE), 1);
	w.conf.min_free = 0;
	w.conf.max_size = 1;
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	CHECK(log_becomes(&w, RING_LOG_FULL));
	world_stop(&w);
	w.conf.max_size = 1 << 30;
	world_start(&w);
	CHECK(committed(&w, 0, publish(&w, 0, REC_EVENT_LOGIN, 0, RING_DURABLE)));
	CHECK(log_becomes(&w, RING_LOG_OK));
	world_stop(&w);
	CHECK_INT(logkit_verify(&w.k, NULL), 0);
	world_fini(&w);
}

int
main(void)
{
	TAP_RUN(what_is_published_is_committed_and_the_thread_is_woken);
	TAP_RUN(the_heads_of_ring_and_files_agree);
	TAP_RUN(a_scribe_that_starts_again_continues);
	TAP_RUN(a_starting_gate_gets_everything_that_was_in_the_rings);
	TAP_RUN(an_older_form_of_a_session_replaces_no_newer);
	TAP_RUN(a_locked_log_is_said_and_loses_nothing);
	TAP_RUN(entries_given_up_are_counted_in_the_log);
	TAP_RUN(a_damaged_ring_is_said_and_does_not_stop_the_others);
	TAP_RUN(a_clock_that_jumps_is_recorded);
	TAP_RUN(days_past_their_retention_go_and_the_rest_still_verifies);
	TAP_RUN(little_room_counts_as_full_but_is_still_written);
	return tap_done();
}
