/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a backup: a sentence that says where, or members whose bytes lie in the file.
 *
 * The first byte chooses. Even: the rest is the file. Odd: it is the manifest of a file that
 * is otherwise sound, with the check sum that no mutation would find.
 */
#include <stdio.h>

#include "proxy/base/digest.h"
#include "proxy/base/text.h"
#include "proxy/main/backup_tar.h"
#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"secret", "master.key", "state.db", "log-20261126.db",
    "log-20261127.db", "keys.db"};

enum { NAMES = 6 };

static void
put_member(FILE *f, const char *name, const void *p, size_t n)
{
	static const uint8_t zeros[BACKUP_TAR_BLOCK];
	struct backup_tar t = {.size = n};
	uint8_t head[BACKUP_TAR_BLOCK];

	(void)snprintf(t.name, sizeof(t.name), "%s", name);
	backup_tar_put(&t, head);
	MUST(fwrite(head, 1, sizeof(head), f) == sizeof(head) && fwrite(p, 1, n, f) == n);
	(void)fwrite(zeros, 1, (size_t)backup_tar_pad(n), f);
}

static void
put_manifest(FILE *f, struct span body)
{
	uint8_t sum[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1], *text = NULL;
	size_t n = 0;
	FILE *m = open_memstream(&text, &n);

	MUST(m != NULL);
	digest_sha256(body, sum);
	text_hex(span_of(sum, sizeof(sum)), hex);
	(void)fwrite(body.p, 1, body.n, m);
	(void)fprintf(m, "end %s\n", hex);
	(void)fclose(m);
	put_member(f, "MANIFEST", text, n);
	free(text);
}

/* Members of 0 to 5 bytes around this manifest. */
static const char *
around(struct span body)
{
	static const uint8_t zeros[2 * BACKUP_TAR_BLOCK];
	const char *path;
	char *file = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&file, &n);

	MUST(f != NULL);
	for (size_t i = 0; i < NAMES; i++)
		put_member(f, names[i], "12345", i);
	put_manifest(f, body);
	(void)fwrite(zeros, 1, sizeof(zeros), f);
	(void)fclose(f);
	path = scratch_write("backup", span_of(file, n));
	free(file);
	return path;
}

static void
is_sound(const struct backup *b, const char *path)
{
	struct stat st;
	uint64_t end = 0;

	MUST(stat(path, &st) == 0 && b->n >= 5 && b->head[0] != '\0');
	for (size_t i = 0; i < b->n; i++) {
		const struct backup_file *f = &b->files[i];

		MUST(strchr(f->name, '/') == NULL && f->name[0] != '.' && f->name[0] != '\0');
		MUST(f->at >= end && f->size <= (uint64_t)st.st_size &&
		    f->at <= (uint64_t)st.st_size - f->size);
		end = f->at + f->size;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[BACKUP_WHY] = "";
	struct backup b;
	const char *path;

	if (size == 0)
		return 0;
	path = data[0] & 1 ? around(span_of(data + 1, size - 1))
			   : scratch_write("backup", span_of(data + 1, size - 1));
	if (backup_open(&b, path, why, sizeof(why)))
		is_sound(&b, path);
	else
		MUST(strstr(why, path) != NULL && strstr(why, ": byte ") != NULL);
	backup_close(&b);
	return 0;
}
