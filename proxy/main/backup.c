/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/audit/querydb.h"
#include "proxy/audit/storecopy.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/text.h"
#include "proxy/main/backup_copy.h"
#include "proxy/main/backup_tar.h"
#include "proxy/main/supervisorpriv.h"

/* What one backup is made with. */
struct backup_maker {
	struct backup *b;
	char work[BACKUP_PATH]; /* FILE.partial */
	char file[BACKUP_PATH]; /* the backup, while it is made */
	int out;
	uint64_t at;	/* bytes written */
	uint64_t mtime; /* of every member */
	char days[2][BACKUP_NAME]; /* copies that are kept for the head, the newer one first */
	bool failed;		   /* `why` has its sentence */
	char *why;
	size_t cap;
};

static bool
backup_add(struct backup_maker *m, const void *p, size_t n)
{
	m->at += n;
	return backup_append(m->out, m->file, p, n, m->why, m->cap);
}

static bool
backup_head_of(struct backup_maker *m, const char *name, uint64_t size)
{
	struct backup_tar t = {.size = size, .mtime = m->mtime};
	uint8_t head[BACKUP_TAR_BLOCK];

	snprintf(t.name, sizeof(t.name), "%s", name);
	backup_tar_put(&t, head);
	return backup_add(m, head, sizeof(head));
}

static bool
backup_pad(struct backup_maker *m, size_t n)
{
	static const uint8_t zeros[2 * BACKUP_TAR_BLOCK];

	return backup_add(m, zeros, n);
}

/* The bytes of an open file that it has now. */
static bool
backup_stream(struct backup_maker *m, int in, const char *path, struct backup_file *f)
{
	struct backup_flow flow = {.from = path, .to = m->file, .in = in, .out = m->out};
	struct stat st;

	if (fstat(in, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(m->why, m->cap, "%s: not a file", path);
		return false;
	}
	f->size = flow.n = (uint64_t)st.st_size;
	if (!backup_head_of(m, f->name, f->size) || !backup_flow(&flow, m->why, m->cap))
		return false;
	m->at += f->size;
	memcpy(f->sha256, flow.sha256, sizeof(f->sha256));
	return backup_pad(m, (size_t)backup_tar_pad(f->size));
}

static bool
backup_member(struct backup_maker *m, const char *dir, const char *name)
{
	struct backup_file *f = &m->b->files[m->b->n];
	char path[BACKUP_PATH];
	bool ok = false;
	int in;

	if (m->b->n == BACKUP_FILES) {
		snprintf(m->why, m->cap, "more than %d files", BACKUP_FILES);
		return false;
	}
	if (!backup_path(path, dir, name, m->why, m->cap))
		return false;
	snprintf(f->name, sizeof(f->name), "%s", name);
	in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in < 0)
		snprintf(m->why, m->cap, "%s: %s", path, strerror(errno));
	else
		ok = backup_stream(m, in, path, f);
	if (in >= 0)
		close(in);
	m->b->n++;
	return ok;
}

/* ---- the databases ---- */

static void
backup_drop(const struct backup_maker *m, const char *name)
{
	char path[BACKUP_PATH], why[256];

	if (name[0] != '\0' && backup_path(path, m->work, name, why, sizeof(why)))
		(void)unlink(path);
}

/* The newest day may be without a record, so the head may be that of the one before. */
static void
backup_keep_day(struct backup_maker *m, const char *name)
{
	backup_drop(m, m->days[1]);
	memcpy(m->days[1], m->days[0], sizeof(m->days[0]));
	snprintf(m->days[0], sizeof(m->days[0]), "%s", name);
}

static int
backup_copied(void *arg, const char *name)
{
	struct backup_maker *m = arg;

	m->failed = !backup_member(m, m->work, name);
	if (m->failed)
		return WF_EIO;
	if (strncmp(name, "log-", 4) == 0)
		backup_keep_day(m, name);
	else
		backup_drop(m, name);
	return 0;
}

static bool
backup_databases(struct backup_maker *m, const char *log)
{
	struct storecopy c = {.from = log, .to = m->work, .copied = backup_copied, .arg = m};
	int err = storecopy_all(&c);

	if (err != 0 && !m->failed)
		snprintf(m->why, m->cap, "the databases in %s cannot be copied to %s: %s", log,
		    m->work, err_text(err));
	return err == 0;
}

static bool
backup_log_head(struct backup_maker *m)
{
	char hex[2 * DIGEST_LEN + 1];
	struct querydb_block last;
	struct querydb *q = NULL;
	int err = querydb_open(&q, m->work, NULL);

	if (err == 0)
		err = querydb_last(q, &last);
	if (err == 0) {
		text_hex(span_of(last.head, DIGEST_LEN), hex);
		snprintf(m->b->head, sizeof(m->b->head), "%s:%llu", hex,
		    (unsigned long long)(last.id + last.n - 1));
	} else {
		snprintf(m->why, m->cap, "the copied log has no head: %s", err_text(err));
	}
	querydb_close(q);
	return err == 0;
}

