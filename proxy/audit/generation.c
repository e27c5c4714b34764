/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/base/digest.h"
#include "proxy/base/err.h"
#include "proxy/base/text.h"

/* "warifu-generation 1 " 20 digits " " 32 hex digits of the log's id " " 16 hex digits of
 * the SHA-256 of what stands before, line feed. */
enum { GENERATION_PLACE = 512, GENERATION_BODY = 73, GENERATION_LINE = 91 };

static void
generation_line(const struct generation *g, uint64_t value, char out[GENERATION_LINE + 1])
{
	uint8_t sum[DIGEST_LEN];
	char id[2 * GENERATION_LOG_ID + 1], hex[17];

	text_hex(span_of(g->log_id, GENERATION_LOG_ID), id);
	(void)snprintf(out, GENERATION_BODY + 1, "warifu-generation 1 %020llu %s",
	    (unsigned long long)value, id);
	digest_sha256(span_of(out, GENERATION_BODY), sum);
	text_hex(span_of(sum, 8), hex);
	(void)snprintf(out + GENERATION_BODY, GENERATION_LINE + 1 - GENERATION_BODY, " %s\n",
	    hex);
}

/* Whether a place holds something valid of this log; the greater value is kept. */
static bool
generation_read(struct generation *g, off_t at)
{
	char line[GENERATION_LINE + 1] = "", want[GENERATION_LINE + 1];
	uint64_t v;

	if (pread(g->fd, line, GENERATION_LINE, at) != GENERATION_LINE ||
	    text_uint(span_of(line + 20, 20), INT64_MAX, &v) != 0)
		return false;
	generation_line(g, v, want);
	if (memcmp(line, want, GENERATION_LINE) != 0)
		return false;
	g->value = v > g->value ? v : g->value;
	return true;
}

static int
generation_sync_folder(const char *path)
{
	char *dir = strdup(path), *slash;
	int fd, err;

	if (dir == NULL)
		return WF_ENOMEM;
	slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
	fd = open(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 || fsync(fd) != 0 ? WF_EIO : 0;
	if (fd >= 0)
		close(fd);
	free(dir);
	return err;
}

int
generation_open(struct generation *g, const char *path,
    const uint8_t log_id[GENERATION_LOG_ID], bool *found)
{
	*g = (struct generation){.fd = -1};
	*found = false;
	memcpy(g->log_id, log_id, GENERATION_LOG_ID);
	g->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (g->fd < 0)
		return WF_EIO;
	for (off_t at = 0; at <= GENERATION_PLACE; at += GENERATION_PLACE)
		*found |= generation_read(g, at);
	return *found ? 0 : generation_sync_folder(path);
}

int
generation_set(struct generation *g, uint64_t value)
{
	char line[GENERATION_LINE + 1];
	off_t at = (value & 1) != 0 ? GENERATION_PLACE : 0;
	ssize_t n;

	generation_line(g, value, line);
	n = pwrite(g->fd, line, GENERATION_LINE, at);
	if (n != GENERATION_LINE || fdatasync(g->fd) != 0)
		return n < 0 && (errno == ENOSPC || errno == EDQUOT) ? WF_EFULL : WF_EIO;
	g->value = value;
	return 0;
}

void
generation_close(struct generation *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}
