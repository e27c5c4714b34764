/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/certlist.h - everything that is served and ends some day: what status, metrics,
 * readiness, `warifu check` and alarms tell of.
 *
 * Ownership  an item borrows from the snapshot.
 * Units      seconds since 1970.
 * Threads    pure.
 */
#ifndef WARIFU_MAIN_CERTLIST_H
#define WARIFU_MAIN_CERTLIST_H

#include "proxy/gate/snapshot.h"

/* Stands for a site's name; no site can have it. */
#define CERTLIST_CONSOLE "(console)"

struct certlist_item {
	const char *site;
	const char *file;
	int64_t ends;
	int64_t from; /* of revocation lists; else 0 */
};

/* Number i: those of all sites, then the console's own; false past the last. */
bool
certlist_at(const struct snapshot *s, size_t i, struct certlist_item *out);

/* The revocation lists for the console's clients; false: there are none, or they never end. */
bool
certlist_crl(const struct snapshot *s, struct certlist_item *out);

/* How near its end it is at that time: certs_expiry_level. Lists are made for a day or for
 * a year, so of these the last quarter counts. */
int
certlist_level(const struct certlist_item *it, int64_t now);

/* Warnings of what is the console's; the sites' are the snapshot's own. */
void
certlist_warn_console(const struct snapshot *s, int64_t now, struct diags *diags);

#endif
