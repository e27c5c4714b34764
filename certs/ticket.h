/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/ticket.h - the keys that seal TLS session tickets.
 *
 * Keys are computed, not stored: from the supervisor's secret, the site, its client CA
 * set and the number of the current interval (docs/formats/ticket.md). So all threads
 * and a restarted gate agree without talking to each other, a ticket of one site means
 * nothing at another, and rotation is only a matter of the time. Tickets of the current
 * and of the previous interval are read; new ones are always sealed with the current key.
 * The keys of two intervals are kept in memory, where what they come from is, too: each
 * handshake that takes up a session needs them three times.
 *
 * Ownership  struct ticket is the caller's; ticket_fini wipes it.
 * Units      seconds since 1970.
 * Errors     false when libcrypto fails: no ticket is issued or read.
 * Threads    any after ticket_init: what is kept has a lock.
 */
#ifndef WARIFU_CERTS_TICKET_H
#define WARIFU_CERTS_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TICKET_SECRET_LEN = 32,
	TICKET_NAME_LEN = 16, /* what OpenSSL puts in front of each ticket */
	TICKET_KEY_LEN = 32,
};

struct ticket_kept;

struct ticket {
	uint8_t root[TICKET_KEY_LEN];
	int64_t interval;
	struct ticket_kept *kept;
};

struct ticket_key {
	uint8_t name[TICKET_NAME_LEN];
	uint8_t aes[TICKET_KEY_LEN];
	uint8_t mac[TICKET_KEY_LEN];
};

/* `scope` is what tickets are valid for: the site's name and its client CA set. */
bool ticket_init(struct ticket *t, const uint8_t secret[TICKET_SECRET_LEN],
		 const void *scope, size_t n, int64_t interval);

void ticket_fini(struct ticket *t);

/* The key to seal with now. */
bool ticket_current(const struct ticket *t, int64_t now, struct ticket_key *out);

/* The key that a ticket names: 1 current, 2 previous (renew it), 0 none of ours. */
int ticket_find(const struct ticket *t, int64_t now, const uint8_t name[TICKET_NAME_LEN],
		struct ticket_key *out);

void ticket_wipe(struct ticket_key *k);

#endif
