/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/session/table.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

enum { NOW = 1000000, HOUR = 3600, THREADS = 4, ROUNDS = 4000 };

static struct table *
make(uint32_t sessions)
{
	struct table_opt opt = {.sessions = sessions, .prelogin = 100, .prelogin_source = 3};
	struct table *t = table_new(&opt);

	if (t == NULL)
		abort();
	return t;
}

/* Session number n of a user: id and one credential made of n. */
static struct session
sample(unsigned n, const char *user)
{
	struct session s = {.expires_s = NOW + HOUR, .site_n = 6, .n_creds = 1};

	atomic_store(&s.state, SESSION_LIVE);
	atomic_store(&s.last_s, NOW + n);
	memcpy(s.site, "wallet", 6);
	s.user_n = (uint8_t)strlen(user);
	memcpy(s.user, user, s.user_n);
	for (unsigned i = 0; i < 4; i++) {
		s.id[i] = (uint8_t)(n >> (8 * i));
		s.creds[0].key[12 + i] = (uint8_t)(n >> (8 * i));
	}
	s.id[15] = (uint8_t)n;
	s.creds[0].key[15] = (uint8_t)n;
	return s;
}

static struct session *
find(struct table *t, unsigned n)
{
	struct session s = sample(n, "");

	return table_find(t, s.creds[0].key);
}

static void
add(struct table *t, unsigned n, const char *user)
{
	struct session s = sample(n, user);

	CHECK_INT(table_add(t, &s, NULL, NOW, NULL), 0);
}

static unsigned swept;

static void
count_gone(void *arg, struct session *s)
{
	(void)arg;
	(void)s;
	swept++;
}

/* A whole sweep; how many sessions went. */
static unsigned
sweep(struct table *t, uint64_t now_s, struct table_census *c)
{
	struct table_sweep s = {.now_s = now_s, .look = 3, .gone = count_gone};

	swept = 0;
	while (!table_sweep(t, &s, c))
		;
	return swept;
}

static void
end(struct table *t, unsigned n, enum session_state how)
{
	struct session *s = find(t, n);

	CHECK(s != NULL && table_end(s, how));
	table_unref(s);
}

static void
a_session_is_found_by_credential_and_by_id(void)
{
	struct table *t = make(10);
	struct session want = sample(7, "alice"), *a, *b;

	add(t, 7, "alice");
	a = find(t, 7);
	b = table_find_id(t, want.id);
	CHECK(a != NULL && a == b);
	CHECK(a != NULL && span_eq(session_user(a), SPAN_LIT("alice")));
	CHECK(find(t, 8) == NULL);
	table_unref(a);
	table_unref(b);
	table_free(t);
}

static void
a_credential_is_taken_over_only_by_a_login(void)
{
	struct table *t = make(10);
	struct session other = sample(1, "mallory"), *s;

	add(t, 1, "alice");
	other.id[0] ^= 0xff;
	CHECK_INT(table_add(t, &other, NULL, NOW, NULL), WF_EEXISTS);
	s = find(t, 1);
	CHECK(s != NULL && span_eq(session_user(s), SPAN_LIT("alice")));
	CHECK_INT(table_add(t, &other, s, NOW, NULL), 0);
	table_unref(s);
	s = find(t, 1);
	CHECK(s != NULL && span_eq(session_user(s), SPAN_LIT("mallory")));
	table_unref(s);
	table_free(t);
}

static void
a_session_that_is_over_leaves_its_credential_to_the_next(void)
{
	struct table *t = make(10);
	struct session next = sample(1, "alice"), *s;

	add(t, 1, "bob");
	end(t, 1, SESSION_REVOKED);
	next.id[0] ^= 0xff;
	CHECK_INT(table_add(t, &next, NULL, NOW, NULL), 0);
	s = find(t, 1);
	CHECK(s != NULL && span_eq(session_user(s), SPAN_LIT("alice")));
	table_unref(s);
	/* Loaded after it, the old one is there by its id and takes nothing. */
	next = sample(1, "bob");
	next.id[0] ^= 0x55;
	atomic_store(&next.state, SESSION_REVOKED);
	CHECK_INT(table_add(t, &next, NULL, NOW, NULL), 0);
	s = find(t, 1);
	CHECK(s != NULL && span_eq(session_user(s), SPAN_LIT("alice")));
	table_unref(s);
	s = table_find_id(t, next.id);
	CHECK(s != NULL && !session_is_live(s, NOW));
	table_unref(s);
	table_free(t);
}

