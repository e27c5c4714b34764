/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/reply.h - the fixed fields of what we author, and our short refusals.
 *
 * Threads  pure.
 */
#ifndef WARIFU_WEB_REPLY_H
#define WARIFU_WEB_REPLY_H

#include "proxy/web/httpd.h"

void reply_init(struct httpd_reply *rp, char *scratch, size_t cap);

/* "404 Not Found" as text. */
void reply_refusal(struct httpd_reply *rp, unsigned status, const char *reason);

/* Calls add once for each field besides Date, Content-Length and Connection. */
void reply_fields(const struct httpd_reply *rp,
		  void (*add)(void *arg, const char *name, const char *value), void *arg);

#endif
