/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/backup_tar.h"

#include <string.h>

#include "proxy/base/must.h"

/* Fields of POSIX ustar, by their place in the block. */
enum {
	TAR_NAME = 0,
	TAR_MODE = 100,
	TAR_UID = 108,
	TAR_GID = 116,
	TAR_SIZE = 124,
	TAR_MTIME = 136,
	TAR_SUM = 148,
	TAR_TYPE = 156,
	TAR_MAGIC = 257,
	TAR_MAJOR = 329,
	TAR_MINOR = 337,
};

#define TAR_OCTAL_MAX ((UINT64_C(1) << 33) - 1) /* eleven digits */

/* `digits` octal digits; the NUL behind them stands there already. */
static void
tar_octal(uint8_t *p, unsigned digits, uint64_t v)
{
	while (digits-- > 0) {
		p[digits] = (uint8_t)('0' + (v & 7));
		v >>= 3;
	}
}

static void
tar_size(uint8_t *p, uint64_t size)
{
	if (size <= TAR_OCTAL_MAX) {
		tar_octal(p, 11, size);
		return;
	}
	p[0] = 0x80;
	for (unsigned i = 11; i > 3; i--) {
		p[i] = (uint8_t)size;
		size >>= 8;
	}
}

void
backup_tar_put(const struct backup_tar *m, uint8_t out[BACKUP_TAR_BLOCK])
{
	uint64_t sum = 0;

	MUST(m->mtime <= TAR_OCTAL_MAX);
	memset(out, 0, BACKUP_TAR_BLOCK);
	memcpy(out + TAR_NAME, m->name, strnlen(m->name, BACKUP_NAME - 1));
	tar_octal(out + TAR_MODE, 7, 0600);
	tar_octal(out + TAR_UID, 7, 0);
	tar_octal(out + TAR_GID, 7, 0);
	tar_size(out + TAR_SIZE, m->size);
	tar_octal(out + TAR_MTIME, 11, m->mtime);
	out[TAR_TYPE] = '0';
	memcpy(out + TAR_MAGIC, "ustar\0" "00", 8);
	tar_octal(out + TAR_MAJOR, 7, 0);
	tar_octal(out + TAR_MINOR, 7, 0);
	memset(out + TAR_SUM, ' ', 8); /* as which it is itself counted */
	for (unsigned i = 0; i < BACKUP_TAR_BLOCK; i++)
		sum += out[i];
	tar_octal(out + TAR_SUM, 6, sum);
	out[TAR_SUM + 6] = '\0';
}

static uint64_t
tar_number(const uint8_t *p, unsigned bits, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << bits | (p[i] & ((1u << bits) - 1));
	return v;
}

/* What is read loosely is written anew and compared: so nothing is ambiguous. */
bool
backup_tar_get(const uint8_t in[BACKUP_TAR_BLOCK], struct backup_tar *m)
{
	uint8_t again[BACKUP_TAR_BLOCK];

	memset(m, 0, sizeof(*m));
	memcpy(m->name, in + TAR_NAME, BACKUP_NAME - 1);
	m->size = in[TAR_SIZE] & 0x80 ? tar_number(in + TAR_SIZE + 4, 8, 8)
				      : tar_number(in + TAR_SIZE, 3, 11);
	m->mtime = tar_number(in + TAR_MTIME, 3, 11);
	backup_tar_put(m, again);
	return memcmp(in, again, BACKUP_TAR_BLOCK) == 0;
}
