/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/reason.h"
#include "tests/unit/tap.h"

static void
names_and_numbers_are_unique(void)
{
	const struct reason_info *a, *b;

	for (size_t i = 0; (a = reason_at(i)) != NULL; i++) {
		for (size_t k = i + 1; (b = reason_at(k)) != NULL; k++) {
			CHECK(a->reason != b->reason);
			CHECK(strcmp(a->name, b->name) != 0);
		}
		CHECK(a->reason != REASON_NONE);
	}
}

static void
names_are_short_words_joined_by_hyphens(void)
{
	const struct reason_info *a;

	for (size_t i = 0; (a = reason_at(i)) != NULL; i++) {
		size_t n = strlen(a->name);

		CHECK(n > 0 && n <= 31);
		CHECK(strspn(a->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n);
	}
}

static void
every_reason_has_a_status_that_serves_nothing_and_two_sentences(void)
{
	const struct reason_info *a;

	for (size_t i = 0; (a = reason_at(i)) != NULL; i++) {
		/* 307: the same request again, behind a proof of the device. */
		CHECK((a->status >= 400 && a->status <= 505) || a->status == 307);
		CHECK(strlen(a->operators) > 15);
		CHECK(strlen(a->auditors) > 20 &&
		      a->auditors[strlen(a->auditors) - 1] == '.');
	}
}

static void
look_up_by_name_and_number_agree(void)
{
	const struct reason_info *a;

	for (size_t i = 0; (a = reason_at(i)) != NULL; i++) {
		CHECK(reason_info(a->reason) == a);
		CHECK_INT(reason_by_name(span_str(a->name)), a->reason);
	}
	CHECK_INT(reason_by_name(SPAN_LIT("no-such-reason")), REASON_NONE);
}

static void
an_unknown_number_still_has_a_sentence(void)
{
	CHECK_STR(reason_name((enum reason)60000), "unknown");
	CHECK_STR(reason_name(REASON_NONE), "unknown");
	CHECK(reason_info((enum reason)60000)->auditors != NULL);
}

int
main(void)
{
	TAP_RUN(names_and_numbers_are_unique);
	TAP_RUN(names_are_short_words_joined_by_hyphens);
	TAP_RUN(every_reason_has_a_status_that_serves_nothing_and_two_sentences);
	TAP_RUN(look_up_by_name_and_number_agree);
	TAP_RUN(an_unknown_number_still_has_a_sentence);
	return tap_done();
}
