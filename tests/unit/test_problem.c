/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/problem.h"

#include "proxy/base/fallback.h"
#include "proxy/base/text.h"
#include "tests/unit/tap.h"

static char body[PROBLEM_BODY_MAX + 1];

static const char *
written(const struct problem *p)
{
	size_t len;

	CHECK_INT(problem_write(p, body, PROBLEM_BODY_MAX, &len), 0);
	body[len] = '\0';
	return body;
}

static void
challenge_has_every_member_of_rfc_9457(void)
{
	struct problem p = {.kind = PROBLEM_CHALLENGE,
			    .lang = PROBLEM_EN,
			    .support = SPAN_LIT("7K3M-Q2XD"),
			    .login = SPAN_LIT("/login?next=%2Fa")};

	CHECK_STR(written(&p),
		  "{\"type\":\"urn:warifu:challenge\",\"title\":\"Please log in again\","
		  "\"status\":403,\"detail\":\"We could not confirm that this is the "
		  "device and the place where you logged in.\","
		  "\"instance\":\"urn:warifu:support:7K3M-Q2XD\","
		  "\"support\":\"7K3M-Q2XD\",\"login\":\"/login?next=%2Fa\"}");
}

static void
values_of_another_form_are_left_out(void)
{
	struct problem p = {.kind = PROBLEM_TOSSING,
			    .lang = PROBLEM_JA,
			    .status = 418,
			    .support = SPAN_LIT("a\"b"),
			    .login = SPAN_LIT("//evil.example/")};

	CHECK(strstr(written(&p), "\"status\":418") != NULL);
	CHECK(strstr(body, "instance") == NULL);
	CHECK(strstr(body, "login\"") == NULL);
	CHECK(strstr(body, "Cookieが重複") != NULL);
}

static void
a_login_path_cannot_leave_the_site(void)
{
	CHECK(problem_local_path(SPAN_LIT("/")));
	CHECK(problem_local_path(SPAN_LIT("/login?a=b&c=%20#x")));
	CHECK(!problem_local_path(SPAN_LIT("")));
	CHECK(!problem_local_path(SPAN_LIT("//evil.example")));
	CHECK(!problem_local_path(SPAN_LIT("/\\evil.example")));
	CHECK(!problem_local_path(SPAN_LIT("https://evil.example/")));
	CHECK(!problem_local_path(SPAN_LIT("javascript:alert(1)")));
	CHECK(!problem_local_path(SPAN_LIT("/a b")));
	CHECK(!problem_local_path(SPAN_LIT("/a\tb")));
	CHECK(!problem_local_path(SPAN_LIT("/a\0b")));
	CHECK(!problem_local_path(SPAN_LIT("/a\"b")));
	CHECK(!problem_local_path(SPAN_LIT("/割")));
}

static void
every_kind_fits_and_speaks_both_languages(void)
{
	char long_path[PROBLEM_PATH_MAX];
	char long_support[PROBLEM_SUPPORT_MAX];

	memset(long_path, '/', 1);
	memset(long_path + 1, '&', sizeof(long_path) - 1);
	memset(long_support, 'Z', sizeof(long_support));
	for (unsigned k = 0; k < PROBLEM_COUNT; k++) {
		enum problem_kind kind = (enum problem_kind)k;
		enum problem_kind found;
		struct problem p = {kind, PROBLEM_JA, 0,
				    span_of(long_support, sizeof(long_support)),
				    SPAN_LIT("/login")};
		size_t len;

		CHECK_INT(problem_write(&p, body, PROBLEM_BODY_MAX, &len), 0);
		CHECK_INT(problem_find(span_str(problem_token(kind)), &found), 0);
		CHECK_INT(found, kind);
		CHECK(problem_status(kind) >= 400 && problem_status(kind) < 600);
		for (int lang = PROBLEM_EN; lang <= PROBLEM_JA; lang++) {
			enum problem_lang l = (enum problem_lang)lang;

			CHECK(text_printable(span_str(problem_title(kind, l))));
			CHECK(text_printable(span_str(problem_detail(kind, l))));
			CHECK(strlen(problem_title(kind, l)) > 4);
		}
		/* Every byte of such a path becomes a six-byte escape. */
		p.login = span_of(long_path, sizeof(long_path));
		CHECK_INT(problem_write(&p, body, PROBLEM_BODY_MAX, &len), 0);
	}
}

