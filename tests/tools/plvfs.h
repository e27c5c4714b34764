/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/plvfs.h - an SQLite VFS that remembers every write and sync, and a disk that
 * can be full. Included by powerloss.c only: one program, one recording.
 *
 * The files are written for real through the system's VFS. Beside that each operation is
 * kept, so that plvfs_image can build, for any moment, a folder as a power loss could have
 * left it: of each file everything up to its last sync, and of what came after any part of
 * it, sector by sector.
 */
#ifndef WARIFU_TESTS_PLVFS_H
#define WARIFU_TESTS_PLVFS_H

#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "tests/tools/dice.h"

enum { PL_FILES = 64, PL_SECTOR = 512, PL_IMAGE_MAX = 64 << 20 };

enum pl_kind { PL_WRITE, PL_TRUNCATE, PL_SYNC, PL_DELETE };

struct pl_op {
	enum pl_kind kind;
	int file;
	uint64_t off;
	size_t n;
	uint8_t *data;
};

struct plvfs {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	char *names[PL_FILES];
	int n_names;
	struct pl_op *ops;
	size_t n_ops;
	size_t cap_ops;
	uint64_t quota; /* bytes that may still be written; UINT64_MAX = no limit */
};

struct pl_file {
	sqlite3_file base;
	struct plvfs *v;
	int id; /* -1: not recorded (temporary) */
	bool folder; /* its next sync also syncs the folder, as the system's VFS does */
	sqlite3_file *real;
};

static struct plvfs *
pl_of(sqlite3_vfs *v)
{
	return (struct plvfs *)(void *)v;
}

static struct pl_file *
pl_file(sqlite3_file *f)
{
	return (struct pl_file *)(void *)f;
}

static int
pl_name(struct plvfs *v, const char *path)
{
	const char *base = strrchr(path, '/');

	base = base == NULL ? path : base + 1;
	for (int i = 0; i < v->n_names; i++)
		if (strcmp(v->names[i], base) == 0)
			return i;
	MUST(v->n_names < PL_FILES);
	v->names[v->n_names] = strdup(base);
	return v->n_names++;
}

static void
pl_record(struct plvfs *v, enum pl_kind kind, int file, uint64_t off, const void *p, size_t n)
{
	struct pl_op *op;

	if (file < 0)
		return;
	if (v->n_ops == v->cap_ops) {
		v->cap_ops = v->cap_ops ? v->cap_ops * 2 : 1024;
		v->ops = realloc(v->ops, v->cap_ops * sizeof(*v->ops));
		MUST(v->ops != NULL);
	}
	op = &v->ops[v->n_ops++];
	*op = (struct pl_op){kind, file, off, n, NULL};
	if (p != NULL) {
		op->data = malloc(n);
		MUST(op->data != NULL);
		memcpy(op->data, p, n);
	}
}

/* ---- a file ---- */

static int
pl_close(sqlite3_file *f)
{
	int rc = pl_file(f)->real->pMethods->xClose(pl_file(f)->real);

	free(pl_file(f)->real);
	return rc;
}

static int
pl_read(sqlite3_file *f, void *p, int n, sqlite3_int64 off)
{
	return pl_file(f)->real->pMethods->xRead(pl_file(f)->real, p, n, off);
}

static int
pl_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
	struct plvfs *v = pl_file(f)->v;

	if (v->quota < (uint64_t)n)
		return SQLITE_FULL;
	if (v->quota != UINT64_MAX)
		v->quota -= (uint64_t)n;
	pl_record(v, PL_WRITE, pl_file(f)->id, (uint64_t)off, p, (size_t)n);
	return pl_file(f)->real->pMethods->xWrite(pl_file(f)->real, p, n, off);
}

static int
pl_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	pl_record(pl_file(f)->v, PL_TRUNCATE, pl_file(f)->id, (uint64_t)n, NULL, 0);
	return pl_file(f)->real->pMethods->xTruncate(pl_file(f)->real, n);
}

