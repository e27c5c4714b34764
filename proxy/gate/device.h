/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/device.h - a session whose login's device made a key (DBSC).
 *
 * The answer to a login asks the browser to make a key that cannot be copied, and brings a
 * first cookie, __Host-warifu, good for the minute that this takes and only from where the
 * login came. The browser registers the key, and from then on fetches a fresh cookie every
 * few minutes, against a signature over our challenge. So a copied cookie jar is worth
 * nothing a few minutes later.
 *
 *   NONE     the session has no key: the browser cannot, or warifu does not ask
 *   FRESH    the request brings a cookie that was given for a proof
 *   GRACE    … or for the login, from where the login came
 *   LACKING  the session has a key and the request brings neither: it never reaches the
 *            backend. A person who navigates gets a page that loads itself again, which
 *            makes the browser prove its key; that is tried twice, then she is asked to
 *            log in. Nothing is marked: owners lack proofs, too (design 2.5).
 *
 * The session's name, which a challenge and a proof carry, is no secret. Only a signature
 * opens something; a wrong one is told and counted, but ends and locks nothing.
 *
 * Ownership  struct device is part of an exchange; its spans lie in the arena.
 * Units      s and ns since 1970.
 * Threads    the worker's; the session is locked inside.
 * Not here   signatures and formats (proxy/device), the endpoints (deviceproof.h).
 * Format     docs/formats/device.md; W3C draft "Device Bound Session Credentials".
 */
#ifndef WARIFU_GATE_DEVICE_H
#define WARIFU_GATE_DEVICE_H

#include "proxy/base/span.h"

struct devkey;
struct exchange;
struct reply;
struct session;

enum { DEVICE_GRACE_S = 60, DEVICE_LATE_S = 30, DEVICE_BOUNCES = 2 };

enum device_ask { DEVICE_ASKS_NOTHING, DEVICE_ASKS_REGISTER, DEVICE_ASKS_REFRESH };

enum device_is { DEVICE_NONE, DEVICE_FRESH, DEVICE_GRACE, DEVICE_LACKING };

struct device {
	enum device_ask ask;
	enum device_is is;
	uint64_t until_s;   /* FRESH, GRACE: how long the cookie is good */
	uint64_t proof_s;   /* FRESH: when it was proven … */
	uint8_t thumb[32];  /* … and with which key */
	unsigned bounces;   /* pages that sent this browser round already */
	bool keyed;	    /* the session has a key, and its browser is known to have it */
	bool news;	    /* … since this request: the session is stored again */
	bool carried;	    /* a cookie of ours came along, good or not */
	bool sends_round;   /* the answer is one more such page */
	/* of an endpoint's answer */
	bool roamed; /* the proof came from a new place or program */
	const struct devkey *key; /* to be registered */
	uint64_t stamp_ns;	  /* … for this offer */
	unsigned status;
	struct span offer;  /* Secure-Session-Registration */
	struct span challenge; /* Secure-Session-Challenge */
	struct span cookie; /* Set-Cookie */
	struct span body;
};

/* Are keys asked for at this site, as it is served now? Not where it only observes or is
 * bypassed; what browsers have is refreshed there all the same, for they would forget it. */
bool
device_is_on(const struct exchange *ex);
bool
device_is_set(const struct exchange *ex);

/* Does this request come from where s is at home: a context like one that was accepted? */
bool
device_is_home(const struct exchange *ex, struct session *s);

/* s, of a login that succeeded, not in the table yet: the answer will make the offer. */
void
device_offer(struct exchange *ex, struct session *s);

/*
 * A login succeeded: sessions that the same browser had before, by the cookie that came
 * along, end. A browser keeps one cookie of ours, and would prove the older key for it.
 */
void
device_supersede(struct exchange *ex);

/* What the request's cookies say about its live session; where it comes from is known. */
void
device_know(struct exchange *ex);
/* … as facts. */
void
device_gather(struct exchange *ex);

/* A request that lacks its proof: what is said instead. */
void
device_refuse(struct exchange *ex);
/*
 * The policy would challenge this holder. If the session's device has a key, its browser is
 * sent round to prove it first, twice at most: a proof from where the request comes accepts
 * that place and program (deviceproof.c), and the person notices nothing. False: ask her.
 */
bool
device_roams(struct exchange *ex);
/* Was it one of these two that refused? */
bool
device_refused(const struct exchange *ex);

/*
 * Has a stream that runs on outlived the cookie that it was opened with? A copied cookie
 * must not open what lives longer than itself; who has the key comes back with a new one.
 */
bool
device_lapsed(const struct exchange *ex);

/* The fields that belong to the answer. */
void
device_fields(struct exchange *ex, struct reply *r);

/* A cookie for a proof that was just accepted, in the arena; empty: no room. */
struct span
device_cookie(struct exchange *ex, const struct session *s, uint64_t proof_s);

#endif