static void
an_unknown_token_reads_as_refused(void)
{
	enum problem_kind kind;

	CHECK_INT(problem_find(SPAN_LIT("challeng"), &kind), WF_ENOTFOUND);
	CHECK_INT(kind, PROBLEM_REFUSED);
	CHECK_INT(problem_find(SPAN_LIT(""), &kind), WF_ENOTFOUND);
}

static void
a_small_buffer_yields_nothing(void)
{
	struct problem p = {.kind = PROBLEM_LOCKED};
	size_t len = 9;

	CHECK_INT(problem_write(&p, body, 20, &len), WF_EFULL);
	CHECK_INT(len, 0);
}

static void
language_follows_the_weights(void)
{
	CHECK_INT(problem_lang_of(SPAN_LIT("ja")), PROBLEM_JA);
	CHECK_INT(problem_lang_of(SPAN_LIT("ja-JP,ja;q=0.9,en-US;q=0.8")), PROBLEM_JA);
	CHECK_INT(problem_lang_of(SPAN_LIT("en-US,en;q=0.9,ja;q=0.8")), PROBLEM_EN);
	CHECK_INT(problem_lang_of(SPAN_LIT("en;q=0.3, ja;q=0.5")), PROBLEM_JA);
	CHECK_INT(problem_lang_of(SPAN_LIT("en, ja")), PROBLEM_EN);
	CHECK_INT(problem_lang_of(SPAN_LIT("fr, JA;q=0.1")), PROBLEM_JA);
	CHECK_INT(problem_lang_of(SPAN_LIT("ja;q=0")), PROBLEM_EN);
	CHECK_INT(problem_lang_of(SPAN_LIT("jab, jax-X")), PROBLEM_EN);
	CHECK_INT(problem_lang_of(SPAN_LIT("*")), PROBLEM_EN);
	CHECK_INT(problem_lang_of(SPAN_LIT("")), PROBLEM_EN);
	CHECK_INT(problem_lang_of(SPAN_LIT(",,,;q=;;,ja;q=x")), PROBLEM_EN);
}

static void
the_fallback_page_is_small_whole_and_bilingual(void)
{
	char page[FALLBACK_MAX + 1];
	char support[PROBLEM_SUPPORT_MAX];
	size_t len;

	memset(support, 'Z', sizeof(support));
	for (unsigned k = 0; k < PROBLEM_COUNT; k++) {
		CHECK_INT(fallback_page((enum problem_kind)k,
					span_of(support, sizeof(support)), page,
					FALLBACK_MAX, &len),
			  0);
		CHECK(len < 1200);
	}
	CHECK_INT(fallback_page(PROBLEM_CHALLENGE, SPAN_LIT("7K3M-Q2XD"), page,
				FALLBACK_MAX, &len),
		  0);
	page[len] = '\0';
	CHECK(strstr(page, "Please log in again") != NULL);
	CHECK(strstr(page, "もう一度ログイン") != NULL);
	CHECK(strstr(page, "<strong>7K3M-Q2XD</strong>") != NULL);
	CHECK(strstr(page, "<script") == NULL && strstr(page, "<style") == NULL);
	CHECK_INT(
	    fallback_page(PROBLEM_CHALLENGE, SPAN_LIT("<b>x"), page, FALLBACK_MAX, &len),
	    0);
	page[len] = '\0';
	CHECK(strstr(page, "<strong>") == NULL);
	CHECK_INT(fallback_page(PROBLEM_CHALLENGE, SPAN_LIT("x"), page, 100, &len),
		  WF_EFULL);
	CHECK_INT(len, 0);
}

static void
the_fallback_carries_the_security_fields(void)
{
	const char *wanted[] = {"Content-Security-Policy", "Cache-Control",
				"X-Content-Type-Options", "Referrer-Policy",
				"Cross-Origin-Opener-Policy"};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const struct fallback_field *f = fallback_fields;

		while (f->name && strcmp(f->name, wanted[i]) != 0)
			f++;
		CHECK(f->name != NULL);
	}
}

int
main(void)
{
	TAP_RUN(challenge_has_every_member_of_rfc_9457);
	TAP_RUN(values_of_another_form_are_left_out);
	TAP_RUN(a_login_path_cannot_leave_the_site);
	TAP_RUN(every_kind_fits_and_speaks_both_languages);
	TAP_RUN(an_unknown_token_reads_as_refused);
	TAP_RUN(a_small_buffer_yields_nothing);
	TAP_RUN(language_follows_the_weights);
	TAP_RUN(the_fallback_page_is_small_whole_and_bilingual);
	TAP_RUN(the_fallback_carries_the_security_fields);
	return tap_done();
}
