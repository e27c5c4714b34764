/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A disk that went read-only by itself after an error still says that it can be written:
 * only trying shows it. */
int
folder_fault(const char *path)
{
	int fd;

	if (access(path, R_OK | W_OK | X_OK) != 0)
		return errno;
	fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EOPNOTSUPP || errno == EISDIR ? 0 : errno;
	close(fd);
	return 0;
}
