/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/ring.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/base/err.h"
#include "tests/unit/tap.h"

enum { CAP = RING_CAP_MIN };

struct both {
	uint8_t *mem;
	struct ring p;
	struct ring c;
};

/* A small generator of our own, so that a run can be repeated from its seed. */
static int
test_ring_random(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return (int)(*state >> 16 & 0x7fff);
}

static struct both
both_new(void)
{
	struct both b = {.mem = aligned_alloc(4096, ring_bytes(CAP))};

	memset(b.mem, 0xee, ring_bytes(CAP));
	CHECK_INT(ring_init(b.mem, CAP, 3, 77), 0);
	CHECK_INT(ring_attach(&b.p, b.mem, ring_bytes(CAP), RING_PRODUCER), 0);
	CHECK_INT(ring_attach(&b.c, b.mem, ring_bytes(CAP), RING_CONSUMER), 0);
	return b;
}

/* An entry of n bytes that all are `fill`; its sequence, or the error. */
static long long
put(struct ring *r, size_t n, uint8_t fill, enum ring_class class)
{
	uint8_t *room;
	int err = ring_reserve(r, n, class, &room);

	if (err != 0)
		return err;
	memset(room, fill, n);
	return (long long)ring_publish(r, n, 0);
}

static bool
get(struct ring *r, uint64_t seq, size_t n, uint8_t fill)
{
	static uint8_t buf[RING_ENTRY_MAX];
	struct ring_entry e;

	if (ring_next(r, buf, sizeof(buf), &e) != 0 || e.seq != seq || e.len != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (buf[i] != fill)
			return false;
	return true;
}

static void
entries_come_out_in_order_over_many_wraps(void)
{
	struct both b = both_new();
	uint64_t in = 0, out = 0;
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + (size_t)test_ring_random(&seed) % 5000;

		if (put(&b.p, n, (uint8_t)n, RING_CRITICAL) > 0) {
			in++;
			continue;
		}
		seed = (unsigned)round;
		ring_rewind(&b.c);
		while (out < in) {
			struct ring_entry e;
			uint8_t buf[5000];

			CHECK_INT(ring_next(&b.c, buf, sizeof(buf), &e), 0);
			CHECK_INT(e.seq, ++out);
			CHECK(buf[0] == (uint8_t)e.len && buf[e.len - 1] == (uint8_t)e.len);
		}
		(void)ring_commit(&b.c);
		CHECK_INT(ring_committed(&b.p), in);
	}
	CHECK(in > 10000);
	free(b.mem);
}

static void
classes_stop_at_their_marks(void)
{
	struct both b = both_new();
	int n[3] = {0};

	while (put(&b.p, 1000, 1, RING_STRANGER) > 0)
		n[0]++;
	while (put(&b.p, 1000, 1, RING_ORDINARY) > 0)
		n[1]++;
	while (put(&b.p, 1000, 1, RING_CRITICAL) > 0)
		n[2]++;
	CHECK_INT(n[0], CAP / 2 / 1024);
	CHECK_INT(n[0] + n[1], CAP / 10 * 9 / 1024);
	CHECK(n[0] + n[1] + n[2] >= CAP / 1024 - 1);
	CHECK_INT(put(&b.p, 1000, 1, RING_CRITICAL), WF_EFULL);
	CHECK(ring_fill(&b.p) > 95);
	ring_gap(&b.p);
	CHECK_INT(ring_gaps(&b.c), 1);
	free(b.mem);
}

static void
what_is_owed_finds_room_in_a_full_ring(void)
{
	struct both b = both_new();
	int n = 0;

	ring_keep(&b.p, 8 * 1024);
	while (put(&b.p, 1000, 1, RING_ORDINARY) > 0)
		n++;
	CHECK_INT(n, (CAP / 10 * 9 - 8 * 1024) / 1024);
	while (put(&b.p, 1000, 1, RING_CRITICAL) > 0)
		;
	for (int i = 0; i < 8; i++) {
		CHECK(put(&b.p, 1000, 1, RING_OWED) > 0);
		ring_keep(&b.p, (uint64_t)(7 - i) * 1024);
		CHECK_INT(put(&b.p, 1000, 1, RING_CRITICAL), WF_EFULL);
	}
	free(b.mem);
}

static void
what_is_owed_never_takes_all(void)
{
	struct both b = both_new();
	int n = 0;

	ring_keep(&b.p, (uint64_t)CAP * 100);
	while (put(&b.p, 1000, 1, RING_ORDINARY) > 0)
		n++;
	CHECK(n >= CAP / 2 / 1024 - 1);
	free(b.mem);
}

static void
refuses_what_never_fits(void)
{
	struct both b = both_new();
	uint8_t *room;

	CHECK_INT(ring_reserve(&b.p, 0, RING_CRITICAL, &room), WF_ERANGE);
	CHECK_INT(ring_reserve(&b.p, CAP / 4 + 1, RING_CRITICAL, &room), WF_ERANGE);
	CHECK_INT(ring_reserve(&b.p, CAP / 4, RING_CRITICAL, &room), 0);
	CHECK_INT(ring_init(b.mem, CAP + 16, 1, 1), WF_ERANGE);
	CHECK_INT(ring_init(b.mem, CAP / 2, 1, 1), WF_ERANGE);
	CHECK_INT(ring_init(b.mem, CAP, 1, 0), WF_ERANGE);
	free(b.mem);
}

