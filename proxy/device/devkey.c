/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/devkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

#include "proxy/base/digest.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/wire/jsonr.h"

enum {
	DEVKEY_COORDINATE = DEVKEY_ES256_LEN / 2,
	DEVKEY_RSA_TEXT = (4 * DEVKEY_RS256_LEN + 2) / 3 + 1, /* base64url, with NUL */
	DEVKEY_EC_TEXT = (4 * DEVKEY_COORDINATE + 2) / 3 + 1,
	DEVKEY_EXPONENT = 65537,
	DEVKEY_DER = 2 + 2 * (2 + 1 + DEVKEY_COORDINATE),
};

/* --- from a JWK --- */

/* A member that must be this text. */
static int
devkey_word(struct span jwk, const char *name, struct span want)
{
	uint8_t buf[16];
	struct span s;
	int err = jsonr_string(jwk, name, buf, sizeof(buf), &s);

	if (err != 0)
		return err == WF_EFULL ? WF_EUNSUPPORTED : err;
	return span_eq(s, want) ? 0 : WF_EUNSUPPORTED;
}

/* A number of exactly n bytes. */
static int
devkey_number(struct span jwk, const char *name, uint8_t *out, size_t n)
{
	uint8_t text[DEVKEY_RSA_TEXT];
	struct span s;
	size_t len = 0;
	int err = jsonr_string(jwk, name, text, sizeof(text), &s);

	if (err == 0)
		err = text_unb64url(s, out, n, &len);
	if (err == WF_EFULL || (err == 0 && len != n))
		return WF_EUNSUPPORTED;
	return err;
}

/* What only a private or a symmetric key has (RFC 7518 section 6). */
static int
devkey_private(struct span jwk)
{
	static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
	struct jsonr v;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int err = jsonr_path(jwk, names[i], NULL, 0, &v);

		if (err == 0 || err == WF_EFULL)
			return WF_EDENIED;
		if (err != WF_ENOTFOUND)
			return err;
	}
	return 0;
}

static int
devkey_read_ec(struct span jwk, struct devkey *k)
{
	uint8_t *y = k->bytes + DEVKEY_COORDINATE;
	int err = devkey_word(jwk, "kty", SPAN_LIT("EC"));

	if (err == 0)
		err = devkey_word(jwk, "crv", SPAN_LIT("P-256"));
	if (err == 0)
		err = devkey_number(jwk, "x", k->bytes, DEVKEY_COORDINATE);
	if (err == 0)
		err = devkey_number(jwk, "y", y, DEVKEY_COORDINATE);
	k->n = DEVKEY_ES256_LEN;
	return err;
}

static int
devkey_read_rsa(struct span jwk, struct devkey *k)
{
	int err = devkey_word(jwk, "kty", SPAN_LIT("RSA"));

	if (err == 0)
		err = devkey_word(jwk, "e", SPAN_LIT("AQAB"));
	if (err == 0)
		err = devkey_number(jwk, "n", k->bytes, DEVKEY_RS256_LEN);
	k->n = DEVKEY_RS256_LEN;
	return err;
}

/* --- libcrypto's form --- */

static EVP_PKEY *
devkey_import(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
devkey_import_ec(const struct devkey *k)
{
	uint8_t point[1 + DEVKEY_ES256_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[] = "P-256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
		sizeof(point)),
	    OSSL_PARAM_construct_end()};

	memcpy(point + 1, k->bytes, DEVKEY_ES256_LEN);
	return devkey_import("EC", params);
}

static EVP_PKEY *
devkey_import_rsa(const struct devkey *k)
{
	uint8_t modulus[DEVKEY_RS256_LEN];
	unsigned int e = DEVKEY_EXPONENT;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, sizeof(modulus)),
	    OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &e),
	    OSSL_PARAM_construct_end()};
	BIGNUM *n = BN_bin2bn(k->bytes, DEVKEY_RS256_LEN, NULL);
	EVP_PKEY *pkey = NULL;

	/* Parameters have the machine's byte order. */
	if (n != NULL && BN_bn2nativepad(n, modulus, sizeof(modulus)) > 0)
		pkey = devkey_import("RSA", params);
	BN_free(n);
	return pkey;
}

/* NULL as well for a point that is none of the curve. */
static EVP_PKEY *
devkey_open(const struct devkey *k)
{
	if (k->alg == DEVKEY_ES256 && k->n == DEVKEY_ES256_LEN)
		return devkey_import_ec(k);
	if (k->alg == DEVKEY_RS256 && k->n == DEVKEY_RS256_LEN)
		return devkey_import_rsa(k);
	return NULL;
}

/* A point of the curve, other than infinity. P-256 has no smaller group: the full check
 * says by multiplying what the quick one knows by reading. */
