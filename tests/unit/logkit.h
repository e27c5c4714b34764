/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/logkit.h - a throw-away log folder and entries for it.
 */
#ifndef WARIFU_TESTS_LOGKIT_H
#define WARIFU_TESTS_LOGKIT_H

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/audit/entry.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/query.h"
#include "proxy/audit/store.h"
#include "proxy/audit/verify.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "tests/unit/tap.h"

/* 2026-11-23T10:00:00Z */
#define LOGKIT_NOW UINT64_C(1795428000000000000)
#define LOGKIT_SEC UINT64_C(1000000000)

struct logkit {
	char dir[64];
	char generation[80];
	uint8_t master[KEYS_MASTER_LEN];
	struct store_conf conf;
	struct store *s;
	uint64_t now;
	uint64_t seq; /* of thread 1 */
	/* findings of the last verify */
	struct verify_result result;
	struct verify_finding found[32];
	size_t n_found;
};

static inline void
logkit_init(struct logkit *k)
{
	memset(k, 0, sizeof(*k));
	(void)snprintf(k->dir, sizeof(k->dir), "/tmp/warifu-test-XXXXXX");
	MUST(mkdtemp(k->dir) != NULL);
	(void)snprintf(k->generation, sizeof(k->generation), "%s/generation", k->dir);
	memset(k->master, 7, sizeof(k->master));
	k->now = LOGKIT_NOW;
	k->conf = (struct store_conf){.dir = k->dir, .generation = k->generation,
	    .master = k->master, .boot = 1001};
}

static inline int
logkit_open(struct logkit *k)
{
	return store_open(&k->s, &k->conf, k->now);
}

static inline void
logkit_shut(struct logkit *k)
{
	store_close(k->s);
	k->s = NULL;
}

static int
logkit_unlink(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return remove(path);
}

static inline void
logkit_fini(struct logkit *k)
{
	logkit_shut(k);
	(void)nftw(k->dir, logkit_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
logkit_begin(struct logkit *k, struct entry *e, uint8_t *buf, size_t cap, uint8_t kind)
{
	struct rec_head h = {.kind = kind, .thread = 1, .boot = k->conf.boot,
	    .seq = k->seq + 1, .time = k->now};

	h.exchange = rec_exchange_id(k->now, 1, h.seq);
	entry_begin(e, buf, cap, &h);
}

static inline int
logkit_end(struct logkit *k, struct entry *e)
{
	size_t len;
	int err = entry_end(e, &len);

	if (err == 0)
		err = store_add(k->s, 1, ++k->seq, span_of(e->p, len), k->now);
	return err;
}

/* A decision about `user`, not committed. */
static inline int
logkit_decision(struct logkit *k, const char *user, const char *path)
{
	uint8_t buf[4096];
	struct entry e;

	logkit_begin(k, &e, buf, sizeof(buf), REC_DECISION);
	rec_put_text(&e.rec, REC_TAG_SITE, "wallet.example");
	rec_put_text(&e.rec, REC_TAG_METHOD, "GET");
	rec_put_text(&e.rec, REC_TAG_PATH, path);
	rec_put_text(&e.rec, REC_TAG_COUNTRY, "JP");
	rec_put_u64(&e.rec, REC_TAG_VERDICT, 0);
	rec_put_u64(&e.rec, REC_TAG_ENFORCED, 0);
	rec_personal(&e.rec);
	rec_put_text(&e.rec, REC_TAG_USER, user);
	rec_put_bytes(&e.rec, REC_TAG_CLIENT, SPAN_LIT("\xc0\0\2\1"));
	entry_leaf_end(&e);
	return logkit_end(k, &e);
}

/* An event with a session's row put or ended. */
static inline int
logkit_session(struct logkit *k, uint8_t id, enum rec_event event, bool end)
{
	struct entry_session s = {.state = 1, .expires = k->now + 3600 * LOGKIT_SEC,
	    .site = SPAN_LIT("wallet.example"), .user = SPAN_LIT("u"),
	    .blob = SPAN_LIT("blob")};
	uint8_t buf[4096];
	struct entry e;

	memset(s.id, id, sizeof(s.id));
	logkit_begin(k, &e, buf, sizeof(buf), REC_EVENT);
	rec_put_u64(&e.rec, REC_TAG_EVENT, event);
	rec_put_bytes(&e.rec, REC_TAG_SESSION, span_of(s.id, sizeof(s.id)));
	entry_leaf_end(&e);
	if (end)
		entry_session_end(&e, s.id, 2, s.expires);
	else
		entry_session_put(&e, &s);
	return logkit_end(k, &e);
}

static inline int
logkit_commit(struct logkit *k)
{
	return store_commit(k->s, k->now, false);
}

struct logkit_live {
	size_t sessions;
	size_t doubtful;
	size_t kv;
	uint8_t last_id;
	uint64_t generation;
};

/* What a gate would be told now. */
static inline struct logkit_live
logkit_load(struct logkit *k)
{
	struct logkit_live live = {0};
	struct storestate_load *l;
	struct load_item it;

	CHECK_INT(store_load_open(k->s, k->now, &l), 0);
	while (store_load_next(l, &it) == 0) {
		live.sessions += it.kind == LOAD_SESSION && !it.session.ended;
		live.doubtful += it.kind == LOAD_SESSION && it.session.doubtful;
		live.kv += it.kind == LOAD_KV;
		if (it.kind == LOAD_SESSION && !it.session.ended)
			live.last_id = it.session.id[0];
		if (it.kind == LOAD_END)
			live.generation = it.generation;
	}
	store_load_close(l);
	return live;
}

/* Leaves of an event kind in the whole log. */
static inline size_t
logkit_events(struct logkit *k, enum rec_event event)
{
	struct query_filter f = {0};
	struct query_item it;
	struct query *q;
	struct span v;
	size_t n = 0;

	CHECK_INT(query_open(&q, k->dir, k->master, &f), 0);
	while (query_next(q, &it) == 0)
		n += it.view.head.kind == REC_EVENT &&
		    rec_find(it.view.fields, REC_TAG_EVENT, &v) && rec_u64(v) == event;
	query_close(q);
	return n;
}

static inline void
logkit_found(void *arg, const struct verify_finding *f)
{
	struct logkit *k = arg;

	if (k->n_found < ARRAY_LEN(k->found))
		k->found[k->n_found++] = *f;
}

/* Faults of the folder; *first is the first of them. */
static inline uint64_t
logkit_verify(struct logkit *k, const struct verify_opt *with)
{
	struct verify_opt o = {0};

	if (with != NULL)
		o = *with;
	o.found = logkit_found;
	o.arg = k;
	k->n_found = 0;
	CHECK_INT(verify_run(k->dir, &o, &k->result), 0);
	return k->result.faults;
}

#endif