static void
an_unpublished_entry_is_no_entry(void)
{
	struct both b = both_new();
	struct ring again;
	struct ring_entry e;
	uint8_t *room, buf[64];

	CHECK_INT(put(&b.p, 10, 1, RING_CRITICAL), 1);
	CHECK_INT(ring_reserve(&b.p, 40, RING_CRITICAL, &room), 0);
	memset(room, 9, 40);
	/* killed here; its successor: */
	CHECK_INT(ring_attach(&again, b.mem, ring_bytes(CAP), RING_PRODUCER), 0);
	CHECK_INT(ring_next_seq(&again), 2);
	CHECK_INT(put(&again, 20, 2, RING_CRITICAL), 2);
	CHECK(get(&b.c, 1, 10, 1) && get(&b.c, 2, 20, 2));
	CHECK_INT(ring_next(&b.c, buf, sizeof(buf), &e), WF_MORE);
	free(b.mem);
}

static void
a_restarted_producer_continues_its_sequence(void)
{
	struct both b = both_new();
	struct ring again;

	CHECK_INT(put(&b.p, 10, 1, RING_CRITICAL), 1);
	CHECK_INT(put(&b.p, 10, 2, RING_CRITICAL), 2);
	CHECK(get(&b.c, 1, 10, 1) && get(&b.c, 2, 10, 2));
	(void)ring_commit(&b.c);
	CHECK_INT(ring_attach(&again, b.mem, ring_bytes(CAP), RING_PRODUCER), 0);
	CHECK_INT(put(&again, 10, 3, RING_CRITICAL), 3);
	CHECK(get(&b.c, 3, 10, 3));
	free(b.mem);
}

static void
a_restarted_consumer_reads_again_what_was_not_committed(void)
{
	struct both b = both_new();
	struct ring again;

	for (uint8_t i = 1; i <= 5; i++)
		CHECK_INT(put(&b.p, 10, i, RING_CRITICAL), i);
	CHECK(get(&b.c, 1, 10, 1) && get(&b.c, 2, 10, 2));
	(void)ring_commit(&b.c);
	CHECK(get(&b.c, 3, 10, 3));
	CHECK_INT(ring_attach(&again, b.mem, ring_bytes(CAP), RING_CONSUMER), 0);
	/* 3 had reached the database, the ring had not heard of it. */
	CHECK_INT(ring_resume(&again, 3), 0);
	CHECK_INT(ring_committed(&b.p), 3);
	CHECK(get(&again, 3, 10, 3) && get(&again, 4, 10, 4));
	ring_rewind(&again);
	CHECK(get(&again, 3, 10, 3));
	free(b.mem);
}

static void
resume_sees_a_ring_that_cannot_be_the_databases(void)
{
	struct both b = both_new();
	struct ring again;

	CHECK_INT(put(&b.p, 10, 1, RING_CRITICAL), 1);
	CHECK(get(&b.c, 1, 10, 1));
	(void)ring_commit(&b.c);
	CHECK_INT(ring_attach(&again, b.mem, ring_bytes(CAP), RING_CONSUMER), 0);
	CHECK_INT(ring_resume(&again, 0), WF_ESTATE);
	CHECK_INT(ring_resume(&again, 9), WF_ESTATE);
	CHECK_INT(ring_resume(&again, 1), 0);
	free(b.mem);
}

/* Whatever the producer's process writes anywhere, the consumer reads inside the ring or
 * refuses (AddressSanitizer watches), and once refused it stays so. */
static void
no_content_makes_the_consumer_read_outside(void)
{
	static uint8_t buf[RING_ENTRY_MAX];
	unsigned seed = 42, refused = 0;

	for (int round = 0; round < 3000; round++) {
		struct both b = both_new();
		struct ring_entry e;
		int err = 0;

		for (int i = 0; i < 40; i++)
			(void)put(&b.p, 1 + (size_t)test_ring_random(&seed) % 3000, 7, RING_CRITICAL);
		for (int i = 0; i < 4; i++) {
			size_t at = (size_t)test_ring_random(&seed) % (round % 2 ? 256 : 4096 + 30000);

			b.mem[at & ~(size_t)(round % 3 ? 0 : 15)] = (uint8_t)test_ring_random(&seed);
		}
		err = ring_attach(&b.c, b.mem, ring_bytes(CAP), RING_CONSUMER);
		for (int i = 0; err == 0 && i < 100; i++)
			err = ring_next(&b.c, buf, sizeof(buf), &e);
		refused += err != WF_MORE;
		if (err == WF_EVERIFY && b.c.s != NULL)
			CHECK_INT(ring_next(&b.c, buf, sizeof(buf), &e), WF_EVERIFY);
		free(b.mem);
	}
	CHECK(refused > 300);
}