static bool
devkey_on_curve(const struct devkey *k, bool quick)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey;
	bool good = false;

	(void)ERR_set_mark();
	pkey = devkey_open(k);
	if (pkey != NULL)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (ctx != NULL)
		good = 1 == (quick ? EVP_PKEY_public_check_quick(ctx)
				   : EVP_PKEY_public_check(ctx));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	(void)ERR_pop_to_mark();
	return good;
}

/* Odd, and of full length: with a zero in front it would be a shorter number. To look
 * for factors costs milliseconds, which a stranger could have us spend by sending
 * numbers, and finds only a key that harms nobody but its owner. */
static bool
devkey_modulus(const struct devkey *k)
{
	return k->n == DEVKEY_RS256_LEN && k->bytes[0] & 0x80 &&
	       k->bytes[DEVKEY_RS256_LEN - 1] & 1;
}

int
devkey_from_jwk(struct span jwk_json, enum devkey_alg alg, struct devkey *out)
{
	struct devkey k = {.alg = (uint8_t)alg};
	int err = devkey_private(jwk_json);

	*out = (struct devkey){.alg = DEVKEY_NONE};
	if (err != 0)
		return err;
	if (alg == DEVKEY_ES256)
		err = devkey_read_ec(jwk_json, &k);
	else if (alg == DEVKEY_RS256)
		err = devkey_read_rsa(jwk_json, &k);
	else
		err = WF_EUNSUPPORTED;
	if (err != 0)
		return err;
	if (!(alg == DEVKEY_ES256 ? devkey_on_curve(&k, false) : devkey_modulus(&k)))
		return WF_EVERIFY;
	*out = k;
	return 0;
}

bool
devkey_valid(const struct devkey *key)
{
	if (key->alg == DEVKEY_RS256)
		return devkey_modulus(key);
	return key->alg == DEVKEY_ES256 && devkey_on_curve(key, true);
}

/* --- its name --- */

/* The members that RFC 7638 names, in its order and without space. */
int
devkey_thumbprint(const struct devkey *key, uint8_t out[DEVKEY_THUMB])
{
	char x[DEVKEY_EC_TEXT], y[DEVKEY_EC_TEXT], n[DEVKEY_RSA_TEXT], text[sizeof(n) + 64];
	const uint8_t *bytes = key->bytes;

	memset(out, 0, DEVKEY_THUMB);
	if (key->alg == DEVKEY_ES256 && key->n == DEVKEY_ES256_LEN) {
		text_b64url(span_of(bytes, DEVKEY_COORDINATE), x);
		text_b64url(span_of(bytes + DEVKEY_COORDINATE, DEVKEY_COORDINATE), y);
		snprintf(text, sizeof(text),
		    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
	} else if (key->alg == DEVKEY_RS256 && key->n == DEVKEY_RS256_LEN) {
		text_b64url(span_of(bytes, DEVKEY_RS256_LEN), n);
		snprintf(text, sizeof(text),
		    "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"%s\"}", n);
	} else {
		return WF_EUNSUPPORTED;
	}
	digest_sha256(span_str(text), out);
	return 0;
}

/* --- what it signed --- */

/* r and s, each of fixed length, as the DER that libcrypto reads. Returns its length. */
static size_t
devkey_der(struct span rs, uint8_t out[DEVKEY_DER])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs.p, DEVKEY_COORDINATE, NULL);
	BIGNUM *s = BN_bin2bn(rs.p + DEVKEY_COORDINATE, DEVKEY_COORDINATE, NULL);
	int n = 0;

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(sig, &out);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

/* RSA's padding is PKCS#1 v1.5 unless told. */
static bool
devkey_check(EVP_PKEY *pkey, struct span signed_part, struct span signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int yes = 0;

	if (ctx != NULL &&
	    EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1)
		yes = EVP_DigestVerify(ctx, signature.p, signature.n, signed_part.p,
		    signed_part.n);
	EVP_MD_CTX_free(ctx);
	return yes == 1;
}

int
devkey_verify(const struct devkey *key, struct span signed_part, struct span signature)
{
	uint8_t der[DEVKEY_DER];
	EVP_PKEY *pkey;
	bool good = false;

	/* Both kinds of signature have their key's length. */
	if (key->alg == DEVKEY_NONE || signature.n != key->n)
		return WF_EVERIFY;
	(void)ERR_set_mark();
	pkey = devkey_open(key);
	if (pkey != NULL && key->alg == DEVKEY_ES256)
		signature = span_of(der, devkey_der(signature, der));
	if (pkey != NULL && signature.n > 0)
		good = devkey_check(pkey, signed_part, signature);
	EVP_PKEY_free(pkey);
	(void)ERR_pop_to_mark();
	return good ? 0 : WF_EVERIFY;
}
