/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/devkey.h"

#include <openssl/err.h>

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "tests/unit/deviceproofs.h"
#include "tests/unit/tap.h"

/* RFC 7638 section 3.1. */
#define RFC_N                                                                              \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1" \
	"L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4" \
	"QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO" \
	"pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF" \
	"Cur-kEgU8awapJzKnqDKgw"
#define RFC_THUMB "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
/* RFC 9449 section 6.1. */
#define DPOP_X "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"
#define DPOP_Y "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
#define DPOP_THUMB "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
/* RFC 7515 appendix A.3. */
#define JWS_KEY                                                                            \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define JWS_PART                                                                           \
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l" \
	"eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define JWS_SIGNATURE                                                                      \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-K" \
	"g6NU1Q"

/* 379 times the generator: its x begins with a zero byte. */
#define ZERO_X "AFVDiUrz0A7X10Cr29dclrBod7eH219w7qeLkKjXwAo"
#define ZERO_X_SHORT "VUOJSvPQDtfXQKvb11yWsGh3t4fbX3Dup4uQqNfACg"
#define ZERO_Y "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I"

#define EC(x, y) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x "\",\"y\":\"" y "\"}"
#define RSA(n, e) "{\"kty\":\"RSA\",\"n\":\"" n "\",\"e\":\"" e "\"}"

static struct devkey
key_of(const char *jwk, enum devkey_alg alg)
{
	struct devkey k;

	CHECK_INT(devkey_from_jwk(span_str(jwk), alg, &k), 0);
	CHECK(devkey_valid(&k));
	return k;
}

static void
check_thumb(const char *jwk, enum devkey_alg alg, const char *want)
{
	struct devkey k = key_of(jwk, alg);
	uint8_t thumb[DEVKEY_THUMB];
	char text[64];

	CHECK_INT(devkey_thumbprint(&k, thumb), 0);
	text_b64url(span_of(thumb, sizeof(thumb)), text);
	CHECK_STR(text, want);
}

static void
thumbprints_are_those_of_the_rfcs(void)
{
	struct devkey none = {.alg = DEVKEY_NONE};
	uint8_t thumb[DEVKEY_THUMB];

	check_thumb(RSA(RFC_N, "AQAB"), DEVKEY_RS256, RFC_THUMB);
	check_thumb(EC(DPOP_X, DPOP_Y), DEVKEY_ES256, DPOP_THUMB);
	check_thumb(ES256_KEY, DEVKEY_ES256, ES256_THUMB);
	check_thumb(RS256_KEY, DEVKEY_RS256, RS256_THUMB);
	CHECK_INT(devkey_thumbprint(&none, thumb), WF_EUNSUPPORTED);
}

static void
a_key_has_one_thumbprint_however_it_is_written(void)
{
	check_thumb("{ \"y\" : \"" DPOP_Y "\",\n\"x\":\"" DPOP_X
		    "\",\"crv\":\"P\\u002d256\","
		    "\"k\\u0074y\":\"EC\" }",
		    DEVKEY_ES256, DPOP_THUMB);
	check_thumb(
	    "{\"kid\":\"1\",\"use\":\"sig\",\"alg\":\"RS256\",\"key_ops\":[\"verify\"],"
	    "\"ext\":true,\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"" RFC_N "\"}",
	    DEVKEY_RS256, RFC_THUMB);
}

static void
a_coordinate_keeps_the_zeros_in_front(void)
{
	struct devkey k = key_of(EC(ZERO_X, ZERO_Y), DEVKEY_ES256);

	CHECK_INT(k.bytes[0], 0);
	CHECK_INT(devkey_from_jwk(SPAN_LIT(EC(ZERO_X_SHORT, ZERO_Y)), DEVKEY_ES256, &k),
	    WF_EUNSUPPORTED);
}

