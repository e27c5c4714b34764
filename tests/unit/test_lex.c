/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"

#include "tests/unit/tap.h"

static struct diags diags;
static struct lex lx;
static struct lex_token tok;

static void
begin(const char *text)
{
	diags_init(&diags);
	lex_init(&lx, "test", text, strlen(text), &diags);
}

static enum lex_kind
one(const char *text)
{
	begin(text);
	return lex_next(&lx, &tok);
}

/* The text yields one fault, at this column of line 1, whose message holds `part`. */
static int
faults(const char *text, unsigned col, const char *part)
{
	begin(text);
	while (lex_next(&lx, &tok) != LEX_END)
		;
	if (diags.n == 1 && diags.list[0].pos.line == 1 && diags.list[0].pos.col == col &&
	    strstr(diags.list[0].text, part) && lex_failed(&lx))
		return 1;
	printf("# %zu faults in: %s\n", diags.n, text);
	for (size_t i = 0; i < diags.n; i++)
		printf("# %u:%u %s\n", diags.list[i].pos.line, diags.list[i].pos.col,
		       diags.list[i].text);
	return 0;
}

static void
reads_words_with_dots_and_dashes(void)
{
	CHECK_INT(one("client.core-same x"), LEX_WORD);
	CHECK_STR(tok.text, "client.core-same");
	CHECK(tok.first);
	CHECK_INT(lex_next(&lx, &tok), LEX_WORD);
	CHECK(!tok.first);
	CHECK_INT(tok.pos.col, 18);
	CHECK_INT(lex_next(&lx, &tok), LEX_END);
	CHECK_INT(lex_next(&lx, &tok), LEX_END);
	CHECK_INT(one("_a.b"), LEX_WORD);
	CHECK(faults("client. x", 7, "a word ends"));
	CHECK(faults("client- x", 7, "a word ends"));
}

static void
reads_strings_with_the_four_escapes(void)
{
	CHECK_INT(one("\"a\\\"b\\\\c\\n\\t \xe5\x89\xb2\""), LEX_STRING);
	CHECK_STR(tok.text, "a\"b\\c\n\t \xe5\x89\xb2");
	CHECK_INT(one("\"\""), LEX_STRING);
	CHECK_INT(tok.n, 0);
	CHECK(faults("\"a\\x\"", 3, "unknown escape"));
	CHECK(faults("\"a\\0\"", 3, "unknown escape"));
	CHECK(faults("\"abc", 1, "not closed"));
	CHECK(faults("\"abc\nd", 1, "not closed"));
}

static void
reads_numbers_with_units(void)
{
	static const struct {
		const char *text;
		enum lex_kind kind;
		long long num;
	} list[] = {
	    {"0", LEX_NUMBER, 0},
	    {"-7", LEX_NUMBER, -7},
	    {"1_000_000", LEX_NUMBER, 1000000},
	    {"5ms", LEX_DURATION, 5},
	    {"30 s", LEX_DURATION, 30000},
	    {"15 min", LEX_DURATION, 900000},
	    {"8h", LEX_DURATION, 28800000},
	    {"30d", LEX_DURATION, 2592000000},
	    {"512 B", LEX_SIZE, 512},
	    {"64KiB", LEX_SIZE, 65536},
	    {"10 MiB", LEX_SIZE, 10485760},
	    {"2GiB", LEX_SIZE, 2147483648},
	    {"900 km/h", LEX_SPEED, 900},
	    {"300 km", LEX_DISTANCE, 300},
	    {"50%", LEX_PERCENT, 50},
	    {"50 percent", LEX_PERCENT, 50},
	    {"9223372036854775807", LEX_NUMBER, INT64_MAX},
	    {"2026-12-31", LEX_DATE, 1798675200},
	    {"1970-01-01", LEX_DATE, 0},
	    {"2024-02-29", LEX_DATE, 1709164800},
	    {"2000-03-01", LEX_DATE, 951868800},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		CHECK_INT(one(list[i].text), list[i].kind);
		CHECK_INT(tok.num, list[i].num);
		CHECK_INT(lex_next(&lx, &tok), LEX_END);
	}
}

static void
keeps_a_unit_apart_from_the_next_line(void)
{
	CHECK_INT(one("30\nmin"), LEX_NUMBER);
	CHECK_INT(lex_next(&lx, &tok), LEX_WORD);
	CHECK_INT(one("30 minutes"), LEX_NUMBER);
	CHECK_INT(lex_next(&lx, &tok), LEX_WORD);
}

static void
refuses_odd_numbers(void)
{
	CHECK(faults("30m", 3, "unknown unit 'm'"));
	CHECK(faults("30KB", 3, "unknown unit 'KB'"));
	CHECK(faults("1.5h", 2, "whole"));
	CHECK(faults("1_", 3, "whole"));
	CHECK(faults("9223372036854775808", 1, "too large"));
	CHECK(faults("9223372036854775807 s", 1, "too large"));
	CHECK(faults("2026-02-29", 1, "no such day"));
	CHECK(faults("2026-13-01", 1, "no such day"));
	CHECK(faults("2100-02-29", 1, "no such day"));
	CHECK(faults("1969-12-31", 1, "no such day"));
}

