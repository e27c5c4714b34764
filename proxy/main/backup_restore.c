/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/audit/verify.h"
#include "proxy/base/text.h"
#include "proxy/main/backup_copy.h"

/* What goes beside the log, in the state folder itself. */
static bool
restore_is_key(const char *name)
{
	return strcmp(name, "secret") == 0 || strcmp(name, "master.key") == 0;
}

static bool
restore_to(const struct backup_to *to, const char *name, char out[BACKUP_PATH], char *why,
    size_t cap)
{
	return backup_path(out, restore_is_key(name) ? to->state : to->log, name, why, cap);
}

/* The scribe opens these as its own user. */
static bool
restore_own(const struct backup_to *to, const char *path, char *why, size_t cap)
{
	const struct passwd *pw;

	if (geteuid() != 0 || to->owner == NULL)
		return true;
	pw = getpwnam(to->owner);
	if (pw != NULL && chown(path, pw->pw_uid, pw->pw_gid) == 0)
		return true;
	snprintf(why, cap, "%s cannot be given to %s: %s", path, to->owner,
	    pw == NULL ? "there is no such user" : strerror(errno));
	return false;
}

static bool
restore_bytes(const struct backup *b, const struct backup_file *f, const char *path, int out,
    char *why, size_t cap)
{
	struct backup_flow flow = {.from = b->path, .to = path, .in = b->fd, .out = out,
	    .at = f->at, .n = f->size};

	if (!backup_flow(&flow, why, cap))
		return false;
	if (memcmp(flow.sha256, f->sha256, 32) != 0) {
		snprintf(why, cap,
		    "%s: byte %llu: %s is not what the manifest says: it was changed after the "
		    "backup was made. Fetch it again from where it is kept, or take another backup",
		    b->path, (unsigned long long)f->at, f->name);
		return false;
	}
	if (fsync(out) == 0)
		return true;
	snprintf(why, cap, "%s: %s", path, strerror(errno));
	return false;
}

static bool
restore_file(const struct backup *b, const struct backup_file *f, const struct backup_to *to,
    char *why, size_t cap)
{
	char path[BACKUP_PATH];
	bool ok;
	int out;

	if (!restore_to(to, f->name, path, why, cap))
		return false;
	out = backup_create(path, why, cap);
	if (out < 0)
		return false;
	ok = restore_bytes(b, f, path, out, why, cap);
	close(out);
	return ok && (restore_is_key(f->name) || restore_own(to, path, why, cap));
}

static void
restore_undo(const struct backup *b, const struct backup_to *to)
{
	char path[BACKUP_PATH], why[256];

	for (size_t i = 0; i < b->n; i++)
		if (restore_to(to, b->files[i].name, path, why, sizeof(why)))
			(void)unlink(path);
	(void)rmdir(to->log); /* the next start or restore makes it again */
	if (backup_path(path, to->state, "restoring", why, sizeof(why)))
		(void)unlink(path);
}

/* The chain itself, up to the head in the manifest. */
static bool
restore_verify(const struct backup *b, const struct backup_to *to, char *why, size_t cap)
{
	struct verify_opt opt = {.has_head = true};
	const char *colon = strchr(b->head, ':');
	struct verify_result r;
	int err;

	if (colon == NULL || text_uint(span_str(colon + 1), INT64_MAX, &opt.head_count) != 0 ||
	    text_unhex(span_of(b->head, (size_t)(colon - b->head)), opt.head, DIGEST_LEN) != 0) {
		snprintf(why, cap, "the manifest's head of the log is no head");
		return false;
	}
	err = verify_run(to->log, &opt, &r);
	if (err == 0 && r.faults == 0 && r.head_seen)
		return true;
	snprintf(why, cap, "the log in %s does not verify (%s): unpack it with tar into a folder of "
			   "its own and look with warifu log --state FOLDER verify", b->path,
	    err != 0 ? err_text(err) : "it has faults");
	return false;
}

static bool
restore_mark(const struct backup *b, const struct backup_to *to, char *why, size_t cap)
{
	char at[BACKUP_PATH], done[BACKUP_PATH], text[512];
	int n = snprintf(text, sizeof(text), "%s\nbackup of %.31s, log head %.90s\n", to->actor,
	    b->made, b->head);

	if (!backup_path(at, to->state, "restoring", why, cap) ||
	    !backup_path(done, to->state, "restored", why, cap) ||
	    !backup_write(at, text, (size_t)n, why, cap))
		return false;
	if (rename(at, done) != 0) {
		snprintf(why, cap, "%s: %s", done, strerror(errno));
		return false;
	}
	return backup_sync(to->log, why, cap) && backup_sync(to->state, why, cap);
}

static int
restore_lock(const char *state, char *why, size_t cap)
{
	char path[BACKUP_PATH];
	int fd;

	if (!backup_path(path, state, "lock", why, cap))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(why, cap, "%s: %s", path, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, cap, "a warifu runs with %s: stop it first", state);
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool
restore_begin(const struct backup_to *to, int *lock, char *why, size_t cap)
{
	char path[BACKUP_PATH];

	if (mkdir(to->state, 0755) != 0 && errno != EEXIST) {
		snprintf(why, cap, "%s: %s", to->state, strerror(errno));
		return false;
	}
	*lock = restore_lock(to->state, why, cap);
	if (*lock < 0)
		return false;
	if (!backup_is_empty(to->state) || !backup_is_empty(to->log)) {
		snprintf(why, cap, "%s is not empty: a restore never mixes with what is there. Move "
				   "it away first", to->state);
		return false;
	}
	if (!backup_path(path, to->state, "restoring", why, cap) ||
	    !backup_write(path, "", 0, why, cap))
		return false;
	if (mkdir(to->log, 0700) != 0 && errno != EEXIST) {
		snprintf(why, cap, "%s: %s", to->log, strerror(errno));
		return false;
	}
	return restore_own(to, to->log, why, cap);
}

bool
backup_restore(const struct backup *b, const struct backup_to *to, char *why, size_t cap)
{
	int lock = -1;
	bool ok = restore_begin(to, &lock, why, cap), begun = ok;

	for (size_t i = 0; ok && i < b->n; i++)
		ok = restore_file(b, &b->files[i], to, why, cap);
	if (ok)
		ok = restore_verify(b, to, why, cap) && restore_mark(b, to, why, cap);
	if (begun && !ok)
		restore_undo(b, to);
	if (lock >= 0)
		close(lock);
	return ok;
}