static void
what_is_no_key_is_refused(void)
{
	static const struct {
		int err;
		enum devkey_alg alg;
		const char *jwk;
	} bad[] = {
	    {WF_EUNSUPPORTED, DEVKEY_NONE, EC(DPOP_X, DPOP_Y)},
	    {WF_EUNSUPPORTED, (enum devkey_alg)3, EC(DPOP_X, DPOP_Y)},
	    {WF_EUNSUPPORTED, DEVKEY_RS256, EC(DPOP_X, DPOP_Y)},
	    {WF_EUNSUPPORTED, DEVKEY_ES256, RSA(RFC_N, "AQAB")},
	    {WF_EVERIFY, DEVKEY_ES256, EC(DPOP_Y, DPOP_X)},
	    {WF_EVERIFY, DEVKEY_ES256,
	     EC("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")},
	    /* The field's prime and what is above it. */
	    {WF_EVERIFY, DEVKEY_ES256,
	     EC("_____wAAAAEAAAAAAAAAAAAAAAD_______________8", DPOP_Y)},
	    {WF_EVERIFY, DEVKEY_ES256,
	     EC("__________________________________________8", DPOP_Y)},
	    {WF_ESYNTAX, DEVKEY_ES256,
	     EC("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFt", DPOP_Y)},
	    {WF_ESYNTAX, DEVKEY_ES256, EC(DPOP_X "=", DPOP_Y)},
	    {WF_ESYNTAX, DEVKEY_ES256,
	     EC(DPOP_X, "+VE4jf/Ok/o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")},
	    {WF_EUNSUPPORTED, DEVKEY_ES256, EC("", DPOP_Y)},
	    {WF_EUNSUPPORTED, DEVKEY_ES256,
	     EC("AJfLRa4cft-LVd4USAkQ2PcwpA5aQYReNlEFH1lQFgRb", DPOP_Y)},
	    {WF_EUNSUPPORTED, DEVKEY_ES256,
	     EC(DPOP_X, "VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")},
	    {WF_EAMBIGUOUS, DEVKEY_ES256, EC(DPOP_X "\",\"x\":\"" DPOP_X, DPOP_Y)},
	    {WF_EAMBIGUOUS, DEVKEY_ES256, EC(DPOP_X "\",\"X\":\"" DPOP_X, DPOP_Y)},
	    {WF_EAMBIGUOUS, DEVKEY_ES256, EC(DPOP_X, DPOP_Y "\",\"kty\":\"EC")},
	    {WF_EDENIED, DEVKEY_ES256, EC(DPOP_X, DPOP_Y "\",\"d\":\"" DPOP_X)},
	    {WF_EDENIED, DEVKEY_ES256, EC(DPOP_X, DPOP_Y "\",\"k\":\"")},
	    {WF_EDENIED, DEVKEY_RS256, RSA(RFC_N, "AQAB\",\"p\":null,\"kid\":\"")},
	    {WF_EDENIED, DEVKEY_RS256, RSA(RFC_N, "AQAB\",\"oth\":[],\"kid\":\"")},
	    {WF_ENOTFOUND, DEVKEY_ES256,
	     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" DPOP_X "\"}"},
	    {WF_ESYNTAX, DEVKEY_ES256,
	     "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":5,\"y\":\"" DPOP_Y "\"}"},
	    {WF_EUNSUPPORTED, DEVKEY_ES256,
	     "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" DPOP_X "\",\"y\":\"" DPOP_Y
	     "\"}"},
	    {WF_EUNSUPPORTED, DEVKEY_RS256, RSA(RFC_N, "Aw")},
	    {WF_EUNSUPPORTED, DEVKEY_RS256, RSA(RFC_N, "AAEAAQ")},
	    {WF_EUNSUPPORTED, DEVKEY_RS256, RSA("AA" RFC_N, "AQAB")},
	    {WF_EUNSUPPORTED, DEVKEY_RS256, RSA("AQAB", "AQAB")},
	    {WF_EUNSUPPORTED, DEVKEY_RS256, RSA(RFC_N RFC_N, "AQAB")},
	    {WF_ETRAILING, DEVKEY_ES256, EC(DPOP_X, DPOP_Y) "{}"},
	    {WF_ENOTFOUND, DEVKEY_ES256, "[" EC(DPOP_X, DPOP_Y) "]"},
	    {WF_ETRUNCATED, DEVKEY_ES256, ""},
	};
	static const struct devkey none;
	struct devkey k;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int err;

		memset(&k, 0xa5, sizeof(k));
		err = devkey_from_jwk(span_str(bad[i].jwk), bad[i].alg, &k);
		CHECK(k.alg == none.alg && k.n == none.n &&
		      memcmp(k.bytes, none.bytes, sizeof(k.bytes)) == 0);
		if (err != bad[i].err) {
			printf("# %d, not %d: %s\n", err, bad[i].err, bad[i].jwk);
			tap_bad = 1;
		}
	}
}

