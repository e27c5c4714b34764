/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/session/table.h - the live sessions, shared by all threads of the gate.
 *
 * Three indexes over one fixed array of sessions: credential key -> session, session
 * id -> session, and user of a site -> his sessions. All are sharded, each shard a bounded
 * map under its own lock, held for a look-up only. A session that was found is pinned by a
 * reference and has its own lock.
 *
 * A session that ended or was revoked stays, and keeps its credentials, until its expiry:
 * so its cookie is told from one that nobody knows. When the table is full those that
 * ended by themselves make room (their cookies are then unknown, which opens nothing);
 * revoked ones never do.
 *
 * Cookies that a backend sets before the login (pre-login entries) live in a pool of
 * their own, with a cap per source; they never push a session out (security model 18).
 *
 * Ownership  the table owns sessions; callers hold references (table_unref).
 * Units      wall seconds; sources are 16-byte address prefixes.
 * Errors     WF_EFULL (no slot), WF_EEXISTS (key or id already there).
 * Threads    all calls from any thread.
 */
#ifndef WARIFU_SESSION_TABLE_H
#define WARIFU_SESSION_TABLE_H

#include "proxy/session/session.h"

struct table;

struct table_opt {
	uint32_t sessions;
	uint32_t prelogin;
	uint32_t prelogin_source; /* entries per source */
	uint8_t secret[16];	  /* for the maps */
};

/* What is remembered of a cookie that was issued before any login. */
struct table_prelogin {
	uint8_t source[16];
	uint64_t created_s;
	uint32_t site; /* a session's site index is not stored; this one lives in memory */
};

struct table *
table_new(const struct table_opt *opt);
void
table_free(struct table *t);

/* The session of a credential, live or ended, with a reference; NULL if unknown. */
struct session *
table_find(struct table *t, const uint8_t key[SESSION_KEY_LEN]);
struct session *
table_find_id(struct table *t, const uint8_t id[SESSION_ID_LEN]);
void
table_unref(struct session *s);

/*
 * Adds a copy of `from` with its credentials. *out has a reference (out may be NULL).
 * A key of a session that is over is taken from it; of those that live at now_s only from
 * `over` (may be NULL): a login drops what its cookie had before (security model 4). Else
 * WF_EEXISTS. A session that is over itself, as a stored one may be, takes from nobody.
 */
int
table_add(struct table *t, const struct session *from, const struct session *over,
    uint64_t now_s, struct session **out);

/* Adds a credential to s (lock held by the caller). When there are too many, the one whose
 * end comes first gives way, else the oldest of its kind; WF_EFULL if there is none. */
int
table_add_cred(struct table *t, struct session *s, const struct session_cred *cred);
/* Removes a credential from s and the index (lock held). */
void
table_drop_cred(struct table *t, struct session *s, const uint8_t key[SESSION_KEY_LEN]);

/* How many sessions were adopted and are still here. */
uint32_t
table_adopted(struct table *t);

/* Ends s as if it had never been: its credentials are unknown again. Only for a session that
 * was adopted a moment ago and that the backend does not know. */
void
table_forget(struct table *t, struct session *s);

/* LIVE -> ENDED or REVOKED, once: false if it was not live any more. */
bool
table_end(struct session *s, enum session_state how);

/* Calls fn with each session (referenced for the call, not locked) until it says false. */
void
table_each(struct table *t, bool (*fn)(void *arg, struct session *s), void *arg);

/*
 * When more than `max` sessions of this session's user are live at its site: the one of
 * them that is idle longest, but never s itself, with a reference. NULL otherwise, and for
 * a session without a user.
 */
struct session *
table_user_surplus(struct table *t, const struct session *s, uint64_t max, uint64_t now_s);

/* What a whole sweep counted. */
struct table_census {
	uint32_t live;
	uint32_t adopted;
	uint32_t accepted;   /* contexts of live sessions */
	uint32_t challenged;
	uint32_t prelogin;
};

struct table_sweep {
	uint64_t now_s;
	/* Until then sessions that are over stay, so that their cookies are known as such: a
	 * site adopts what is unknown. 0: they go at their end. */
	uint64_t keep_s;
	uint32_t look; /* slots a call; the next call goes on behind them */
	/* Called with each session before it goes, while nobody can reach it; or NULL. */
	void (*gone)(void *arg, struct session *s);
	void *arg;
};

/*
 * Frees sessions past their expiry. True when this call came to the end of the table:
 * then *census (may be NULL) is filled. One thread at a time.
 */
bool
table_sweep(struct table *t, const struct table_sweep *sweep, struct table_census *census);

uint32_t
table_count(struct table *t);

/* Remembers a pre-login cookie; false when its source is at its cap. */
bool
table_prelogin_add(struct table *t, const uint8_t key[SESSION_KEY_LEN],
    const struct table_prelogin *entry);
bool
table_prelogin_find(struct table *t, const uint8_t key[SESSION_KEY_LEN],
    struct table_prelogin *entry);
void
table_prelogin_del(struct table *t, const uint8_t key[SESSION_KEY_LEN]);

#endif
