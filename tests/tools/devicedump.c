/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/devicedump.c - what warifu sees in devices' proofs, keys, challenges,
 * tokens.
 *
 * Reads lines of words from standard input; a word is hex unless said otherwise, "-" is
 * an empty one. Writes a line of JSON for each; errors are numbers of err.def,
 * negative.
 *
 *   P TEXT                          a proof, verified with the key that it brings
 *   V ALG JWK TEXT                  a proof, verified with this key; ALG is a number
 *   S ALG JWK SIGNED SIGNATURE      a signature
 *   C MACKEY PURPOSE SESSION STAMP  makes a challenge; the last is decimal
 *   c MACKEY PURPOSE TEXT           reads one
 *   T MACKEY KIND SESSION ISSUED EXPIRES CONTEXT    makes a token; times are decimal
 *   t MACKEY TEXT                   reads one
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/device/challenge.h"
#include "proxy/device/proof.h"
#include "proxy/device/token.h"

enum { WORDS = 8, LINE_MAX_BYTES = 1 << 16 };

struct words {
	struct span w[WORDS]; /* as they stand */
	uint8_t *bytes[WORDS];
	size_t n;
};

static struct words
words_of(struct span line)
{
	struct words s = {.n = 0};
	ptrdiff_t at;

	while (s.n < WORDS && line.n > 0) {
		at = span_chr(line, ' ');
		s.w[s.n++] = span_of(line.p, at < 0 ? line.n : (size_t)at);
		line = at < 0 ? span_of(NULL, 0) : span_tail(line, (size_t)at + 1);
	}
	return s;
}

/* A word's bytes, in a block of exactly that size, so that a sanitizer sees a read past
 * it. */
static struct span
bytes_of(struct words *s, size_t i)
{
	size_t n;

	MUST(i < s->n && s->bytes[i] == NULL);
	n = span_eq(s->w[i], SPAN_LIT("-")) ? 0 : s->w[i].n / 2;
	s->bytes[i] = malloc(n + (n == 0));
	MUST(s->bytes[i] != NULL && (n == 0 || text_unhex(s->w[i], s->bytes[i], n) == 0));
	return span_of(s->bytes[i], n);
}

static void
words_free(struct words *s)
{
	for (size_t i = 0; i < WORDS; i++)
		free(s->bytes[i]);
}

static uint64_t
number_of(const struct words *s, size_t i)
{
	uint64_t v = 0;

	MUST(i < s->n && text_uint(s->w[i], UINT64_MAX, &v) == 0);
	return v;
}

static void
put_hex(const char *name, struct span s)
{
	char *text = malloc(2 * s.n + 1);

	MUST(text != NULL);
	text_hex(s, text);
	printf(", \"%s\": \"%s\"", name, text);
	free(text);
}

static void
put_thumb(const struct devkey *key)
{
	uint8_t thumb[DEVKEY_THUMB];

	if (devkey_thumbprint(key, thumb) == 0)
		put_hex("thumb", span_of(thumb, sizeof(thumb)));
	printf(", \"valid\": %s", devkey_valid(key) ? "true" : "false");
}

static void
dump_proof(struct span text, const struct devkey *key)
{
	static struct proof p;
	int err = proof_read(text, &p);

	if (key == NULL)
		key = &p.key;
	printf("{\"read\": %d, \"verified\": %d", err, proof_verify(&p, key));
	if (err == 0) {
		printf(", \"alg\": %d, \"key\": %s", p.alg, p.has_key ? "true" : "false");
		put_hex("jti", p.jti);
		put_hex("authorization", p.authorization);
		put_hex("aud", p.aud);
		put_thumb(key);
	}
	puts("}");
}

static void
dump_with_key(struct words *s, bool proof)
{
	struct span jwk = bytes_of(s, 2);
	struct devkey key;
	int err = devkey_from_jwk(jwk, (enum devkey_alg)number_of(s, 1), &key);

	if (err == 0 && proof) {
		dump_proof(bytes_of(s, 3), &key);
		return;
	}
	printf("{\"read\": %d", err);
	if (err == 0) {
		printf(", \"verified\": %d",
		       devkey_verify(&key, bytes_of(s, 3), bytes_of(s, 4)));
		put_thumb(&key);
	}
	puts("}");
}

static void
make_challenge(struct mac *mac, struct words *s)
{
	struct span session = bytes_of(s, 3);
	char text[CHALLENGE_TEXT];

	MUST(session.n == CHALLENGE_SESSION);
	challenge_make(mac, (enum challenge_purpose)number_of(s, 2), session.p,
		       number_of(s, 4), text);
	printf("{\"text\": \"%s\"}\n", text);
}

static void
read_challenge(struct mac *mac, struct words *s)
{
	enum challenge_purpose purpose = (enum challenge_purpose)number_of(s, 2);
	uint8_t session[CHALLENGE_SESSION];
	uint64_t stamp;
	int err = challenge_read(mac, purpose, bytes_of(s, 3), session, &stamp);

	printf("{\"read\": %d, \"stamp\": %" PRIu64, err, stamp);
	put_hex("session", span_of(session, sizeof(session)));
	puts("}");
}

static void
make_token(struct mac *mac, struct words *s)
{
	struct span session = bytes_of(s, 3), context = bytes_of(s, 6);
	struct token t = {.kind = (uint8_t)number_of(s, 2), .issued_s = number_of(s, 4),
	    .expires_s = number_of(s, 5)};
	char text[TOKEN_TEXT];

	MUST(session.n == TOKEN_SESSION && context.n == TOKEN_CONTEXT);
	memcpy(t.session, session.p, TOKEN_SESSION);
	memcpy(t.context, context.p, TOKEN_CONTEXT);
	token_make(mac, &t, text);
	printf("{\"text\": \"%s\"}\n", text);
}

static void
read_token(struct mac *mac, struct words *s)
{
	struct token t;

	printf("{\"read\": %d", token_read(mac, bytes_of(s, 2), &t));
	printf(", \"kind\": %d, \"issued\": %" PRIu64 ", \"expires\": %" PRIu64, t.kind,
	    t.issued_s, t.expires_s);
	put_hex("session", span_of(t.session, TOKEN_SESSION));
	put_hex("context", span_of(t.context, TOKEN_CONTEXT));
	puts("}");
}

static void
dump_under_mac(struct words *s, void (*fn)(struct mac *, struct words *))
{
	struct mac *mac = mac_new(bytes_of(s, 1));

	MUST(mac != NULL);
	fn(mac, s);
	mac_free(mac);
}

static void
dump_line(struct words *s)
{
	MUST(s->n >= 2 && s->w[0].n == 1);
	switch (s->w[0].p[0]) {
	case 'P':
		dump_proof(bytes_of(s, 1), NULL);
		break;
	case 'V':
	case 'S':
		dump_with_key(s, s->w[0].p[0] == 'V');
		break;
	case 'C':
		dump_under_mac(s, make_challenge);
		break;
	case 'c':
		dump_under_mac(s, read_challenge);
		break;
	case 'T':
		dump_under_mac(s, make_token);
		break;
	case 't':
		dump_under_mac(s, read_token);
		break;
	default:
		MUST(!"a line of mine");
	}
}

int
main(void)
{
	static char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct words s = words_of(span_of(line, strcspn(line, "\n")));

		dump_line(&s);
		words_free(&s);
		fflush(stdout);
	}
	return 0;
}
