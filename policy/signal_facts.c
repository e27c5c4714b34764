/* SPDX-License-Identifier: Apache-2.0 */
/* The second part of policy/signal.h: one request's values. signal.c has the vocabulary,
 * signal_wire.c the bytes in the log.
 */
#include "policy/signal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A caller that sets a text as a number has a bug that no test of a policy would show. */
static struct fact *
facts_slot(struct facts *f, enum signal_id id, unsigned types)
{
	if ((unsigned)id >= SIGNAL_COUNT || !(types >> signal_info(id)->type & 1)) {
		fprintf(stderr, "policy: signal %d set with a value of another type\n",
			(int)id);
		abort();
	}
	f->v[id] = (struct fact){0};
	return &f->v[id];
}

enum {
	FACTS_NUMERIC = 1 << SIGNAL_INT | 1 << SIGNAL_DURATION | 1 << SIGNAL_PERCENT |
			1 << SIGNAL_SPEED | 1 << SIGNAL_DISTANCE,
	FACTS_TEXTUAL = 1 << SIGNAL_TEXT | 1 << SIGNAL_PATH,
};

void
facts_clear(struct facts *f)
{
	memset(f, 0, sizeof(*f));
}

void
facts_set_unknown(struct facts *f, enum signal_id id)
{
	(void)facts_slot(f, id, ~0u);
}

static void
facts_set_num(struct facts *f, enum signal_id id, unsigned types, int64_t num)
{
	struct fact *v = facts_slot(f, id, types);

	v->known = true;
	v->num = num;
}

void
facts_set_bool(struct facts *f, enum signal_id id, bool value)
{
	facts_set_num(f, id, 1 << SIGNAL_BOOL, value);
}

void
facts_set_int(struct facts *f, enum signal_id id, int64_t value)
{
	facts_set_num(f, id, FACTS_NUMERIC, value);
}

/* The longest prefix of at most max bytes that does not cut a UTF-8 sequence. */
static size_t
facts_cut(const char *text, size_t n, size_t max)
{
	if (n <= max)
		return n;
	n = max;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void
facts_set_text(struct facts *f, enum signal_id id, const char *text, size_t n)
{
	struct fact *v = facts_slot(f, id, FACTS_TEXTUAL);

	v->known = true;
	v->text = n ? text : "";
	v->n = facts_cut(text, n, FACTS_TEXT_MAX);
}

void
facts_set_enum(struct facts *f, enum signal_id id, unsigned rank)
{
	if (signal_word(id, rank))
		facts_set_num(f, id, 1 << SIGNAL_ENUM, rank);
	else
		(void)facts_slot(f, id, 1 << SIGNAL_ENUM);
}

static int
facts_upper(char c)
{
	return c >= 'a' && c <= 'z' ? c - 0x20 : c >= 'A' && c <= 'Z' ? c : 0;
}

void
facts_set_country(struct facts *f, enum signal_id id, const char *cc, size_t n)
{
	if (n == 2 && facts_upper(cc[0]) && facts_upper(cc[1]))
		facts_set_num(f, id, 1 << SIGNAL_COUNTRY,
			      facts_upper(cc[0]) * 256 + facts_upper(cc[1]));
	else
		(void)facts_slot(f, id, 1 << SIGNAL_COUNTRY);
}

void
facts_set_evidence(struct facts *f, enum signal_id id, const char *bound, size_t bound_n,
		   const char *seen, size_t seen_n)
{
	struct facts_evidence *e = &f->why[id];

	e->bound = bound_n ? bound : "";
	e->seen = seen_n ? seen : "";
	e->bound_n = (uint8_t)facts_cut(bound, bound_n, FACTS_EVIDENCE_MAX);
	e->seen_n = (uint8_t)facts_cut(seen, seen_n, FACTS_EVIDENCE_MAX);
}

bool
facts_known(const struct facts *f, enum signal_id id)
{
	return f->v[id].known;
}

static bool
facts_has(const struct facts *f, enum signal_id id, unsigned types)
{
	return f->v[id].known && (types >> signal_info(id)->type & 1) != 0;
}

bool
facts_get_bool(const struct facts *f, enum signal_id id, bool *value)
{
	bool has = facts_has(f, id, 1u << SIGNAL_BOOL);

	*value = has && f->v[id].num != 0;
	return has;
}

bool
facts_get_int(const struct facts *f, enum signal_id id, int64_t *value)
{
	bool has = facts_has(f, id, FACTS_NUMERIC);

	*value = has ? f->v[id].num : 0;
	return has;
}

bool
facts_get_enum(const struct facts *f, enum signal_id id, unsigned *rank)
{
	bool has = facts_has(f, id, 1u << SIGNAL_ENUM);

	*rank = has ? (unsigned)f->v[id].num : 0;
	return has;
}

bool
facts_get_text(const struct facts *f, enum signal_id id, const char **text, size_t *n)
{
	bool has = facts_has(f, id, FACTS_TEXTUAL);

	*text = has ? f->v[id].text : "";
	*n = has ? f->v[id].n : 0;
	return has;
}

bool
facts_get_country(const struct facts *f, enum signal_id id, char cc[3])
{
	bool has = facts_has(f, id, 1u << SIGNAL_COUNTRY);

	cc[0] = has ? (char)(f->v[id].num >> 8) : '\0';
	cc[1] = has ? (char)(f->v[id].num & 0xff) : '\0';
	cc[2] = '\0';
	return has;
}

const char *
facts_words(const struct facts *f, enum signal_id id, char small[2], size_t *n)
{
	const struct fact *v = &f->v[id];
	const char *word;

	switch (signal_info(id)->type) {
	case SIGNAL_TEXT:
	case SIGNAL_PATH:
		*n = v->n;
		return v->text;
	case SIGNAL_ENUM:
		word = signal_word(id, (unsigned)v->num);
		*n = strlen(word);
		return word;
	case SIGNAL_COUNTRY:
		small[0] = (char)(v->num >> 8);
		small[1] = (char)(v->num & 0xff);
		*n = 2;
		return small;
	default:
		*n = 0;
		return NULL;
	}
}

bool
facts_set_words(struct facts *f, enum signal_id id, const char *text, size_t n)
{
	int rank;

	switch (signal_info(id)->type) {
	case SIGNAL_TEXT:
	case SIGNAL_PATH:
		if (n > FACTS_TEXT_MAX)
			return false;
		facts_set_text(f, id, text, n);
		return true;
	case SIGNAL_ENUM:
		rank = signal_rank(id, text, n);
		if (rank >= 0)
			facts_set_enum(f, id, (unsigned)rank);
		return rank >= 0;
	case SIGNAL_COUNTRY:
		facts_set_country(f, id, text, n);
		return f->v[id].known;
	default:
		return false;
	}
}

static const struct facts_unit {
	const char *name;
	int64_t factor;
} facts_durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1},
};

