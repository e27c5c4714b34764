/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/verify.h"

#include <stdlib.h>

#include "proxy/audit/chain.h"
#include "proxy/audit/querydb.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/*
 * A block stores the first 8 bytes of each leaf's hash beside its leaves. They prove
 * nothing (the head does); they tell which record it was. Both lists, what was written and
 * what is there, are walked side by side: where they part, the nearest place where they meet
 * again says whether something was taken out, put in, moved or changed.
 *
 * Behind a fault the walk goes on from the head that the block claims, so that one
 * changed record is one finding and not the rest of the log.
 */

enum { VERIFY_LOOKAHEAD = 256, VERIFY_THREADS = 512, VERIFY_PROGRESS = 1 << 16 };

struct verify_thread {
	uint64_t boot;
	uint64_t seq;
	uint64_t allowed; /* entries that the log says are missing */
	uint16_t thread;
};

struct verify {
	const struct verify_opt *opt;
	struct verify_result *r;
	struct querydb *db;
	struct hasher *hasher;
	struct chain chain;
	struct querydb_block block;
	bool started;
	uint32_t day;
	size_t segment;
	uint64_t told;
	struct verify_leaf last;
	/* leaves of the block at hand */
	struct span *leaf;
	uint8_t (*hash)[DIGEST_LEN];
	size_t n;
	size_t cap;
	struct verify_thread threads[VERIFY_THREADS];
	size_t n_threads;
};

static struct verify_leaf
verify_describe(uint64_t number, struct span leaf)
{
	struct verify_leaf d = {.number = number};
	struct rec_view v;

	if (leaf.p != NULL && rec_parse(leaf, false, &v) == 0) {
		d.parsed = true;
		d.head = v.head;
	}
	return d;
}

static void
verify_found(struct verify *w, struct verify_finding *f)
{
	f->day = w->day;
	w->r->faults += (int)f->kind < (int)VERIFY_FAULTS;
	if (w->opt->found != NULL)
		w->opt->found(w->opt->arg, f);
}

/* A finding about records [from, to]; c is the place in the block that comes after. */
static void
verify_records(struct verify *w, enum verify_kind kind, uint64_t from, uint64_t to,
    size_t before, size_t after)
{
	struct verify_finding f = {.kind = kind, .from = from, .to = to};

	f.before = before == 0 ? w->last
			       : verify_describe(from - 1, w->leaf[before - 1]);
	if (after < w->n)
		f.after = verify_describe(to + 1, w->leaf[after]);
	verify_found(w, &f);
}

/* ---- the leaves of a block ---- */

static int
verify_room(struct verify *w)
{
	size_t cap = w->cap ? w->cap * 2 : 1024;
	struct span *leaf = realloc(w->leaf, cap * sizeof(*leaf));
	uint8_t(*hash)[DIGEST_LEN];

	if (leaf == NULL)
		return WF_ENOMEM;
	w->leaf = leaf;
	hash = realloc(w->hash, cap * sizeof(*hash));
	if (hash == NULL)
		return WF_ENOMEM;
	w->hash = hash;
	w->cap = cap;
	return 0;
}

static int
verify_split(struct verify *w)
{
	struct cursor c = cur_init(w->block.bytes);
	struct span leaf;
	int err;

	w->n = 0;
	while (querydb_leaf(&c, &leaf)) {
		if (w->n == w->cap && (err = verify_room(w)) != 0)
			return err;
		w->leaf[w->n] = leaf;
		chain_leaf_hash(w->hasher, leaf, w->hash[w->n]);
		w->n++;
	}
	if (!cur_done(&c))
		verify_records(w, VERIFY_MALFORMED, w->block.id + w->n,
		    w->block.id + w->block.n - 1, w->n, w->n);
	return 0;
}

static bool
verify_sum_is(const struct verify *w, size_t sum, size_t leaf)
{
	return memcmp(w->block.sums.p + sum * CHAIN_SUM_LEN, w->hash[leaf], CHAIN_SUM_LEN) ==
	    0;
}

