/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/mactext.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"

static void
mactext_sum(struct mac *mac, struct span domain, struct span body,
    uint8_t sum[DIGEST_LEN])
{
	const struct span parts[] = {domain, body};

	mac_parts(mac, parts, ARRAY_LEN(parts), sum);
}

void
mactext_make(struct mac *mac, struct span domain, struct span body, char *out)
{
	uint8_t bytes[MACTEXT_BODY + MACTEXT_MAC], sum[DIGEST_LEN];

	MUST(body.n <= MACTEXT_BODY);
	mactext_sum(mac, domain, body, sum);
	memcpy(bytes, body.p, body.n);
	memcpy(bytes + body.n, sum, MACTEXT_MAC);
	text_b64url(span_of(bytes, body.n + MACTEXT_MAC), out);
}

int
mactext_read(struct mac *mac, struct span domain, struct span text, uint8_t *body,
    size_t n)
{
	uint8_t bytes[MACTEXT_BODY + MACTEXT_MAC], sum[DIGEST_LEN];
	size_t len;

	MUST(n <= MACTEXT_BODY);
	memset(body, 0, n);
	if (text_unb64url(text, bytes, sizeof(bytes), &len) != 0 ||
	    len != n + MACTEXT_MAC)
		return WF_ESYNTAX;
	mactext_sum(mac, domain, span_of(bytes, n), sum);
	if (!digest_equal(bytes + n, sum, MACTEXT_MAC))
		return WF_EVERIFY;
	memcpy(body, bytes, n);
	return 0;
}
