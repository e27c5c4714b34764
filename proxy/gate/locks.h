/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/gate/locks.h - what an administrator switched by hand: locked route classes and
 * bypassed sites.
 *
 *   lock    a class of one site (or of all) is refused until unlocked: "stop withdrawals"
 *   bypass  a site observes instead of enforcing until a time: recorded, alarmed, expires
 *
 * Stored as key/value rows ("lock/SITE/CLASS", "bypass/SITE") by the scribe and loaded at
 * start; here they are a small list that every request reads.
 *
 * Units      wall seconds; until 0 means "until taken back".
 * Threads    all calls from any thread (a readers-writer lock over a few entries).
 */
#ifndef WARIFU_GATE_LOCKS_H
#define WARIFU_GATE_LOCKS_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum { LOCKS_MAX = 64, LOCKS_KEY = 96, LOCKS_NOTE = 256 };

struct locks_entry {
	char key[LOCKS_KEY];
	uint64_t until_s;
	char note[LOCKS_NOTE]; /* who and why */
};

struct locks;

struct locks *
locks_new(void);
void
locks_free(struct locks *l);

/* WF_EFULL, WF_ERANGE (key too long). A note that is too long is cut. */
int
locks_set(struct locks *l, struct span key, uint64_t until_s, struct span note);
bool
locks_clear(struct locks *l, struct span key);

/* Is the class locked for this site, or for all ("lock//CLASS")? */
bool
locks_class(struct locks *l, struct span site, const char *class_name, uint64_t now_s);
bool
locks_bypass(struct locks *l, struct span site, uint64_t now_s);

/* Copies those that hold; how many, at most cap. */
unsigned
locks_list(struct locks *l, struct locks_entry *out, unsigned cap, uint64_t now_s);

#endif
