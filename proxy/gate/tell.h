/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/tell.h - sessions and switches as lines of words (word.h), for the command
 * line, which makes tables or JSON of them.
 *
 *   session id= site= user= how= created= last= expires= contexts= challenged=
 *           key= tier= registered= proven= marks=     (key: thumbprint of its device's)
 *   credential kind= until=
 *   context n= state= country= asn= address= client= system= tls= first= last=
 *   switch key= until= note=
 *
 * Times are wall seconds; what is unknown is left out. No credential and no hash of one.
 *
 * Ownership  calls `line` with a text that lives for the call.
 * Threads    any; takes the session's lock.
 */
#ifndef WARIFU_GATE_TELL_H
#define WARIFU_GATE_TELL_H

#include "proxy/gate/locks.h"
#include "proxy/session/session.h"

struct tell {
	void (*line)(void *arg, const char *line);
	void *arg;
};

void
tell_session(const struct tell *t, struct session *s, bool whole);
void
tell_switches(const struct tell *t, struct locks *l, uint64_t now_s);

#endif
