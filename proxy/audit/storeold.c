/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/storeold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proxy/audit/storelist.h"
#include "proxy/audit/storesql.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

int
storeold_measure(const char *dir, struct storeold_room *room)
{
	struct statvfs fs;
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(dir);

	*room = (struct storeold_room){0, 0};
	if (d == NULL)
		return WF_EIO;
	while ((e = readdir(d)) != NULL)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			room->used += (uint64_t)st.st_size;
	if (fstatvfs(dirfd(d), &fs) != 0) {
		closedir(d);
		return WF_EIO;
	}
	closedir(d);
	room->left = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

/* Where segment `day` begins says where the one before it ended. */
static int
storeold_begin_of(const char *dir, const char *vfs, uint32_t day, struct storeold_day *old)
{
	char *path = storelist_path(dir, day);
	sqlite3 *db = NULL;
	uint64_t first;
	int err = path == NULL ? WF_ENOMEM : storesql_open(path, STORESQL_READ, vfs, &db);

	free(path);
	if (err == 0)
		err = storesql_meta_get_u64(db, "first", &first);
	if (err == 0)
		err = storesql_meta_get(db, "prev_head", old->head, DIGEST_LEN);
	if (err == 0)
		old->last = first - 1;
	sqlite3_close(db);
	return err;
}

int
storeold_oldest(const char *dir, const char *vfs, uint64_t before, struct storeold_day *old)
{
	struct storelist list;
	int err = storelist_read(dir, &list);

	if (err != 0)
		return err;
	err = WF_ENOTFOUND;
	if (list.n > 1 && list.days[0] < storelist_day(before)) {
		old->day = list.days[0];
		err = storeold_begin_of(dir, vfs, list.days[1], old);
	}
	storelist_free(&list);
	return err;
}

int
storeold_remove(const char *dir, uint32_t day)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	char *path = storelist_path(dir, day), name[4096];
	int err = path == NULL ? WF_ENOMEM : 0;

	for (size_t i = 0; i < ARRAY_LEN(tails) && err == 0; i++)
		if (snprintf(name, sizeof(name), "%s%s", path, tails[i]) >= (int)sizeof(name))
			err = WF_ERANGE;
		else if (unlink(name) != 0 && errno != ENOENT)
			err = WF_EIO;
	free(path);
	return err;
}
