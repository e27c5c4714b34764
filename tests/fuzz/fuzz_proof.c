/* SPDX-License-Identifier: Apache-2.0 */
/* What is read as a proof holds together, and verifying it ends, with its own key and
 * with another; a key that is read is one that can be stored. */
#include "proxy/device/proof.h"

#include "proxy/base/must.h"
#include "proxy/wire/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_key(const struct devkey *k)
{
	uint8_t thumb[DEVKEY_THUMB];

	MUST(devkey_valid(k));
	MUST(devkey_thumbprint(k, thumb) == 0);
	MUST(k->n == (k->alg == DEVKEY_ES256 ? DEVKEY_ES256_LEN : DEVKEY_RS256_LEN));
}

static void
check_jwk(struct span jwk)
{
	struct devkey k;

	for (int alg = DEVKEY_ES256; alg <= DEVKEY_RS256; alg++) {
		if (devkey_from_jwk(jwk, (enum devkey_alg)alg, &k) == 0) {
			MUST(k.alg == alg);
			check_key(&k);
		} else {
			MUST(k.alg == DEVKEY_NONE && k.n == 0);
		}
	}
}

static bool
inside(struct span s, const struct proof *p)
{
	return s.n == 0 ||
	       (s.p >= p->strings && s.n <= (size_t)(p->strings + PROOF_STRINGS - s.p));
}

static void
check_proof(struct span text, const struct proof *p)
{
	struct devkey other = {.alg = p->alg, .n = p->signature_n, .bytes = {0x80}};

	MUST(jws_looks_like(text) && text.n <= PROOF_MAX);
	MUST(p->jti.n > 0 && inside(p->jti, p) && inside(p->authorization, p) &&
	     inside(p->aud, p));
	MUST(p->signed_part.p == text.p && p->signed_part.n < text.n);
	MUST(p->signature_n == (p->alg == DEVKEY_ES256 ? 64 : 256));
	MUST(p->has_key == (p->key.alg == p->alg) &&
	     (p->has_key || p->key.alg == DEVKEY_NONE));
	if (p->has_key)
		check_key(&p->key);
	(void)proof_verify(p, &p->key);
	other.bytes[other.n - 1] = 1;
	MUST(proof_verify(p, &other) == WF_EVERIFY);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct proof p;
	struct span text = span_of(data, size), bare;

	if (proof_read(text, &p) == 0) {
		check_proof(text, &p);
		MUST(proof_unquote(text, &bare) == 0 && span_eq(bare, text));
	} else {
		MUST(p.alg == DEVKEY_NONE && !p.has_key && p.jti.n == 0 &&
		     p.signature_n == 0);
	}
	if (proof_unquote(text, &bare) == 0) {
		MUST(bare.n == size || bare.n + 2 == size);
		(void)proof_read(bare, &p);
	}
	check_jwk(text);
	return 0;
}
