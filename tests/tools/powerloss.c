/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/powerloss.c - what was acknowledged is there after power loss; a full disk
 * loses nothing.
 *
 *   powerloss CUTS SEED     power loss at CUTS random moments of one recorded run
 *   powerloss --full SEED   a disk that is full again and again
 *
 * TAP on stdout. The run writes leaves and sessions, ends sessions, checkpoints and rolls
 * over to a new day. After every commit it notes count, head and which sessions are
 * acknowledged as live or ended; each image must hold all that its last note says.
 */
#include <sys/stat.h>

#include "proxy/audit/query.h"
#include "proxy/audit/verify.h"
#include "tests/tools/plvfs.h"
#include "tests/unit/logkit.h"

enum { COMMITS = 90, SESSIONS = 256, ROLL_AT = 60 };

/* What was true for certain when `op` operations had been done. */
struct note {
	size_t op;
	uint64_t count;
	uint8_t head[DIGEST_LEN];
	char state[SESSIONS]; /* 0 unknown, 'L' live, 'E' ended */
	uint8_t generation[1024];
	size_t generation_n;
};

struct run {
	struct plvfs v;
	struct logkit k;
	struct note notes[COMMITS + 1];
	size_t n_notes;
	uint64_t dice;
};

static void
note_take(struct run *r, const char state[SESSIONS])
{
	struct note *n = &r->notes[r->n_notes++];
	int fd = open(r->k.generation, O_RDONLY);
	ssize_t got;

	n->op = r->v.n_ops;
	store_head(r->k.s, &n->count, n->head);
	memcpy(n->state, state, SESSIONS);
	got = fd < 0 ? 0 : read(fd, n->generation, sizeof(n->generation));
	n->generation_n = got > 0 ? (size_t)got : 0;
	if (fd >= 0)
		close(fd);
}

/* A batch of leaves of 60 to 120 KB, some logins and some logouts. */
static void
batch(struct run *r, size_t i, char state[SESSIONS])
{
	static char path[1500];

	for (int n = 40 + (int)dice_below(&r->dice, 40); n > 0; n--) {
		memset(path, 'a' + (int)dice_below(&r->dice, 26), sizeof(path) - 1);
		MUST(logkit_decision(&r->k, n % 3 ? "alice" : "bob", path) == 0);
	}
	for (int n = 0; n < 3; n++) {
		size_t id = (i * 3 + (size_t)n) % SESSIONS;

		if (state[id] == 0) {
			MUST(logkit_session(&r->k, (uint8_t)id, REC_EVENT_LOGIN, false) == 0);
			state[id] = 'L';
		}
	}
	if (i % 2) {
		size_t id = dice_below(&r->dice, (uint32_t)i * 3);

		MUST(logkit_session(&r->k, (uint8_t)id, REC_EVENT_REVOKE, true) == 0);
		state[id % SESSIONS] = 'E';
	}
}

static void
record(struct run *r)
{
	char state[SESSIONS] = {0};

	r->k.conf.vfs = "powerloss";
	r->k.now = LOGKIT_NOW + (14 * 3600 - ROLL_AT) * LOGKIT_SEC; /* midnight comes */
	MUST(logkit_open(&r->k) == 0);
	note_take(r, state);
	for (size_t i = 0; i < COMMITS; i++) {
		batch(r, i, state);
		r->k.now += LOGKIT_SEC;
		MUST(logkit_commit(&r->k) == 0);
		note_take(r, state);
	}
}

/* ---- one image ---- */

static const struct note *
note_before(const struct run *r, size_t cut)
{
	const struct note *n = NULL;

	for (size_t i = 0; i < r->n_notes && r->notes[i].op <= cut; i++)
		n = &r->notes[i];
	return n;
}

static void
check_sessions(struct logkit *k, const struct note *n, const struct note *next)
{
	struct storestate_load *l;
	struct load_item it;
	bool live[SESSIONS] = {false};
	size_t doubtful = 0;

	CHECK_INT(store_load_open(k->s, k->now, &l), 0);
	while (store_load_next(l, &it) == 0) {
		if (it.kind != LOAD_SESSION || it.session.ended)
			continue;
		live[it.session.id[0]] = true;
		doubtful += it.session.doubtful;
	}
	store_load_close(l);
	CHECK_INT(doubtful, 0);
	for (size_t i = 0; i < SESSIONS; i++) {
		if (n->state[i] == 'E')
			CHECK(!live[i]);
		/* its end may have come through although nobody was told */
		if (n->state[i] == 'L' && next->state[i] == 'L')
			CHECK(live[i]);
	}
}

/* Everything up to `count` can still be read, personal parts included. */
static void
check_leaves(struct logkit *k, uint64_t count)
{
	struct query_filter f = {0};
	struct query_item it;
	struct query *q;
	uint64_t n = 0;

	CHECK_INT(query_open(&q, k->dir, k->master, &f), 0);
	while (query_next(q, &it) == 0) {
		n += it.number <= count;
		if (it.number <= count && it.view.head.kind == REC_DECISION)
			CHECK_INT(it.person, QUERY_OPEN);
	}
	query_close(q);
	CHECK_INT(n, count);
}

