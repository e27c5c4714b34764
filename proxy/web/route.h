/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/route.h - what a raw request target and Host field say, and which route fits.
 *
 * Nothing is decoded anywhere: a path matches byte for byte or not at all.
 *
 * Ownership  answers borrow from what was passed in.
 * Threads    pure.
 */
#ifndef WARIFU_WEB_ROUTE_H
#define WARIFU_WEB_ROUTE_H

#include "proxy/web/httpd.h"

/* Starts with "/" and is visible ASCII. */
bool route_target_ok(struct span target);

/* Up to the "?". */
struct span route_path(struct span target);

/* See httpd_query. */
int route_query(struct span target, const char *name, size_t max, struct span *value);

/* Host, without its port, is one of a list that ends with NULL or after `max`. */
bool route_host_in(struct span host, const char *const *hosts, size_t max);

/* NULL: none, with *allow set to the value of Allow if only the method does not fit. */
const struct httpd_route *route_find(const struct httpd_route *routes, size_t n,
				     struct span path, const char *method,
				     const char **allow);

#endif