/* How far behind `leaf` the record that belongs at `sum` stands; 0 = nowhere near. */
static size_t
verify_later_leaf(const struct verify *w, size_t sum, size_t leaf)
{
	for (size_t d = 1; d <= VERIFY_LOOKAHEAD && leaf + d < w->n; d++)
		if (verify_sum_is(w, sum, leaf + d))
			return d;
	return 0;
}

static size_t
verify_later_sum(const struct verify *w, size_t sum, size_t leaf)
{
	size_t sums = w->block.sums.n / CHAIN_SUM_LEN;

	for (size_t d = 1; d <= VERIFY_LOOKAHEAD && sum + d < sums; d++)
		if (verify_sum_is(w, sum + d, leaf))
			return d;
	return 0;
}

/* Names what differs between what was written (sums) and what is there (leaves). */
static uint64_t
verify_diff(struct verify *w)
{
	size_t sums = w->block.sums.n / CHAIN_SUM_LEN, s = 0, l = 0;
	uint64_t id = w->block.id, faults = w->r->faults;

	while (s < sums && l < w->n) {
		size_t in, out;

		if (verify_sum_is(w, s, l)) {
			s++;
			l++;
			continue;
		}
		in = verify_later_leaf(w, s, l);
		out = verify_later_sum(w, s, l);
		if (in != 0 && out != 0) {
			verify_records(w, VERIFY_REORDERED, id + s, id + s + out, l,
			    l + out + 1);
			/* Both lists go on behind the exchanged stretch. */
			s += out + 1;
			l += out + 1;
		} else if (out != 0) {
			verify_records(w, VERIFY_REMOVED, id + s, id + s + out - 1, l, l);
			s += out;
		} else if (in != 0) {
			verify_records(w, VERIFY_INSERTED, id + s, id + s, l, l + in);
			l += in;
		} else {
			verify_records(w, VERIFY_CHANGED, id + s, id + s, l, l + 1);
			s++;
			l++;
		}
	}
	if (s < sums)
		verify_records(w, VERIFY_REMOVED, id + s, id + sums - 1, l, w->n);
	if (l < w->n)
		verify_records(w, VERIFY_INSERTED, id + s, id + s, l, w->n);
	return w->r->faults - faults;
}

/* ---- sequences of threads ---- */

static struct verify_thread *
verify_thread(struct verify *w, uint64_t boot, uint16_t thread)
{
	struct verify_thread *t;

	for (size_t i = w->n_threads; i-- > 0;)
		if (w->threads[i].thread == thread && w->threads[i].boot == boot)
			return &w->threads[i];
	/* Old boots make room: their threads do not come again. */
	if (w->n_threads == VERIFY_THREADS) {
		memmove(w->threads, w->threads + VERIFY_THREADS / 2,
		    VERIFY_THREADS / 2 * sizeof(*t));
		w->n_threads = VERIFY_THREADS / 2;
	}
	t = &w->threads[w->n_threads++];
	*t = (struct verify_thread){.boot = boot, .thread = thread};
	/* Its beginning may lie before the first record here, or in a damaged block. */
	if (w->r->first > 1 || w->r->faults != 0)
		t->seq = UINT64_MAX;
	return t;
}

static void
verify_gap_event(struct verify *w, const struct rec_view *v)
{
	struct span event, ring, count;

	if (v->head.thread != REC_THREAD_SCRIBE || v->head.kind != REC_EVENT ||
	    !rec_find(v->fields, REC_TAG_EVENT, &event) ||
	    !rec_find(v->fields, REC_TAG_RING, &ring) ||
	    !rec_find(v->fields, REC_TAG_COUNT, &count))
		return;
	if (rec_u64(event) == REC_EVENT_LOG_GAP)
		verify_thread(w, v->head.boot, (uint16_t)rec_u64(ring))->allowed =
		    rec_u64(count);
	/* A refused entry had a sequence of its own; this leaf stands for it. */
	if (rec_u64(event) == REC_EVENT_LOG_BAD_ENTRY)
		verify_thread(w, v->head.boot, (uint16_t)rec_u64(ring))->seq = rec_u64(count);
}