static int
pl_sync(sqlite3_file *f, int flags)
{
	int rc = pl_file(f)->real->pMethods->xSync(pl_file(f)->real, flags);

	if (rc == SQLITE_OK) {
		/* off = 1: the folder too, so that deletions before it are durable */
		pl_record(pl_file(f)->v, PL_SYNC, pl_file(f)->id, pl_file(f)->folder, NULL, 0);
		pl_file(f)->folder = false;
	}
	return rc;
}

static int
pl_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return pl_file(f)->real->pMethods->xFileSize(pl_file(f)->real, n);
}

static int
pl_lock(sqlite3_file *f, int how)
{
	return pl_file(f)->real->pMethods->xLock(pl_file(f)->real, how);
}

static int
pl_unlock(sqlite3_file *f, int how)
{
	return pl_file(f)->real->pMethods->xUnlock(pl_file(f)->real, how);
}

static int
pl_reserved(sqlite3_file *f, int *out)
{
	return pl_file(f)->real->pMethods->xCheckReservedLock(pl_file(f)->real, out);
}

static int
pl_control(sqlite3_file *f, int op, void *arg)
{
	/* Size hints would extend the file behind our back. */
	if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
		return SQLITE_OK;
	return pl_file(f)->real->pMethods->xFileControl(pl_file(f)->real, op, arg);
}

static int
pl_sector(sqlite3_file *f)
{
	(void)f;
	return PL_SECTOR;
}

/* No promises: neither atomic writes nor safe appends. */
static int
pl_traits(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static int
pl_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	return pl_file(f)->real->pMethods->xShmMap(pl_file(f)->real, page, size, extend, p);
}

static int
pl_shm_lock(sqlite3_file *f, int off, int n, int flags)
{
	return pl_file(f)->real->pMethods->xShmLock(pl_file(f)->real, off, n, flags);
}

static void
pl_shm_barrier(sqlite3_file *f)
{
	pl_file(f)->real->pMethods->xShmBarrier(pl_file(f)->real);
}

static int
pl_shm_unmap(sqlite3_file *f, int del)
{
	return pl_file(f)->real->pMethods->xShmUnmap(pl_file(f)->real, del);
}

static const sqlite3_io_methods pl_methods = {2, pl_close, pl_read, pl_write, pl_truncate,
    pl_sync, pl_size, pl_lock, pl_unlock, pl_reserved, pl_control, pl_sector, pl_traits,
    pl_shm_map, pl_shm_lock, pl_shm_barrier, pl_shm_unmap, NULL, NULL};

/* ---- the VFS ---- */

static int
pl_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct plvfs *v = pl_of(vfs);
	struct pl_file *p = pl_file(f);
	int rc;

	memset(p, 0, sizeof(*p));
	p->v = v;
	p->id = name == NULL ? -1 : pl_name(v, name);
	p->folder = (flags & SQLITE_OPEN_CREATE) != 0 &&
	    (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
	p->real = calloc(1, (size_t)v->real->szOsFile);
	MUST(p->real != NULL);
	rc = v->real->xOpen(v->real, name, p->real, flags, out);
	if (rc == SQLITE_OK)
		p->base.pMethods = &pl_methods;
	else
		free(p->real);
	return rc;
}

static int
pl_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct plvfs *v = pl_of(vfs);

	/* n = 1: the folder was synced, the deletion is durable at once. */
	pl_record(v, PL_DELETE, pl_name(v, name), 0, NULL, sync != 0);
	return v->real->xDelete(v->real, name, sync);
}

static int
pl_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	return pl_of(vfs)->real->xAccess(pl_of(vfs)->real, name, flags, out);
}

static int
pl_full(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	return pl_of(vfs)->real->xFullPathname(pl_of(vfs)->real, name, n, out);
}

static int
pl_random(sqlite3_vfs *vfs, int n, char *out)
{
	return pl_of(vfs)->real->xRandomness(pl_of(vfs)->real, n, out);
}

static int
pl_sleep(sqlite3_vfs *vfs, int us)
{
	return pl_of(vfs)->real->xSleep(pl_of(vfs)->real, us);
}

static int
pl_time(sqlite3_vfs *vfs, double *out)
{
	return pl_of(vfs)->real->xCurrentTime(pl_of(vfs)->real, out);
}

