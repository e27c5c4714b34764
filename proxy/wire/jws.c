/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/jws.h"

#include "proxy/base/text.h"

static int
jws_split(struct span token, struct span part[3])
{
	ptrdiff_t dot;

	if (token.n > JWS_MAX)
		return WF_EFULL;
	for (unsigned i = 0; i < 2; i++) {
		dot = span_chr(token, '.');
		if (dot <= 0)
			return WF_ESYNTAX;
		part[i] = span_of(token.p, (size_t)dot);
		token = span_tail(token, (size_t)dot + 1);
	}
	part[2] = token;
	return span_chr(token, '.') >= 0 ? WF_ESYNTAX : 0;
}

static bool
jws_alphabet(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = span_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '_')
			return false;
	}
	return true;
}

bool
jws_looks_like(struct span token)
{
	struct span part[3];

	return jws_split(token, part) == 0 && jws_alphabet(part[0]) &&
	       jws_alphabet(part[1]) && jws_alphabet(part[2]);
}

/* One part: base64url that holds a JSON object. */
static int
jws_part(struct span part, uint8_t *buf, size_t cap, struct span *out)
{
	struct jsonr v;
	size_t n;
	int err = text_unb64url(part, buf, cap, &n);

	if (err != 0)
		return err;
	err = jsonr_keys(span_of(buf, n), NULL, 0, NULL, 0, &v);
	if (err == WF_EFULL || (err == 0 && v.type != JSONR_OBJECT))
		return WF_ESYNTAX;
	if (err == 0)
		*out = span_of(buf, n);
	return err;
}

int
jws_decode(struct span token, uint8_t *buf, size_t cap, struct jws *out)
{
	struct jws t = {.header = {NULL, 0}};
	struct span part[3];
	int err;

	*out = t;
	err = jws_split(token, part);
	if (err != 0)
		return err;
	if (!jws_alphabet(part[2]))
		return WF_ESYNTAX;
	err = jws_part(part[0], buf, cap, &t.header);
	if (err != 0)
		return err;
	err = jws_part(part[1], buf + t.header.n, cap - t.header.n, &t.payload);
	if (err != 0)
		return err;
	t.signing_input = span_of(token.p, part[0].n + 1 + part[1].n);
	t.signature = part[2];
	*out = t;
	return 0;
}

int
jws_claim(const struct jws *t, const char *path, uint8_t *buf, size_t cap,
	  struct jsonr *v)
{
	return jsonr_path(t->payload, path, buf, cap, v);
}

int
jws_claim_text(struct span token, const char *path, uint8_t *buf, size_t cap,
	       struct span *text)
{
	struct jws t;
	size_t used;
	int err = jws_decode(token, buf, cap, &t);

	*text = (struct span){NULL, 0};
	if (err != 0)
		return err;
	used = t.header.n + t.payload.n;
	return jsonr_string(t.payload, path, buf + used, cap - used, text);
}
