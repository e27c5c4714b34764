/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/device/challenge.h"

#include "tests/unit/devicemac.h"
#include "tests/unit/deviceproofs.h"
#include "tests/unit/tap.h"

static const uint64_t stamps[] = {0, 1, 1790000000000000000, UINT64_MAX};

static void
challenges_are_the_vectors_of_the_document(void)
{
	struct mac *mac = vector_mac(0);
	char text[CHALLENGE_TEXT];

	challenge_make(mac, CHALLENGE_REGISTER, vector_session, 1790000000000000000,
		       text);
	CHECK_STR(text, CHALLENGE_1);
	challenge_make(mac, CHALLENGE_REFRESH, vector_session, 1790000000000000001, text);
	CHECK_STR(text, CHALLENGE_2);
	mac_free(mac);
}

static void
what_was_made_is_read(void)
{
	struct mac *mac = vector_mac(0);
	char text[CHALLENGE_TEXT];
	uint8_t session[16];
	uint64_t stamp;

	for (size_t i = 0; i < ARRAY_LEN(stamps); i++) {
		challenge_make(mac, CHALLENGE_REFRESH, vector_session, stamps[i], text);
		CHECK_INT(strlen(text), CHALLENGE_TEXT - 1);
		memset(session, 0, sizeof(session));
		stamp = 5;
		CHECK_INT(challenge_read(mac, CHALLENGE_REFRESH, span_str(text), session,
					 &stamp),
			  0);
		CHECK(stamp == stamps[i] && memcmp(session, vector_session, 16) == 0);
	}
	mac_free(mac);
}

static void
check_refused(struct mac *mac, enum challenge_purpose purpose, struct span text, int err)
{
	static const uint8_t none[16];
	uint8_t session[16];
	uint64_t stamp = 5;

	memset(session, 0xa5, sizeof(session));
	CHECK_INT(challenge_read(mac, purpose, text, session, &stamp), err);
	CHECK(stamp == 0 && memcmp(session, none, 16) == 0);
}

static void
a_challenge_is_good_for_its_purpose_only(void)
{
	struct mac *mac = vector_mac(0);

	check_refused(mac, CHALLENGE_REFRESH, SPAN_LIT(CHALLENGE_1), WF_EVERIFY);
	check_refused(mac, CHALLENGE_REGISTER, SPAN_LIT(CHALLENGE_2), WF_EVERIFY);
	mac_free(mac);
}

static void
nobody_else_can_make_one(void)
{
	struct mac *mac = vector_mac(0), *other = vector_mac(1);
	struct span s;
	char text[SPOILED_MAX];
	uint8_t session[16];
	uint64_t stamp;

	check_refused(other, CHALLENGE_REGISTER, SPAN_LIT(CHALLENGE_1), WF_EVERIFY);
	check_refused(mac, CHALLENGE_REGISTER, SPAN_LIT(TOKEN_1), WF_ESYNTAX);
	for (unsigned n = 0; spoil(CHALLENGE_1, n, text, &s); n++)
		CHECK(challenge_read(mac, CHALLENGE_REGISTER, s, session, &stamp) < 0);
	mac_free(mac);
	mac_free(other);
}

int
main(void)
{
	TAP_RUN(challenges_are_the_vectors_of_the_document);
	TAP_RUN(what_was_made_is_read);
	TAP_RUN(a_challenge_is_good_for_its_purpose_only);
	TAP_RUN(nobody_else_can_make_one);
	return tap_done();
}
