/* SPDX-License-Identifier: Apache-2.0 */
/* Is the log still where the scribe began? A disk can be taken away and put back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/audit/scribepriv.h"
#include "proxy/audit/storelist.h"

/* We may by who we are, and the sandbox does not let us: it knows folders, not names. */
static bool
scribeplace_shut(const char *path)
{
	int fd;

	if (path == NULL || access(path, R_OK | W_OK) != 0)
		return false;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

/* What is under the mount point of a disk that is away is an empty folder, and a log that
 * began there would hide the one by which people are bound. */
bool
scribeplace_gone(const struct scribe *s)
{
	char *path = storelist_join(s->conf->dir, "state.db");
	uint8_t head[RING_HEAD_LEN];
	uint64_t count;
	bool gone = s->conf->vfs == NULL && path != NULL &&
	    ring_get_head(&s->rings[0], &count, head) == 0 && access(path, F_OK) != 0;

	free(path);
	return gone;
}

bool
scribeplace_moved(const struct scribe *s)
{
	char *path = storelist_join(s->conf->dir, "state.db");
	bool moved = s->conf->vfs == NULL &&
	    (scribeplace_shut(path) || scribeplace_shut(s->conf->generation));

	free(path);
	return moved;
}
