/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/certfile.h - whole files in memory: certificates, keys, CA lists.
 *
 * Ownership  what certs_file_read allocates goes back with certs_file_free, which wipes.
 * Errors     0 or -1, with a sentence in `why` that names the file and what to do.
 * Threads    pure but for the file system.
 * Not here   what the bytes mean: certs/store.h.
 */
#ifndef WARIFU_CERTS_CERTFILE_H
#define WARIFU_CERTS_CERTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CERTS_FILE_MAX = 1 << 20 };

/* The contents of a file; `name` is only for messages. */
struct certs_blob {
	const char *name;
	const void *p;
	size_t n;
};

/*
 * Reads a whole regular file of at most CERTS_FILE_MAX bytes into heap memory. A key's
 * file must not be open to others nor writable by its group.
 */
int certs_file_read(struct certs_blob *out, const char *path, bool is_key, char *why,
		    size_t cap);

void certs_file_free(struct certs_blob *b);

#endif
