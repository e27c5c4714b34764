/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/err.h"
#include "proxy/base/text.h"

/* One line: KEYS_FILE_MARK, 64 hex digits, line feed. */
#define KEYS_FILE_MARK "warifu-master-1 "

enum { KEYS_FILE_LEN = sizeof(KEYS_FILE_MARK) - 1 + 2 * KEYS_MASTER_LEN + 1 };

/* A new name is durable only when its folder is. */
static int
keys_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".")
	    : slash == path	  ? strdup("/")
				  : strndup(path, (size_t)(slash - path));
	int fd = dir == NULL ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) != 0 ? WF_EIO : 0;

	if (fd >= 0)
		close(fd);
	free(dir);
	return err;
}

int
keys_master_create(const char *path)
{
	char line[KEYS_FILE_LEN + 1] = KEYS_FILE_MARK;
	uint8_t master[KEYS_MASTER_LEN];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return errno == EEXIST ? WF_EEXISTS : WF_EIO;
	digest_random(master, sizeof(master));
	text_hex(span_of(master, sizeof(master)), line + sizeof(KEYS_FILE_MARK) - 1);
	line[KEYS_FILE_LEN - 1] = '\n';
	if (fchmod(fd, 0600) != 0 || write(fd, line, KEYS_FILE_LEN) != KEYS_FILE_LEN ||
	    fsync(fd) != 0)
		err = WF_EIO;
	if (close(fd) != 0)
		err = WF_EIO;
	digest_wipe(master, sizeof(master));
	digest_wipe(line, sizeof(line));
	if (err == 0)
		err = keys_sync_folder(path);
	/* Half a key file is worse than none: the next start would refuse it. */
	if (err != 0)
		(void)unlink(path);
	return err;
}

int
keys_master_load(const char *path, uint8_t master[KEYS_MASTER_LEN])
{
	char line[KEYS_FILE_LEN + 1];
	struct span mark = SPAN_LIT(KEYS_FILE_MARK), s;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	struct stat st;
	ssize_t n;

	memset(master, 0, KEYS_MASTER_LEN);
	if (fd < 0)
		return errno == ENOENT ? WF_ENOTFOUND : WF_EIO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = WF_EIO;
	else if ((st.st_mode & 077) != 0)
		err = WF_EDENIED;
	n = err == 0 ? read(fd, line, sizeof(line)) : 0;
	close(fd);
	if (err != 0)
		return err;
	s = span_of(line, n > 0 ? (size_t)n : 0);
	if (s.n != KEYS_FILE_LEN || line[KEYS_FILE_LEN - 1] != '\n' ||
	    !span_starts(s, mark))
		err = WF_ESYNTAX;
	else
		err = text_unhex(span_of(line + mark.n, (size_t)2 * KEYS_MASTER_LEN), master,
		    KEYS_MASTER_LEN);
	digest_wipe(line, sizeof(line));
	return err;
}
