/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/storecopy.h - copies of the databases beside the running writer.
 *
 * Each copy is one consistent state of its database (SQLite's online backup in one step;
 * the writer goes on). Taken in this order they also fit each other: state.db, then the
 * log's segments, then keys.db. So the log is never behind the state, and no record lacks
 * its key; what the log knows beyond the state, a start takes from the log (store.h).
 *
 * Each is handed over when it is done and before the next one begins, so a log of years
 * needs no room for a second one: whoever takes the copies may remove them.
 *
 * Ownership  writes into the folder given; files are for their owner alone.
 * Errors     as storesql.h. WF_ENOTFOUND: there is no such database; what `copied` answers
 *            ends it.
 * Threads    one.
 */
#ifndef WARIFU_AUDIT_STORECOPY_H
#define WARIFU_AUDIT_STORECOPY_H

struct storecopy {
	const char *from;
	const char *to; /* an empty folder */
	int (*copied)(void *arg, const char *name); /* each name once */
	void *arg;
};

int
storecopy_all(const struct storecopy *c);

#endif
