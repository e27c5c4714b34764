/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/challenge.h"

#include "proxy/base/cursor.h"
#include "proxy/device/mactext.h"

enum { CHALLENGE_BODY = CHALLENGE_SESSION + 1 + 8 };

_Static_assert((int)CHALLENGE_BODY <= (int)MACTEXT_BODY, "a challenge fits");
_Static_assert(MACTEXT_TEXT(CHALLENGE_BODY) == CHALLENGE_TEXT, "as the header says");

static const char challenge_domain[] = "warifu-challenge";

void
challenge_make(struct mac *mac, enum challenge_purpose purpose,
    const uint8_t session[CHALLENGE_SESSION], uint64_t stamp_ns, char out[CHALLENGE_TEXT])
{
	uint8_t body[CHALLENGE_BODY];

	memcpy(body, session, CHALLENGE_SESSION);
	body[CHALLENGE_SESSION] = (uint8_t)purpose;
	mactext_put_u64(body + CHALLENGE_SESSION + 1, stamp_ns);
	mactext_make(mac, span_str(challenge_domain), span_of(body, sizeof(body)), out);
}

int
challenge_read(struct mac *mac, enum challenge_purpose purpose, struct span text,
    uint8_t session[CHALLENGE_SESSION], uint64_t *stamp_ns)
{
	uint8_t body[CHALLENGE_BODY];
	struct cursor c;
	int err = mactext_read(mac, span_str(challenge_domain), text, body, sizeof(body));

	memset(session, 0, CHALLENGE_SESSION);
	*stamp_ns = 0;
	if (err != 0)
		return err;
	if (body[CHALLENGE_SESSION] != purpose)
		return WF_EVERIFY;
	memcpy(session, body, CHALLENGE_SESSION);
	c = cur_init(span_tail(span_of(body, sizeof(body)), CHALLENGE_SESSION + 1));
	*stamp_ns = cur_u64(&c);
	return 0;
}
