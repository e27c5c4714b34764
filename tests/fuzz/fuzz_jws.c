/* SPDX-License-Identifier: Apache-2.0 */
/* A token that decodes looks like one and holds two JSON documents. */
#include "proxy/wire/jws.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[2 * JWS_MAX];
	struct span token = span_of(data, size), text;
	struct jws t;

	if (jws_decode(token, buf, sizeof(buf), &t) == 0) {
		MUST(jws_looks_like(token));
		MUST(jsonr_check(t.header) == 0 && jsonr_check(t.payload) == 0);
		MUST(t.signing_input.n + 1 + t.signature.n == size);
	}
	(void)jws_claim_text(token, "sub", buf, sizeof(buf), &text);
	(void)jws_claim_text(token, "sub", buf, size, &text);
	return 0;
}