static void
check_image(const struct run *r, size_t cut, unsigned mode, uint64_t *state)
{
	const struct note *n = note_before(r, cut);
	const struct note *next = n + 1 < r->notes + r->n_notes ? n + 1 : n;
	struct verify_opt o = {.has_head = true};
	struct logkit k;
	FILE *f;

	logkit_init(&k);
	k.now = r->k.now;
	k.conf.boot = r->k.conf.boot + 1;
	memcpy(k.master, r->k.master, sizeof(k.master));
	plvfs_image(&r->v, cut, mode, state, k.dir);
	f = fopen(k.generation, "wb");
	MUST(f != NULL && fwrite(n->generation, 1, n->generation_n, f) == n->generation_n);
	fclose(f);
	CHECK_INT(logkit_open(&k), 0);
	if (k.s != NULL) {
		o.head_count = n->count;
		memcpy(o.head, n->head, DIGEST_LEN);
		CHECK_INT(logkit_verify(&k, n->count ? &o : NULL), 0);
		CHECK(n->count == 0 || k.result.head_seen);
		check_sessions(&k, n, next);
		check_leaves(&k, n->count);
		/* and it can be written again */
		CHECK_INT(logkit_decision(&k, "carol", "/after"), 0);
		CHECK_INT(logkit_commit(&k), 0);
		CHECK_INT(logkit_verify(&k, NULL), 0);
	}
	if (tap_bad)
		printf("# cut before operation %zu of %zu, mode %u\n", cut, r->v.n_ops, mode);
	logkit_fini(&k);
}

/* ---- the two tests ---- */

static int
power_loss(unsigned cuts, uint64_t seed)
{
	static struct run r;
	size_t first;

	r.dice = seed;
	plvfs_register(&r.v);
	logkit_init(&r.k);
	record(&r);
	first = r.notes[0].op;
	printf("# %zu operations, %zu commits, %llu leaves\n", r.v.n_ops, r.n_notes,
	    (unsigned long long)r.notes[r.n_notes - 1].count);
	for (unsigned mode = 0; mode < 3; mode++) {
		static const char *const names[] = {"nothing unsynced came through",
		    "everything unsynced came through", "some unsynced sectors came through"};

		tap_bad = 0;
		for (unsigned i = 0; i < cuts && !tap_bad; i++)
			check_image(&r, first + dice_below(&seed, (uint32_t)(r.v.n_ops - first + 1)),
			    mode, &seed);
		tap_count++;
		tap_failed += tap_bad;
		printf("%sok %d - acknowledged is durable: %s (%u cuts)\n",
		    tap_bad ? "not " : "", tap_count, names[mode], cuts);
	}
	logkit_fini(&r.k);
	for (size_t i = 0; i < r.v.n_ops; i++)
		free(r.v.ops[i].data);
	free(r.v.ops);
	for (int i = 0; i < r.v.n_names; i++)
		free(r.v.names[i]);
	return tap_done();
}

static void
full_disk(struct run *r, char state[SESSIONS])
{
	unsigned full = 0;

	for (size_t i = 0; i < COMMITS; i++) {
		uint64_t again = r->dice;
		uint64_t seq = r->k.seq;
		char before[SESSIONS];
		int err, tries = 0;

		memcpy(before, state, SESSIONS);
		r->v.quota = dice_below(&again, 400000);
		r->dice = again;
		do {
			/* the scribe reads the same entries again out of the rings */
			r->dice = again;
			r->k.seq = seq;
			memcpy(state, before, SESSIONS);
			batch(r, i, state);
			err = logkit_commit(&r->k);
			if (err == 0)
				break;
			CHECK_INT(err, WF_EFULL);
			full++;
			if (++tries == 2)
				r->v.quota = UINT64_MAX;
		} while (tries < 4);
		CHECK_INT(err, 0);
		r->k.now += LOGKIT_SEC;
	}
	printf("# the disk was full %u times\n", full);
	CHECK(full > 20);
}

static int
full(uint64_t seed)
{
	static struct run r;
	char state[SESSIONS] = {0};
	struct logkit_live live;
	size_t wanted = 0;

	r.dice = seed;
	plvfs_register(&r.v);
	logkit_init(&r.k);
	r.k.conf.vfs = "powerloss";
	MUST(logkit_open(&r.k) == 0);
	tap_bad = 0;
	full_disk(&r, state);
	CHECK_INT(logkit_verify(&r.k, NULL), 0);
	CHECK_INT(store_applied(r.k.s, 1), r.k.seq);
	for (size_t i = 0; i < SESSIONS; i++)
		wanted += state[i] == 'L';
	live = logkit_load(&r.k);
	CHECK_INT(live.sessions, wanted);
	tap_failed += tap_bad;
	printf("%sok %d - a full disk is said and loses nothing\n", tap_bad ? "not " : "",
	    ++tap_count);
	logkit_fini(&r.k);
	return tap_done();
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--full") == 0)
		return full(strtoul(argv[2], NULL, 10));
	if (argc != 3)
		return 2;
	return power_loss((unsigned)strtoul(argv[1], NULL, 10),
	    strtoul(argv[2], NULL, 10));
}
