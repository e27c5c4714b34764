/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/certfile.h"
#include "certs/why.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A key is refused when others than owner and group could read or change it. */
static int
check_file(const char *path, const struct stat *st, bool is_key, char *why, size_t cap)
{
	if (!S_ISREG(st->st_mode))
		return why_set(why, cap, "%s: not a regular file", path);
	if (st->st_size > CERTS_FILE_MAX || st->st_size == 0)
		return why_set(why, cap, "%s: empty, or above 1 MiB", path);
	if (is_key && (st->st_mode & 027) != 0)
		return why_set(why, cap,
			       "%s: others can read or change this private key (mode "
			       "%03o); run: chmod "
			       "640 on it, or 600",
			       path, (unsigned)st->st_mode & 0777);
	return 0;
}

int
certs_file_read(struct certs_blob *out, const char *path, bool is_key, char *why,
		size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	uint8_t *p = NULL;
	size_t n = 0;
	ssize_t got = -1;

	*out = (struct certs_blob){path, NULL, 0};
	if (fd < 0)
		return why_set(why, cap, "%s: cannot be opened: %s", path,
			       strerrordesc_np(errno));
	if (fstat(fd, &st) < 0)
		why_set(why, cap, "%s: %s", path, strerrordesc_np(errno));
	else if (check_file(path, &st, is_key, why, cap) == 0 &&
		 (p = malloc((size_t)st.st_size)) == NULL)
		why_set(why, cap, "%s: out of memory", path);
	while (p && n < (size_t)st.st_size) {
		got = read(fd, p + n, (size_t)st.st_size - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	if (p && n < (size_t)st.st_size) {
		OPENSSL_clear_free(p, (size_t)st.st_size);
		return why_set(why, cap,
			       "%s: could not be read whole; is it being written?", path);
	}
	out->p = p;
	out->n = n;
	return p ? 0 : -1;
}

void
certs_file_free(struct certs_blob *b)
{
	union {
		const void *in;
		void *out;
	} p = {b->p};

	OPENSSL_clear_free(p.out, b->n);
	b->p = NULL;
	b->n = 0;
}