/* ---- the manifest, and the end ---- */

static char *
backup_manifest_text(const struct backup *b, size_t *n)
{
	char hex[65], *text = NULL;
	FILE *f = open_memstream(&text, n);
	uint8_t sum[32];

	if (f == NULL)
		return NULL;
	fprintf(f, BACKUP_FIRST "\nmade %s\nbuild %s\nhead %s\n", b->made, b->build, b->head);
	for (size_t i = 0; i < b->n; i++) {
		text_hex(span_of(b->files[i].sha256, 32), hex);
		fprintf(f, "file %s %llu %s\n", hex, (unsigned long long)b->files[i].size,
		    b->files[i].name);
	}
	(void)fflush(f);
	digest_sha256(span_of(text, *n), sum);
	text_hex(span_of(sum, 32), hex);
	fprintf(f, "end %s\n", hex);
	fclose(f);
	return text;
}

static bool
backup_manifest(struct backup_maker *m)
{
	size_t n = 0;
	char *text = backup_manifest_text(m->b, &n);
	bool ok;

	if (text == NULL) {
		snprintf(m->why, m->cap, "out of memory");
		return false;
	}
	digest_sha256(span_of(text, n), m->b->sum);
	ok = backup_head_of(m, "MANIFEST", n) && backup_add(m, text, n) &&
	    backup_pad(m, (size_t)backup_tar_pad(n)) && backup_pad(m, 2 * BACKUP_TAR_BLOCK);
	free(text);
	if (ok && fsync(m->out) != 0) {
		snprintf(m->why, m->cap, "%s: %s", m->file, strerror(errno));
		ok = false;
	}
	return ok;
}

/* Gives it its name, which nobody may have taken meanwhile. NFS knows no such rename, but
 * link(2), and FAT the other way round. */
static bool
backup_name(struct backup_maker *m)
{
	const char *path = m->b->path, *slash = strrchr(path, '/');
	char dir[BACKUP_PATH] = ".";
	int rc = renameat2(AT_FDCWD, m->file, AT_FDCWD, path, RENAME_NOREPLACE);

	if (rc != 0 && errno == EINVAL)
		rc = link(m->file, path);
	if (rc != 0) {
		snprintf(m->why, m->cap, "%s: %s", path, strerror(errno));
		return false;
	}
	if (slash != NULL)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return backup_sync(dir, m->why, m->cap);
}

/* ---- begin and end ---- */

bool
backup_may(const char *path, char *why, size_t cap)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return true;
	snprintf(why, cap, "%s is there already, and nothing is overwritten: name a file that is not "
			   "there yet", path);
	return false;
}

static bool
backup_begin(struct backup_maker *m)
{
	if (!backup_may(m->b->path, m->why, m->cap) || !backup_path(m->file, m->work, "backup", m->why, m->cap))
		return false;
	if (mkdir(m->work, 0700) != 0) {
		bool left = errno == EEXIST;

		snprintf(m->why, m->cap, "%s: %s%s", m->work, left ? "is there" : strerror(errno),
		    left ? ": another backup is being made, or one was cut off. If none is, "
			   "remove that folder (it holds keys) and try again"
			 : "");
		return false;
	}
	m->out = backup_create(m->file, m->why, m->cap);
	if (m->out < 0)
		(void)rmdir(m->work);
	return m->out >= 0;
}

/* All that is left in the folder, also SQLite's own files. */
static void
backup_sweep(const struct backup_maker *m)
{
	DIR *d = opendir(m->work);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	(void)rmdir(m->work);
}

/* Keys first of all: without them the rest is of no use, so their lack ends it early. */
static bool
backup_fill(struct backup_maker *m, const char *state, const char *log)
{
	return backup_member(m, state, "secret") && backup_member(m, state, "master.key") &&
	    backup_databases(m, log) && backup_log_head(m) && backup_manifest(m) &&
	    backup_name(m);
}

bool
backup_make(struct backup *b, const char *path, const char *state, const char *log, char *why,
    size_t cap)
{
	struct backup_maker m = {.b = b, .out = -1, .why = why, .cap = cap};
	uint64_t now = clock_wall();
	bool ok = false;

	*b = (struct backup){.fd = -1};
	snprintf(b->build, sizeof(b->build), "%s", WARIFU_BUILD);
	clock_iso(now, b->made);
	m.mtime = now / CLOCK_SEC;
	b->files = calloc(BACKUP_FILES, sizeof(*b->files));
	if (b->files == NULL || snprintf(b->path, sizeof(b->path), "%s", path) >= BACKUP_PATH ||
	    snprintf(m.work, sizeof(m.work), "%s.partial", path) >= BACKUP_PATH) {
		snprintf(why, cap, b->files == NULL ? "out of memory" : "the path is too long");
		return false;
	}
	if (backup_begin(&m)) {
		ok = backup_fill(&m, state, log);
		close(m.out);
		backup_sweep(&m);
	}
	return ok;
}

void
backup_close(struct backup *b)
{
	free(b->files);
	b->files = NULL;
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}
