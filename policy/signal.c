/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/signal.h"

#include <stdio.h>
#include <string.h>

static const struct signal_info signal_table[SIGNAL_COUNT] = {
#define SIGNAL(number, ident, name, type, unknown, personal, source, en, ja) \
	{number, SIGNAL_##type, unknown, personal, name, source, en, ja},
#include "policy/signal.def"
};

static const struct signal_value {
	enum signal_id id;
	unsigned rank;
	const char *word;
} signal_values[] = {
#define SIGNAL_VALUE(ident, rank, word) {SIG_##ident, rank, word},
#include "policy/signal.def"
};

enum { SIGNAL_VALUES = sizeof(signal_values) / sizeof(signal_values[0]) };

_Static_assert((int)SIG_REQUEST_CLASS == 0, "the table starts with request.class");

/* ISO 3166-1 alpha-2 as assigned in 2026, and XK, which geo files use for Kosovo. */
static const char signal_countries[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN "
    "BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ "
    "DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL "
    "GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM "
    "JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME "
    "MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP "
    "NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD "
    "SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO "
    "TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW ";

const struct signal_info *
signal_info(enum signal_id id)
{
	return &signal_table[id];
}

int
signal_by_name(const char *name, size_t n)
{
	for (int i = 0; i < SIGNAL_COUNT; i++)
		if (strlen(signal_table[i].name) == n &&
		    memcmp(signal_table[i].name, name, n) == 0)
			return i;
	return -1;
}

int
signal_by_number(unsigned number)
{
	for (int i = 0; i < SIGNAL_COUNT; i++)
		if (signal_table[i].number == number)
			return i;
	return -1;
}

const char *
signal_type_name(enum signal_type type)
{
	static const char *const names[] = {"?",       "bool",	"int",	   "duration",
					    "text",    "path",	"country", "enum",
					    "percent", "speed", "distance"};

	return (unsigned)type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

const char *
signal_unit(enum signal_type type)
{
	switch (type) {
	case SIGNAL_DURATION:
		return "ms";
	case SIGNAL_PERCENT:
		return "%";
	case SIGNAL_SPEED:
		return "km/h";
	case SIGNAL_DISTANCE:
		return "km";
	default:
		return "";
	}
}

const char *
signal_word(enum signal_id id, unsigned rank)
{
	for (size_t i = 0; i < SIGNAL_VALUES; i++)
		if (signal_values[i].id == id && signal_values[i].rank == rank)
			return signal_values[i].word;
	return NULL;
}

int
signal_rank(enum signal_id id, const char *word, size_t n)
{
	for (size_t i = 0; i < SIGNAL_VALUES; i++)
		if (signal_values[i].id == id && strlen(signal_values[i].word) == n &&
		    memcmp(signal_values[i].word, word, n) == 0)
			return (int)signal_values[i].rank;
	return -1;
}

bool
signal_is_country(const char *cc, size_t n)
{
	for (const char *p = signal_countries; *p; p += 3)
		if (n == 2 && p[0] == cc[0] && p[1] == cc[1])
			return true;
	return false;
}
