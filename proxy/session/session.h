/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/session/session.h - what is known of one bound session, and its stored form.
 *
 * A session is what a successful login made: a random id, a site, a user, the keyed
 * hashes of its credentials, and the contexts (place and client) in which it was seen.
 * Context 0 is that of the login; only accepted contexts are compared against. A
 * *holder* is a session in one context: challenges mark a context, never the session
 * (security model 8).
 *
 * A *chain* is a TLS client as far as tickets tell: the connection of a login, and all that
 * were resumed with tickets which go back to it. A session knows the chains that logged in
 * to it, and no others (security model 4 and 15).
 *
 * Ownership  plain memory; the table (table.h) owns the live ones and their lock.
 * Units      wall clock seconds since 1970; addresses 16 bytes, IPv4 mapped.
 * Errors     session_decode refuses whatever session_encode cannot have written.
 * Threads    session_lock/unlock guard everything but the atomics; ids never change.
 * Not here   credentials in the clear: they are never stored (design 2.9).
 * Format     docs/formats/session.md
 */
#ifndef WARIFU_SESSION_SESSION_H
#define WARIFU_SESSION_SESSION_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/base/err.h"
#include "proxy/base/span.h"
#include "proxy/device/devkey.h"

enum {
	SESSION_ID_LEN = 16,
	SESSION_KEY_LEN = 16,
	SESSION_USER_MAX = 128,
	SESSION_SITE_MAX = 64,
	SESSION_CREDS = 16,
	SESSION_CONTEXTS = 16,
	SESSION_CHAINS = 4,
	SESSION_CHAIN_LEN = 16,
	SESSION_HEADS = 8,
	SESSION_BLOB_MAX = 2640,
};

enum session_state { SESSION_LIVE = 1, SESSION_ENDED = 2, SESSION_REVOKED = 3 };

/* How the user's name was learned; stored, so never renumbered. */
enum session_user_how {
	SESSION_USER_UNKNOWN = 0,
	SESSION_USER_FORM = 1,
	SESSION_USER_REQUEST_JSON = 2,
	SESSION_USER_JSON = 3,
	SESSION_USER_JWT = 4,
	SESSION_USER_HEADER = 5,
};

enum { SESSION_ADOPTED = 1, SESSION_DOUBTFUL = 2, SESSION_FORGOTTEN = 4 /* in memory only */ };

enum {
	CONTEXT_ACCEPTED = 1,
	CONTEXT_CHALLENGED = 2,
	CONTEXT_HAS_CORE = 4,
	CONTEXT_HAS_ADDR = 8,
	CONTEXT_FOREIGN = 16, /* seen at the TLS client of another user's live session */
};

/* Place and client of a holder. Zero is "unknown" in every field. */
struct session_context {
	uint8_t core[16];
	uint8_t soft[16];
	uint8_t addr[16];
	char country[2][2]; /* one per source; "\0\0" unknown */
	uint32_t asn;
	uint8_t tls_family; /* enum tlsfp_family */
	uint8_t ua_family;  /* enum ua_family */
	uint8_t ua_system;  /* enum ua_system */
	uint8_t flags;
	uint16_t ua_major;
	uint16_t gap; /* shortest between TLS's and TCP's round trips: ms + 1 (packet.h) */
	uint32_t h2;  /* hash of how its HTTP/2 began (h2_print.h) */
	uint8_t forced; /* proofs of the device that it was sent to make; in memory only */
	uint64_t syn; /* core of its first packet (syn.h) */
	uint64_t first_s;
	uint64_t last_s;
};

/* A credential's keyed hash. A value that the backend replaced stays until `until_s`. */
struct session_cred {
	uint8_t key[SESSION_KEY_LEN];
	uint8_t carrier; /* enum recipe_carrier_kind */
	uint64_t until_s; /* 0: as long as the session */
};

/* The key that the login's device made, and what it proved last. */
struct session_device {
	struct devkey key; /* of no algorithm: there is none */
	uint8_t thumb[DEVKEY_THUMB]; /* its thumbprint; in memory only */
	uint64_t since_s;  /* registered */
	uint64_t proof_s;  /* the last proof … */
	uint64_t stamp_ns; /* … and the stamp of its challenge: this and older ones are spent */
	uint64_t offer_ns; /* of the challenge that its login offered; 0: used or none */
	/* The browser is known to have it: from then on nothing goes without. An answer to a
	 * registration may be lost, and its owner must not be. */
	bool bound;
};

