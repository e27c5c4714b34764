/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/proof.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/wire/jws.h"

_Static_assert((int)PROOF_MAX <= (int)JWS_MAX, "jws_decode reads the longest proof");

/* A member of the header that must be there, short. */
static int
proof_word(struct span header, const char *name, uint8_t *buf, size_t cap,
    struct span *out)
{
	int err = jsonr_string(header, name, buf, cap, out);

	return err == WF_EFULL ? WF_EUNSUPPORTED : err;
}

static int
proof_alg(struct span header, uint8_t *alg)
{
	uint8_t buf[16];
	struct span s;
	int err = proof_word(header, "alg", buf, sizeof(buf), &s);

	if (err != 0)
		return err;
	if (span_eq(s, SPAN_LIT("ES256")))
		*alg = DEVKEY_ES256;
	else if (span_eq(s, SPAN_LIT("RS256")))
		*alg = DEVKEY_RS256;
	else
		return WF_EUNSUPPORTED;
	return 0;
}

static int
proof_key(struct span header, struct proof *out)
{
	struct jsonr v;
	int err = jsonr_path(header, "jwk", NULL, 0, &v);

	if (err == WF_ENOTFOUND)
		return 0;
	if (err == WF_EFULL || (err == 0 && v.type != JSONR_OBJECT))
		return WF_ESYNTAX;
	if (err == 0)
		err = devkey_from_jwk(v.raw, (enum devkey_alg)out->alg, &out->key);
	out->has_key = err == 0;
	return err;
}

/* RFC 7515 section 4.1.11: what `crit` lists must be understood; we know of nothing. */
static int
proof_crit(struct span header)
{
	struct jsonr v;
	int err = jsonr_path(header, "crit", NULL, 0, &v);

	if (err == WF_ENOTFOUND)
		return 0;
	return err == 0 || err == WF_EFULL ? WF_EUNSUPPORTED : err;
}

static int
proof_header(struct span header, struct proof *out)
{
	uint8_t buf[16];
	struct span typ;
	int err = proof_crit(header);

	if (err == 0)
		err = proof_word(header, "typ", buf, sizeof(buf), &typ);
	if (err == 0 && !span_eq(typ, SPAN_LIT("dbsc+jwt")))
		err = WF_EUNSUPPORTED;
	if (err == 0)
		err = proof_alg(header, &out->alg);
	return err == 0 ? proof_key(header, out) : err;
}

/* The strings stand one behind the other in out->strings; decoded they are no longer than
 * in the payload, which fits there whole. */
static int
proof_payload(struct span payload, struct proof *out)
{
	struct {
		const char *name;
		struct span *text;
		bool needed;
	} members[] = {
	    {"jti", &out->jti, true},
	    {"authorization", &out->authorization, false},
	    {"aud", &out->aud, false},
	};
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		int err = jsonr_string(payload, members[i].name, out->strings + used,
		    sizeof(out->strings) - used, members[i].text);

		if (err != 0 && (err != WF_ENOTFOUND || members[i].needed))
			return err;
		used += members[i].text->n;
	}
	return out->jti.n > 0 ? 0 : WF_ESYNTAX;
}

static int
proof_signature(struct span text, struct proof *out)
{
	size_t want = out->alg == DEVKEY_ES256 ? DEVKEY_ES256_LEN : DEVKEY_RS256_LEN;
	size_t n;
	int err = text_unb64url(text, out->signature, sizeof(out->signature), &n);

	if (err != 0 || n != want)
		return WF_ESYNTAX;
	out->signature_n = (uint16_t)n;
	return 0;
}

int
proof_read(struct span text, struct proof *out)
{
	uint8_t json[PROOF_STRINGS];
	struct jws t;
	int err = text.n <= PROOF_MAX ? 0 : WF_EFULL;

	memset(out, 0, sizeof(*out));
	if (err == 0)
		err = jws_decode(text, json, sizeof(json), &t);
	if (err == 0)
		err = proof_header(t.header, out);
	if (err == 0)
		err = proof_payload(t.payload, out);
	if (err == 0)
		err = proof_signature(t.signature, out);
	if (err == 0)
		out->signed_part = t.signing_input;
	else
		memset(out, 0, sizeof(*out));
	return err;
}

int
proof_verify(const struct proof *p, const struct devkey *key)
{
	if (p->alg != key->alg)
		return WF_EVERIFY;
	return devkey_verify(key, p->signed_part, span_of(p->signature, p->signature_n));
}

/* base64url's letters, and the dots between the parts of a token. */
static bool
proof_letter(uint8_t c)
{
	uint8_t low = span_lower(c);

	return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_' || c == '.';
}

int
proof_unquote(struct span value, struct span *out)
{
	*out = (struct span){NULL, 0};
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		value = span_of(value.p + 1, value.n - 2);
	if (value.n == 0)
		return WF_ESYNTAX;
	for (size_t i = 0; i < value.n; i++)
		if (!proof_letter(value.p[i]))
			return WF_ESYNTAX;
	*out = value;
	return 0;
}
