/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/confopt.h"

#include <inttypes.h>

#include "proxy/base/must.h"

#define MS(n) ((uint64_t)(n))
#define SEC(n) (MS(1000) * (n))
#define MINUTES(n) (SEC(60) * (n))
#define HOURS(n) (MINUTES(60) * (n))
#define DAYS(n) (HOURS(24) * (n))
#define BYTES(n) ((uint64_t)(n))
#define KIB(n) (BYTES(1024) * (n))
#define MIB(n) (KIB(1024) * (n))
#define GIB(n) (MIB(1024) * (n))

enum { CONFOPT_NO, CONFOPT_YES };
enum { CONFOPT_OPTIONAL, CONFOPT_NEEDED };
enum { CONFOPT_ONCE, CONFOPT_MANY };

#define TYPE_GLOBAL struct conf
#define TYPE_USERS struct conf_users
#define TYPE_TIMEOUTS struct conf_timeouts
#define TYPE_LIMITS struct conf_limits
#define TYPE_GEO struct conf_geo
#define TYPE_PORTAL struct conf_portal
#define TYPE_CONSOLE struct conf_console
#define TYPE_LOG struct conf_log
#define TYPE_ALARM struct conf_alarm
#define TYPE_SITE struct conf_site
#define TYPE_BACKEND struct conf_backend
#define TYPE_SESSION struct conf_site
#define TYPE_HEADERS struct conf_site

/* The place of a field, and a compile error if it is not of the type that rows of this
 * kind write. */