static void
plvfs_register(struct plvfs *v)
{
	memset(v, 0, sizeof(*v));
	v->real = sqlite3_vfs_find(NULL);
	v->quota = UINT64_MAX;
	v->vfs = (sqlite3_vfs){.iVersion = 1, .szOsFile = (int)sizeof(struct pl_file),
	    .mxPathname = v->real->mxPathname, .zName = "powerloss", .xOpen = pl_open,
	    .xDelete = pl_delete, .xAccess = pl_access, .xFullPathname = pl_full,
	    .xRandomness = pl_random, .xSleep = pl_sleep, .xCurrentTime = pl_time};
	MUST(sqlite3_vfs_register(&v->vfs, 0) == SQLITE_OK);
}

/* ---- images ---- */

struct pl_image {
	uint8_t *p;
	size_t n;
	bool there;
};

static void
pl_apply(struct pl_image *im, const struct pl_op *op, size_t from, size_t n)
{
	if (op->kind == PL_TRUNCATE) {
		MUST(op->off <= PL_IMAGE_MAX);
		if (op->off > im->n)
			memset(im->p + im->n, 0, op->off - im->n);
		im->n = op->off;
		return;
	}
	MUST(op->off + from + n <= PL_IMAGE_MAX);
	if (op->off + from > im->n)
		memset(im->p + im->n, 0, op->off + from - im->n);
	memcpy(im->p + op->off + from, op->data + from, n);
	if (op->off + from + n > im->n)
		im->n = op->off + from + n;
	im->there = true;
}

/* What may have reached the disk although nobody asked for it: all, nothing, or some
 * sectors, in any order of writes (the later one wins where both came through). */
static void
pl_apply_some(struct pl_image *im, const struct pl_op *op, unsigned mode, uint64_t *state)
{
	if (mode == 0)
		return;
	if (mode == 1 || op->kind == PL_TRUNCATE) {
		if (mode == 1 || dice_below(state, 2))
			pl_apply(im, op, 0, op->n);
		return;
	}
	for (size_t at = 0; at < op->n; at += PL_SECTOR)
		if (dice_below(state, 2))
			pl_apply(im, op, at, op->n - at < PL_SECTOR ? op->n - at : PL_SECTOR);
}

static void
pl_build(const struct plvfs *v, int file, size_t cut, struct pl_image *im, unsigned mode,
    uint64_t *state)
{
	size_t synced = 0, folder = 0;

	im->n = 0;
	im->there = false;
	for (size_t i = 0; i < cut; i++) {
		const struct pl_op *op = &v->ops[i];

		if ((op->kind == PL_SYNC && op->off != 0) || (op->kind == PL_DELETE && op->n))
			folder = i + 1;
		if (op->file == file && op->kind == PL_SYNC)
			synced = i + 1;
	}
	for (size_t i = 0; i < cut; i++) {
		const struct pl_op *op = &v->ops[i];

		if (op->file != file)
			continue;
		if (op->kind == PL_DELETE && (i < folder || i < synced || dice_below(state, 2))) {
			im->n = 0;
			im->there = false;
		} else if (op->kind == PL_SYNC) {
			im->there = true;
		} else if (op->kind != PL_DELETE && i < synced) {
			pl_apply(im, op, 0, op->n);
		} else if (op->kind != PL_DELETE) {
			pl_apply_some(im, op, mode, state);
		}
	}
}

/* The folder as a power loss before operation `cut` could have left it. mode 0: nothing
 * unsynced came through; 1: all of it; 2: some sectors. */
static void
plvfs_image(const struct plvfs *v, size_t cut, unsigned mode, uint64_t *state, const char *dir)
{
	struct pl_image im = {.p = malloc(PL_IMAGE_MAX)};
	char path[4096];

	MUST(im.p != NULL);
	for (int f = 0; f < v->n_names; f++) {
		int fd;

		pl_build(v, f, cut, &im, mode, state);
		if (!im.there)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, v->names[f]);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		MUST(fd >= 0 && write(fd, im.p, im.n) == (ssize_t)im.n);
		close(fd);
	}
	free(im.p);
}

#endif
