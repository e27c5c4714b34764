/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/backup_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "proxy/base/digest.h"
#include "proxy/base/must.h"

enum { BACKUP_COPY_PIECE = 1 << 16 };

static bool
backup_fails(char *why, size_t cap, const char *path)
{
	snprintf(why, cap, "%s: %s", path, strerror(errno));
	return false;
}

bool
backup_path(char out[BACKUP_PATH], const char *dir, const char *name, char *why, size_t cap)
{
	int n = snprintf(out, BACKUP_PATH, "%s/%s", dir, name);

	if (n < BACKUP_PATH)
		return true;
	snprintf(why, cap, "the path of %s is too long", name);
	return false;
}

static bool
backup_write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* The next piece: 0 at an end that comes too early, or what read(2) says. */
static ssize_t
backup_take(const struct backup_flow *f, uint64_t done, uint8_t *piece)
{
	uint64_t left = f->n - done;
	ssize_t k;

	do
		k = pread(f->in, piece, left < BACKUP_COPY_PIECE ? (size_t)left : BACKUP_COPY_PIECE,
		    (off_t)(f->at + done));
	while (k < 0 && errno == EINTR);
	return k;
}

static bool
backup_pump(const struct backup_flow *f, EVP_MD_CTX *md, uint8_t *piece, char *why, size_t cap)
{
	for (uint64_t done = 0; done < f->n;) {
		ssize_t k = backup_take(f, done, piece);

		if (k < 0)
			return backup_fails(why, cap, f->from);
		if (k == 0) {
			snprintf(why, cap, "%s: it became shorter while it was read", f->from);
			return false;
		}
		if (!backup_write_all(f->out, piece, (size_t)k))
			return backup_fails(why, cap, f->to);
		MUST(EVP_DigestUpdate(md, piece, (size_t)k) == 1);
		done += (uint64_t)k;
	}
	return true;
}

bool
backup_flow(struct backup_flow *f, char *why, size_t cap)
{
	uint8_t *piece = malloc(BACKUP_COPY_PIECE);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;

	MUST(piece != NULL && md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
	ok = backup_pump(f, md, piece, why, cap);
	MUST(EVP_DigestFinal_ex(md, f->sha256, NULL) == 1);
	EVP_MD_CTX_free(md);
	digest_wipe(piece, BACKUP_COPY_PIECE); /* keys went through it */
	free(piece);
	return ok;
}

int
backup_create(const char *path, char *why, size_t cap)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		(void)backup_fails(why, cap, path);
	return fd;
}

bool
backup_append(int fd, const char *path, const void *p, size_t n, char *why, size_t cap)
{
	return backup_write_all(fd, p, n) || backup_fails(why, cap, path);
}

bool
backup_write(const char *path, const char *text, size_t n, char *why, size_t cap)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && backup_write_all(fd, (const uint8_t *)text, n) && fsync(fd) == 0;

	if (!ok)
		(void)backup_fails(why, cap, path);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
backup_sync(const char *dir, char *why, size_t cap)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		(void)backup_fails(why, cap, dir);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
backup_is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	bool empty = true;
	struct dirent *e;
	struct stat st;

	if (d == NULL)
		return errno == ENOENT;
	while (empty && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, "lock") == 0)
			continue;
		empty = fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISSOCK(st.st_mode);
	}
	closedir(d);
	return empty;
}
