/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 92 strictness cases of tests/vectors/h1_strictness_cases.json, whole and in pieces.
 * Run from the top of the checkout.
 */
#include "proxy/base/text.h"
#include "tests/tools/h1json.h"
#include "tests/unit/tap.h"

enum { TEXT_MAX = 1 << 17, STREAM_MAX = 4096 };

struct vector {
	char id[64], want[16];
	uint8_t bytes[STREAM_MAX];
	size_t n;
};

static const struct h1_asked no_matter = {METHOD_GET, false};

/* The next `"key": "value"` in the file's text; the cases hold no escapes in these keys.
 */
static bool
value_of(const char **at, const char *key, struct span *value)
{
	const char *p = strstr(*at, key);
	const char *end;

	if (p == NULL)
		return false;
	p += strlen(key);
	end = strchr(p, '"');
	*value = span_of(p, (size_t)(end - p));
	*at = end;
	return true;
}

static bool
next_vector(const char **at, struct vector *v)
{
	struct span id, want, hex;

	if (!value_of(at, "\"id\": \"", &id) || !value_of(at, "\"want\": \"", &want) ||
	    !value_of(at, "\"bytes_hex\": \"", &hex))
		return false;
	MUST(id.n < sizeof(v->id) && want.n < sizeof(v->want) && hex.n / 2 <= STREAM_MAX);
	snprintf(v->id, sizeof(v->id), "%.*s", (int)id.n, (const char *)id.p);
	snprintf(v->want, sizeof(v->want), "%.*s", (int)want.n, (const char *)want.p);
	v->n = hex.n / 2;
	return text_unhex(hex, v->bytes, v->n) == 0;
}

static char *
file_text(void)
{
	FILE *f = fopen("tests/vectors/h1_strictness_cases.json", "rb");
	char *text = calloc(1, 1 << 20);

	MUST(f != NULL && text != NULL);
	MUST(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Runs a check over every case; returns how many there were with that `want`. */
static int
for_each(const char *want, void (*check)(const struct vector *v))
{
	char *text = file_text();
	const char *at = text;
	struct vector v;
	int n = 0;

	while (next_vector(&at, &v)) {
		int before = tap_bad;

		if (strcmp(v.want, want) != 0 && want[0] != '*')
			continue;
		n++;
		tap_bad = 0;
		check(&v);
		if (tap_bad)
			printf("# in case %s\n", v.id);
		tap_bad |= before;
	}
	free(text);
	return n;
}

static void
walk(const struct vector *v, const size_t *cuts, size_t n, char *text)
{
	h1json_walk(span_of(v->bytes, v->n), false, no_matter, cuts, n, text, TEXT_MAX);
}

static void
is_refused(const struct vector *v)
{
	static char text[TEXT_MAX];

	walk(v, NULL, 0, text);
	CHECK(strstr(text, "\"state\":\"refused\"") != NULL);
}

static void
is_complete(const struct vector *v)
{
	static char text[TEXT_MAX];

	walk(v, NULL, 0, text);
	CHECK(strstr(text, "\"state\":\"head\"") != NULL);
	CHECK(strstr(text, "\"complete\":1") != NULL);
	CHECK(strstr(text, "\"complete\":0") == NULL);
}

static void
is_the_same_in_pieces(const struct vector *v)
{
	static char whole[TEXT_MAX], pieces[TEXT_MAX];
	size_t each[STREAM_MAX];

	walk(v, NULL, 0, whole);
	for (size_t cut = 0; cut <= v->n; cut++) {
		each[cut] = cut;
		walk(v, &cut, 1, pieces);
		CHECK_STR(pieces, whole);
	}
	walk(v, each, v->n, pieces);
	CHECK_STR(pieces, whole);
}

static void
all_77_dangerous_streams_are_refused(void)
{
	CHECK_INT(for_each("reject", is_refused), 77);
}

static void
all_10_good_streams_are_read_to_their_end(void)
{
	CHECK_INT(for_each("accept", is_complete), 10);
}

static void
all_5_policy_cases_are_refused_as_decided(void)
{
	CHECK_INT(for_each("policy", is_refused), 5);
}

static void
every_cut_in_two_and_byte_by_byte_gives_the_same_result(void)
{
	CHECK_INT(for_each("*", is_the_same_in_pieces), 92);
}

int
main(void)
{
	TAP_RUN(all_77_dangerous_streams_are_refused);
	TAP_RUN(all_10_good_streams_are_read_to_their_end);
	TAP_RUN(all_5_policy_cases_are_refused_as_decided);
	TAP_RUN(every_cut_in_two_and_byte_by_byte_gives_the_same_result);
	return tap_done();
}
