/* SPDX-License-Identifier: Apache-2.0 */
/* A text that is read as a token or challenge is, to the letter, the one that is made of
 * what was read. The first byte chooses: 0 the rest as it stands, 1 and 2 the rest as the
 * bytes of a token or challenge, under a MAC of ours. */
#include "proxy/base/must.h"
#include "proxy/device/challenge.h"
#include "proxy/device/mactext.h"
#include "proxy/device/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
check_token(struct mac *mac, struct span text)
{
	struct token t;
	char again[TOKEN_TEXT];
	int err = token_read(mac, text, &t);

	if (err == 0) {
		token_make(mac, &t, again);
		MUST(span_eq(text, span_str(again)));
	} else {
		MUST(t.kind == 0 && t.expires_s == 0);
	}
	return err;
}

static int
check_challenge(struct mac *mac, enum challenge_purpose purpose, struct span text)
{
	uint8_t session[CHALLENGE_SESSION];
	char again[CHALLENGE_TEXT];
	uint64_t stamp;
	int err = challenge_read(mac, purpose, text, session, &stamp);

	if (err == 0) {
		challenge_make(mac, purpose, session, stamp, again);
		MUST(span_eq(text, span_str(again)));
	}
	return err;
}

/* Of the bytes of a token or challenge with our MAC, all is decided by three of them. */
static void
check_made(struct mac *mac, bool token, struct span in)
{
	size_t n = token ? 42 : 25;
	uint8_t body[MACTEXT_BODY] = {0};
	char text[MACTEXT_TEXT(MACTEXT_BODY)];

	memcpy(body, in.p, in.n < n ? in.n : n);
	mactext_make(mac, token ? SPAN_LIT("warifu-token") : SPAN_LIT("warifu-challenge"),
	    span_of(body, n), text);
	if (token) {
		bool known =
		    body[0] == 1 && (body[1] == TOKEN_GRACE || body[1] == TOKEN_DBSC);

		MUST(check_token(mac, span_str(text)) == (known ? 0 : WF_EUNSUPPORTED));
	} else {
		MUST(check_challenge(mac, CHALLENGE_REFRESH, span_str(text)) ==
		     (body[16] == CHALLENGE_REFRESH ? 0 : WF_EVERIFY));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mac *mac;
	uint8_t key[32];
	struct span rest;

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	if (mac == NULL)
		mac = mac_new(span_of(key, sizeof(key)));
	if (size < 2)
		return 0;
	rest = span_of(data + 1, size - 1);
	if (data[0] == 1 || data[0] == 2) {
		check_made(mac, data[0] == 1, rest);
		return 0;
	}
	(void)check_token(mac, rest);
	(void)check_challenge(mac, CHALLENGE_REGISTER, rest);
	(void)check_challenge(mac, CHALLENGE_REFRESH, rest);
	return 0;
}