static void
verify_sequence(struct verify *w, uint64_t number, const struct rec_view *v)
{
	struct verify_thread *t = verify_thread(w, v->head.boot, v->head.thread);
	struct verify_finding f = {.from = number, .to = number, .thread = v->head.thread,
	    .boot = v->head.boot, .before = w->last};

	if (t->seq != UINT64_MAX && v->head.seq != t->seq + 1) {
		f.count = v->head.seq - t->seq - 1;
		f.kind = f.count == t->allowed ? VERIFY_KNOWN_GAP : VERIFY_HOLE;
		f.after.number = number;
		f.after.parsed = true;
		f.after.head = v->head;
		verify_found(w, &f);
	}
	t->seq = v->head.seq;
	t->allowed = 0;
	verify_gap_event(w, v);
}

/* ---- blocks ---- */

/* A head that was ever shown stood at the end of a block: one inside is of another log. */
static void
verify_head_at(struct verify *w, uint64_t before)
{
	uint64_t at = w->opt->head_count;
	struct verify_finding f = {.kind = VERIFY_REWRITTEN, .to = at};

	if (!w->opt->has_head || at <= before || at > w->chain.count)
		return;
	if (at == w->chain.count && digest_equal(w->chain.head, w->opt->head, DIGEST_LEN)) {
		w->r->head_seen = true;
		return;
	}
	f.from = w->r->first;
	f.before = w->last;
	verify_found(w, &f);
}

static void
verify_leaves(struct verify *w, bool sequences)
{
	uint64_t before = w->chain.count;

	for (size_t i = 0; i < w->n; i++) {
		uint64_t number = w->block.id + i;
		struct rec_view v;

		if (rec_parse(w->leaf[i], false, &v) != 0) {
			verify_records(w, VERIFY_MALFORMED, number, number, i, i + 1);
			continue;
		}
		if (sequences)
			verify_sequence(w, number, &v);
		if (w->r->leaves + i == 0 || v.head.time < w->r->t_first)
			w->r->t_first = v.head.time;
		if (v.head.time > w->r->t_last)
			w->r->t_last = v.head.time;
		w->last = (struct verify_leaf){number, true, v.head};
	}
	chain_add(w->hasher, &w->chain, span_of(w->hash, w->n * DIGEST_LEN));
	verify_head_at(w, before);
	w->r->leaves += w->n;
}

static int
verify_block(struct verify *w)
{
	struct querydb_block *b = &w->block;
	struct verify_finding f = {.kind = VERIFY_BLOCKS, .before = w->last};
	struct verify_leaf last = w->last;
	uint64_t faults;
	int err;

	if (b->id != w->chain.count + 1) {
		f.from = w->chain.count + 1;
		f.to = b->id - 1;
		verify_found(w, &f);
		w->chain.count = b->id - 1;
	}
	if ((err = verify_split(w)) != 0)
		return err;
	faults = verify_diff(w);
	verify_leaves(w, faults == 0);
	if (faults == 0 &&
	    (b->n != w->n || !digest_equal(w->chain.head, b->head, DIGEST_LEN))) {
		w->last = last;
		verify_records(w, VERIFY_BLOCK, b->id, b->id + b->n - 1, 0, w->n);
	}
	/* What a damaged block says of its threads is worth nothing. */
	for (size_t i = 0; faults != 0 && i < w->n_threads; i++)
		w->threads[i].seq = UINT64_MAX;
	w->chain.count = b->id + b->n - 1;
	memcpy(w->chain.head, b->head, DIGEST_LEN);
	return 0;
}

/* ---- segments ---- */

