/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/backup_tar.h - the head of a member of a backup, as every tar understands it.
 *
 * A ustar head of a plain file: mode 0600, no owner, no folder. Sizes from 8 GiB on are
 * written as GNU tar, bsdtar and Python do (base 256). Of each member there is exactly one
 * way to write its head, and the reader accepts no other.
 *
 * Errors   false: this is no such head.
 * Threads  pure.
 */
#ifndef WARIFU_MAIN_BACKUP_TAR_H
#define WARIFU_MAIN_BACKUP_TAR_H

#include "proxy/main/backup.h"

enum { BACKUP_TAR_BLOCK = 512 };

struct backup_tar {
	char name[BACKUP_NAME];
	uint64_t size;
	uint64_t mtime; /* seconds since 1970, below 2^33 */
};

void
backup_tar_put(const struct backup_tar *m, uint8_t out[BACKUP_TAR_BLOCK]);

bool
backup_tar_get(const uint8_t in[BACKUP_TAR_BLOCK], struct backup_tar *m);

/* Bytes of zero behind a member of this size, up to the next block. */
static inline uint64_t
backup_tar_pad(uint64_t size)
{
	return (BACKUP_TAR_BLOCK - size % BACKUP_TAR_BLOCK) % BACKUP_TAR_BLOCK;
}

#endif
