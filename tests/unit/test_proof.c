/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/proof.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "tests/unit/deviceproofs.h"
#include "tests/unit/tap.h"

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\"}"
#define PAYLOAD "{\"jti\":\"c\"}"

static char text[3 * PROOF_MAX];

/* A proof of these parts whose signature has n zero bytes, which is enough to be read. */
static struct span
proof_of(const char *header, const char *payload, size_t n)
{
	static const uint8_t zeros[PROOF_SIGNATURE + 1];
	size_t at;

	text_b64url(span_str(header), text);
	at = strlen(text);
	text[at++] = '.';
	text_b64url(span_str(payload), text + at);
	at += strlen(text + at);
	text[at++] = '.';
	text_b64url(span_of(zeros, n), text + at);
	return span_str(text);
}

static void
check_refused(int want, const char *header, const char *payload, size_t n)
{
	static const struct proof none;
	static struct proof p;
	int err = proof_read(proof_of(header, payload, n), &p);

	CHECK(memcmp(&p, &none, sizeof(p)) == 0);
	if (err != want) {
		printf("# %d, not %d: %s %s %zu\n", err, want, header, payload, n);
		tap_bad = 1;
	}
}

static void
a_registration_is_read_and_verifies_with_its_own_key(void)
{
	static const char *const texts[] = {ES256_REGISTER, RS256_REGISTER};
	static const char *const keys[] = {ES256_KEY, RS256_KEY};
	static struct proof p;
	struct devkey k;

	for (size_t i = 0; i < 2; i++) {
		enum devkey_alg alg = i == 0 ? DEVKEY_ES256 : DEVKEY_RS256;

		CHECK_INT(proof_read(span_str(texts[i]), &p), 0);
		CHECK_INT(p.alg, alg);
		CHECK(p.has_key && span_eq(p.jti, SPAN_LIT(CHALLENGE_1)));
		CHECK(span_eq(p.authorization, SPAN_LIT("a")) && p.aud.n == 0);
		CHECK_INT(devkey_from_jwk(span_str(keys[i]), alg, &k), 0);
		CHECK(k.n == p.key.n && memcmp(k.bytes, p.key.bytes, k.n) == 0);
		CHECK_INT(proof_verify(&p, &p.key), 0);
	}
}

static void
a_refresh_brings_no_key_and_verifies_with_the_one_that_is_known(void)
{
	static struct proof p;
	struct devkey es, rs, other;

	CHECK_INT(devkey_from_jwk(SPAN_LIT(ES256_KEY), DEVKEY_ES256, &es), 0);
	CHECK_INT(devkey_from_jwk(SPAN_LIT(RS256_KEY), DEVKEY_RS256, &rs), 0);
	CHECK_INT(proof_read(SPAN_LIT(ES256_REFRESH), &p), 0);
	CHECK(!p.has_key && span_eq(p.jti, SPAN_LIT(CHALLENGE_2)) &&
	      p.authorization.n == 0);
	CHECK_INT(proof_verify(&p, &p.key), WF_EVERIFY);
	CHECK_INT(proof_verify(&p, &es), 0);
	CHECK_INT(proof_verify(&p, &rs), WF_EVERIFY);
	/* The same bytes, said to be of the other algorithm. */
	other = es;
	other.alg = DEVKEY_RS256;
	CHECK_INT(proof_verify(&p, &other), WF_EVERIFY);
	p.alg = DEVKEY_RS256;
	CHECK_INT(proof_verify(&p, &es), WF_EVERIFY);
	CHECK_INT(proof_read(SPAN_LIT(RS256_REFRESH), &p), 0);
	CHECK_INT(proof_verify(&p, &rs), 0);
	CHECK_INT(proof_verify(&p, &es), WF_EVERIFY);
	p.signature[255] ^= 1;
	CHECK_INT(proof_verify(&p, &rs), WF_EVERIFY);
}