static void
verify_first_segment(struct verify *w, const struct querydb_segment *s)
{
	struct verify_finding f = {.kind = VERIFY_STARTS_AT, .from = s->first, .to = s->first};
	static const uint8_t zero[DIGEST_LEN];

	w->chain.count = s->first - 1;
	memcpy(w->chain.head, s->prev_head, DIGEST_LEN);
	memcpy(w->r->log_id, s->log_id, sizeof(w->r->log_id));
	w->r->first = s->first;
	if (s->prev_day != 0)
		verify_found(w, &f);
	else if (s->first != 1 || !digest_equal(s->prev_head, zero, DIGEST_LEN)) {
		f.kind = VERIFY_SEGMENT;
		verify_found(w, &f);
	}
}

static void
verify_segment(struct verify *w)
{
	const struct querydb_segment *s = querydb_segment(w->db);
	uint32_t prev = w->day;
	struct verify_finding f = {.kind = VERIFY_SEGMENT, .before = w->last};

	w->day = s->day;
	w->segment++;
	if (!w->started) {
		w->started = true;
		verify_first_segment(w, s);
		return;
	}
	f.from = w->chain.count + 1;
	f.to = s->first;
	if (s->prev_day != prev) {
		f.kind = VERIFY_LOST_DAY;
		f.to = s->first - 1;
		verify_found(w, &f);
	} else if (s->first != w->chain.count + 1 ||
	    memcmp(s->log_id, w->r->log_id, sizeof(w->r->log_id)) != 0 ||
	    !digest_equal(s->prev_head, w->chain.head, DIGEST_LEN)) {
		verify_found(w, &f);
	}
	w->chain.count = s->first - 1;
	memcpy(w->chain.head, s->prev_head, DIGEST_LEN);
}

/* A closed day says where it ends. */
static void
verify_segment_end(struct verify *w)
{
	const struct querydb_segment *s = querydb_segment(w->db);
	struct verify_finding f = {.kind = VERIFY_SEGMENT, .before = w->last};

	if (!w->started || !s->closed || s->day != w->day ||
	    (s->last == w->chain.count &&
		digest_equal(s->last_head, w->chain.head, DIGEST_LEN)))
		return;
	f.from = w->chain.count + 1;
	f.to = s->last;
	verify_found(w, &f);
}

/* ---- all ---- */

static void
verify_end(struct verify *w)
{
	struct verify_finding f = {.kind = VERIFY_OPEN_END, .from = w->r->first,
	    .to = w->chain.count, .before = w->last};

	w->r->count = w->chain.count;
	memcpy(w->r->head, w->chain.head, DIGEST_LEN);
	if (!w->opt->has_head) {
		verify_found(w, &f);
	} else if (w->opt->head_count > w->chain.count) {
		f.kind = VERIFY_TAIL;
		f.from = w->chain.count + 1;
		f.to = w->opt->head_count;
		verify_found(w, &f);
	}
}

static void
verify_progress(struct verify *w)
{
	if (w->opt->progress == NULL || w->r->leaves - w->told < VERIFY_PROGRESS)
		return;
	w->told = w->r->leaves;
	w->opt->progress(w->opt->arg, w->r->leaves, w->segment, w->r->segments);
}

int
verify_run(const char *dir, const struct verify_opt *opt, struct verify_result *r)
{
	struct verify *w = calloc(1, sizeof(*w));
	int err;

	memset(r, 0, sizeof(*r));
	if (w == NULL)
		return WF_ENOMEM;
	w->opt = opt;
	w->r = r;
	w->hasher = hasher_new();
	err = w->hasher == NULL ? WF_ENOMEM : querydb_open(&w->db, dir, opt->vfs);
	if (err == 0)
		r->segments = querydb_segments(w->db);
	while (err == 0 && (err = querydb_next(w->db, &w->block)) == 0) {
		if (w->block.new_segment)
			verify_segment(w);
		if (w->block.n > 0)
			err = verify_block(w);
		if (err == 0 && querydb_ends(w->db))
			verify_segment_end(w);
		verify_progress(w);
	}
	if (err == WF_ENOTFOUND && w->started) {
		err = 0;
		verify_end(w);
	}
	querydb_close(w->db);
	hasher_free(w->hasher);
	free(w->leaf);
	free(w->hash);
	free(w);
	return err;
}
