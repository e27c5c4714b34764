/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/device/challenge.h - challenges that need no memory: what a device signs.
 *
 * A challenge names the session and the purpose that it was made for and when, under a
 * MAC. Who sees one can sign it only with the device's key, and who makes one up is
 * found out. So nothing is kept until the proof comes back.
 *
 * Ownership  writes into the caller's memory only.
 * Units      nanoseconds, of whatever clock the caller compares with.
 * Errors     WF_ESYNTAX (no such text), WF_EVERIFY (not ours, or for another purpose);
 *            the outputs are zero then.
 * Threads    a struct mac belongs to one thread.
 * Format     docs/formats/device.md
 * Not here   age, use (each once) and whether the session lives: the caller's.
 */
#ifndef WARIFU_DEVICE_CHALLENGE_H
#define WARIFU_DEVICE_CHALLENGE_H

#include "proxy/base/digest.h"
#include "proxy/base/err.h"

enum challenge_purpose { CHALLENGE_REGISTER = 1, CHALLENGE_REFRESH = 2 };

enum {
	CHALLENGE_SESSION = 16,
	CHALLENGE_TEXT = 56, /* base64url of 41 bytes, and a NUL */
};

void
challenge_make(struct mac *mac, enum challenge_purpose purpose,
    const uint8_t session[CHALLENGE_SESSION], uint64_t stamp_ns,
    char out[CHALLENGE_TEXT]);

int
challenge_read(struct mac *mac, enum challenge_purpose purpose, struct span text,
    uint8_t session[CHALLENGE_SESSION], uint64_t *stamp_ns);

#endif
