/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/scratch.h - a folder of the fuzz target's own, in memory where there is such a
 * file system, removed when the process ends.
 */
#ifndef WARIFU_TESTS_SCRATCH_H
#define WARIFU_TESTS_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/base/span.h"

static char scratch_dir[64];

static int
scratch_unlink(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return remove(path);
}

static void
scratch_remove(void)
{
	(void)nftw(scratch_dir, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *
scratch(void)
{
	if (scratch_dir[0] != '\0')
		return scratch_dir;
	(void)snprintf(scratch_dir, sizeof(scratch_dir), "%s/warifu-fuzz.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MUST(mkdtemp(scratch_dir) != NULL);
	(void)atexit(scratch_remove);
	return scratch_dir;
}

/* Writes a file of the folder anew; returns its path. */
static inline const char *
scratch_write(const char *name, struct span bytes)
{
	static char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", scratch(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
	close(fd);
	return path;
}

#endif