#define PLACE_OF(block, field, type) \
	_Generic(((TYPE_##block *)0)->field, type : offsetof(TYPE_##block, field))

static const struct confopt confopt_table[] = {
#define UINT(b, field, k, kd, lo, hi, d, r, sentence) \
	{.key = k,                                    \
	 .block = CONFOPT_##b,                        \
	 .kind = CONFOPT_##kd,                        \
	 .offset = PLACE_OF(b, field, uint64_t),      \
	 .min = lo,                                   \
	 .max = hi,                                   \
	 .def = d,                                    \
	 .reload = CONFOPT_##r},
#define FLAG(b, field, k, d, r, sentence)    \
	{.key = k,                           \
	 .block = CONFOPT_##b,               \
	 .kind = CONFOPT_FLAG,               \
	 .offset = PLACE_OF(b, field, bool), \
	 .def = d,                           \
	 .reload = CONFOPT_##r},
#define TEXT(b, field, k, kd, d, need, r, sentence)  \
	{.key = k,                                   \
	 .block = CONFOPT_##b,                       \
	 .kind = CONFOPT_##kd,                       \
	 .offset = PLACE_OF(b, field, const char *), \
	 .text = d,                                  \
	 .needed = CONFOPT_##need,                   \
	 .reload = CONFOPT_##r},
#define CHOICE(b, field, k, first, second, d, r, sentence) \
	{.key = k,                                         \
	 .block = CONFOPT_##b,                             \
	 .kind = CONFOPT_CHOICE,                           \
	 .offset = offsetof(TYPE_##b, field),              \
	 .choices = {first, second},                       \
	 .def = d,                                         \
	 .reload = CONFOPT_##r},
#define RATE(b, field, k, count_, per, burst_, r, sentence) \
	{.key = k,                                          \
	 .block = CONFOPT_##b,                              \
	 .kind = CONFOPT_RATE,                              \
	 .offset = PLACE_OF(b, field, struct conf_rate),    \
	 .rate = {count_, per, burst_},                     \
	 .reload = CONFOPT_##r},
#define ITEM(b, k, repeat, r, syntax, sentence) \
	{.key = k,                              \
	 .block = CONFOPT_##b,                  \
	 .kind = CONFOPT_ITEM,                  \
	 .many = CONFOPT_##repeat,              \
	 .reload = CONFOPT_##r},
#include "proxy/conf/conf.def"
};

_Static_assert(sizeof(confopt_table) / sizeof(confopt_table[0]) <= CONFOPT_MAX,
	       "raise CONFOPT_MAX");
_Static_assert(sizeof(enum conf_mode) == sizeof(unsigned), "choices are unsigned");

const struct confopt *
confopt_all(size_t *n)
{
	*n = ARRAY_LEN(confopt_table);
	return confopt_table;
}

const struct confopt *
confopt_rows(enum confopt_block block, size_t *n)
{
	size_t first = 0;

	while (first < ARRAY_LEN(confopt_table) && confopt_table[first].block != block)
		first++;
	*n = 0;
	while (first + *n < ARRAY_LEN(confopt_table) &&
	       confopt_table[first + *n].block == block)
		++*n;
	return confopt_table + first;
}

const char *
confopt_block_name(enum confopt_block block)
{
	static const char *const names[] = {
#define BLOCK(id, name, where, sentence) name,
#include "proxy/conf/conf.def"
	};

	return (size_t)block < ARRAY_LEN(names) ? names[block] : "";
}

void
confopt_print(const struct confopt *o, uint64_t v, char out[CONFOPT_TEXT])
{
	static const struct {
		enum confopt_kind kind;
		uint64_t unit;
		const char *name;
	} units[] = {
	    {CONFOPT_DURATION, DAYS(1), " d"},	    {CONFOPT_DURATION, HOURS(1), " h"},
	    {CONFOPT_DURATION, MINUTES(1), " min"}, {CONFOPT_DURATION, SEC(1), " s"},
	    {CONFOPT_DURATION, MS(1), " ms"},	    {CONFOPT_SIZE, GIB(1), " GiB"},
	    {CONFOPT_SIZE, MIB(1), " MiB"},	    {CONFOPT_SIZE, KIB(1), " KiB"},
	    {CONFOPT_SIZE, BYTES(1), " B"},	    {CONFOPT_COUNT, 1, ""},
	};
	size_t i = 0;

	if (v == 0) {
		snprintf(out, CONFOPT_TEXT, "off");
		return;
	}
	while (i < ARRAY_LEN(units) - 1 &&
	       (units[i].kind != o->kind || v % units[i].unit))
		i++;
	snprintf(out, CONFOPT_TEXT, "%" PRIu64 "%s", v / units[i].unit, units[i].name);
}

void
confopt_defaults(enum confopt_block block, void *base)
{
	size_t n;
	const struct confopt *o = confopt_rows(block, &n);

	for (size_t i = 0; i < n; i++, o++) {
		void *at = (unsigned char *)base + o->offset;
		unsigned choice = (unsigned)o->def;
		bool flag = o->def != 0;

		switch (o->kind) {
		case CONFOPT_COUNT:
		case CONFOPT_DURATION:
		case CONFOPT_SIZE:
			memcpy(at, &o->def, sizeof(o->def));
			break;
		case CONFOPT_FLAG:
			memcpy(at, &flag, sizeof(flag));
			break;
		case CONFOPT_CHOICE:
			memcpy(at, &choice, sizeof(choice));
			break;
		case CONFOPT_RATE:
			memcpy(at, &o->rate, sizeof(o->rate));
			break;
		case CONFOPT_ITEM:
			break;
		default:
			memcpy(at, &o->text, sizeof(o->text));
		}
	}
}

size_t
confopt_place(enum confopt_block block)
{
	switch (block) {
	case CONFOPT_GLOBAL:
		return 0;
	case CONFOPT_USERS:
		return offsetof(struct conf, users);
	case CONFOPT_TIMEOUTS:
		return offsetof(struct conf, timeouts);
	case CONFOPT_LIMITS:
		return offsetof(struct conf, limits);
	case CONFOPT_GEO:
		return offsetof(struct conf, geo);
	case CONFOPT_PORTAL:
		return offsetof(struct conf, portal);
	case CONFOPT_CONSOLE:
		return offsetof(struct conf, console);
	case CONFOPT_LOG:
		return offsetof(struct conf, log);
	case CONFOPT_ALARM:
		return offsetof(struct conf, alarm);
	default:
		MUST(block < CONFOPT_SITE);
		return 0;
	}
}
