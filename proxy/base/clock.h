/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/clock.h - the time, and what it looks like as text.
 *
 * clock_mono and clock_wall are the only calls of the system's clock in the project:
 * roles in proxy/main and loops in proxy/net read them and pass the time down. All else
 * here is pure arithmetic on the proleptic Gregorian calendar, without leap seconds and
 * without time zones.
 *
 * Units    nanoseconds (uint64_t) or seconds (int64_t) since 1970-01-01T00:00:00Z.
 * Errors   text readers 0 or WF_ESYNTAX, WF_ERANGE.
 * Threads  pure, except for the two readings, which are safe everywhere.
 */
#ifndef WARIFU_BASE_CLOCK_H
#define WARIFU_BASE_CLOCK_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

#define CLOCK_SEC UINT64_C(1000000000)
#define CLOCK_MS UINT64_C(1000000)

enum {
	CLOCK_HTTP_TEXT = 30, /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */
	CLOCK_ISO_TEXT = 25,  /* "1994-11-06T08:49:37.123Z" and NUL */
	CLOCK_DAY_TEXT = 11,  /* "1994-11-06" and NUL */
	CLOCK_MONTH_TEXT = 8, /* "1994-11" and NUL */
};

struct clock_date {
	int64_t year;
	unsigned month, day;	    /* from 1 */
	unsigned hour, minute, sec; /* 0..59; never 60 */
	unsigned weekday;	    /* 0 = Sunday */
};

/* Never goes back; its zero is arbitrary. */
uint64_t clock_mono(void);
/* May jump. */
uint64_t clock_wall(void);

/* Days since 1970-01-01 of a valid date; WF_ERANGE for 30 February and its like, and
 * outside the years 1 to 9999. */
int clock_days(int64_t year, unsigned month, unsigned day, int64_t *days);
struct clock_date clock_date(int64_t sec);
/* The UTC day number of a wall-clock reading. */
int64_t clock_day(uint64_t wall_ns);

/* Text of times in the years 1 to 9999; outside, the nearest end of that range. */
void clock_http(int64_t sec, char out[CLOCK_HTTP_TEXT]);
void clock_iso(uint64_t wall_ns, char out[CLOCK_ISO_TEXT]);
void clock_day_text(int64_t day, char out[CLOCK_DAY_TEXT]);
void clock_month_text(int64_t day, char out[CLOCK_MONTH_TEXT]);

/* "2026-03-01", "2026-03-01T10:20:30Z" or with fraction; UTC only, from 1970 on. */
int clock_iso_parse(struct span text, uint64_t *wall_ns);

#endif
