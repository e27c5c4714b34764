/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/logbench.c - how many leaves the scribe takes, and what one costs.
 *
 *   logbench DIR [LEAVES [USERS [DURABLE_EVERY]]]
 *
 * One producer thread fills a ring as fast as the scribe empties it: decision and outcome
 * leaves of a usual size, every DURABLE_EVERY-th entry durable. Prints leaves per second and
 * CPU time of the scribe's thread per leaf.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "proxy/audit/entry.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/scribe.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

struct bench {
	struct scribe_conf conf;
	uint64_t cpu_ns;
	uint64_t bytes;
	int err;
};

static uint64_t
bench_wall(void *arg)
{
	(void)arg;
	return clock_wall();
}

static uint64_t
bench_mono(void *arg)
{
	(void)arg;
	return clock_mono();
}

static void
bench_note(void *arg, enum scribe_note_level level, enum rec_event event, int err,
    const char *text)
{
	(void)arg;
	(void)event;
	fprintf(stderr, "logbench: note %d: %s (%s)\n", (int)level, text, err_text(err));
}

static uint64_t
bench_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *
bench_scribe(void *arg)
{
	struct bench *b = arg;
	uint64_t from = bench_cpu();

	b->err = scribe_run(&b->conf);
	b->cpu_ns = bench_cpu() - from;
	return NULL;
}

static void
bench_decision(struct rec *r, unsigned i, const char *user)
{
	uint8_t hash[32] = {1, 2, 3}, addr[4] = {192, 0, 2, (uint8_t)i};
	struct facts facts;

	rec_put_text(r, REC_TAG_SITE, "wallet.example");
	rec_put_bytes(r, REC_TAG_SESSION, span_of(hash, 16));
	rec_put_u64(r, REC_TAG_MODE, REC_MODE_ENFORCE);
	rec_put_text(r, REC_TAG_METHOD, "GET");
	rec_put_text(r, REC_TAG_CLASS, "read");
	rec_put_text(r, REC_TAG_PATH, "/api/v1/wallets/17/transactions");
	rec_put_text(r, REC_TAG_PROTOCOL, "HTTP/1.1");
	rec_put_text(r, REC_TAG_COUNTRY, i % 97 == 0 ? "KP" : "JP");
	rec_put_u64(r, REC_TAG_ASN, 2497);
	rec_put_bytes(r, REC_TAG_GEO_DB, span_of(hash, 8));
	rec_put_text(r, REC_TAG_JA4, "t13d1516h2_8daaf6152771_02713d6af862");
	rec_put_text(r, REC_TAG_CORE, "0123456789abcdef0123456789abcdef");
	rec_put_u64(r, REC_TAG_VERDICT, i % 97 == 0 ? 2 : 0);
	rec_put_u64(r, REC_TAG_ENFORCED, i % 97 == 0 ? 2 : 0);
	if (i % 97 == 0) {
		rec_list_begin(r, REC_TAG_RULES);
		rec_list_add(r, SPAN_LIT("country-changed"));
		rec_list_end(r);
	}
	facts_clear(&facts);
	for (int f = 0; f < SIGNAL_COUNT; f++)
		if (f % 3 != 0 && signal_info((enum signal_id)f)->type == SIGNAL_BOOL)
			facts_set_bool(&facts, (enum signal_id)f, f % 2 == 0);
	facts_set_int(&facts, SIG_SESSION_AGE, 5400000);
	rec_put_facts(r, &facts);
	rec_put_bytes(r, REC_TAG_POLICY, span_of(hash, 32));
	rec_put_bytes(r, REC_TAG_SETTINGS, span_of(hash, 32));
	rec_put_text(r, REC_TAG_BUILD, "bench");
	rec_personal(r);
	rec_put_text(r, REC_TAG_USER, user);
	rec_put_bytes(r, REC_TAG_PEER, span_of(addr, 4));
	rec_put_u64(r, REC_TAG_PEER_PORT, 40000 + i % 1000);
	rec_put_text(r, REC_TAG_USER_AGENT,
	    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
	    "Chrome/131.0.0.0 Safari/537.36");
}