static void
an_end_comes_once_and_is_remembered(void)
{
	struct table *t = make(10);
	struct session *s;

	add(t, 1, "alice");
	s = find(t, 1);
	CHECK(s != NULL && session_is_live(s, NOW));
	CHECK(table_end(s, SESSION_REVOKED));
	CHECK(!table_end(s, SESSION_ENDED));
	CHECK(!session_is_live(s, NOW));
	table_unref(s);
	CHECK_INT(sweep(t, NOW, NULL), 0);
	s = find(t, 1);
	CHECK(s != NULL && atomic_load(&s->state) == SESSION_REVOKED);
	table_unref(s);
	table_free(t);
}

static void
a_sweep_frees_what_expired_unless_somebody_holds_it(void)
{
	struct table *t = make(2);
	struct session *held;

	add(t, 1, "alice");
	add(t, 2, "bob");
	held = find(t, 1);
	CHECK_INT(sweep(t, NOW + HOUR, NULL), 1);
	CHECK(find(t, 2) == NULL);
	table_unref(held);
	CHECK_INT(sweep(t, NOW + HOUR, NULL), 1);
	CHECK_INT(table_count(t), 0);
	add(t, 3, "carol");
	add(t, 4, "dave");
	CHECK_INT(table_count(t), 2);
	table_free(t);
}

static void
a_full_table_gives_way_where_sessions_ended_never_where_they_were_revoked(void)
{
	struct table *t = make(3);
	struct session s = sample(9, "eve");

	add(t, 1, "alice");
	add(t, 2, "bob");
	add(t, 3, "carol");
	CHECK_INT(table_add(t, &s, NULL, NOW, NULL), WF_EFULL);
	end(t, 1, SESSION_REVOKED);
	CHECK_INT(table_add(t, &s, NULL, NOW, NULL), WF_EFULL);
	end(t, 2, SESSION_ENDED);
	CHECK_INT(table_add(t, &s, NULL, NOW, NULL), 0);
	CHECK(find(t, 2) == NULL);
	table_unref(find(t, 1));
	CHECK(find(t, 1) != NULL);
	table_free(t);
}

static unsigned
surplus(struct table *t, unsigned newest, uint64_t max)
{
	struct session *s = find(t, newest), *old = table_user_surplus(t, s, max, NOW);
	unsigned n = old == NULL ? 0 : old->id[0];

	table_unref(old);
	table_unref(s);
	return n;
}

static void
the_idlest_session_of_the_same_user_is_the_surplus(void)
{
	struct table *t = make(20);

	add(t, 5, "alice");
	add(t, 2, "alice");
	add(t, 1, "bob");
	add(t, 9, "alice");
	CHECK_INT(surplus(t, 9, 3), 0);
	CHECK_INT(surplus(t, 9, 2), 2);
	end(t, 2, SESSION_ENDED);
	CHECK_INT(surplus(t, 9, 2), 0);
	CHECK_INT(surplus(t, 9, 1), 5);
	/* The one that asks is not its own surplus, however old. */
	CHECK_INT(surplus(t, 5, 1), 9);
	table_free(t);
}

static void
a_users_list_survives_reaping_at_either_end_and_in_the_middle(void)
{
	struct table *t = make(20);

	for (unsigned n = 1; n <= 6; n++)
		add(t, n, "alice");
	end(t, 1, SESSION_ENDED);
	end(t, 3, SESSION_ENDED);
	end(t, 6, SESSION_ENDED);
	for (unsigned n = 7; n <= 20; n++)
		add(t, n, "bob");
	add(t, 21, "alice"); /* the table was full: the ended ones are reaped */
	CHECK_INT(table_count(t), 18);
	CHECK_INT(surplus(t, 21, 4), 0);
	CHECK_INT(surplus(t, 21, 3), 2);
	end(t, 2, SESSION_ENDED);
	CHECK_INT(surplus(t, 21, 2), 4);
	table_free(t);
}

static void
a_sweep_counts_what_is_there(void)
{
	struct table *t = make(20);
	struct session s = sample(9, "carol");
	struct table_census c;

	for (unsigned n = 1; n <= 5; n++)
		add(t, n, "alice");
	end(t, 2, SESSION_ENDED);
	s.flags = SESSION_ADOPTED;
	s.n_contexts = 3;
	s.contexts[0].flags = CONTEXT_ACCEPTED;
	s.contexts[2].flags = CONTEXT_CHALLENGED;
	CHECK_INT(table_add(t, &s, NULL, NOW, NULL), 0);
	CHECK_INT(sweep(t, NOW, &c), 0);
	CHECK_INT(c.live, 5);
	CHECK_INT(c.adopted, 1);
	CHECK_INT(c.accepted, 1);
	CHECK_INT(c.challenged, 1);
	CHECK_INT(sweep(t, NOW, &c), 0);
	CHECK_INT(c.live, 5);
	table_free(t);
}

