/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/backup_tar.h"

#include <string.h>

#include "tests/unit/tap.h"

static struct backup_tar
member(const char *name, uint64_t size, uint64_t mtime)
{
	struct backup_tar m = {.size = size, .mtime = mtime};

	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	return m;
}

static void
what_is_put_is_what_is_got(void)
{
	static const uint64_t sizes[] = {0, 1, 511, 512, 64, UINT64_C(077777777777),
	    UINT64_C(1) << 33, (UINT64_C(1) << 33) + 5, INT64_MAX, UINT64_MAX};
	uint8_t head[BACKUP_TAR_BLOCK];
	struct backup_tar out;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct backup_tar in = member("log-20261127.db", sizes[i], 1795428000);

		backup_tar_put(&in, head);
		CHECK(backup_tar_get(head, &out));
		CHECK(out.size == sizes[i] && out.mtime == in.mtime);
		CHECK_STR(out.name, in.name);
	}
}

/* What GNU tar, bsdtar and Python write and read. */
static void
sizes_are_written_as_other_tars_do(void)
{
	struct backup_tar small = member("keys.db", 4096, 0),
			  large = member("keys.db", UINT64_C(0x200000005), 0);
	uint8_t head[BACKUP_TAR_BLOCK];

	backup_tar_put(&small, head);
	CHECK(memcmp(head + 124, "00000010000", 12) == 0);
	CHECK(memcmp(head + 257, "ustar\0" "00", 8) == 0);
	backup_tar_put(&large, head);
	CHECK(memcmp(head + 124, "\x80\0\0\0\0\0\0\x02\0\0\0\x05", 12) == 0);
}

/* There is one way to write a member: no other byte anywhere is taken for it. */
static void
every_changed_byte_is_refused(void)
{
	struct backup_tar in = member("state.db", 12345, 1795428000), out;
	uint8_t head[BACKUP_TAR_BLOCK];
	unsigned taken = 0;

	backup_tar_put(&in, head);
	for (unsigned i = 0; i < BACKUP_TAR_BLOCK; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			head[i] ^= (uint8_t)(1u << bit);
			taken += backup_tar_get(head, &out);
			head[i] ^= (uint8_t)(1u << bit);
		}
	CHECK_INT(taken, 0);
	CHECK(backup_tar_get(head, &out));
}

static void
a_name_that_fills_its_field_is_refused(void)
{
	struct backup_tar in = member("", 0, 0), out;
	uint8_t head[BACKUP_TAR_BLOCK];
	unsigned sum = 0;

	memset(in.name, 'a', sizeof(in.name) - 1);
	backup_tar_put(&in, head);
	CHECK(backup_tar_get(head, &out));
	head[BACKUP_NAME - 1] = 'a'; /* one more, with the right sum */
	memset(head + 148, ' ', 8);
	for (unsigned i = 0; i < BACKUP_TAR_BLOCK; i++)
		sum += head[i];
	(void)snprintf((char *)head + 148, 7, "%06o", sum);
	CHECK(!backup_tar_get(head, &out));
}

static void
padding_fills_the_block(void)
{
	CHECK_INT(backup_tar_pad(0), 0);
	CHECK_INT(backup_tar_pad(1), 511);
	CHECK_INT(backup_tar_pad(512), 0);
	CHECK_INT(backup_tar_pad(513), 511);
	CHECK_INT(backup_tar_pad(UINT64_MAX), 1);
}

int
main(void)
{
	TAP_RUN(what_is_put_is_what_is_got);
	TAP_RUN(sizes_are_written_as_other_tars_do);
	TAP_RUN(every_changed_byte_is_refused);
	TAP_RUN(a_name_that_fills_its_field_is_refused);
	TAP_RUN(padding_fills_the_block);
	return tap_done();
}