static void
reads_addresses_and_networks(void)
{
	CHECK_INT(one("192.0.2.1"), LEX_ADDRESS);
	CHECK_INT(tok.family, 4);
	CHECK_INT(tok.addr[0], 192);
	CHECK_INT(tok.addr[3], 1);
	CHECK_INT(one("192.0.2.0/24,"), LEX_PREFIX);
	CHECK_INT(tok.bits, 24);
	CHECK_INT(lex_next(&lx, &tok), LEX_COMMA);
	CHECK_INT(one("0.0.0.0/0"), LEX_PREFIX);
	CHECK_INT(one("2001:db8::1"), LEX_ADDRESS);
	CHECK_INT(tok.family, 6);
	CHECK_INT(tok.addr[1], 1);
	CHECK_INT(one("fe80::/10"), LEX_PREFIX);
	CHECK_INT(tok.bits, 10);
	CHECK_INT(one("::"), LEX_ADDRESS);
	CHECK_INT(one("::ffff:192.0.2.1"), LEX_ADDRESS);
	CHECK(faults("192.0.2.1/24", 1, "bits set"));
	CHECK(faults("192.0.2.0/33", 1, "0 to 32"));
	CHECK(faults("192.0.2.0/024", 1, "0 to 32"));
	CHECK(faults("192.0.2.0/", 1, "0 to 32"));
	CHECK(faults("192.0.2", 1, "no IP address"));
	CHECK(faults("192.0.2.256", 1, "no IP address"));
	CHECK(faults("192.000.2.1", 1, "no IP address"));
	CHECK(faults("192.0.2.1:443", 1, "no IP address"));
	CHECK(faults("2001:db8::1::2", 1, "no IP address"));
}

static void
reads_every_mark(void)
{
	static const enum lex_kind kinds[] = {
	    LEX_LBRACE,	   LEX_RBRACE, LEX_LPAREN, LEX_RPAREN, LEX_COMMA,
	    LEX_SEMICOLON, LEX_EQ,     LEX_NE,	   LEX_LT,     LEX_LE,
	    LEX_GT,	   LEX_GE,     LEX_STAR};

	begin("{}(),;=!=<<=>>=* # comment { \"");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		CHECK_INT(lex_next(&lx, &tok), kinds[i]);
	CHECK_INT(lex_next(&lx, &tok), LEX_END);
	CHECK_INT(diags.n, 0);
	CHECK(faults("a && b", 3, "no meaning"));
	CHECK(faults("a ! b", 3, "no meaning"));
	CHECK(faults("'a", 1, "no meaning"));
	CHECK(faults("a == b", 3, "'=='"));
	CHECK(faults("\xe5\x89\xb2 x", 1, "\xe5\x89\xb2"));
}

static void
refuses_texts_that_are_not_plain(void)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned line, col;
		const char *part;
	} list[] = {
	    {"ab\0c", 4, 1, 3, "NUL"},
	    {"a\n b\xff", 5, 2, 3, "UTF-8"},
	    {"\xc0\xaf", 2, 1, 1, "UTF-8"},
	    {"\xed\xa0\x80", 3, 1, 1, "UTF-8"},
	    {"\xf4\x90\x80\x80", 4, 1, 1, "UTF-8"},
	    {"x\xe5\x89", 3, 1, 2, "UTF-8"},
	    {"# \x1b[2J", 6, 1, 3, "control"},
	    {"a\rb", 3, 1, 2, "carriage"},
	    {"\xef\xbb\xbfpolicy", 9, 1, 1, "invisible"},
	    {"# \xe2\x80\xae x", 7, 1, 3, "invisible"},
	    {"\"\xe2\x81\xa6\"", 5, 1, 2, "invisible"},
	    {"\xc2\x85", 2, 1, 1, "invisible"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		diags_init(&diags);
		lex_init(&lx, "test", list[i].text, list[i].n, &diags);
		CHECK_INT(lex_next(&lx, &tok), LEX_END);
		CHECK_INT(diags.n, 1);
		CHECK_INT(diags.list[0].pos.line, list[i].line);
		CHECK_INT(diags.list[0].pos.col, list[i].col);
		CHECK(strstr(diags.list[0].text, list[i].part) != NULL);
		CHECK(diags.list[0].line[0] == '\0'); /* no terminal is to obey it */
	}
	CHECK_INT(one("a\r\nb"), LEX_WORD);
	CHECK_INT(lex_next(&lx, &tok), LEX_WORD);
	CHECK_INT(tok.pos.line, 2);
	CHECK_INT(diags.n, 0);
}