static void
a_site_and_user_are_not_mistaken_for_another_pair(void)
{
	struct table *t = make(10);
	struct session a = sample(1, "lice"), b = sample(2, "alice"), *s;

	memcpy(a.site, "walleta", 7);
	a.site_n = 7;
	CHECK_INT(table_add(t, &a, NULL, NOW, NULL), 0);
	CHECK_INT(table_add(t, &b, NULL, NOW, NULL), 0);
	s = find(t, 2);
	CHECK(table_user_surplus(t, s, 1, NOW) == NULL);
	table_unref(s);
	table_free(t);
}

static void
a_source_fills_its_own_share_of_prelogin_entries_only(void)
{
	struct table *t = make(10);
	struct table_prelogin e = {.source = {1}, .created_s = NOW}, got;
	uint8_t key[SESSION_KEY_LEN] = {0};

	for (uint8_t i = 1; i <= 3; i++) {
		key[0] = i;
		CHECK(table_prelogin_add(t, key, &e));
	}
	key[0] = 4;
	CHECK(!table_prelogin_add(t, key, &e));
	e.source[0] = 2;
	CHECK(table_prelogin_add(t, key, &e));
	CHECK(table_prelogin_find(t, key, &got) && got.source[0] == 2);
	table_prelogin_del(t, key);
	CHECK(!table_prelogin_find(t, key, &got));
	table_free(t);
}

/* ---- many threads ---- */

struct crew {
	struct table *t;
	unsigned base;
};

/* Logs in, is found, ends, and is swept, in a table that is always nearly full. */
static void *
work(void *arg)
{
	struct crew *c = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = c->base + i;
		struct session s = sample(n, i % 2 ? "alice" : "bob"), *got, *old;

		if (table_add(c->t, &s, NULL, NOW, &got) != 0)
			continue;
		old = table_user_surplus(c->t, got, 3, NOW);
		if (old != NULL)
			(void)table_end(old, SESSION_ENDED);
		table_unref(old);
		(void)table_end(got, i % 7 ? SESSION_ENDED : SESSION_REVOKED);
		table_unref(got);
		table_unref(find(c->t, n - 1));
		if (c->base == 1 << 20 && i % 16 == 0) /* one thread sweeps */
			(void)table_sweep(c->t, &(struct table_sweep){.look = 8,
			    .now_s = i % 64 == 0 ? NOW + HOUR : NOW}, NULL);
	}
	return NULL;
}

static bool
look(void *arg, struct session *s)
{
	unsigned *n = arg;

	*n += atomic_load(&s->state) != 0;
	return true;
}

static void
threads_add_find_end_and_reap_without_losing_a_slot(void)
{
	struct table *t = make(64);
	struct crew crew[THREADS];
	pthread_t th[THREADS];
	unsigned seen = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		crew[i] = (struct crew){.t = t, .base = (i + 1) << 20};
		CHECK_INT(pthread_create(&th[i], NULL, work, &crew[i]), 0);
	}
	for (unsigned i = 0; i < 50; i++)
		table_each(t, look, &seen);
	for (unsigned i = 0; i < THREADS; i++)
		(void)pthread_join(th[i], NULL);
	CHECK(table_count(t) <= 64);
	(void)sweep(t, NOW + HOUR, NULL); /* the rest of a sweep under way … */
	(void)sweep(t, NOW + HOUR, NULL); /* … and a whole one */
	CHECK_INT(table_count(t), 0);
	for (unsigned n = 1; n <= 64; n++)
		add(t, n, "carol");
	table_free(t);
}

int
main(void)
{
	TAP_RUN(a_session_is_found_by_credential_and_by_id);
	TAP_RUN(a_credential_is_taken_over_only_by_a_login);
	TAP_RUN(a_session_that_is_over_leaves_its_credential_to_the_next);
	TAP_RUN(an_end_comes_once_and_is_remembered);
	TAP_RUN(a_sweep_frees_what_expired_unless_somebody_holds_it);
	TAP_RUN(a_full_table_gives_way_where_sessions_ended_never_where_they_were_revoked);
	TAP_RUN(the_idlest_session_of_the_same_user_is_the_surplus);
	TAP_RUN(a_users_list_survives_reaping_at_either_end_and_in_the_middle);
	TAP_RUN(a_sweep_counts_what_is_there);
	TAP_RUN(a_site_and_user_are_not_mistaken_for_another_pair);
	TAP_RUN(a_source_fills_its_own_share_of_prelogin_entries_only);
	TAP_RUN(threads_add_find_end_and_reap_without_losing_a_slot);
	return tap_done();
}
