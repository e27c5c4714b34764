/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The family rules. Each library has a habit that its authors have had no reason to
 * change for years: the order of its own preference lists, or an extension that nobody
 * else sends. Version-dependent features (groups, ECH, certificate compression) are not
 * used. An impersonator may copy a habit; that is why a family is evidence only when it
 * *changes* within one session.
 */
#include "proxy/wire/tlsfp.h"

#include "proxy/base/must.h"

enum {
	EXT_STATUS_V2 = 17,
	EXT_ENCRYPT_THEN_MAC = 22,
	EXT_RECORD_SIZE_LIMIT = 28,
	EXT_DELEGATED_CREDENTIALS = 34,
	CIPHER_ECDHE_ECDSA_AES128 = 0xc02b,
	CIPHER_ECDHE_ECDSA_AES256 = 0xc02c,
	SIG_PKCS1_SHA256 = 0x0401,
	SIG_ECDSA_SHA256 = 0x0403,
	SIG_ECDSA_SHA384 = 0x0503,
	SIG_PSS_RSAE_SHA256 = 0x0804,
	SIG_PSS_PSS_SHA256 = 0x0809,
};

static bool
family_ext(const struct hello *h, uint16_t wanted)
{
	struct span rest = h->extensions;
	struct span body;
	uint16_t type;

	while (hello_ext_next(&rest, &type, &body))
		if (type == wanted)
			return true;
	return false;
}

/* Do the signature algorithms begin with these two, GREASE aside? */
static bool
family_sigs(const struct hello *h, uint16_t first, uint16_t second)
{
	uint16_t got[2] = {0, 0};
	size_t n = 0;

	for (size_t i = 0; i < h->sigalgs.n / 2 && n < 2; i++)
		if (!hello_grease(hello_u16(h->sigalgs, i)))
			got[n++] = hello_u16(h->sigalgs, i);
	return got[0] == first && got[1] == second;
}

/* Both greasers, told apart by which of two equally strong suites comes first: Chrome
 * prefers AES-128, Safari AES-256. */
static enum tlsfp_family
family_greaser(const struct hello *h)
{
	for (size_t i = 0; i < h->ciphers.n / 2; i++) {
		uint16_t c = hello_u16(h->ciphers, i);

		if (c == CIPHER_ECDHE_ECDSA_AES256)
			return TLSFP_APPLE;
		if (c == CIPHER_ECDHE_ECDSA_AES128)
			return TLSFP_BORINGSSL;
	}
	return TLSFP_BORINGSSL;
}

enum tlsfp_family
tlsfp_family(const struct hello *h)
{
	for (size_t i = 0; i < h->ciphers.n / 2; i++)
		if (hello_grease(hello_u16(h->ciphers, i)))
			return family_greaser(h);
	if (family_ext(h, EXT_STATUS_V2))
		return TLSFP_JAVA;
	if (family_ext(h, EXT_DELEGATED_CREDENTIALS) &&
	    family_ext(h, EXT_RECORD_SIZE_LIMIT) &&
	    family_sigs(h, SIG_ECDSA_SHA256, SIG_ECDSA_SHA384))
		return TLSFP_NSS;
	if (family_sigs(h, SIG_PKCS1_SHA256, SIG_PSS_PSS_SHA256))
		return TLSFP_GNUTLS;
	if (family_sigs(h, SIG_PSS_RSAE_SHA256, SIG_ECDSA_SHA256))
		return TLSFP_GO;
	if (family_ext(h, EXT_ENCRYPT_THEN_MAC) && h->point_formats.n == 3)
		return TLSFP_OPENSSL;
	if (family_sigs(h, SIG_ECDSA_SHA384, SIG_ECDSA_SHA256))
		return TLSFP_RUSTLS;
	return TLSFP_OTHER;
}

const char *
tlsfp_family_name(enum tlsfp_family f)
{
	static const char *const names[] = {
	    [TLSFP_OTHER] = "other",	 [TLSFP_BORINGSSL] = "boringssl",
	    [TLSFP_NSS] = "nss",	 [TLSFP_APPLE] = "apple",
	    [TLSFP_OPENSSL] = "openssl", [TLSFP_GNUTLS] = "gnutls",
	    [TLSFP_GO] = "go",		 [TLSFP_JAVA] = "java",
	    [TLSFP_RUSTLS] = "rustls",
	};

	return (size_t)f < ARRAY_LEN(names) ? names[f] : names[TLSFP_OTHER];
}
