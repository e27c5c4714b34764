/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/store.h"

#include <stdlib.h>

#include "proxy/audit/storepriv.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/*
 * What can be cut off, and what then holds.
 *
 * kill -9 anywhere: the entries are still in the rings and come again. The keys' database
 * may be ahead (keys that no leaf uses: harmless), the log may be ahead of the state (the
 * log's marks skip the leaf, the state's marks do not skip its changes), the state may be
 * ahead of the generation kept apart (settled on opening). Nothing was acknowledged.
 *
 * Power loss: the rings are gone. All that was acknowledged is in all databases. What was
 * not may be in the log and not in the state: ends of sessions among it are carried over
 * from the leaves on opening (store_recover), since an end must hold even when nobody was
 * told of it; puts are not, since nobody was told of them either.
 */

enum {
	STORE_OPS_FIRST = 1 << 16,
	STORE_LEN = 4, /* of each leaf in a block, before it */
	STORE_POSITION_LEAVES = 50000 /* recovery never reads many more than this */
};

#define STORE_POSITION_NS (UINT64_C(10) * 1000000000)

static int
store_room(struct store_bytes *b, size_t n)
{
	size_t cap = b->cap ? b->cap : STORE_OPS_FIRST;
	uint8_t *p;

	if (b->cap - b->n >= n)
		return 0;
	while (cap - b->n < n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (p == NULL)
		return WF_ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

static int
store_append(struct store_bytes *b, struct span s)
{
	int err = store_room(b, s.n);

	if (err != 0 || s.n == 0)
		return err;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	return 0;
}

/* ---- leaves ---- */

/* Room for a leaf of at most n bytes where it stays, behind its length. */
static int
store_leaf_room(struct store *s, size_t n, uint8_t **p)
{
	int err = store_room(&s->leaves, STORE_LEN + n);

	if (err == 0)
		err = store_room(&s->hashes, DIGEST_LEN);
	if (err == 0)
		err = store_room(&s->sums, CHAIN_SUM_LEN);
	*p = err == 0 ? s->leaves.p + s->leaves.n + STORE_LEN : NULL;
	return err;
}

/* The leaf that was written there, of n bytes, belongs to the batch. */
static void
store_leaf_end(struct store *s, size_t n, uint64_t time)
{
	uint8_t *p = s->leaves.p + s->leaves.n, *hash = s->hashes.p + s->hashes.n;

	for (unsigned i = 0; i < STORE_LEN; i++)
		p[i] = (uint8_t)(n >> (8 * (STORE_LEN - 1 - i)));
	chain_leaf_hash(s->hasher, span_of(p + STORE_LEN, n), hash);
	memcpy(s->sums.p + s->sums.n, hash, CHAIN_SUM_LEN);
	s->leaves.n += STORE_LEN + n;
	s->hashes.n += DIGEST_LEN;
	s->sums.n += CHAIN_SUM_LEN;
	if (s->n_leaves == 0 || time < s->t_first)
		s->t_first = time;
	if (s->n_leaves == 0 || time > s->t_last)
		s->t_last = time;
	s->n_leaves++;
}

void
store_event_begin(struct store *s, struct rec *r, enum rec_event event, uint64_t now)
{
	struct rec_head h = {.kind = REC_EVENT, .thread = REC_THREAD_SCRIBE,
	    .boot = s->conf.boot, .time = now,
	    .seq = storelog_mark_get(&s->log_marks, REC_THREAD_SCRIBE) + 1};

	if (event == REC_EVENT_CLOCK_JUMP || event == REC_EVENT_RESTORED ||
	    event == REC_EVENT_LOG_STATE)
		h.flags |= REC_F_ALARM;
	rec_begin(r, s->event, sizeof(s->event), &h);
	rec_put_u64(r, REC_TAG_EVENT, event);
}

int
store_event_end(struct store *s, struct rec *r)
{
	struct rec_view v;
	uint8_t *p;
	size_t len;
	int err = rec_end(r, &len);

	if (err == 0)
		err = rec_parse(span_of(s->event, len), false, &v);
	if (err == 0)
		err = store_leaf_room(s, len, &p);
	if (err == 0) {
		memcpy(p, s->event, len);
		store_leaf_end(s, len, v.head.time);
	}
	if (err == 0)
		err = storelog_mark_set(&s->log_marks, REC_THREAD_SCRIBE, v.head.seq);
	return err;
}

/* ---- entries ---- */

/* What arrived instead of an entry: said in the chain, with the bytes' hash. */
static int
store_add_bad(struct store *s, uint16_t thread, uint64_t seq, struct span payload,
    int why, uint64_t now)
{
	uint8_t hash[DIGEST_LEN];
	struct rec r;

	digest_sha256(payload, hash);
	store_event_begin(s, &r, REC_EVENT_LOG_BAD_ENTRY, now);
	rec_put_text(&r, REC_TAG_DETAIL, err_text(why));
	rec_put_bytes(&r, REC_TAG_NEW_HASH, span_of(hash, sizeof(hash)));
	rec_put_u64(&r, REC_TAG_COUNT, seq);
	rec_put_u64(&r, REC_TAG_RING, thread);
	return store_event_end(s, &r);
}

static int
store_add_gap(struct store *s, uint16_t thread, uint64_t count, const char *detail,
    uint64_t now)
{
	struct rec r;

	store_event_begin(s, &r, REC_EVENT_LOG_GAP, now);
	rec_put_text(&r, REC_TAG_DETAIL, detail);
	rec_put_u64(&r, REC_TAG_COUNT, count);
	rec_put_u64(&r, REC_TAG_RING, thread);
	return store_event_end(s, &r);
}

static int
store_parse(struct store *s, uint16_t thread, uint64_t seq, struct span payload,
    struct entry_view *e, struct rec_view *v)
{
	int err = entry_parse(payload, e);

	if (err == 0)
		err = rec_parse(e->leaf, true, v);
	if (err != 0)
		return err;
	/* Its place is the ring's to say, not the writer's. */
	if (v->head.thread != thread || v->head.boot != s->conf.boot || v->head.seq != seq ||
	    v->head.time > INT64_MAX || v->sealed)
		return WF_EDENIED;
	return 0;
}

/* *bad: the leaf cannot be sealed as it is, whatever is tried. */
static int
store_add_leaf(struct store *s, const struct entry_view *e, const struct rec_view *v,
    int *bad)
{
	size_t most = e->leaf.n + REC_SEAL_OVERHEAD, len;
	uint8_t *p;
	int err = store_leaf_room(s, most, &p);

	if (err == 0)
		err = keys_seal(s->keys, v, e->leaf, storekeys_put, &s->table, p, most, &len);
	if (err == WF_ERANGE) {
		*bad = err;
		return 0;
	}
	if (err == 0)
		store_leaf_end(s, len, v->head.time);
	return err;
}

int
store_add(struct store *s, uint16_t thread, uint64_t seq, struct span payload, uint64_t now)
{
	uint64_t in_log = storelog_mark_get(&s->log_marks, thread);
	uint64_t in_state = storelog_mark_get(&s->state_marks, thread);
	struct entry_view e;
	struct rec_view v;
	int err = 0, bad = store_parse(s, thread, seq, payload, &e, &v);

	if (seq > in_log) {
		if (seq > in_log + 1)
			err = store_add_gap(s, thread, seq - in_log - 1,
			    "entries of this thread are missing", now);
		if (err == 0 && bad == 0)
			err = store_add_leaf(s, &e, &v, &bad);
		if (err == 0 && bad != 0)
			err = store_add_bad(s, thread, seq, payload, bad, now);
		if (err == 0)
			err = storelog_mark_set(&s->log_marks, thread, seq);
	}
	if (err == 0 && seq > in_state && bad == 0 && e.n_ops > 0) {
		err = store_append(&s->ops, e.ops);
		s->marked |= e.n_marked > 0;
		if (err == 0)
			err = storelog_mark_set(&s->state_marks, thread, seq);
	}
	return err;
}

int
store_add_gaps(struct store *s, uint16_t thread, uint64_t total, uint64_t now, bool *told)
{
	uint64_t before = storelog_mark_get(&s->log_marks, STORELOG_GAPS | thread);
	int err;

	*told = total > before;
	if (!*told)
		return 0;
	err = store_add_gap(s, thread, total - before,
	    "entries that did not fit into the ring were given up", now);
	if (err == 0)
		err = storelog_mark_set(&s->log_marks, STORELOG_GAPS | thread, total);
	return err;
}

int
store_add_damage(struct store *s, uint16_t thread, uint64_t now)
{
	int err;

	if (storelog_mark_get(&s->log_marks, STORELOG_BAD | thread) != 0)
		return 0;
	err = store_add_gap(s, thread, 0, "the ring is damaged and read no further", now);
	if (err == 0)
		err = storelog_mark_set(&s->log_marks, STORELOG_BAD | thread, 1);
	return err;
}

size_t
store_pending(const struct store *s)
{
	return s->leaves.n + s->ops.n;
}

void
store_reset(struct store *s)
{
	s->leaves.n = s->hashes.n = s->sums.n = s->ops.n = 0;
	s->n_leaves = s->t_first = s->t_last = 0;
	s->marked = false;
	s->log_marks = s->log.marks;
	s->state_marks = s->state.marks;
}

void
store_abort(struct store *s)
{
	if (storekeys_abort(&s->table))
		keys_reset(s->keys);
	storestate_abort(&s->state);
	store_reset(s);
}

/* ---- commit ---- */

int
store_commit_log(struct store *s, uint64_t now, bool last)
{
	struct storelog_block b = {.n = s->n_leaves, .t_first = s->t_first,
	    .t_last = s->t_last, .wrote = now,
	    .sums = span_of(s->sums.p, s->sums.n),
	    .bytes = span_of(s->leaves.p, s->leaves.n), .after = s->log.chain};
	int err = 0;

	if (s->n_leaves == 0 && last == s->log.clean)
		return 0;
	if (storelog_due(&s->log, now))
		err = storelog_roll(&s->log, now);
	chain_add(s->hasher, &b.after, span_of(s->hashes.p, s->hashes.n));
	return err != 0 ? err : storelog_write(&s->log, &b, &s->log_marks, last);
}

static int
store_erase(struct store *s, struct span user)
{
	uint8_t person[KEYS_PERSON_LEN];
	int err;

	keys_person(s->keys, user, person);
	err = storekeys_erase(&s->table, person);
	keys_reset(s->keys);
	return err;
}

static int
store_commit_state(struct store *s, uint64_t now)
{
	struct cursor c = cur_init(span_of(s->ops.p, s->ops.n));
	bool late = s->log.chain.count - s->state.position > STORE_POSITION_LEAVES ||
	    (s->log.chain.count != s->state.position &&
		now - s->position_time > STORE_POSITION_NS);
	struct entry_op op;
	int err;

	if (s->ops.n == 0 && !late)
		return storestate_settle(&s->state);
	err = storestate_begin(&s->state);
	while (err == 0 && entry_op_next(&c, &op)) {
		err = storestate_apply(&s->state, &op);
		if (err == 0 && op.kind == ENTRY_ERASE)
			err = store_erase(s, op.kv.key);
	}
	if (err == 0)
		err = storestate_commit(&s->state, &s->state_marks, s->log.chain.count,
		    s->marked);
	if (err == 0)
		s->position_time = now;
	return err;
}

int
store_commit(struct store *s, uint64_t now, bool last)
{
	int err = storekeys_commit(&s->table);

	if (err == 0)
		err = store_commit_log(s, now, last);
	if (err == 0)
		err = store_commit_state(s, now);
	store_abort(s);
	return err;
}

int
store_sweep(struct store *s, uint64_t now)
{
	return storestate_sweep(&s->state, now);
}

int
store_forget(struct store *s, uint64_t before)
{
	int err = storekeys_forget(&s->table, keys_month(before));

	keys_reset(s->keys);
	return err;
}

uint64_t
store_applied(const struct store *s, uint16_t thread)
{
	return storelog_mark_get(&s->log_marks, thread);
}

void
store_head(const struct store *s, uint64_t *count, uint8_t head[DIGEST_LEN])
{
	*count = s->log.chain.count;
	memcpy(head, s->log.chain.head, DIGEST_LEN);
}

int
store_load_open(const struct store *s, uint64_t now, struct storestate_load **l)
{
	return storestate_load_open(&s->state, now, l);
}

int
store_load_next(struct storestate_load *l, struct load_item *it)
{
	return storestate_load_next(l, it);
}

void
store_load_close(struct storestate_load *l)
{
	storestate_load_close(l);
}
