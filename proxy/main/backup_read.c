/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of a backup: its bytes may come from anybody. */
#include "proxy/main/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/digest.h"
#include "proxy/base/text.h"
#include "proxy/main/backup_tar.h"

/* In which order members stand; only BACKUP_DAY may come more than once. */
enum backup_rank {
	BACKUP_NOTHING = -1,
	BACKUP_SECRET,
	BACKUP_MASTER,
	BACKUP_STATE,
	BACKUP_DAY,
	BACKUP_KEYS,
	BACKUP_END,
	BACKUP_STRANGER
};

struct backup_reader {
	struct backup *b;
	uint64_t at;  /* of what is read */
	uint64_t end; /* of the file */
	enum backup_rank rank; /* of the member read last */
	char *why;
	size_t cap;
};

__attribute__((format(printf, 3, 4))) static bool
backup_bad(struct backup_reader *r, uint64_t at, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(r->why, r->cap,
	    "%s: byte %llu: %s. It was changed or cut: fetch it again from where it is kept, or "
	    "take another backup", r->b->path, (unsigned long long)at, what);
	return false;
}

static bool
backup_get(struct backup_reader *r, uint64_t at, void *p, size_t n)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t k = pread(r->b->fd, to, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			snprintf(r->why, r->cap, "%s: %s", r->b->path, strerror(errno));
			return false;
		}
		if (k == 0)
			return backup_bad(r, at, "it ends here, in the middle of something");
		to += k;
		at += (uint64_t)k;
		n -= (size_t)k;
	}
	return true;
}

static bool
backup_is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* ---- names ---- */

/* Only what a backup can hold; in particular no path, and no generation. */
static enum backup_rank
backup_rank_of(const char *name)
{
	static const char *const names[] = {[BACKUP_SECRET] = "secret",
	    [BACKUP_MASTER] = "master.key", [BACKUP_STATE] = "state.db",
	    [BACKUP_DAY] = "log-YYYYMMDD.db", [BACKUP_KEYS] = "keys.db",
	    [BACKUP_END] = "MANIFEST"};

	if (strlen(name) == 15 && strncmp(name, "log-", 4) == 0 &&
	    strspn(name + 4, "0123456789") == 8 && strcmp(name + 12, ".db") == 0)
		return BACKUP_DAY;
	for (int i = 0; i <= BACKUP_END; i++)
		if (strcmp(name, names[i]) == 0 && i != BACKUP_DAY)
			return (enum backup_rank)i;
	return BACKUP_STRANGER;
}

/* The order makes doubles and gaps impossible. */
static bool
backup_follows(const struct backup_reader *r, const char *name)
{
	enum backup_rank rank = backup_rank_of(name);

	if (rank == BACKUP_DAY && r->rank == BACKUP_DAY)
		return strcmp(name, r->b->files[r->b->n - 1].name) > 0;
	return rank != BACKUP_STRANGER && (int)rank == (int)r->rank + 1;
}

/* ---- the manifest ---- */

/* The rest of the next line if it begins with `key`; NULL if it does not. */
static char *
backup_line(char **text, const char *key)
{
	char *line = *text, *end = strchr(line, '\n');
	size_t n = strlen(key);

	if (end == NULL || strncmp(line, key, n) != 0)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line + n;
}

/* A short value that may be shown at a terminal. */
static bool
backup_word(char **text, const char *key, char *out, size_t cap)
{
	const char *v = backup_line(text, key);

	return v != NULL && v[0] != '\0' && text_printable(span_str(v)) &&
	    snprintf(out, cap, "%s", v) < (int)cap;
}

/* "SHA256 SIZE NAME" of the member that stands in this place. */
static bool
backup_line_is(char *line, struct backup_file *f)
{
	char *size = strchr(line, ' '), *name = size == NULL ? NULL : strchr(size + 1, ' ');
	uint64_t n;

	if (name == NULL)
		return false;
	*size++ = '\0';
	*name++ = '\0';
	return text_unhex(span_str(line), f->sha256, 32) == 0 &&
	    text_uint(span_str(size), INT64_MAX, &n) == 0 && n == f->size &&
	    strcmp(name, f->name) == 0;
}

static bool
backup_lines(struct backup *b, char *text)
{
	char *line = backup_line(&text, BACKUP_FIRST);

	if (line == NULL || line[0] != '\0' ||
	    !backup_word(&text, "made ", b->made, sizeof(b->made)) ||
	    !backup_word(&text, "build ", b->build, sizeof(b->build)) ||
	    !backup_word(&text, "head ", b->head, sizeof(b->head)))
		return false;
	for (size_t i = 0; i < b->n; i++) {
		line = backup_line(&text, "file ");
		if (line == NULL || !backup_line_is(line, &b->files[i]))
			return false;
	}
	return text[0] == '\0';
}

