/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/clock.h"

#include <time.h>

#include "proxy/base/must.h"

enum { CLOCK_DAY_SEC = 86400 };

/* 0001-01-01 and 9999-12-31T23:59:59. */
static const int64_t clock_first = INT64_C(-62135596800);
static const int64_t clock_last = INT64_C(253402300799);

static const char clock_weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed",
					  "Thu", "Fri", "Sat"};
static const char clock_months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static uint64_t
clock_read(clockid_t id)
{
	struct timespec ts;

	MUST(clock_gettime(id, &ts) == 0 && ts.tv_sec >= 0);
	return (uint64_t)ts.tv_sec * CLOCK_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_mono(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t
clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

static bool
clock_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static unsigned
clock_month_days(int64_t y, unsigned m)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return m == 2 && clock_leap(y) ? 29 : days[m - 1];
}

/*
 * Both directions count years from March, so that the leap day is a year's last, in eras
 * of 400 years = 146097 days. 719468 is the number of days from 0000-03-01 to 1970-01-01.
 */
int
clock_days(int64_t year, unsigned month, unsigned day, int64_t *days)
{
	int64_t y, era, yoe, doy;

	*days = 0;
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > clock_month_days(year, month))
		return WF_ERANGE;
	y = month <= 2 ? year - 1 : year;
	era = y / 400;
	yoe = y - era * 400;
	doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	*days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
	return 0;
}

static int64_t
clock_floor(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return a % b < 0 ? q - 1 : q;
}

struct clock_date
clock_date(int64_t sec)
{
	int64_t days = clock_floor(sec, CLOCK_DAY_SEC);
	int64_t rest = sec - days * CLOCK_DAY_SEC;
	int64_t z = days + 719468, era = clock_floor(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct clock_date d;

	d.day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	d.month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	d.year = yoe + era * 400 + (d.month <= 2);
	d.hour = (unsigned)(rest / 3600);
	d.minute = (unsigned)(rest / 60 % 60);
	d.sec = (unsigned)(rest % 60);
	d.weekday = (unsigned)(((days + 4) % 7 + 7) % 7);
	return d;
}

int64_t
clock_day(uint64_t wall_ns)
{
	return (int64_t)(wall_ns / CLOCK_SEC / CLOCK_DAY_SEC);
}

static int64_t
clock_clip(int64_t sec)
{
	return sec < clock_first ? clock_first : sec > clock_last ? clock_last : sec;
}

/* v as exactly n decimal digits; the place behind them. */
static char *
clock_digits(char *p, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

static char *
clock_chars(char *p, const char *s)
{
	while (*s)
		*p++ = *s++;
	return p;
}

/* "08:49:37" */
static char *
clock_hms(char *p, const struct clock_date *d)
{
	p = clock_digits(p, d->hour, 2);
	*p++ = ':';
	p = clock_digits(p, d->minute, 2);
	*p++ = ':';
	return clock_digits(p, d->sec, 2);
}

/* "1994-11-06" */
static char *
clock_ymd(char *p, const struct clock_date *d)
{
	p = clock_digits(p, (uint64_t)d->year, 4);
	*p++ = '-';
	p = clock_digits(p, d->month, 2);
	*p++ = '-';
	return clock_digits(p, d->day, 2);
}

void
clock_http(int64_t sec, char out[CLOCK_HTTP_TEXT])
{
	struct clock_date d = clock_date(clock_clip(sec));
	char *p = clock_chars(out, clock_weekdays[d.weekday]);

	p = clock_chars(p, ", ");
	p = clock_digits(p, d.day, 2);
	*p++ = ' ';
	p = clock_chars(p, clock_months[d.month - 1]);
	*p++ = ' ';
	p = clock_digits(p, (uint64_t)d.year, 4);
	*p++ = ' ';
	p = clock_hms(p, &d);
	p = clock_chars(p, " GMT");
	*p = '\0';
}

void
clock_iso(uint64_t wall_ns, char out[CLOCK_ISO_TEXT])
{
	struct clock_date d = clock_date(clock_clip((int64_t)(wall_ns / CLOCK_SEC)));
	char *p = clock_ymd(out, &d);

	*p++ = 'T';
	p = clock_hms(p, &d);
	*p++ = '.';
	p = clock_digits(p, wall_ns % CLOCK_SEC / CLOCK_MS, 3);
	*p++ = 'Z';
	*p = '\0';
}

static struct clock_date
clock_of_day(int64_t day)
{
	int64_t most = clock_last / CLOCK_DAY_SEC, least = clock_first / CLOCK_DAY_SEC;

	day = day < least ? least : day > most ? most : day;
	return clock_date(day * CLOCK_DAY_SEC);
}

void
clock_day_text(int64_t day, char out[CLOCK_DAY_TEXT])
{
	struct clock_date d = clock_of_day(day);

	*clock_ymd(out, &d) = '\0';
}

void
clock_month_text(int64_t day, char out[CLOCK_MONTH_TEXT])
{
	char text[CLOCK_DAY_TEXT];

	clock_day_text(day, text);
	memcpy(out, text, CLOCK_MONTH_TEXT - 1);
	out[CLOCK_MONTH_TEXT - 1] = '\0';
}

/* Exactly n digits at the front of *s, taken off. */
static bool
clock_take(struct span *s, size_t n, unsigned *v)
{
	*v = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*v = *v * 10 + (unsigned)(s->p[i] - '0');
	}
	*s = span_tail(*s, n);
	return true;
}

static bool
clock_skip(struct span *s, uint8_t c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_tail(*s, 1);
	return true;
}

/* ".123" or nothing; 1 to 9 digits. */
static bool
clock_fraction(struct span *s, uint64_t *ns)
{
	uint64_t unit = CLOCK_SEC;
	unsigned d;

	*ns = 0;
	if (!clock_skip(s, '.'))
		return true;
	for (unit /= 10; unit && clock_take(s, 1, &d); unit /= 10)
		*ns += d * unit;
	return unit < CLOCK_SEC / 10;
}

int
clock_iso_parse(struct span text, uint64_t *wall_ns)
{
	unsigned y, m, d, hh = 0, mm = 0, ss = 0;
	uint64_t ns = 0;
	int64_t days;

	*wall_ns = 0;
	if (!clock_take(&text, 4, &y) || !clock_skip(&text, '-') ||
	    !clock_take(&text, 2, &m) || !clock_skip(&text, '-') ||
	    !clock_take(&text, 2, &d))
		return WF_ESYNTAX;
	if (text.n && (!clock_skip(&text, 'T') || !clock_take(&text, 2, &hh) ||
		       !clock_skip(&text, ':') || !clock_take(&text, 2, &mm) ||
		       !clock_skip(&text, ':') || !clock_take(&text, 2, &ss) ||
		       !clock_fraction(&text, &ns) || !clock_skip(&text, 'Z') || text.n))
		return WF_ESYNTAX;
	if (clock_days(y, m, d, &days) != 0 || days < 0 || hh > 23 || mm > 59 || ss > 59)
		return WF_ERANGE;
	/* 2^64 ns end in the year 2554. */
	if (y > 2553)
		return WF_ERANGE;
	*wall_ns =
	    ((uint64_t)days * CLOCK_DAY_SEC + hh * 3600u + mm * 60u + ss) * CLOCK_SEC +
	    ns;
	return 0;
}
