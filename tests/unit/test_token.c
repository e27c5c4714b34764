/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/token.h"

#include "proxy/device/mactext.h"
#include "tests/unit/devicemac.h"
#include "tests/unit/deviceproofs.h"
#include "tests/unit/tap.h"

static struct token
vector_token(uint8_t kind, uint64_t expires_s)
{
	struct token t = {.kind = kind, .issued_s = 1790000000, .expires_s = expires_s,
	    .context = {0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7}};

	memcpy(t.session, vector_session, sizeof(t.session));
	return t;
}

static bool
same(const struct token *a, const struct token *b)
{
	return a->kind == b->kind && a->issued_s == b->issued_s &&
	       a->expires_s == b->expires_s &&
	       memcmp(a->session, b->session, sizeof(a->session)) == 0 &&
	       memcmp(a->context, b->context, sizeof(a->context)) == 0;
}

static void
tokens_are_the_vectors_of_the_document(void)
{
	struct token grace = vector_token(TOKEN_GRACE, 1790000060), t;
	struct token dbsc = vector_token(TOKEN_DBSC, 1790000330);
	struct mac *mac = vector_mac(0);
	char text[TOKEN_TEXT];

	token_make(mac, &grace, text);
	CHECK_STR(text, TOKEN_1);
	CHECK_INT(token_read(mac, span_str(text), &t), 0);
	CHECK(same(&t, &grace));
	token_make(mac, &dbsc, text);
	CHECK_STR(text, TOKEN_2);
	CHECK_INT(token_read(mac, span_str(text), &t), 0);
	CHECK(same(&t, &dbsc));
	mac_free(mac);
}

static void
the_largest_times_are_kept(void)
{
	struct token made = vector_token(TOKEN_DBSC, UINT64_MAX), t;
	struct mac *mac = vector_mac(0);
	char text[TOKEN_TEXT];

	made.issued_s = UINT64_MAX - 1;
	token_make(mac, &made, text);
	CHECK_INT(strlen(text), TOKEN_TEXT - 1);
	CHECK_INT(token_read(mac, span_str(text), &t), 0);
	CHECK(same(&t, &made));
	mac_free(mac);
}

static void
check_refused(struct mac *mac, struct span text, int err)
{
	struct token t = vector_token(TOKEN_DBSC, 7), none = {.kind = 0};

	CHECK_INT(token_read(mac, text, &t), err);
	CHECK(same(&t, &none));
}

static void
nobody_else_can_make_one(void)
{
	struct mac *mac = vector_mac(0), *other = vector_mac(1);
	char text[SPOILED_MAX];
	struct token t;
	struct span s;

	check_refused(other, SPAN_LIT(TOKEN_1), WF_EVERIFY);
	check_refused(mac, SPAN_LIT(CHALLENGE_1), WF_ESYNTAX);
	for (unsigned n = 0; spoil(TOKEN_2, n, text, &s); n++)
		CHECK(token_read(mac, s, &t) < 0);
	mac_free(mac);
	mac_free(other);
}

/* The bytes of a good token, with a MAC of ours, for another use. */
static void
a_mac_of_another_use_is_none(void)
{
	struct mac *mac = vector_mac(0);
	char text[TOKEN_TEXT];
	static const uint8_t none[42];
	uint8_t body[42], got[42] = {1};

	CHECK_INT(
	    mactext_read(mac, SPAN_LIT("warifu-token"), SPAN_LIT(TOKEN_2), body, 42), 0);
	mactext_make(mac, SPAN_LIT("warifu-challenge"), span_of(body, 42), text);
	check_refused(mac, span_str(text), WF_EVERIFY);
	CHECK_INT(mactext_read(mac, SPAN_LIT("warifu-token"), span_str(text), got, 42),
		  WF_EVERIFY);
	CHECK(memcmp(got, none, 42) == 0);
	mactext_make(mac, SPAN_LIT("warifu-token"), span_of(body, 42), text);
	CHECK_STR(text, TOKEN_2);
	mac_free(mac);
}

static void
other_versions_and_kinds_are_refused(void)
{
	struct mac *mac = vector_mac(0);
	char text[TOKEN_TEXT];
	uint8_t body[42];

	CHECK_INT(
	    mactext_read(mac, SPAN_LIT("warifu-token"), SPAN_LIT(TOKEN_2), body, 42), 0);
	for (unsigned i = 0; i < 256; i++) {
		body[0] = (uint8_t)i;
		mactext_make(mac, SPAN_LIT("warifu-token"), span_of(body, 42), text);
		if (i != 1)
			check_refused(mac, span_str(text), WF_EUNSUPPORTED);
	}
	body[0] = 1;
	for (unsigned i = 0; i < 256; i++) {
		body[1] = (uint8_t)i;
		mactext_make(mac, SPAN_LIT("warifu-token"), span_of(body, 42), text);
		if (i != TOKEN_GRACE && i != TOKEN_DBSC)
			check_refused(mac, span_str(text), WF_EUNSUPPORTED);
	}
	mac_free(mac);
}

int
main(void)
{
	TAP_RUN(tokens_are_the_vectors_of_the_document);
	TAP_RUN(the_largest_times_are_kept);
	TAP_RUN(nobody_else_can_make_one);
	TAP_RUN(a_mac_of_another_use_is_none);
	TAP_RUN(other_versions_and_kinds_are_refused);
	return tap_done();
}
