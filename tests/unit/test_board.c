/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/board.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

#ifndef __SANITIZE_THREAD__
enum { ROUNDS = 20000 };

static atomic_bool ended;
static struct board board;
#endif

static void
nothing_is_read_before_the_first_word(void)
{
	static struct board empty;
	static struct board_data d;

	CHECK(!board_read(&empty, &d));
}

static void
what_was_written_is_read(void)
{
	static struct board b;
	static struct board_data in = {.n_upstreams = 1, .n_locks = 1}, out;

	snprintf(in.upstreams[0].name, sizeof(in.upstreams[0].name), "wallet http://b");
	in.upstreams[0].up = true;
	snprintf(in.locks[0].key, sizeof(in.locks[0].key), "lock//sensitive");
	in.locks[0].until_s = 7;
	board_write(&b, &in);
	CHECK(board_read(&b, &out));
	CHECK(memcmp(&in, &out, sizeof(in)) == 0);
}

/* kill -9 in the middle: the next gate's words count again. */
static void
a_writer_that_died_at_work_hides_the_board_until_the_next_one(void)
{
	static struct board b;
	static struct board_data d = {.n_locks = 1}, out;

	board_write(&b, &d);
	atomic_fetch_add(&b.seq, 1);
	CHECK(!board_read(&b, &out));
	d.n_locks = 2;
	board_write(&b, &d);
	CHECK(board_read(&b, &out));
	CHECK_INT(out.n_locks, 2);
}

static void
the_number_passes_its_end_without_looking_empty(void)
{
	static struct board b;
	static struct board_data d = {.n_locks = 3}, out;

	atomic_store(&b.seq, ~0u - 1);
	board_write(&b, &d);
	CHECK(board_read(&b, &out));
	CHECK_INT(out.n_locks, 3);
}

#ifndef __SANITIZE_THREAD__
/* A sequence lock copies while another writes, which that sanitizer calls a race; the number
 * says afterwards whether the copy counts. */
static void *
write_on(void *arg)
{
	static struct board_data d;

	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		d.n_upstreams = i % BOARD_UPSTREAMS;
		d.n_locks = i % LOCKS_MAX;
		d.locks[LOCKS_MAX - 1].until_s = i;
		board_write(&board, &d);
	}
	atomic_store(&ended, true);
	return NULL;
}

static void
a_reader_never_sees_half_of_a_change(void)
{
	static struct board_data d;
	pthread_t t;
	unsigned torn = 0, good = 0;

	CHECK_INT(pthread_create(&t, NULL, write_on, NULL), 0);
	while (!atomic_load(&ended) || good == 0)
		if (board_read(&board, &d)) {
			uint64_t i = d.locks[LOCKS_MAX - 1].until_s;

			good++;
			torn += d.n_upstreams != i % BOARD_UPSTREAMS || d.n_locks != i % LOCKS_MAX;
		}
	(void)pthread_join(t, NULL);
	CHECK_INT(torn, 0);
}
#endif

int
main(void)
{
	TAP_RUN(nothing_is_read_before_the_first_word);
	TAP_RUN(what_was_written_is_read);
	TAP_RUN(a_writer_that_died_at_work_hides_the_board_until_the_next_one);
	TAP_RUN(the_number_passes_its_end_without_looking_empty);
#ifndef __SANITIZE_THREAD__
	TAP_RUN(a_reader_never_sees_half_of_a_change);
#endif
	return tap_done();
}
