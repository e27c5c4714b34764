/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/backup_copy.h - files and folders as the backup handles them.
 *
 * Errors   false after a sentence in `why`.
 */
#ifndef WARIFU_MAIN_BACKUP_COPY_H
#define WARIFU_MAIN_BACKUP_COPY_H

#include "proxy/main/backup.h"

/* A run of bytes from one file into another, hashed on the way. */
struct backup_flow {
	const char *from; /* names, for messages */
	const char *to;
	int in;
	int out;
	uint64_t at; /* where it begins in `in`; in `out` it is added */
	uint64_t n;
	uint8_t sha256[32]; /* what it was */
};

/* Exactly n bytes: fewer are an error. */
bool
backup_flow(struct backup_flow *f, char *why, size_t cap);

/* "dir/name"; false when too long. */
bool
backup_path(char out[BACKUP_PATH], const char *dir, const char *name, char *why, size_t cap);

/* A new file, 0600: -1 if there is one or it cannot be. */
int
backup_create(const char *path, char *why, size_t cap);

bool
backup_append(int fd, const char *path, const void *p, size_t n, char *why, size_t cap);

/* A small file of our own, 0600, durable. */
bool
backup_write(const char *path, const char *text, size_t n, char *why, size_t cap);

bool
backup_sync(const char *dir, char *why, size_t cap);

/* Nothing in it but sockets and an unheld lock; or not there. */
bool
backup_is_empty(const char *dir);

#endif