struct session {
	pthread_mutex_t mutex;
	atomic_uint refs;
	atomic_uint state;	 /* enum session_state */
	atomic_ullong last_s;	 /* last request */
	atomic_bool unrecorded;	 /* it was ended, but the log could not be told */
	uint32_t slot;		 /* the table's, as are those below up to id */
	uint32_t user_next;	 /* slot + 1 of another session of this user; 0: none */
	uint32_t user_prev;
	uint8_t user_key[SESSION_KEY_LEN];   /* of site and user … */
	uint8_t person_key[SESSION_KEY_LEN]; /* … and of the user alone */
	uint8_t id[SESSION_ID_LEN];
	char site[SESSION_SITE_MAX];
	char user[SESSION_USER_MAX];
	uint8_t site_n;
	uint8_t user_n;
	uint8_t user_how;
	atomic_uchar flags; /* SESSION_ADOPTED, SESSION_DOUBTFUL: until a login */
	uint8_t n_creds;
	uint8_t n_contexts;
	uint8_t n_chains;
	uint64_t version; /* of the stored form; see session_stamp */
	uint64_t created_s;
	uint64_t expires_s;
	uint64_t idle_s; /* 0: none */
	struct session_cred creds[SESSION_CREDS];
	struct session_context contexts[SESSION_CONTEXTS];
	uint8_t chains[SESSION_CHAINS][SESSION_CHAIN_LEN]; /* oldest first */
	/* Its requests' header fields: of each kind by HTTP/1.1, then by HTTP/2; 0: none yet
	 * (head_print.h). */
	uint64_t heads[SESSION_HEADS];
	struct session_device device;
};

static inline struct span
session_user(const struct session *s)
{
	return span_of(s->user, s->user_n);
}

static inline struct span
session_site(const struct session *s)
{
	return span_of(s->site, s->site_n);
}

static inline void
session_lock(struct session *s)
{
	pthread_mutex_lock(&s->mutex);
}

static inline void
session_unlock(struct session *s)
{
	pthread_mutex_unlock(&s->mutex);
}

/* Is this credential still good (a replaced value is for a moment)? Lock held. */
bool
session_cred_good(const struct session *s, const uint8_t key[SESSION_KEY_LEN],
    uint64_t now_s);

/* Live, not past its end, not idle for too long. */
bool
session_is_live(const struct session *s, uint64_t now_s);

/*
 * Are these two contexts alike? The same program (soft core, or both without one;
 * User-Agent family and system) at the same place: the same network operator where both
 * are known, else the same /24 or /48. A change of address family inside one operator is
 * the same place. A client that is known to be another user's is like no other.
 */
bool
session_context_alike(const struct session_context *a, const struct session_context *b);

/*
 * … and the same holder: alike, and of the same version and with the same begin of HTTP/2
 * where both tell one. An older version beside the owner's, at her address, is somebody
 * else, as is an imitation of her browser, and what is asked of him must not be asked of
 * her. An update makes a new holder, which is compared with the alike one that was
 * accepted.
 */
bool
session_context_same(const struct session_context *a, const struct session_context *b);

/* The same /24 (IPv4) or /48 (IPv6). */
bool
session_prefix_same(const uint8_t a[16], const uint8_t b[16]);

/*
 * The holder's context in s: found and updated (last_s, a shorter gap), or added; when full, the oldest
 * one that is neither accepted nor challenged gives way. NULL when there is none such: who
 * made so many contexts is to be treated as challenged, for a mark that could be pushed
 * out by making more of them would be none. Lock held. *fresh tells that it was added.
 */
struct session_context *
session_context_touch(struct session *s, const struct session_context *seen, uint64_t now_s,
    bool *fresh);

/* Did this TLS client log in to s? Lock held. */
bool
session_chain_has(const struct session *s, const uint8_t chain[SESSION_CHAIN_LEN]);
/* It just did; of too many the oldest is forgotten. Lock held. */
void
session_chain_add(struct session *s, const uint8_t chain[SESSION_CHAIN_LEN]);

/*
 * Before each form that is to be stored, lock held: threads hand theirs over in no order, and
 * an older one must not replace a newer. Which is newer, the first SESSION_STAMP bytes say,
 * compared as bytes.
 */
enum { SESSION_STAMP = 9 };

static inline void
session_stamp(struct session *s)
{
	s->version++;
}

/* Stored form into out (SESSION_BLOB_MAX suffices); lock held. Returns its length. */
size_t
session_encode(const struct session *s, uint8_t out[SESSION_BLOB_MAX]);

/* Fills everything but mutex, refs and what is the table's. */
int
session_decode(struct span blob, struct session *s);

#endif
