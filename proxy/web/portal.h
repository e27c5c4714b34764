/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/web/portal.h - the pages that staff see when the gate does not let them through.
 *
 * The gate asks over a unix socket, `GET /page`, with these request fields, which it
 * strips from everybody else's requests:
 *
 *   Warifu-Page     a token of proxy/base/problem.def; anything else reads as `refused`
 *   Warifu-Status   three digits, 400 to 599; else the table's status
 *   Warifu-Support  support number (letters, digits, "-", at most 64); else left out
 *   Warifu-Site     name of the site as people know it (at most 253 bytes)
 *   Warifu-Login    path of the login page (problem_local_path); else no button
 *   Warifu-Reason   a name of proxy/base/reason.def, for better words; may be missing
 *   Warifu-Time     UTC, 2024-05-31T04:05:06Z; else no time
 *   Accept, Accept-Language   passed on from the browser
 *
 * and gets the finished answer: HTML, or problem+json if Accept asks for JSON and not for
 * HTML. `?lang=ja` or `?lang=en` overrides Accept-Language. Style sheet and picture are
 * served under their public names (proxy/web/asset.h), for the gate to pass through.
 *
 * The portal renders and decides nothing: no session, no key, no database here.
 *
 * Ownership  portal_run takes listen_fd; everything pointed to must outlive it.
 * Errors     0 after an orderly stop, or a negative enum wf_err.
 * Threads    runs in the calling thread.
 */
#ifndef WARIFU_WEB_PORTAL_H
#define WARIFU_WEB_PORTAL_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

struct portal_config {
	int listen_fd;
	void (*tick)(void *arg, uint64_t mono_ms); /* about once a second, or NULL */
	void *arg;
	int stop_fd;		/* readable or at its end: stop; -1: none */
	long peer_uid;		/* the gate's user; -1: any */
	struct span contact_en; /* whom to call, one line; empty: general words */
	struct span contact_ja; /* empty: contact_en */
	int zone_minutes;	/* times are shown this far east of UTC */
	struct span
	    zone_name; /* "JST"; empty: "UTC" when zone_minutes is 0, else "+hh:mm" */
};

int portal_run(const struct portal_config *cfg);

#endif
