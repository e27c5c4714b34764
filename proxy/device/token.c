/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/token.h"

#include "proxy/base/cursor.h"
#include "proxy/base/must.h"
#include "proxy/device/mactext.h"

enum {
	TOKEN_VERSION = 1,
	TOKEN_BODY = 1 + 1 + TOKEN_SESSION + 8 + 8 + TOKEN_CONTEXT,
};

_Static_assert((int)TOKEN_BODY <= (int)MACTEXT_BODY, "a token fits");
_Static_assert(MACTEXT_TEXT(TOKEN_BODY) == TOKEN_TEXT, "as the header says");

static const char token_domain[] = "warifu-token";

static bool
token_kind_known(uint8_t kind)
{
	return kind == TOKEN_GRACE || kind == TOKEN_DBSC;
}

void
token_make(struct mac *mac, const struct token *t, char out[TOKEN_TEXT])
{
	uint8_t body[TOKEN_BODY] = {TOKEN_VERSION, t->kind}, *p = body + 2;

	MUST(token_kind_known(t->kind));
	memcpy(p, t->session, TOKEN_SESSION);
	p += TOKEN_SESSION;
	mactext_put_u64(p, t->issued_s);
	mactext_put_u64(p + 8, t->expires_s);
	memcpy(p + 16, t->context, TOKEN_CONTEXT);
	mactext_make(mac, span_str(token_domain), span_of(body, sizeof(body)), out);
}

int
token_read(struct mac *mac, struct span text, struct token *out)
{
	uint8_t body[TOKEN_BODY];
	struct cursor c;
	int err = mactext_read(mac, span_str(token_domain), text, body, sizeof(body));

	*out = (struct token){.kind = 0};
	if (err != 0)
		return err;
	if (body[0] != TOKEN_VERSION || !token_kind_known(body[1]))
		return WF_EUNSUPPORTED;
	out->kind = body[1];
	memcpy(out->session, body + 2, TOKEN_SESSION);
	c = cur_init(span_tail(span_of(body, sizeof(body)), 2 + TOKEN_SESSION));
	out->issued_s = cur_u64(&c);
	out->expires_s = cur_u64(&c);
	memcpy(out->context, body + sizeof(body) - TOKEN_CONTEXT, TOKEN_CONTEXT);
	return 0;
}