static void
a_wake_up_costs_a_call_only_when_somebody_sleeps(void)
{
	struct both b = both_new();
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t n;

	CHECK_INT(put(&b.p, 10, 1, RING_CRITICAL), 1);
	ring_notify(&b.p, fd);
	CHECK_INT(read(fd, &n, 8), -1);
	CHECK(!ring_sleep(&b.c, false, 0)); /* there is something to read */
	CHECK(get(&b.c, 1, 10, 1));
	CHECK(ring_sleep(&b.c, false, 0));
	CHECK_INT(put(&b.p, 10, 2, RING_CRITICAL), 2);
	ring_notify(&b.p, fd);
	ring_notify(&b.p, fd);
	CHECK_INT(read(fd, &n, 8), 8);
	CHECK_INT(n, 1);
	close(fd);
	free(b.mem);
}

static void
gathering_is_disturbed_by_durable_entries_and_by_bulk(void)
{
	struct both b = both_new();
	int fd = eventfd(0, EFD_NONBLOCK);
	uint8_t *room;
	uint64_t n;

	CHECK(ring_sleep(&b.c, true, 5000));
	CHECK_INT(put(&b.p, 100, 1, RING_CRITICAL), 1);
	ring_notify(&b.p, fd);
	CHECK_INT(read(fd, &n, 8), -1);
	CHECK_INT(ring_reserve(&b.p, 8, RING_CRITICAL, &room), 0);
	memset(room, 1, 8);
	(void)ring_publish(&b.p, 8, RING_DURABLE);
	ring_notify(&b.p, fd);
	CHECK_INT(read(fd, &n, 8), 8);
	CHECK(get(&b.c, 1, 100, 1) && get(&b.c, 2, 8, 1));
	CHECK(ring_sleep(&b.c, true, 5000));
	CHECK_INT(put(&b.p, 5000, 1, RING_CRITICAL), 3);
	ring_notify(&b.p, fd);
	CHECK_INT(read(fd, &n, 8), 8);
	close(fd);
	free(b.mem);
}

static void
a_waiting_thread_is_told_once(void)
{
	struct both b = both_new();

	CHECK_INT(put(&b.p, 10, 1, RING_CRITICAL), 1);
	CHECK(!ring_wait_begin(&b.p, 1));
	CHECK(get(&b.c, 1, 10, 1));
	CHECK(ring_commit(&b.c));
	CHECK(!ring_commit(&b.c));
	CHECK(ring_wait_begin(&b.p, 1));
	free(b.mem);
}

static void
the_head_is_read_whole(void)
{
	struct both b = both_new();
	uint8_t head[RING_HEAD_LEN], got[RING_HEAD_LEN];
	uint64_t count;

	CHECK_INT(ring_get_head(&b.p, &count, got), WF_ESTATE);
	memset(head, 0xa5, sizeof(head));
	ring_set_head(&b.c, 9, head);
	CHECK_INT(ring_get_head(&b.p, &count, got), 0);
	CHECK(count == 9 && memcmp(head, got, sizeof(head)) == 0);
	CHECK_INT(ring_log_state(&b.p), RING_LOG_STARTING);
	ring_set_log_state(&b.c, RING_LOG_FULL);
	CHECK_INT(ring_log_state(&b.p), RING_LOG_FULL);
	free(b.mem);
}

static void
a_producer_that_finds_an_impossible_tail_stops(void)
{
	struct both b = both_new();
	uint64_t wrong = 1 << 20;
	uint8_t *room;

	while (put(&b.p, 1000, 1, RING_CRITICAL) > 0)
		;
	memcpy(b.mem + 128, &wrong, sizeof(wrong));
	CHECK_INT(ring_reserve(&b.p, 1000, RING_CRITICAL, &room), WF_EVERIFY);
	CHECK_INT(ring_reserve(&b.p, 1000, RING_CRITICAL, &room), WF_EVERIFY);
	free(b.mem);
}

int
main(void)
{
	TAP_RUN(entries_come_out_in_order_over_many_wraps);
	TAP_RUN(classes_stop_at_their_marks);
	TAP_RUN(what_is_owed_finds_room_in_a_full_ring);
	TAP_RUN(what_is_owed_never_takes_all);
	TAP_RUN(refuses_what_never_fits);
	TAP_RUN(an_unpublished_entry_is_no_entry);
	TAP_RUN(a_restarted_producer_continues_its_sequence);
	TAP_RUN(a_restarted_consumer_reads_again_what_was_not_committed);
	TAP_RUN(resume_sees_a_ring_that_cannot_be_the_databases);
	TAP_RUN(no_content_makes_the_consumer_read_outside);
	TAP_RUN(a_wake_up_costs_a_call_only_when_somebody_sleeps);
	TAP_RUN(gathering_is_disturbed_by_durable_entries_and_by_bulk);
	TAP_RUN(a_waiting_thread_is_told_once);
	TAP_RUN(the_head_is_read_whole);
	TAP_RUN(a_producer_that_finds_an_impossible_tail_stops);
	return tap_done();
}