static void
strings_are_decoded(void)
{
	static struct proof p;
	struct span t =
	    proof_of("{\"t\\u0079p\":\"dbsc\\u002bjwt\",\"alg\":\"ES256\",\"kid\":7}",
		     " {\"aud\":\"https:\\/\\/"
		     "a\",\"jti\":\"c\\\"\\u3042\",\"iat\":1,\"authorization\":\"\"} ",
		     64);

	CHECK_INT(proof_read(t, &p), 0);
	CHECK(span_eq(p.jti, SPAN_LIT("c\"\xe3\x81\x82")));
	CHECK(span_eq(p.aud, SPAN_LIT("https://a")) && p.authorization.n == 0);
	CHECK_INT(p.signature_n, 64);
	CHECK(p.signed_part.p == t.p && p.signed_part.n == t.n - 87);
}

static void
other_headers_are_refused(void)
{
	static const struct {
		int err;
		const char *header;
	} bad[] = {
	    {WF_ENOTFOUND, "{}"},
	    {WF_ENOTFOUND, "{\"alg\":\"ES256\"}"},
	    {WF_ENOTFOUND, "{\"typ\":\"dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\",\"typ\":\"dbsc+JWT\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt \"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\",\"typ\":\"application/dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"none\",\"typ\":\"dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"HS256\",\"typ\":\"dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"es256\",\"typ\":\"dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES384\",\"typ\":\"dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\\u0000\",\"typ\":\"dbsc+jwt\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256ES256ES256ES256\",\"typ\":\"dbsc+jwt\"}"},
	    {WF_ESYNTAX, "{\"alg\":1,\"typ\":\"dbsc+jwt\"}"},
	    {WF_ESYNTAX, "{\"alg\":[\"ES256\"],\"typ\":\"dbsc+jwt\"}"},
	    {WF_EAMBIGUOUS, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"alg\":\"ES256\"}"},
	    {WF_EAMBIGUOUS, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"Typ\":\"JWT\"}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"crit\":[]}"},
	    {WF_EUNSUPPORTED, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"crit\":null}"},
	    {WF_EUNSUPPORTED,
	     "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"crit\":\"b64\"}"},
	    {WF_EAMBIGUOUS,
	     "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"crit\":[],\"crit\":[]}"},
	    {WF_ESYNTAX, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"jwk\":null}"},
	    {WF_ESYNTAX, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"jwk\":\"{}\"}"},
	    {WF_ESYNTAX, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"jwk\":[]}"},
	    {WF_ENOTFOUND, "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"jwk\":{}}"},
	    {WF_EUNSUPPORTED,
	     "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"jwk\":" RS256_KEY "}"},
	    {WF_EAMBIGUOUS,
	     "{\"jwk\":" ES256_KEY
	     ",\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\",\"jwk\":" ES256_KEY "}"},
	    {WF_ESYNTAX, "[]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_refused(bad[i].err, bad[i].header, PAYLOAD, 64);
}

static void
other_payloads_are_refused(void)
{
	static const struct {
		int err;
		const char *payload;
	} bad[] = {
	    {WF_ENOTFOUND, "{}"},
	    {WF_ENOTFOUND, "{\"JTI\":\"c\"}"},
	    {WF_ENOTFOUND, "{\"a\":{\"jti\":\"c\"}}"},
	    {WF_ESYNTAX, "{\"jti\":\"\"}"},
	    {WF_ESYNTAX, "{\"jti\":5}"},
	    {WF_ESYNTAX, "{\"jti\":null}"},
	    {WF_EAMBIGUOUS, "{\"jti\":\"c\",\"jti\":\"c\"}"},
	    {WF_EAMBIGUOUS, "{\"jti\":\"c\",\"\\u006ati\":\"c\"}"},
	    {WF_ESYNTAX, "{\"jti\":\"c\",\"aud\":[\"a\"]}"},
	    {WF_ESYNTAX, "{\"jti\":\"c\",\"aud\":null}"},
	    {WF_ESYNTAX, "{\"jti\":\"c\",\"authorization\":true}"},
	    {WF_EAMBIGUOUS, "{\"jti\":\"c\",\"aud\":\"a\",\"AUD\":\"b\"}"},
	    {WF_ETRAILING, "{\"jti\":\"c\"}{}"},
	    {WF_ESYNTAX, "\"jti\""},
	    {WF_ESYNTAX, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_refused(bad[i].err, HEADER, bad[i].payload, 64);
}

static void
a_signature_of_another_length_is_refused(void)
{
	static struct proof p;
	struct span t;

	for (size_t n = 0; n <= PROOF_SIGNATURE + 1; n++)
		if (n != 64)
			check_refused(WF_ESYNTAX, HEADER, PAYLOAD, n);
	CHECK_INT(proof_read(proof_of(HEADER, PAYLOAD, 64), &p), 0);
	/* 64 bytes have four bits to spare in their last digit. */
	t = proof_of(HEADER, PAYLOAD, 64);
	text[t.n - 1] = 'B';
	CHECK_INT(proof_read(t, &p), WF_ESYNTAX);
	text[t.n - 1] = '=';
	CHECK_INT(proof_read(t, &p), WF_ESYNTAX);
}

/* A member that nobody reads makes the text 4095 to 4098 bytes long. */
static void
longer_texts_are_refused(void)
{
	static char payload[PROOF_MAX];
	static struct proof p;
	unsigned full = 0, read = 0;

	for (int pad = 2890; pad < 2960; pad++) {
		struct span t;
		int err;

		snprintf(payload, sizeof(payload), "{\"jti\":\"c\",\"p\":\"%0*d\"}", pad,
			 0);
		t = proof_of(HEADER, payload, 64);
		err = proof_read(t, &p);
		CHECK_INT(err, t.n <= PROOF_MAX ? 0 : WF_EFULL);
		full += t.n > PROOF_MAX && t.n < PROOF_MAX + 3;
		read += t.n <= PROOF_MAX && t.n > PROOF_MAX - 3;
	}
	CHECK(full > 0 && read > 0);
}

/* As much as a payload can hold is one string. */
static void
a_long_string_is_whole(void)
{
	static char payload[PROOF_MAX];
	static struct proof p;

	snprintf(payload, sizeof(payload), "{\"jti\":\"c\",\"aud\":\"%0*d\"}", 2800, 0);
	CHECK_INT(proof_read(proof_of(HEADER, payload, 64), &p), 0);
	CHECK_INT(p.aud.n, 2800);
	CHECK(p.aud.p[2799] == '0' && span_eq(p.jti, SPAN_LIT("c")));
}

static void
a_fields_value_is_bare_or_quoted(void)
{
	static const char *const good[] = {"a", "s-AZaz09_", "a.b.c", ES256_REFRESH};
	static const char *const bad[] = {
	    "",		 "\"",	 "\"\"", "\"a",	      "a\"",	    "\"a\"b\"",
	    "\"\"a\"\"", " a",	 "a ",	 "\"a\" ",    "\" a\"",	    "\"a\";p=1",
	    "a;p=1",	 "a, b", "a,b",	 "\"a\\\"\"", "\"a\\\\b\"", "'a'",
	    ":YQ==:",	 "a=",	 "a/b",	 "a+b",	      "a\tb",	    "a\x7f",
	    "\xc3\xa9",	 "a:b"};
	char quoted[600];
	struct span out;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(quoted, sizeof(quoted), "\"%s\"", good[i]);
		CHECK_INT(proof_unquote(span_str(good[i]), &out), 0);
		CHECK(span_eq(out, span_str(good[i])));
		CHECK_INT(proof_unquote(span_str(quoted), &out), 0);
		CHECK(span_eq(out, span_str(good[i])));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (proof_unquote(span_str(bad[i]), &out) != WF_ESYNTAX || out.n != 0) {
			printf("# accepted: %s\n", bad[i]);
			tap_bad = 1;
		}
	}
	CHECK_INT(proof_unquote(span_of("a\0b", 3), &out), WF_ESYNTAX);
	CHECK_INT(proof_unquote(span_of(NULL, 0), &out), WF_ESYNTAX);
}

int
main(void)
{
	TAP_RUN(a_registration_is_read_and_verifies_with_its_own_key);
	TAP_RUN(a_refresh_brings_no_key_and_verifies_with_the_one_that_is_known);
	TAP_RUN(strings_are_decoded);
	TAP_RUN(other_headers_are_refused);
	TAP_RUN(other_payloads_are_refused);
	TAP_RUN(a_signature_of_another_length_is_refused);
	TAP_RUN(longer_texts_are_refused);
	TAP_RUN(a_long_string_is_whole);
	TAP_RUN(a_fields_value_is_bare_or_quoted);
	return tap_done();
}
