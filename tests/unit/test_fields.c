/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "proxy/wire/fields.h"
#include "tests/unit/tap.h"

#define ADD(f, name, value) CHECK_INT(fields_add(f, SPAN_LIT(name), SPAN_LIT(value)), 0)

static void
every_known_name_is_found_in_any_case(void)
{
	char text[64];

	for (int id = 1; id < FIELD_COUNT; id++) {
		struct span name = fields_name((enum field_id)id);

		CHECK(name.n > 0 && name.n < sizeof(text));
		CHECK_INT(fields_id(name), id);
		for (size_t i = 0; i < name.n; i++)
			text[i] = (char)toupper(name.p[i]);
		CHECK_INT(fields_id(span_of(text, name.n)), id);
	}
}

static void
a_name_off_by_one_byte_is_not_found(void)
{
	uint8_t text[64];

	for (int id = 1; id < FIELD_COUNT; id++) {
		struct span name = fields_name((enum field_id)id);

		for (size_t i = 0; i < name.n; i++) {
			for (int flip = 1; flip < 256; flip <<= 1) {
				bool same_letter = flip == 0x20 && isalpha(name.p[i]);
				enum field_id got;

				memcpy(text, name.p, name.n);
				text[i] ^= (uint8_t)flip;
				got = fields_id(span_of(text, name.n));
				CHECK(same_letter ? (int)got == id : (int)got != id);
			}
		}
		CHECK(fields_id(span_of(name.p, name.n - 1)) != (enum field_id)id);
	}
	CHECK_INT(fields_id(span_of(NULL, 0)), FIELD_OTHER);
}

static void
exactly_one_or_absent_or_ambiguous(void)
{
	struct field at[4];
	struct fields f = fields_over(at, 4);
	struct span v;

	ADD(&f, "Origin", "https://a.example");
	ADD(&f, "x-own", "1");
	ADD(&f, "X-Own", "2");
	CHECK_INT(fields_one(&f, FIELD_ORIGIN, &v), 0);
	CHECK(span_eq(v, SPAN_LIT("https://a.example")));
	CHECK_INT(fields_one(&f, FIELD_HOST, &v), WF_ENOTFOUND);
	CHECK_INT(fields_one_name(&f, SPAN_LIT("X-OWN"), &v), WF_EAMBIGUOUS);
	CHECK_INT(v.n, 0);
	CHECK_INT(fields_one_name(&f, SPAN_LIT("x-none"), &v), WF_ENOTFOUND);
	ADD(&f, "ORIGIN", "null");
	CHECK_INT(fields_one(&f, FIELD_ORIGIN, &v), WF_EAMBIGUOUS);
	CHECK_INT(fields_add(&f, SPAN_LIT("a"), SPAN_LIT("b")), WF_EFULL);
	CHECK_INT(f.n, 4);
}

static void
order_and_bytes_stay_as_received(void)
{
	struct field at[3];
	struct fields f = fields_over(at, 3);

	ADD(&f, "Set-Cookie", "a=1");
	ADD(&f, "sEt-cOOkie", "b=2");
	CHECK(fields_find(&f, FIELD_SET_COOKIE, 0) == &at[0]);
	CHECK(fields_find(&f, FIELD_SET_COOKIE, 1) == &at[1]);
	CHECK(fields_find(&f, FIELD_SET_COOKIE, 2) == NULL);
	CHECK(span_eq(at[1].name, SPAN_LIT("sEt-cOOkie")));
}

static void
lists_are_split_at_commas_and_trimmed(void)
{
	struct span rest = SPAN_LIT(" ,a , ,\tb c,,d "), t;

	CHECK(fields_token(&rest, &t) && span_eq(t, SPAN_LIT("a")));
	CHECK(fields_token(&rest, &t) && span_eq(t, SPAN_LIT("b c")));
	CHECK(fields_token(&rest, &t) && span_eq(t, SPAN_LIT("d")));
	CHECK(!fields_token(&rest, &t));
	CHECK_INT(t.n, 0);
}

static void
names_written_with_underscores_are_known(void)
{
	CHECK(fields_alias(SPAN_LIT("Content.Length")));
	CHECK(fields_alias(SPAN_LIT("Remote~User")));
	CHECK(fields_alias(SPAN_LIT("Warifu!Site")));
	CHECK(!fields_alias(SPAN_LIT("my.own.field")));
	CHECK(fields_name_alike(SPAN_LIT("X.Remote^User"), SPAN_LIT("x-remote-user")));
	CHECK(fields_alias(SPAN_LIT("Content_Length")));
	CHECK(fields_alias(SPAN_LIT("TRANSFER_ENCODING")));
	CHECK(fields_alias(SPAN_LIT("X_Forwarded-User")));
	CHECK(fields_alias(SPAN_LIT("Warifu_Site")));
	CHECK(fields_alias(SPAN_LIT("Sec-Session_Id")));
	CHECK(!fields_alias(SPAN_LIT("Content-Length")));
	CHECK(!fields_alias(SPAN_LIT("my_own_field")));
	CHECK(!fields_alias(SPAN_LIT("Content__Length")));
	CHECK(!fields_alias(SPAN_LIT("a_name_that_is_longer_than_any_known_name")));
	CHECK(fields_name_alike(SPAN_LIT("Remote_User"), SPAN_LIT("remote-user")));
	CHECK(!fields_name_alike(SPAN_LIT("Remote_User"), SPAN_LIT("remote-users")));
}

