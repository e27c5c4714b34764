/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs/why.h - the sentence that goes with an error, for the files in certs/ only.
 *
 * Errors   both return -1, so that `return why_set(...)` is the whole error path.
 * Threads  pure, but for OpenSSL's error queue of the thread.
 */
#ifndef WARIFU_CERTS_WHY_H
#define WARIFU_CERTS_WHY_H

#include <stddef.h>

int why_set(char *why, size_t cap, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As why_set, with OpenSSL's own reason behind it; empties the error queue. */
int why_ssl(char *why, size_t cap, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* OpenSSL's reason alone; empties the error queue. */
void why_reason(char *buf, size_t cap);

#endif
