/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/query.h"

#include <stdlib.h>

#include "proxy/audit/querydb.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

/* Exchanges whose decision was given and whose outcome is due: open addressing, at most
 * half full, grown as needed. 0 is a free place, since no exchange has that number. */
struct query_set {
	uint64_t *p;
	size_t cap;
	size_t n;
};

struct query {
	struct querydb *db;
	struct keys *keys;
	struct query_filter f;
	uint64_t *key_ids;
	size_t n_key_ids;
	struct query_set open;
	bool all; /* nothing but times is asked for */
	/* the block at hand */
	struct querydb_block block;
	struct cursor at;
	uint64_t number;
	uint8_t plain[REC_VALUE_MAX];
};

/* ---- the set ---- */

static size_t
query_slot(const struct query_set *s, uint64_t v)
{
	size_t i = (size_t)(v * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (s->cap - 1);

	while (s->p[i] != 0 && s->p[i] != v)
		i = (i + 1) & (s->cap - 1);
	return i;
}

static int
query_set_add(struct query_set *s, uint64_t v)
{
	struct query_set old = *s;

	if (v == 0)
		return 0;
	if (s->n * 2 >= s->cap) {
		s->cap = old.cap ? old.cap * 2 : 1024;
		s->p = calloc(s->cap, sizeof(*s->p));
		if (s->p == NULL) {
			*s = old;
			return WF_ENOMEM;
		}
		for (size_t i = 0; i < old.cap; i++)
			if (old.p[i] != 0)
				s->p[query_slot(s, old.p[i])] = old.p[i];
		free(old.p);
	}
	s->n += s->p[query_slot(s, v)] == 0;
	s->p[query_slot(s, v)] = v;
	return 0;
}

static bool
query_set_has(const struct query_set *s, uint64_t v)
{
	return v != 0 && s->cap != 0 && s->p[query_slot(s, v)] == v;
}

/* ---- the filter ---- */

static bool
query_text(struct span fields, uint16_t tag, struct span want)
{
	struct span v;

	return rec_find(fields, tag, &v) && span_ieq(v, want);
}

static bool
query_in_list(struct span fields, uint16_t tag, struct span want)
{
	struct span v, element;
	struct cursor c;

	if (!rec_find(fields, tag, &v))
		return false;
	c = cur_init(v);
	while (rec_list_next(&c, &element))
		if (span_ieq(element, want))
			return true;
	return false;
}

static bool
query_session(const struct rec_view *v, struct span want)
{
	static const uint16_t tags[] = {REC_TAG_SESSION, REC_TAG_SESSION_NEW, REC_TAG_ENDED};
	struct span id;

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (!rec_find(v->fields, tags[i], &id))
			continue;
		for (size_t at = 0; at + REC_SESSION_LEN <= id.n; at += REC_SESSION_LEN)
			if (span_starts(span_of(id.p + at, REC_SESSION_LEN), want))
				return true;
	}
	return false;
}

static bool
query_verdict(const struct rec_view *v, uint64_t want)
{
	struct span s;

	return (rec_find(v->fields, REC_TAG_ENFORCED, &s) && rec_u64(s) == want) ||
	    (rec_find(v->fields, REC_TAG_VERDICT, &s) && rec_u64(s) == want);
}

static int
query_id_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool
query_user(const struct query *q, const struct rec_view *v)
{
	return v->sealed && q->n_key_ids > 0 &&
	    bsearch(&v->key_id, q->key_ids, q->n_key_ids, sizeof(v->key_id),
		query_id_order) != NULL;
}

static bool
query_fits(const struct query *q, const struct rec_view *v)
{
	const struct query_filter *f = &q->f;

	if (v->head.time < f->since || v->head.time > f->until)
		return false;
	if (f->exchange != 0 && v->head.exchange != f->exchange)
		return false;
	if (v->head.kind == REC_OUTCOME && f->exchange == 0)
		return q->all || query_set_has(&q->open, v->head.exchange);
	if (v->head.kind == REC_OUTCOME)
		return true;
	if (f->user.n != 0 && !query_user(q, v))
		return false;
	if (f->session.n != 0 && !query_session(v, f->session))
		return false;
	if (f->site.n != 0 && !query_text(v->fields, REC_TAG_SITE, f->site))
		return false;
	if (f->class.n != 0 && !query_text(v->fields, REC_TAG_CLASS, f->class))
		return false;
	if (f->country.n != 0 && !query_text(v->fields, REC_TAG_COUNTRY, f->country) &&
	    !query_text(v->fields, REC_TAG_COUNTRY2, f->country))
		return false;
	if (f->rule.n != 0 && !query_in_list(v->fields, REC_TAG_RULES, f->rule) &&
	    !query_in_list(v->fields, REC_TAG_OBSERVED, f->rule))
		return false;
	return !f->by_verdict || query_verdict(v, f->verdict);
}

