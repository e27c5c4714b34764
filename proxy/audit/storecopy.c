/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storecopy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/audit/storelist.h"
#include "proxy/audit/storesql.h"
#include "proxy/base/err.h"

static int
storecopy_step(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (b == NULL)
		return WF_EDB;
	do
		rc = sqlite3_backup_step(b, -1);
	while (rc == SQLITE_BUSY || rc == SQLITE_LOCKED);
	(void)sqlite3_backup_finish(b);
	return storesql_err(rc);
}

static int
storecopy_file(const char *from, const char *to)
{
	sqlite3 *a = NULL, *b = NULL;
	int err;

	if (access(from, F_OK) != 0)
		return errno == ENOENT ? WF_ENOTFOUND : WF_EDENIED;
	(void)unlink(to);
	err = storesql_open(from, STORESQL_READ, NULL, &a);
	if (err == 0)
		err = storesql_open(to, STORESQL_PRIVATE, NULL, &b);
	if (err == 0)
		err = storecopy_step(a, b);
	/* One file each: no write-ahead log beside a copy. */
	if (err == 0)
		err = storesql_exec(b, "PRAGMA journal_mode=DELETE");
	sqlite3_close(a);
	sqlite3_close(b);
	return err;
}

static int
storecopy_named(const struct storecopy *c, const char *name)
{
	char *a = storelist_join(c->from, name), *b = storelist_join(c->to, name);
	int err = a == NULL || b == NULL ? WF_ENOMEM : storecopy_file(a, b);

	free(a);
	free(b);
	return err == 0 ? c->copied(c->arg, name) : err;
}

static int
storecopy_day(const struct storecopy *c, uint32_t day)
{
	char *a = storelist_path(c->from, day), *b = storelist_path(c->to, day);
	int err = a == NULL || b == NULL ? WF_ENOMEM : storecopy_file(a, b);

	free(a);
	free(b);
	return err;
}

/* The first day from `from` on, and whether none is newer. WF_ENOTFOUND: there is none. */
static int
storecopy_find(const struct storecopy *c, uint32_t from, uint32_t *day, bool *newest)
{
	struct storelist l = {0};
	int err = storelist_read(c->from, &l);
	size_t i = 0;

	while (err == 0 && i < l.n && l.days[i] < from)
		i++;
	if (err == 0 && i == l.n)
		err = WF_ENOTFOUND;
	if (err == 0) {
		*day = l.days[i];
		*newest = i + 1 == l.n;
	}
	storelist_free(&l);
	return err;
}

/* A segment that was the newest may have been closed, and another begun, while it was
 * copied: then it is taken once more, now that nothing is added to it. */
static int
storecopy_log(const struct storecopy *c)
{
	uint32_t day = 0, again;
	bool newest = false, still;
	char name[32];
	int err;

	while ((err = storecopy_find(c, day, &day, &newest)) == 0) {
		err = storecopy_day(c, day);
		if (err == 0 && newest)
			err = storecopy_find(c, day, &again, &still);
		if (err != 0)
			return err;
		if (newest && !still)
			continue;
		(void)snprintf(name, sizeof(name), "log-%08u.db", day);
		err = c->copied(c->arg, name);
		if (err != 0 || newest)
			return err;
		day++;
	}
	return err;
}

int
storecopy_all(const struct storecopy *c)
{
	int err = storecopy_named(c, "state.db");

	if (err == 0)
		err = storecopy_log(c);
	return err == 0 ? storecopy_named(c, "keys.db") : err;
}
