/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/continuity.h - is this TLS client the one that logged in? By its tickets.
 *
 * A ticket goes out on the connection of a login that succeeded, and on what is resumed
 * with such a ticket; on no other, however good its cookie: else a thief would be given one
 * with his first request. In it are sealed the session's id and the client's chain (a
 * random name; session.h). Its keys live in the client's TLS memory and not in its
 * cookies, so a connection that was resumed says: this client logged in here before.
 *
 *   OWN      the connection of the session's login, or resumed with a ticket of its chain
 *   FOREIGN  resumed with a ticket of another session, which lives, is another user's, and
 *            was used since this one began: two people's sessions at one TLS client
 *   UNKNOWN  everything else: a fresh handshake, TLS 1.2, a session that is over, a login
 *            or logout in between; a network that opens TLS, by the settings or because
 *            the TLS stack is not that of the program that the User-Agent names; a hop
 *            that speaks for its clients
 *
 * It never binds: nothing is refused or asked because a ticket is missing.
 *
 * Errors     none; what cannot be told is UNKNOWN.
 * Threads    the worker's.
 * Format     docs/formats/ticket.md
 */
#ifndef WARIFU_GATE_CONTINUITY_H
#define WARIFU_GATE_CONTINUITY_H

#include "proxy/session/session.h"

struct conn;
struct exchange;

enum continuity_is { CONTINUITY_UNKNOWN, CONTINUITY_OWN, CONTINUITY_FOREIGN };

/* What a connection's TLS client is known by. */
struct continuity {
	bool named;   /* it has a chain */
	bool held;    /* … which goes back to a login: to that session's, for one */
	bool counted; /* in the metrics */
	bool told;    /* of in an alarm */
	uint8_t session[SESSION_ID_LEN];
	uint8_t chain[SESSION_CHAIN_LEN];
};

/* After the handshake. */
void
continuity_read(struct conn *c);

/* Of a live session, where seen and agent agreement are gathered; lock not held. */
enum continuity_is
continuity_judge(struct exchange *ex);

/* This login succeeded: s, not in the table yet, is of this connection's chain. */
void
continuity_claim(struct exchange *ex, struct session *s);
/* … and is bound as this session: its client gets a ticket that says so. */
void
continuity_issue(struct exchange *ex, const struct session *s);

/* Two users' sessions at one TLS client are an alarm, once for each holder. */
void
continuity_alarm(struct exchange *ex);

#endif