static void
bench_outcome(struct rec *r)
{
	rec_put_text(r, REC_TAG_SITE, "wallet.example");
	rec_put_u64(r, REC_TAG_STATUS, 200);
	rec_put_u64(r, REC_TAG_BYTES_OUT, 1024);
	rec_put_u64(r, REC_TAG_T_BACKEND, 912);
	rec_put_u64(r, REC_TAG_T_TOTAL, 1017);
	rec_put_text(r, REC_TAG_END, "complete");
}

static void
bench_one(struct bench *b, struct ring *ring, unsigned i, unsigned users, unsigned durable)
{
	struct rec_head h = {.boot = ring->boot, .thread = ring->thread};
	bool decision = i % 2 == 0;
	char user[32];
	uint8_t *room;
	struct entry e;
	size_t len;

	while (ring_reserve(ring, 4096, RING_ORDINARY, &room) != 0) {
		ring_notify(ring, b->conf.event_fd);
		usleep(200);
	}
	h.kind = decision ? REC_DECISION : REC_OUTCOME;
	h.seq = ring_next_seq(ring);
	h.time = clock_wall();
	h.exchange = rec_exchange_id(h.time, ring->thread, h.seq & ~UINT64_C(1));
	entry_begin(&e, room, 4096, &h);
	(void)snprintf(user, sizeof(user), "user%u@example.jp", i / 2 % users);
	if (decision)
		bench_decision(&e.rec, i / 2, user);
	else
		bench_outcome(&e.rec);
	entry_leaf_end(&e);
	MUST(entry_end(&e, &len) == 0);
	b->bytes += len;
	(void)ring_publish(ring, len, durable && i % durable == 0 ? RING_DURABLE : 0);
	if (i % 64 == 63 || (durable && i % durable == 0))
		ring_notify(ring, b->conf.event_fd);
}

static unsigned
bench_arg(int argc, char **argv, int i, unsigned fallback)
{
	return argc > i ? (unsigned)strtoul(argv[i], NULL, 10) : fallback;
}

int
main(int argc, char **argv)
{
	unsigned n = bench_arg(argc, argv, 2, 1000000), users = bench_arg(argc, argv, 3, 200);
	unsigned durable = bench_arg(argc, argv, 4, 1000);
	size_t size = ring_bytes(RING_CAP_DEFAULT);
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint8_t master[KEYS_MASTER_LEN] = {7};
	char generation[4096];
	struct scribe_ring rings[1];
	struct bench b = {0};
	struct ring ring;
	pthread_t t;
	uint64_t from, boot, took;
	int stop[2];

	if (argc < 2 || mem == MAP_FAILED || pipe(stop) != 0)
		return 2;
	(void)snprintf(generation, sizeof(generation), "%s.generation", argv[1]);
	boot = clock_wall();
	MUST(ring_init(mem, RING_CAP_DEFAULT, 0, boot) == 0);
	rings[0] = (struct scribe_ring){mem, size, 0, -1};
	b.conf = (struct scribe_conf){.dir = argv[1], .generation = generation,
	    .master = master, .rings = rings, .n_rings = 1, .boot = boot,
	    .event_fd = eventfd(0, EFD_NONBLOCK), .stop_fd = stop[0], .load_fds = {-1, -1, -1, -1},
	    .build = "bench", .wall = bench_wall, .mono = bench_mono, .note = bench_note};
	MUST(ring_attach(&ring, mem, size, RING_PRODUCER) == 0);
	MUST(pthread_create(&t, NULL, bench_scribe, &b) == 0);
	from = clock_mono();
	for (unsigned i = 0; i < n; i++)
		bench_one(&b, &ring, i, users, durable);
	ring_notify(&ring, b.conf.event_fd);
	while (ring_committed(&ring) < n)
		usleep(500);
	took = clock_mono() - from;
	close(stop[1]);
	pthread_join(t, NULL);
	printf("{\"leaves\": %u, \"bytes_per_entry\": %llu, \"leaves_per_s\": %llu,"
	       " \"scribe_cpu_us_per_leaf\": %.3f, \"err\": \"%s\"}\n",
	    n, (unsigned long long)(b.bytes / n),
	    (unsigned long long)(n * UINT64_C(1000000000) / took),
	    (double)b.cpu_ns / 1000.0 / n, err_text(b.err));
	return b.err != 0;
}