enum { FACTS_DURATIONS = sizeof(facts_durations) / sizeof(facts_durations[0]) };

/* The largest unit that divides the value without rest. */
static void
facts_print_duration(int64_t ms, char *buf, size_t cap)
{
	const struct facts_unit *u = &facts_durations[FACTS_DURATIONS - 1];

	for (size_t i = 0; i < FACTS_DURATIONS && ms != 0; i++) {
		if (ms % facts_durations[i].factor == 0) {
			u = &facts_durations[i];
			break;
		}
	}
	snprintf(buf, cap, "%lld %s", (long long)(ms / u->factor), u->name);
}

const char *
facts_print(const struct facts *f, enum signal_id id, char *buf, size_t cap)
{
	const struct fact *v = &f->v[id];
	enum signal_type type = signal_info(id)->type;
	char small[2];
	const char *words;
	size_t n;

	if (cap == 0)
		return "";
	if (!v->known) {
		snprintf(buf, cap, "unknown");
	} else if ((words = facts_words(f, id, small, &n))) {
		n = facts_cut(words, n, cap - 1);
		memcpy(buf, words, n);
		buf[n] = '\0';
	} else if (type == SIGNAL_BOOL) {
		snprintf(buf, cap, "%s", v->num ? "true" : "false");
	} else if (type == SIGNAL_DURATION) {
		facts_print_duration(v->num, buf, cap);
	} else {
		snprintf(buf, cap, "%lld%s%s", (long long)v->num,
			 type == SIGNAL_INT || type == SIGNAL_PERCENT ? "" : " ",
			 signal_unit(type));
	}
	return buf;
}

/* Factor of the unit that follows a number of this type, 0 if it is none. */
static int64_t
facts_factor(enum signal_type type, const char *unit)
{
	if (unit[0] == '\0' || strcmp(unit, signal_unit(type)) == 0)
		return 1;
	for (size_t i = 0; type == SIGNAL_DURATION && i < FACTS_DURATIONS; i++)
		if (strcmp(facts_durations[i].name, unit) == 0)
			return facts_durations[i].factor;
	return 0;
}

static bool
facts_parse_num(struct facts *f, enum signal_id id, const char *text, size_t n)
{
	int64_t num = 0, factor;
	bool minus = n > 0 && text[0] == '-';
	size_t at = minus, digits;
	char unit[8] = "";

	for (; at < n && text[at] >= '0' && text[at] <= '9'; at++)
		if (__builtin_mul_overflow(num, 10, &num) ||
		    __builtin_sub_overflow(num, text[at] - '0', &num))
			return false;
	digits = at - minus;
	while (at < n && text[at] == ' ')
		at++;
	if (digits == 0 || n - at >= sizeof(unit))
		return false;
	memcpy(unit, text + at, n - at);
	factor = facts_factor(signal_info(id)->type, unit);
	/* Counted downwards, since the least number has no positive twin. */
	if (factor == 0 || __builtin_mul_overflow(num, factor, &num) ||
	    (!minus && __builtin_sub_overflow(0, num, &num)))
		return false;
	facts_set_int(f, id, num);
	return true;
}

static bool
facts_is(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(text, word, n) == 0;
}

bool
facts_parse(struct facts *f, enum signal_id id, const char *text, size_t n)
{
	facts_set_unknown(f, id);
	if (facts_is(text, n, "unknown"))
		return true;
	switch (signal_info(id)->type) {
	case SIGNAL_BOOL:
		if (!facts_is(text, n, "true") && !facts_is(text, n, "false"))
			return false;
		facts_set_bool(f, id, text[0] == 't');
		return true;
	case SIGNAL_TEXT:
	case SIGNAL_PATH:
	case SIGNAL_COUNTRY:
	case SIGNAL_ENUM:
		return facts_set_words(f, id, text, n);
	default:
		return facts_parse_num(f, id, text, n);
	}
}