static void
a_modulus_is_odd_and_of_2048_bits(void)
{
	struct devkey k = key_of(RS256_KEY, DEVKEY_RS256);
	char n[400], jwk[500];

	k.bytes[0] &= 0x7f;
	CHECK(!devkey_valid(&k));
	text_b64url(span_of(k.bytes, DEVKEY_RS256_LEN), n);
	snprintf(jwk, sizeof(jwk), "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", n);
	CHECK_INT(devkey_from_jwk(span_str(jwk), DEVKEY_RS256, &k), WF_EVERIFY);
	k = key_of(RS256_KEY, DEVKEY_RS256);
	k.bytes[DEVKEY_RS256_LEN - 1] ^= 1;
	CHECK(!devkey_valid(&k));
	text_b64url(span_of(k.bytes, DEVKEY_RS256_LEN), n);
	snprintf(jwk, sizeof(jwk), "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", n);
	CHECK_INT(devkey_from_jwk(span_str(jwk), DEVKEY_RS256, &k), WF_EVERIFY);
}

static void
a_stored_key_that_was_altered_is_not_valid(void)
{
	struct devkey ec = key_of(ES256_KEY, DEVKEY_ES256), k = ec;

	/* Of one x only two y are on the curve, and they differ in more than one bit. */
	for (unsigned bit = 256; bit < 512; bit++) {
		k.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK(!devkey_valid(&k));
		k.bytes[bit / 8] = ec.bytes[bit / 8];
	}
	CHECK(devkey_valid(&k));
	k.n = 63;
	CHECK(!devkey_valid(&k));
	k.n = DEVKEY_RS256_LEN;
	CHECK(!devkey_valid(&k));
	k = ec;
	k.alg = DEVKEY_RS256;
	CHECK(!devkey_valid(&k));
	for (unsigned alg = 0; alg < 256; alg++) {
		k.alg = (uint8_t)alg;
		CHECK(devkey_valid(&k) == (alg == DEVKEY_ES256));
	}
}

static int
verify(const struct devkey *k, const char *part, const char *signature)
{
	uint8_t bytes[DEVKEY_BYTES + 8];
	size_t n;

	MUST(text_unb64url(span_str(signature), bytes, sizeof(bytes), &n) == 0);
	return devkey_verify(k, span_str(part), span_of(bytes, n));
}

static void
the_signature_of_rfc_7515_verifies_and_others_do_not(void)
{
	struct devkey k = key_of(JWS_KEY, DEVKEY_ES256),
		      other = key_of(ES256_KEY, DEVKEY_ES256);
	struct devkey off = k, none = {.alg = DEVKEY_NONE};
	char *dot = strrchr(ES256_REFRESH, '.');

	CHECK_INT(verify(&k, JWS_PART, JWS_SIGNATURE), 0);
	CHECK_INT(verify(&k, JWS_PART "A", JWS_SIGNATURE), WF_EVERIFY);
	CHECK_INT(verify(&k, "", JWS_SIGNATURE), WF_EVERIFY);
	CHECK_INT(verify(&other, JWS_PART, JWS_SIGNATURE), WF_EVERIFY);
	CHECK_INT(verify(&k, JWS_PART, dot + 1), WF_EVERIFY);
	CHECK_INT(verify(&none, JWS_PART, JWS_SIGNATURE), WF_EVERIFY);
	CHECK_INT(verify(&none, JWS_PART, ""), WF_EVERIFY);
	off.bytes[63] ^= 1;
	CHECK_INT(verify(&off, JWS_PART, JWS_SIGNATURE), WF_EVERIFY);
}

