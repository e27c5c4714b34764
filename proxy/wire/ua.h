/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/ua.h - what a client says it is, coarsely.
 *
 * For comparing a client with what it said before and for words in the log. It is a
 * claim: nothing here proves anything. Unknown is a value of its own, never a match.
 *
 * Client hints are better evidence than the User-Agent text and are optional: Firefox and
 * Safari never send them, and Chromium leaves them out of workers and WebSockets. Where
 * both speak and disagree, the fields are from the User-Agent and `contradicts` is set.
 *
 * Threads  pure.
 */
#ifndef WARIFU_WIRE_UA_H
#define WARIFU_WIRE_UA_H

#include "proxy/base/span.h"

enum ua_family {
	UA_UNKNOWN, /* nothing was sent, or nothing can be read from it */
	UA_CHROMIUM,
	UA_FIREFOX,
	UA_SAFARI,
	UA_CURL,
	UA_PYTHON,
	UA_GO,
	UA_JAVA,
	UA_OTHER,
	UA_FAMILY_COUNT
};

enum ua_os {
	UA_OS_UNKNOWN,
	UA_OS_WINDOWS,
	UA_OS_MAC,
	UA_OS_LINUX,
	UA_OS_ANDROID,
	UA_OS_IOS,
	UA_OS_OTHER,
	UA_OS_COUNT
};

enum ua_mobile { UA_MOBILE_UNKNOWN, UA_MOBILE_NO, UA_MOBILE_YES };

struct ua {
	enum ua_family family;
	enum ua_os os;
	enum ua_mobile mobile;
	uint32_t major;	  /* 0: unknown */
	bool headless;	  /* says so itself */
	bool hinted;	  /* Sec-CH-UA was there and readable */
	bool contradicts; /* hints and User-Agent disagree in family, version or system */
};

/* Absent fields are empty spans. */
void ua_read(struct span user_agent, struct span sec_ch_ua,
	     struct span sec_ch_ua_platform, struct ua *out);

/* What was read from the same bytes before. All zero: nothing. */
struct ua_memo {
	struct ua ua;
	uint16_t n[3]; /* bytes of each field, in `text` one behind the other */
	bool filled;
	char text[256]; /* fields that are longer in sum are read each time */
};

/* The same as ua_read; a connection's requests nearly all say what the one before said.
 */
const struct ua *ua_read_again(struct ua_memo *m, struct span user_agent,
			       struct span sec_ch_ua, struct span sec_ch_ua_platform);

const char *ua_family_name(enum ua_family f);
const char *ua_os_name(enum ua_os os);

#endif