static void
reserved_names_say_whose_they_are(void)
{
	CHECK_INT(fields_reserved(SPAN_LIT("Warifu-Site")), FIELDS_OURS);
	CHECK_INT(fields_reserved(SPAN_LIT("wARIFU_anything")), FIELDS_OURS);
	CHECK_INT(fields_reserved(SPAN_LIT("Secure-Session-Response")), FIELDS_DEVICE);
	CHECK_INT(fields_reserved(SPAN_LIT("Sec-Secure-Session-Id")), FIELDS_DEVICE);
	CHECK_INT(fields_reserved(SPAN_LIT("sec_session_x")), FIELDS_DEVICE);
	CHECK_INT(fields_reserved(SPAN_LIT("Sec-Fetch-Site")), FIELDS_FREE);
	CHECK_INT(fields_reserved(SPAN_LIT("Warifu")), FIELDS_FREE);
	CHECK_INT(fields_reserved(SPAN_LIT("")), FIELDS_FREE);
}

static bool
drops(const struct fields_hop *hop, const char *name)
{
	struct field x = {span_str(name), {NULL, 0}, fields_id(span_str(name))};

	return fields_drop_hop(hop, &x);
}

static void
hop_by_hop_fields_and_what_connection_names_are_dropped(void)
{
	static const char *const hop_names[] = {"Connection",
						"keep-alive",
						"TE",
						"Trailer",
						"Transfer-Encoding",
						"Upgrade",
						"Proxy-Connection",
						"Proxy-Authorization",
						"Proxy-Authenticate",
						"HTTP2-Settings",
						"x-own"};
	struct field at[2];
	struct fields f = fields_over(at, 2);
	struct fields_hop hop;

	ADD(&f, "Connection", "keep-alive, X-Own,");
	ADD(&f, "connection", "Upgrade, close");
	CHECK_INT(fields_hop_read(&f, &hop), 0);
	CHECK(hop.close && hop.keep_alive && hop.upgrade);
	CHECK_INT(hop.n, 1);
	for (size_t i = 0; i < sizeof(hop_names) / sizeof(hop_names[0]); i++)
		CHECK(drops(&hop, hop_names[i]));
	CHECK(!drops(&hop, "Cookie"));
	CHECK(!drops(&hop, "x-owned"));
}

static int
hop_of(const char *value)
{
	struct field at[1];
	struct fields f = fields_over(at, 1);
	struct fields_hop hop;

	CHECK_INT(fields_add(&f, SPAN_LIT("Connection"), span_str(value)), 0);
	return fields_hop_read(&f, &hop);
}

static void
connection_cannot_name_away_what_rules_rely_on(void)
{
	CHECK_INT(hop_of("close, Cookie"), WF_EDENIED);
	CHECK_INT(hop_of("Host"), WF_EDENIED);
	CHECK_INT(hop_of("transfer-encoding"), WF_EDENIED);
	CHECK_INT(hop_of("X-Forwarded-For"), WF_EDENIED);
	CHECK_INT(hop_of("te, trailer"), 0);
	CHECK_INT(hop_of("a b"), WF_ESYNTAX);
	CHECK_INT(hop_of("\"close\""), WF_ESYNTAX);
	CHECK_INT(hop_of("a,b,c,d,e,f,g,h"), 0);
	CHECK_INT(hop_of("a,b,c,d,e,f,g,h,i"), WF_ESYNTAX);
	CHECK_INT(hop_of(""), 0);
}

int
main(void)
{
	TAP_RUN(every_known_name_is_found_in_any_case);
	TAP_RUN(a_name_off_by_one_byte_is_not_found);
	TAP_RUN(exactly_one_or_absent_or_ambiguous);
	TAP_RUN(order_and_bytes_stay_as_received);
	TAP_RUN(lists_are_split_at_commas_and_trimmed);
	TAP_RUN(names_written_with_underscores_are_known);
	TAP_RUN(reserved_names_say_whose_they_are);
	TAP_RUN(hop_by_hop_fields_and_what_connection_names_are_dropped);
	TAP_RUN(connection_cannot_name_away_what_rules_rely_on);
	return tap_done();
}
