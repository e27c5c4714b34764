/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/jws.h"

#include "proxy/base/text.h"
#include "tests/unit/tap.h"

/* header.payload.sig from their texts, into out[512]. */
static struct span
token(const char *header, const char *payload, const char *sig, char *out)
{
	size_t n;

	text_b64url(span_str(header), out);
	n = strlen(out);
	out[n++] = '.';
	text_b64url(span_str(payload), out + n);
	n = strlen(out);
	snprintf(out + n, 512 - n, ".%s", sig);
	return span_str(out);
}

static void
reads_the_name_that_a_token_asserts(void)
{
	char text[512];
	uint8_t buf[1024];
	struct span t =
	    token("{\"alg\":\"HS256\"}",
		  "{\"sub\":\"alice\",\"user\":{\"n\":\"a\\u0041\"}}", "c2ln", text);
	struct span name;
	struct jws w;

	CHECK(jws_looks_like(t));
	CHECK_INT(jws_decode(t, buf, sizeof(buf), &w), 0);
	CHECK(span_eq(w.header, SPAN_LIT("{\"alg\":\"HS256\"}")));
	CHECK(span_eq(w.signature, SPAN_LIT("c2ln")));
	CHECK_INT(w.signing_input.n, t.n - 5);
	CHECK_INT(jws_claim_text(t, "sub", buf, sizeof(buf), &name), 0);
	CHECK(span_eq(name, SPAN_LIT("alice")));
	CHECK_INT(jws_claim_text(t, "user.n", buf, sizeof(buf), &name), 0);
	CHECK(span_eq(name, SPAN_LIT("aA")));
	CHECK_INT(jws_claim_text(t, "nobody", buf, sizeof(buf), &name), WF_ENOTFOUND);
	CHECK_INT(jws_claim_text(t, "user", buf, sizeof(buf), &name), WF_ESYNTAX);
}

static void
an_unsigned_token_is_readable_and_proves_nothing(void)
{
	char text[512];
	uint8_t buf[1024];
	struct jws w;

	CHECK_INT(
	    jws_decode(token("{\"alg\":\"none\"}", "{}", "", text), buf, sizeof(buf), &w),
	    0);
	CHECK_INT(w.signature.n, 0);
}

static void
other_texts_are_no_tokens(void)
{
	static const char *const bad[] = {"",
					  ".",
					  "..",
					  "a.b",
					  "e30.e30",
					  "e30.e30.x.y",
					  "e30.e30.x.y.z",
					  ".e30.",
					  "e30..",
					  "e30=.e30.",
					  "e30.e30=.",
					  "e31.e30.",
					  "W10.e30.",
					  "e30.W10.",
					  "e30.MQ.",
					  "e3+.e30.",
					  "e30.e30.a+b",
					  "e30 .e30.",
					  "e30.e30.\n",
					  "e30.e.x"};
	uint8_t buf[64];
	struct jws w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (jws_decode(span_str(bad[i]), buf, sizeof(buf), &w) >= 0) {
			printf("# accepted: %s\n", bad[i]);
			tap_bad = 1;
		}
	CHECK_INT(jws_decode(SPAN_LIT("e30.e30."), buf, sizeof(buf), &w), 0);
	CHECK(!jws_looks_like(SPAN_LIT("a.b")) && !jws_looks_like(SPAN_LIT("a.b.c d")));
}

static void
a_claim_given_twice_is_ambiguous(void)
{
	char text[512];
	uint8_t buf[1024];
	struct span name;

	CHECK_INT(jws_claim_text(token("{}", "{\"sub\":\"a\",\"sub\":\"b\"}", "x", text),
				 "sub", buf, sizeof(buf), &name),
		  WF_EAMBIGUOUS);
	CHECK_INT(name.n, 0);
}

static void
sizes_are_bounded(void)
{
	static uint8_t big[JWS_MAX + 8];
	char text[512];
	uint8_t buf[64];
	struct jws w;
	struct span name, t = token("{}", "{\"a\":\"b\"}", "x", text);

	memset(big, 'A', sizeof(big));
	CHECK_INT(jws_decode(span_of(big, sizeof(big)), buf, sizeof(buf), &w), WF_EFULL);
	CHECK_INT(jws_decode(t, buf, 10, &w), WF_EFULL);
	CHECK_INT(jws_decode(t, buf, 11, &w), 0);
	CHECK_INT(jws_claim_text(t, "a", buf, 11, &name), WF_EFULL);
	CHECK_INT(jws_claim_text(t, "a", buf, 12, &name), 0);
}

int
main(void)
{
	TAP_RUN(reads_the_name_that_a_token_asserts);
	TAP_RUN(an_unsigned_token_is_readable_and_proves_nothing);
	TAP_RUN(other_texts_are_no_tokens);
	TAP_RUN(a_claim_given_twice_is_ambiguous);
	TAP_RUN(sizes_are_bounded);
	return tap_done();
}
