/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/clock.h"

#include "tests/unit/tap.h"

static void
every_day_to_2400_goes_there_and_back(void)
{
	static const unsigned len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t want = -135140; /* 1600-01-01 */
	unsigned wrong = 0;

	for (int64_t y = 1600; y <= 2400; y++) {
		bool leap = y % 400 == 0 || (y % 4 == 0 && y % 100 != 0);

		for (unsigned m = 1; m <= 12; m++) {
			unsigned days = len[m - 1] + (m == 2 && leap);

			for (unsigned d = 1; d <= days; d++, want++) {
				struct clock_date c = clock_date(want * 86400 + 86399);
				int64_t got;

				wrong +=
				    clock_days(y, m, d, &got) != 0 || got != want ||
				    c.year != y || c.month != m || c.day != d ||
				    c.hour != 23 || c.minute != 59 || c.sec != 59 ||
				    c.weekday != (unsigned)(((want + 4) % 7 + 7) % 7);
			}
			wrong += clock_days(y, m, days + 1, &(int64_t){0}) != WF_ERANGE;
		}
	}
	CHECK_INT(wrong, 0);
	CHECK_INT(want, 157420); /* 2401-01-01 */
}

static void
known_days_have_their_weekday(void)
{
	CHECK_INT(clock_date(0).weekday, 4);	     /* 1970-01-01, Thursday */
	CHECK_INT(clock_date(951782400).weekday, 2); /* 2000-02-29, Tuesday */
	CHECK_INT(clock_date(951782400).day, 29);
	CHECK_INT(clock_date(-1).year, 1969);
	CHECK_INT(clock_date(INT64_C(13569465600)).year, 2400);
}

static void
dates_that_do_not_exist_are_refused(void)
{
	int64_t d;

	CHECK_INT(clock_days(2023, 2, 29, &d), WF_ERANGE);
	CHECK_INT(clock_days(2024, 2, 29, &d), 0);
	CHECK_INT(clock_days(2100, 2, 29, &d), WF_ERANGE);
	CHECK_INT(clock_days(2400, 2, 29, &d), 0);
	CHECK_INT(clock_days(2024, 0, 1, &d), WF_ERANGE);
	CHECK_INT(clock_days(2024, 13, 1, &d), WF_ERANGE);
	CHECK_INT(clock_days(2024, 4, 31, &d), WF_ERANGE);
	CHECK_INT(clock_days(2024, 4, 0, &d), WF_ERANGE);
	CHECK_INT(clock_days(0, 4, 1, &d), WF_ERANGE);
	CHECK_INT(clock_days(10000, 1, 1, &d), WF_ERANGE);
}

static void
writes_http_dates(void)
{
	char out[CLOCK_HTTP_TEXT];

	clock_http(784111777, out);
	CHECK_STR(out, "Sun, 06 Nov 1994 08:49:37 GMT");
	clock_http(0, out);
	CHECK_STR(out, "Thu, 01 Jan 1970 00:00:00 GMT");
	clock_http(INT64_MAX, out);
	CHECK_STR(out, "Fri, 31 Dec 9999 23:59:59 GMT");
	clock_http(INT64_MIN, out);
	CHECK_STR(out, "Mon, 01 Jan 0001 00:00:00 GMT");
}

static void
writes_iso_8601_with_milliseconds(void)
{
	char out[CLOCK_ISO_TEXT], day[CLOCK_DAY_TEXT], month[CLOCK_MONTH_TEXT];

	clock_iso(UINT64_C(784111777123999999), out);
	CHECK_STR(out, "1994-11-06T08:49:37.123Z");
	clock_iso(0, out);
	CHECK_STR(out, "1970-01-01T00:00:00.000Z");
	clock_iso(UINT64_MAX, out);
	CHECK_STR(out, "2554-07-21T23:34:33.709Z");
	CHECK_INT(clock_day(UINT64_C(784111777123999999)), 9075);
	clock_day_text(9075, day);
	CHECK_STR(day, "1994-11-06");
	clock_day_text(-1, day);
	CHECK_STR(day, "1969-12-31");
	clock_day_text(INT64_MAX, day);
	CHECK_STR(day, "9999-12-31");
	clock_month_text(9075, month);
	CHECK_STR(month, "1994-11");
}

static void
reads_back_what_it_writes(void)
{
	uint64_t ns;

	CHECK_INT(clock_iso_parse(SPAN_LIT("1994-11-06T08:49:37.123Z"), &ns), 0);
	CHECK(ns == UINT64_C(784111777123000000));
	CHECK_INT(clock_iso_parse(SPAN_LIT("1994-11-06T08:49:37Z"), &ns), 0);
	CHECK(ns == UINT64_C(784111777000000000));
	CHECK_INT(clock_iso_parse(SPAN_LIT("1994-11-06T08:49:37.123456789Z"), &ns), 0);
	CHECK(ns == UINT64_C(784111777123456789));
	CHECK_INT(clock_iso_parse(SPAN_LIT("1994-11-06"), &ns), 0);
	CHECK(ns == UINT64_C(784080000000000000));
}

static void
other_texts_are_no_times(void)
{
	static const char *const bad[] = {"",
					  "1994",
					  "1994-11",
					  "1994-1-6",
					  "94-11-06",
					  "1994-11-06T",
					  "1994-11-06T08:49Z",
					  "1994-11-06T08:49:37",
					  "1994-11-06T08:49:37+00:00",
					  "1994-11-06T08:49:37.Z",
					  "1994-11-06T08:49:37.1234567890Z",
					  "1994-11-06 08:49:37Z",
					  "1994-11-06T08:49:37Zx",
					  "1994-13-06",
					  "1994-02-29",
					  "1969-12-31",
					  "1994-11-06T24:00:00Z",
					  "1994-11-06T23:60:00Z",
					  "1994-11-06T23:59:60Z",
					  "2554-01-01",
					  "+994-11-06",
					  "1994-11-06x"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(clock_iso_parse(span_str(bad[i]), &ns) < 0);
		CHECK(ns == 0);
	}
}

static void
the_monotonic_clock_does_not_go_back(void)
{
	uint64_t a = clock_mono(), b = clock_mono();

	CHECK(b >= a);
	CHECK(clock_wall() > UINT64_C(1700000000) * CLOCK_SEC);
}

int
main(void)
{
	TAP_RUN(every_day_to_2400_goes_there_and_back);
	TAP_RUN(known_days_have_their_weekday);
	TAP_RUN(dates_that_do_not_exist_are_refused);
	TAP_RUN(writes_http_dates);
	TAP_RUN(writes_iso_8601_with_milliseconds);
	TAP_RUN(reads_back_what_it_writes);
	TAP_RUN(other_texts_are_no_times);
	TAP_RUN(the_monotonic_clock_does_not_go_back);
	return tap_done();
}
