/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/backup.h - state, keys and log in one file, and back.
 *
 * What is in it: secret, master.key, state.db, log-YYYYMMDD.db of each day, keys.db, and
 * MANIFEST with the size and SHA-256 of each and the head of the log: a tar that every tar
 * reads, and of which a restore accepts only what backup_make writes, byte by byte. Not in it,
 * on purpose: the generation (security model 29): what comes back from a backup must not pass
 * for the newest state. Who holds the file can read all personal data: it is made 0600 and
 * belongs encrypted.
 *
 * It is made in FILE.partial, a folder of its own beside it, and stands under its name only
 * when all of it is on the disk; nothing is overwritten. Beside the file itself that takes
 * room for copies of two days and of one other database.
 *
 * A restore goes into an empty state folder only. While it runs, STATE/restoring says so
 * and no warifu starts there; its end makes that STATE/restored, which the next start
 * records, alarms and removes. All sessions in it are then doubtful: each is challenged,
 * since it may have been revoked after the backup was made.
 *
 * Format   docs/formats/backup.md
 * Errors   false after a sentence in `why`: what, where, and what to do.
 * Threads  one.
 */
#ifndef WARIFU_MAIN_BACKUP_H
#define WARIFU_MAIN_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BACKUP_PATH = 4096,
	BACKUP_FILES = 8192,
	BACKUP_NAME = 64,
	BACKUP_MANIFEST = 2 << 20,
	BACKUP_WHY = BACKUP_PATH + 512, /* for a sentence that names a file */
};

#define BACKUP_FIRST "warifu-backup 1"

struct backup_file {
	char name[BACKUP_NAME];
	uint8_t sha256[32];
	uint64_t size;
	uint64_t at; /* where its bytes begin in the backup */
};

struct backup {
	char path[BACKUP_PATH];
	int fd; /* of the file that is read; -1: none */
	char made[32];	/* ISO time */
	char build[32];
	char head[96]; /* HEX:COUNT */
	struct backup_file *files;
	size_t n;
	uint8_t sum[32]; /* SHA-256 of the manifest: to be kept elsewhere */
};

struct backup_to {
	const char *state;
	const char *log;
	const char *owner; /* user of the log's files, or NULL: who we are */
	const char *actor; /* for the record */
};

/* False if something stands at `path`. */
bool
backup_may(const char *path, char *why, size_t cap);

/* Makes the file at `path`, which must not be there. */
bool
backup_make(struct backup *b, const char *path, const char *state, const char *log, char *why,
    size_t cap);

/* Opens the file and checks all of it but the bytes of its members, which it does not know
 * to be those of the manifest before backup_restore. */
bool
backup_open(struct backup *b, const char *path, char *why, size_t cap);

/* Copies into the empty folders while it checks every byte; takes back what it made if
 * anything is not as the manifest says. */
bool
backup_restore(const struct backup *b, const struct backup_to *to, char *why, size_t cap);

void
backup_close(struct backup *b);

#endif