/* As long as settings may be; once each token counted its columns from the line's begin. */
static void
a_very_long_line_is_read_in_one_go(void)
{
	static char text[2000001];
	unsigned n = 0;

	for (size_t i = 0; i + 1 < sizeof(text); i += 4)
		memcpy(text + i, "ab( ", 4);
	diags_init(&diags);
	lex_init(&lx, "test", text, sizeof(text) - 1, &diags);
	while (lex_next(&lx, &tok) != LEX_END) {
		CHECK(tok.pos.line == 1 && tok.pos.col == 1 + n / 2 * 4 + n % 2 * 2);
		n++;
	}
	CHECK_INT(n, 1000000);
	CHECK_INT(diags.n, 0);
}

static void
bounds_words_and_strings(void)
{
	static char text[LEX_TEXT_MAX + 4];

	memset(text, 'a', LEX_TEXT_MAX);
	CHECK_INT(one(text), LEX_WORD);
	CHECK_INT(tok.n, LEX_TEXT_MAX);
	text[LEX_TEXT_MAX] = 'a';
	CHECK(faults(text, 1, "longer than"));
	text[0] = '"';
	text[LEX_TEXT_MAX + 1] = '"';
	CHECK_INT(one(text), LEX_STRING);
	text[LEX_TEXT_MAX + 1] = 'a';
	text[LEX_TEXT_MAX + 2] = '"';
	CHECK(faults(text, 1, "longer than"));
}

static void
counts_columns_in_characters(void)
{
	begin("\"\xe5\x89\xb2\xe7\xac\xa6\" here");
	lex_next(&lx, &tok);
	lex_next(&lx, &tok);
	CHECK_INT(tok.pos.col, 6);
}

static void
expects_and_recovers(void)
{
	begin("{ a b\n c } d");
	CHECK(lex_expect(&lx, LEX_LBRACE, NULL, NULL));
	CHECK(!lex_expect(&lx, LEX_NUMBER, "the port", NULL));
	CHECK_STR(diags.list[0].text, "expected the port, found 'a'");
	lex_recover(&lx, true);
	CHECK(lex_is_word(lex_peek(&lx), "a") == 0);
	CHECK(lex_is_word(lex_peek(&lx), "c"));
	lex_recover(&lx, false);
	CHECK(lex_accept(&lx, LEX_RBRACE, &tok));
	CHECK_INT(tok.pos.line, 2);
	CHECK(lex_accept_word(&lx, "d"));
	CHECK(!lex_expect(&lx, LEX_WORD, NULL, NULL));
	CHECK_STR(diags.list[1].text, "expected a word, found the end of the file");
}

static void
prints_the_line_and_a_caret(void)
{
	char out[512] = "";
	FILE *f = fmemopen(out, sizeof(out), "w");

	begin("ok\n\t\xe5\x89\xb2 = 30m");
	while (lex_next(&lx, &tok) != LEX_END)
		;
	diags_print(&diags, f);
	fclose(f);
	CHECK(strstr(out, "test:2:2: error: '\xe5\x89\xb2' has no meaning here\n"
			  "    \t\xe5\x89\xb2 = 30m\n    \t^\n") != NULL);
	CHECK(strstr(out, "test:2:8: error: unknown unit 'm'\n"
			  "    \t\xe5\x89\xb2 = 30m\n    \t       ^\n"
			  "    what to do: units are") != NULL);
}

static void
bounds_the_list_of_messages(void)
{
	static char text[3 * DIAG_MAX + 1];

	for (size_t i = 0; i < DIAG_MAX + 9; i++)
		memcpy(text + 2 * i, "& ", 2);
	begin(text);
	while (lex_next(&lx, &tok) != LEX_END)
		;
	CHECK_INT(diags.n, DIAG_MAX);
	CHECK_INT(diags.dropped, 9);
	CHECK_INT(diags.errors, DIAG_MAX + 9);
}

static void
finds_the_nearest_name(void)
{
	const char *names[] = {"place.country", "place.asn", "client.core-same"};

	CHECK_STR(diag_nearest("place.contry", names, 3, sizeof(names[0])),
		  "place.country");
	CHECK_STR(diag_nearest("client.core_same", names, 3, sizeof(names[0])),
		  "client.core-same");
	CHECK_STR(diag_nearest("plaec.asn", names, 3, sizeof(names[0])), "place.asn");
	CHECK(diag_nearest("weather", names, 3, sizeof(names[0])) == NULL);
}

int
main(void)
{
	TAP_RUN(reads_words_with_dots_and_dashes);
	TAP_RUN(reads_strings_with_the_four_escapes);
	TAP_RUN(reads_numbers_with_units);
	TAP_RUN(keeps_a_unit_apart_from_the_next_line);
	TAP_RUN(refuses_odd_numbers);
	TAP_RUN(reads_addresses_and_networks);
	TAP_RUN(reads_every_mark);
	TAP_RUN(refuses_texts_that_are_not_plain);
	TAP_RUN(a_very_long_line_is_read_in_one_go);
	TAP_RUN(bounds_words_and_strings);
	TAP_RUN(counts_columns_in_characters);
	TAP_RUN(expects_and_recovers);
	TAP_RUN(prints_the_line_and_a_caret);
	TAP_RUN(bounds_the_list_of_messages);
	TAP_RUN(finds_the_nearest_name);
	return tap_done();
}