/* The text ends with "end HEX\n", a hash of all before it. */
static bool
backup_text(struct backup_reader *r, char *text, size_t n, uint64_t at)
{
	enum { END = 4 + 64 + 1 };
	uint8_t said[32], is[32];

	if (n < END || memcmp(text + n - END, "end ", 4) != 0 || text[n - 1] != '\n' ||
	    text_unhex(span_of(text + n - END + 4, 64), said, 32) != 0)
		return backup_bad(r, at, "MANIFEST has no end");
	digest_sha256(span_of(text, n - END), is);
	digest_sha256(span_of(text, n), r->b->sum);
	if (memcmp(said, is, 32) != 0 || memchr(text, 0, n) != NULL)
		return backup_bad(r, at, "MANIFEST is not what its check sum says");
	text[n - END] = '\0';
	return backup_lines(r->b, text) ||
	    backup_bad(r, at, "MANIFEST does not fit what stands before it");
}

static bool
backup_manifest_read(struct backup_reader *r, uint64_t at, uint64_t size)
{
	char *text;
	bool ok;

	if (size > BACKUP_MANIFEST)
		return backup_bad(r, at, "MANIFEST is longer than any");
	text = malloc((size_t)size + 1);
	if (text == NULL) {
		snprintf(r->why, r->cap, "out of memory");
		return false;
	}
	ok = backup_get(r, at, text, (size_t)size) && backup_text(r, text, (size_t)size, at);
	free(text);
	return ok;
}

/* ---- members ---- */

static bool
backup_bytes(struct backup_reader *r, const struct backup_tar *t)
{
	uint8_t pad[BACKUP_TAR_BLOCK];
	uint64_t left = r->end - r->at, n = backup_tar_pad(t->size);

	if (t->size > left || n > left - t->size)
		return backup_bad(r, r->at, "%s should have %llu bytes from here on, and the file "
					    "ends at byte %llu", t->name,
		    (unsigned long long)t->size, (unsigned long long)r->end);
	if (!backup_get(r, r->at + t->size, pad, (size_t)n))
		return false;
	if (!backup_is_zero(pad, (size_t)n))
		return backup_bad(r, r->at + t->size, "there is something between two members");
	return true;
}

static bool
backup_take(struct backup_reader *r, const uint8_t *head)
{
	struct backup_tar t;
	struct backup_file *f;

	if (!backup_tar_get(head, &t))
		return backup_bad(r, r->at, "no member begins here as warifu backup writes one");
	if (!backup_follows(r, t.name))
		return backup_bad(r, r->at, "this member has no place here");
	if (r->b->n == BACKUP_FILES)
		return backup_bad(r, r->at, "more than %d members", BACKUP_FILES);
	r->at += BACKUP_TAR_BLOCK;
	if (!backup_bytes(r, &t))
		return false;
	r->rank = backup_rank_of(t.name);
	if (r->rank != BACKUP_END) {
		f = &r->b->files[r->b->n++];
		*f = (struct backup_file){.size = t.size, .at = r->at};
		snprintf(f->name, sizeof(f->name), "%s", t.name);
	} else if (!backup_manifest_read(r, r->at, t.size)) {
		return false;
	}
	r->at += t.size + backup_tar_pad(t.size);
	return true;
}

/* Two blocks of zeros, and nothing behind them. */
static bool
backup_over(struct backup_reader *r, const uint8_t *first)
{
	uint8_t second[BACKUP_TAR_BLOCK];

	if (!backup_is_zero(first, BACKUP_TAR_BLOCK))
		return backup_bad(r, r->at, "something stands behind MANIFEST");
	if (!backup_get(r, r->at + BACKUP_TAR_BLOCK, second, sizeof(second)))
		return false;
	if (!backup_is_zero(second, sizeof(second)))
		return backup_bad(r, r->at + BACKUP_TAR_BLOCK, "something stands behind MANIFEST");
	r->at += sizeof(second) + BACKUP_TAR_BLOCK;
	return r->at == r->end || backup_bad(r, r->at, "something stands behind the end");
}

static bool
backup_scan(struct backup_reader *r)
{
	uint8_t head[BACKUP_TAR_BLOCK];

	while (r->rank != BACKUP_END)
		if (!backup_get(r, r->at, head, sizeof(head)) || !backup_take(r, head))
			return false;
	return backup_get(r, r->at, head, sizeof(head)) && backup_over(r, head);
}

/* O_NONBLOCK: a pipe must not hang us. */
static bool
backup_open_file(struct backup_reader *r)
{
	struct backup *b = r->b;
	struct stat st;

	b->fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (b->fd < 0 || fstat(b->fd, &st) != 0) {
		snprintf(r->why, r->cap, "%s: %s", b->path, strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(r->why, r->cap, "%s is no file: name the one that warifu backup made",
		    b->path);
		return false;
	}
	r->end = (uint64_t)st.st_size;
	return true;
}

bool
backup_open(struct backup *b, const char *path, char *why, size_t cap)
{
	struct backup_reader r = {.b = b, .rank = BACKUP_NOTHING, .why = why, .cap = cap};

	*b = (struct backup){.fd = -1};
	b->files = calloc(BACKUP_FILES, sizeof(*b->files));
	if (b->files == NULL || snprintf(b->path, sizeof(b->path), "%s", path) >= BACKUP_PATH) {
		snprintf(why, cap, b->files == NULL ? "out of memory" : "the path is too long");
		return false;
	}
	return backup_open_file(&r) && backup_scan(&r);
}
