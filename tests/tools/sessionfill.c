/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/sessionfill.c - writes many live sessions into a state folder, as the scribe
 * would have, so that the time which a gate takes to load them can be measured.
 *
 *   sessionfill STATEFOLDER SITE COUNT
 *
 * No warifu may run with that folder. Each session has two credentials and three contexts,
 * and ten of them have one user.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proxy/audit/entry.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/store.h"
#include "proxy/base/clock.h"
#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/session/session.h"

enum { FILL_ENTRY = 8192, FILL_BATCH = 2000, FILL_HOURS = 8 };

struct fill {
	struct store *store;
	const char *site;
	uint64_t now, boot, seq;
};

static void
fill_context(struct session_context *c, unsigned kind, uint64_t now_s)
{
	*c = (struct session_context){.country = {{'J', 'P'}, {'J', 'P'}}, .asn = 2516,
	    .tls_family = 1, .ua_family = 1, .ua_system = 1, .ua_major = 140,
	    .flags = CONTEXT_HAS_CORE | CONTEXT_HAS_ADDR, .first_s = now_s, .last_s = now_s};
	if (kind == 0)
		c->flags |= CONTEXT_ACCEPTED;
	digest_random(c->core, sizeof(c->core));
	digest_random(c->soft, sizeof(c->soft));
	digest_random(c->addr, sizeof(c->addr));
}

static void
fill_session(struct fill *f, unsigned long i, struct session *s)
{
	uint64_t now_s = f->now / CLOCK_SEC;

	memset(s, 0, sizeof(*s));
	digest_random(s->id, sizeof(s->id));
	atomic_store(&s->state, SESSION_LIVE);
	atomic_store(&s->last_s, now_s);
	s->site_n = (uint8_t)snprintf(s->site, sizeof(s->site), "%s", f->site);
	s->user_n = (uint8_t)snprintf(s->user, sizeof(s->user), "user%lu@example", i / 10);
	s->user_how = SESSION_USER_FORM;
	s->created_s = now_s;
	s->expires_s = now_s + FILL_HOURS * 3600;
	s->n_creds = 2;
	for (int k = 0; k < 2; k++)
		digest_random(s->creds[k].key, sizeof(s->creds[k].key));
	s->n_contexts = 3;
	for (unsigned k = 0; k < 3; k++)
		fill_context(&s->contexts[k], k, now_s);
}

static int
fill_add(struct fill *f, const struct session *s)
{
	struct rec_head h = {.kind = REC_EVENT, .flags = REC_F_DURABLE, .thread = 1,
	    .boot = f->boot, .time = f->now, .seq = ++f->seq};
	struct entry_session row = {.state = SESSION_LIVE,
	    .expires = s->expires_s * CLOCK_SEC, .site = session_site(s)};
	uint8_t buf[FILL_ENTRY], blob[SESSION_BLOB_MAX], user[DIGEST_LEN];
	struct entry e;
	size_t len;

	digest_sha256(session_user(s), user);
	memcpy(row.id, s->id, sizeof(row.id));
	row.user = span_of(user, sizeof(user));
	row.blob = span_of(blob, session_encode(s, blob));
	entry_begin(&e, buf, sizeof(buf), &h);
	rec_put_u64(&e.rec, REC_TAG_EVENT, REC_EVENT_BIND);
	entry_leaf_end(&e);
	entry_session_put(&e, &row);
	MUST(entry_end(&e, &len) == 0);
	return store_add(f->store, 1, f->seq, span_of(buf, len), f->now);
}

static int
fill_run(struct fill *f, unsigned long count)
{
	static struct session s;
	int err = 0;

	for (unsigned long i = 0; i < count && err == 0; i++) {
		fill_session(f, i, &s);
		err = fill_add(f, &s);
		if (err == 0 && (i % FILL_BATCH == FILL_BATCH - 1 || i == count - 1))
			err = store_commit(f->store, f->now, false);
	}
	return err;
}

int
main(int argc, char **argv)
{
	uint8_t master[KEYS_MASTER_LEN];
	char generation[4096], dir[4096], key[4096];
	struct fill f = {.now = clock_wall()};
	struct store_conf conf = {.generation = generation, .master = master};
	int err;

	if (argc != 4) {
		fprintf(stderr, "usage: sessionfill STATEFOLDER SITE COUNT\n");
		return 2;
	}
	digest_random(&f.boot, sizeof(f.boot));
	f.boot |= 1;
	conf.boot = f.boot;
	conf.dir = dir;
	f.site = argv[2];
	snprintf(dir, sizeof(dir), "%s/log", argv[1]);
	snprintf(key, sizeof(key), "%s/master.key", argv[1]);
	snprintf(generation, sizeof(generation), "%s/apart/generation", argv[1]);
	err = keys_master_load(key, master);
	if (err == 0)
		err = store_open(&f.store, &conf, f.now);
	if (err == 0)
		err = fill_run(&f, strtoul(argv[3], NULL, 10));
	store_close(f.store);
	if (err != 0)
		fprintf(stderr, "sessionfill: %s\n", err_text(err));
	return err == 0 ? 0 : 1;
}