/* ---- opening ---- */

static int
query_prepare(struct query *q)
{
	const struct query_filter *f = &q->f;
	uint8_t person[KEYS_PERSON_LEN];
	uint64_t since = f->since;
	int err = 0;

	q->all = f->user.n == 0 && f->session.n == 0 && f->site.n == 0 && f->rule.n == 0 &&
	    f->country.n == 0 && f->class.n == 0 && !f->by_verdict && f->exchange == 0;
	if (q->f.until == 0)
		q->f.until = UINT64_MAX;
	if (f->user.n != 0) {
		if (q->keys == NULL)
			return WF_EDENIED;
		keys_person(q->keys, f->user, person);
		err = querydb_keys_of(q->db, person, &q->key_ids, &q->n_key_ids);
	}
	/* The number tells when it was made; a leaf never says an earlier time. */
	if (f->exchange != 0 && rec_exchange_time(f->exchange) > since)
		since = rec_exchange_time(f->exchange);
	querydb_range(q->db, f->from_leaf, since, q->f.until);
	return err;
}

int
query_open(struct query **out, const char *dir, const uint8_t *master,
    const struct query_filter *f)
{
	struct query *q = calloc(1, sizeof(*q));
	int err;

	*out = NULL;
	if (q == NULL)
		return WF_ENOMEM;
	q->f = *f;
	q->keys = master == NULL ? NULL : keys_new(master);
	err = master != NULL && q->keys == NULL ? WF_ENOMEM : querydb_open(&q->db, dir, NULL);
	if (err == 0)
		err = query_prepare(q);
	if (err != 0)
		query_close(q);
	else
		*out = q;
	return err;
}

void
query_close(struct query *q)
{
	if (q == NULL)
		return;
	querydb_close(q->db);
	keys_free(q->keys);
	free(q->key_ids);
	free(q->open.p);
	digest_wipe(q->plain, sizeof(q->plain));
	free(q);
}

/* ---- leaves ---- */

static void
query_person(struct query *q, struct query_item *it)
{
	int err;

	it->person = QUERY_NONE;
	if (!it->view.sealed)
		return;
	it->person = QUERY_LOCKED;
	if (q->keys == NULL)
		return;
	err = keys_open(q->keys, &it->view, querydb_key, q->db, q->plain, sizeof(q->plain),
	    &it->personal);
	it->person = err == 0 ? QUERY_OPEN : err == WF_ENOTFOUND ? QUERY_ERASED : QUERY_DAMAGED;
}

int
query_next(struct query *q, struct query_item *it)
{
	int err;

	memset(it, 0, sizeof(*it));
	for (;;) {
		if (!querydb_leaf(&q->at, &it->leaf)) {
			err = querydb_next(q->db, &q->block);
			if (err != 0)
				return err;
			q->at = cur_init(q->block.bytes);
			q->number = q->block.id;
			continue;
		}
		it->number = q->number++;
		if (it->number < q->f.from_leaf || rec_parse(it->leaf, false, &it->view) != 0)
			continue;
		if (!query_fits(q, &it->view))
			continue;
		if (it->view.head.kind == REC_DECISION && !q->all &&
		    (err = query_set_add(&q->open, it->view.head.exchange)) != 0)
			return err;
		query_person(q, it);
		return 0;
	}
}

bool
query_field(const struct query_item *it, uint16_t tag, struct span *value)
{
	return rec_find(it->view.fields, tag, value) ||
	    (it->person == QUERY_OPEN && rec_find(it->personal, tag, value));
}

struct query_item *
query_item_keep(const struct query_item *it)
{
	struct query_item *k = malloc(sizeof(*k) + it->leaf.n + it->personal.n);
	uint8_t *p;

	if (k == NULL)
		return NULL;
	p = (uint8_t *)(k + 1);
	*k = *it;
	memcpy(p, it->leaf.p, it->leaf.n);
	k->leaf = span_of(p, it->leaf.n);
	MUST(rec_parse(k->leaf, false, &k->view) == 0);
	if (it->personal.n != 0)
		memcpy(p + it->leaf.n, it->personal.p, it->personal.n);
	k->personal = span_of(p + it->leaf.n, it->personal.n);
	return k;
}
