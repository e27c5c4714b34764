/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/asset.h - style sheet and picture, built into the binary.
 *
 * The sources are files in proxy/web/assets. Each is served under PORTAL_ASSETS NAME;
 * links carry ?v=TAG, the beginning of its SHA-256, so a browser may keep what it has for
 * a year and a new build is seen at once.
 *
 * Ownership  bytes are static; struct asset_set is the caller's.
 * Threads    pure.
 */
#ifndef WARIFU_WEB_ASSET_H
#define WARIFU_WEB_ASSET_H

#include "proxy/base/span.h"
#include "proxy/web/httpd.h"

#define ASSET_PREFIX "/.warifu/s/"

enum asset_name { ASSET_CSS, ASSET_SVG, ASSET_COUNT };

struct asset_set {
	char tag[ASSET_COUNT][17];
};

void asset_init(struct asset_set *set);

struct span asset_bytes(enum asset_name name);
/* ASSET_PREFIX and the file's name. */
const char *asset_path(enum asset_name name);

/* The answer to a request for it. */
void asset_reply(const struct asset_set *set, enum asset_name name,
		 const struct httpd_request *rq, struct httpd_reply *rp);

#endif