static void
a_signature_has_its_algorithms_length(void)
{
	struct devkey k = key_of(JWS_KEY, DEVKEY_ES256);
	uint8_t bytes[DEVKEY_BYTES + 1] = {0};
	size_t n;

	MUST(text_unb64url(SPAN_LIT(JWS_SIGNATURE), bytes, sizeof(bytes), &n) == 0);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		CHECK_INT(devkey_verify(&k, SPAN_LIT(JWS_PART), span_of(bytes, len)),
		    len == n ? 0 : WF_EVERIFY);
	memset(bytes, 0, sizeof(bytes));
	CHECK_INT(devkey_verify(&k, SPAN_LIT(JWS_PART), span_of(bytes, 64)), WF_EVERIFY);
	memset(bytes, 0xff, sizeof(bytes));
	CHECK_INT(devkey_verify(&k, SPAN_LIT(JWS_PART), span_of(bytes, 64)), WF_EVERIFY);
	k = key_of(RS256_KEY, DEVKEY_RS256);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		CHECK_INT(devkey_verify(&k, SPAN_LIT(JWS_PART), span_of(bytes, len)),
			  WF_EVERIFY);
}

/* What stays in the queue would be read as the failure of a TLS connection. */
static void
refusals_leave_libcryptos_error_queue_as_it_was(void)
{
	struct devkey k = key_of(JWS_KEY, DEVKEY_ES256), off = k, got;
	static const uint8_t junk[DEVKEY_BYTES];

	off.bytes[63] ^= 1;
	for (int before = 0; before < 2; before++) {
		ERR_clear_error();
		if (before)
			ERR_raise(ERR_LIB_USER, 7);
		CHECK_INT(
		    devkey_from_jwk(SPAN_LIT(EC(DPOP_Y, DPOP_X)), DEVKEY_ES256, &got),
		    WF_EVERIFY);
		CHECK(!devkey_valid(&off));
		CHECK_INT(devkey_verify(&k, SPAN_LIT(JWS_PART), span_of(junk, 64)),
			  WF_EVERIFY);
		CHECK_INT(devkey_verify(&off, SPAN_LIT(JWS_PART), span_of(junk, 64)),
			  WF_EVERIFY);
		got = key_of(RS256_KEY, DEVKEY_RS256);
		CHECK_INT(devkey_verify(&got, SPAN_LIT(JWS_PART), span_of(junk, 256)),
			  WF_EVERIFY);
		CHECK_INT(ERR_GET_REASON(ERR_get_error()), before ? 7 : 0);
		CHECK_INT(ERR_get_error(), 0);
	}
}

int
main(void)
{
	TAP_RUN(thumbprints_are_those_of_the_rfcs);
	TAP_RUN(a_key_has_one_thumbprint_however_it_is_written);
	TAP_RUN(a_coordinate_keeps_the_zeros_in_front);
	TAP_RUN(what_is_no_key_is_refused);
	TAP_RUN(a_modulus_is_odd_and_of_2048_bits);
	TAP_RUN(a_stored_key_that_was_altered_is_not_valid);
	TAP_RUN(the_signature_of_rfc_7515_verifies_and_others_do_not);
	TAP_RUN(a_signature_has_its_algorithms_length);
	TAP_RUN(refusals_leave_libcryptos_error_queue_as_it_was);
	return tap_done();
}
