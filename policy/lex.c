/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"
#include "policy/lexnum.h"

#include <stdarg.h>
#include <string.h>

static const struct lex_mark {
	enum lex_kind kind;
	const char *name; /* for messages */
	const char *text; /* "" for kinds that are no fixed text */
} lex_marks[LEX_KIND_COUNT] = {
    [LEX_END] = {LEX_END, "the end of the file", ""},
    [LEX_ERROR] = {LEX_ERROR, "something unreadable", ""},
    [LEX_WORD] = {LEX_WORD, "a word", ""},
    [LEX_STRING] = {LEX_STRING, "a text in double quotes", ""},
    [LEX_NUMBER] = {LEX_NUMBER, "a number", ""},
    [LEX_DURATION] = {LEX_DURATION, "a duration such as 30 min", ""},
    [LEX_SIZE] = {LEX_SIZE, "a size such as 64 KiB", ""},
    [LEX_SPEED] = {LEX_SPEED, "a speed in km/h", ""},
    [LEX_DISTANCE] = {LEX_DISTANCE, "a distance in km", ""},
    [LEX_PERCENT] = {LEX_PERCENT, "a percentage", ""},
    [LEX_DATE] = {LEX_DATE, "a date such as 2026-12-31", ""},
    [LEX_ADDRESS] = {LEX_ADDRESS, "an IP address", ""},
    [LEX_PREFIX] = {LEX_PREFIX, "a network such as 192.0.2.0/24", ""},
    [LEX_LBRACE] = {LEX_LBRACE, "'{'", "{"},
    [LEX_RBRACE] = {LEX_RBRACE, "'}'", "}"},
    [LEX_LPAREN] = {LEX_LPAREN, "'('", "("},
    [LEX_RPAREN] = {LEX_RPAREN, "')'", ")"},
    [LEX_COMMA] = {LEX_COMMA, "','", ","},
    [LEX_SEMICOLON] = {LEX_SEMICOLON, "';'", ";"},
    [LEX_EQ] = {LEX_EQ, "'='", "="},
    [LEX_NE] = {LEX_NE, "'!='", "!="},
    [LEX_LT] = {LEX_LT, "'<'", "<"},
    [LEX_LE] = {LEX_LE, "'<='", "<="},
    [LEX_GT] = {LEX_GT, "'>'", ">"},
    [LEX_GE] = {LEX_GE, "'>='", ">="},
    [LEX_STAR] = {LEX_STAR, "'*'", "*"},
};

/* Counts on from the place that was asked for last: a line may be as long as the text. */
static struct diag_pos
lex_pos(struct lex *lx, size_t at)
{
	if (lx->col == 0 || lx->col_at < lx->line_start || lx->col_at > at) {
		lx->col_at = lx->line_start;
		lx->col = 1;
	}
	for (; lx->col_at < at; lx->col_at++)
		lx->col += ((unsigned char)lx->src.text[lx->col_at] & 0xc0) != 0x80;
	return (struct diag_pos){lx->line, lx->col};
}

void
lex_report(struct lex *lx, size_t at, const char *hint, const char *fmt, ...)
{
	char text[DIAG_TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lx->failed = true;
	diag_error(lx->diags, &lx->src, lex_pos(lx, at), hint, "%s", text);
}

/* Length of the well-formed UTF-8 sequence at p (n bytes left) and its code point; 0 if
 * it is not well-formed (RFC 3629). */
static size_t
lex_utf8(const char *text, size_t n, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc2 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf5 ? 4
				   : 0;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};

	*cp = p[0];
	if (len <= 1 || len > n)
		return len > n ? 0 : len;
	*cp = p[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (p[i] & 0x3f);
	}
	if (*cp < least[len] || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return len;
}

/* Characters that make a text look different from what it is: line and paragraph
 * separators, direction marks, byte order mark, C1 controls, zero-width space. */
static bool
lex_is_hidden(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) ||
	       cp == 0xfeff || cp == 0x061c;
}

/* What is wrong with the character at `at`, or NULL; *len gets its length. */
static const char *
lex_objection(const struct lex *lx, size_t at, size_t *len)
{
	uint32_t cp;

	*len = lex_utf8(lx->src.text + at, lx->src.len - at, &cp);
	if (*len == 0)
		return "this is not UTF-8";
	if (cp == 0)
		return "a NUL byte";
	if (cp == '\r' && lex_byte(lx, at + 1) != '\n')
		return "a carriage return that does not end a line";
	if ((cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0x7f)
		return "a control character";
	if (lex_is_hidden(cp))
		return "an invisible character";
	return NULL;
}

/* Reads the whole text once and reports the first character that it may not hold. Its line is
 * not shown: a terminal could obey it. */
static void
lex_examine(struct lex *lx)
{
	size_t len = 0;

	for (size_t at = 0; at < lx->src.len; at += len) {
		const char *what = lex_objection(lx, at, &len);

		if (what) {
			diag_error(lx->diags, &(struct diag_source){.file = lx->src.file},
				   lex_pos(lx, at), "save the file as plain UTF-8 text", "%s",
				   what);
			lx->failed = lx->dead = true;
			break;
		}
		if (lx->src.text[at] == '\n') {
			lx->line++;
			lx->line_start = at + 1;
		}
	}
	lx->line = 1;
	lx->line_start = 0;
}

void
lex_init(struct lex *lx, const char *file, const char *text, size_t len,
	 struct diags *diags)
{
	memset(lx, 0, sizeof(*lx));
	lx->src = (struct diag_source){file, text ? text : "", text ? len : 0};
	lx->diags = diags;
	lx->line = 1;
	lx->fresh = true;
	if (len > LEX_FILE_MAX) {
		diag_error(diags, &(struct diag_source){file, NULL, 0},
			   (struct diag_pos){0, 0}, "split it into several",
			   "the file is larger than %d bytes", LEX_FILE_MAX);
		lx->failed = lx->dead = true;
		return;
	}
	lex_examine(lx);
}

static void
lex_skip_blank(struct lex *lx)
{
	for (;; lx->at++) {
		int c = lex_byte(lx, lx->at);

		if (c == '#') {
			while (lex_byte(lx, lx->at + 1) != '\n' &&
			       lx->at + 1 < lx->src.len)
				lx->at++;
		} else if (c == '\n') {
			lx->line++;
			lx->line_start = lx->at + 1;
			lx->fresh = true;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			return;
		}
	}
}

/* Adds one byte to a token's text; false when full. */
static bool
lex_put(struct lex_token *tok, int c)
{
	if (tok->n == LEX_TEXT_MAX)
		return false;
	tok->text[tok->n++] = (char)c;
	return true;
}

static enum lex_kind
lex_word(struct lex *lx, struct lex_token *tok)
{
	bool fits = true;

	while (lex_is_tail(lex_byte(lx, lx->at)))
		fits &= lex_put(tok, lex_byte(lx, lx->at++));
	if (!fits) {
		lex_report(lx, tok->offset, NULL, "this word is longer than %d bytes",
			   LEX_TEXT_MAX);
		return LEX_ERROR;
	}
	if (tok->text[tok->n - 1] == '.' || tok->text[tok->n - 1] == '-') {
		lex_report(lx, lx->at - 1,
			   "put a text that is no plain name in double quotes",
			   "a word ends with a letter, a digit or '_'");
		return LEX_ERROR;
	}
	return LEX_WORD;
}

/* The byte that backslash + c stands for, or -1. */
static int
lex_escape(int c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case 'n':
		return '\n';
	case 't':
		return '\t';
	default:
		return -1;
	}
}

static enum lex_kind
lex_string(struct lex *lx, struct lex_token *tok)
{
	bool fits = true, good = true;

	for (lx->at++;; lx->at++) {
		int c = lex_byte(lx, lx->at);

		if (c == -1 || c == '\n' || c == '\r') {
			lex_report(lx, tok->offset, "close it with '\"' on the same line",
				   "this text is not closed");
			return LEX_ERROR;
		}
		if (c == '"')
			break;
		if (c == '\\') {
			int e = lex_escape(lex_byte(lx, lx->at + 1));

			if (e == -1) {
				if (good)
					lex_report(lx, lx->at,
						   "escapes are \\\" \\\\ \\n and \\t",
						   "unknown escape");
				good = false;
				continue;
			}
			lx->at++;
			c = e;
		}
		fits &= lex_put(tok, c);
	}
	lx->at++;
	if (!fits)
		lex_report(lx, tok->offset, NULL, "this text is longer than %d bytes",
			   LEX_TEXT_MAX);
	return fits && good ? LEX_STRING : LEX_ERROR;
}

/* What to write instead of a mark that other languages have. */
static const char *
lex_mark_hint(int c)
{
	switch (c) {
	case '!':
		return "write 'not' or '!='";
	case '&':
	case '|':
		return "write 'and' and 'or'";
	case '=':
		return "write '='";
	case '\'':
		return "use double quotes";
	default:
		return "put texts in double quotes";
	}
}

static enum lex_kind
lex_mark(struct lex *lx, const struct lex_token *tok)
{
	int c = lex_byte(lx, lx->at), next = lex_byte(lx, lx->at + 1);
	bool wide = next == '=' && (c == '!' || c == '<' || c == '>');
	bool foreign = next == c && (c == '&' || c == '|' || c == '=');
	size_t n = wide || foreign ? 2 : 1;
	uint32_t cp;

	for (int k = LEX_LBRACE; k < LEX_KIND_COUNT; k++) {
		if (strlen(lex_marks[k].text) == n &&
		    memcmp(lex_marks[k].text, lx->src.text + lx->at, n) == 0) {
			lx->at += n;
			return lex_marks[k].kind;
		}
	}
	if (!foreign)
		n = lex_utf8(lx->src.text + lx->at, lx->src.len - lx->at, &cp);
	lex_report(lx, tok->offset, lex_mark_hint(c), "'%.*s' has no meaning here",
		   (int)n, lx->src.text + lx->at);
	lx->at += n;
	return LEX_ERROR;
}

static enum lex_kind
lex_scan(struct lex *lx, struct lex_token *tok)
{
	int c = lex_byte(lx, lx->at);

	if (c == -1)
		return LEX_END;
	if (c == '"')
		return lex_string(lx, tok);
	if (lexnum_at_address(lx))
		return lexnum_address(lx, tok);
	if (lexnum_at_date(lx))
		return lexnum_date(lx, tok);
	if (lex_is_digit(c) || (c == '-' && lex_is_digit(lex_byte(lx, lx->at + 1))))
		return lexnum_number(lx, tok);
	if (lex_is_letter(c))
		return lex_word(lx, tok);
	return lex_mark(lx, tok);
}

static void
lex_read(struct lex *lx, struct lex_token *tok)
{
	*tok = (struct lex_token){.kind = LEX_END, .pos = {lx->line, 1}};
	if (lx->dead)
		return;
	lex_skip_blank(lx);
	tok->offset = lx->at;
	tok->pos = lex_pos(lx, lx->at);
	tok->first = lx->fresh;
	tok->kind = lex_scan(lx, tok);
	lx->fresh = false;
	if (tok->kind != LEX_WORD && tok->kind != LEX_STRING)
		tok->n = 0;
	tok->text[tok->n] = '\0';
}

const struct lex_token *
lex_peek(struct lex *lx)
{
	if (!lx->peeked)
		lex_read(lx, &lx->ahead);
	lx->peeked = true;
	return &lx->ahead;
}

enum lex_kind
lex_next(struct lex *lx, struct lex_token *tok)
{
	*tok = *lex_peek(lx);
	if (tok->kind != LEX_END)
		lx->peeked = false;
	return tok->kind;
}

static void
lex_drop(struct lex *lx)
{
	if (lx->ahead.kind != LEX_END)
		lx->peeked = false;
}

bool
lex_accept(struct lex *lx, enum lex_kind kind, struct lex_token *tok)
{
	if (lex_peek(lx)->kind != kind)
		return false;
	if (tok)
		*tok = lx->ahead;
	lex_drop(lx);
	return true;
}

bool
lex_is_word(const struct lex_token *tok, const char *word)
{
	return tok->kind == LEX_WORD && strcmp(tok->text, word) == 0;
}

bool
lex_accept_word(struct lex *lx, const char *word)
{
	if (!lex_is_word(lex_peek(lx), word))
		return false;
	lex_drop(lx);
	return true;
}

bool
lex_expect(struct lex *lx, enum lex_kind kind, const char *what, struct lex_token *tok)
{
	char found[64];
	const struct lex_token *next = lex_peek(lx);

	if (lex_accept(lx, kind, tok))
		return true;
	lex_fail(lx, next, NULL, "expected %s, found %s",
		 what ? what : lex_kind_name(kind),
		 lex_describe(lx, next, found, sizeof(found)));
	return false;
}

bool
lex_expect_word(struct lex *lx, const char *word)
{
	char found[64];
	const struct lex_token *next = lex_peek(lx);

	if (lex_accept_word(lx, word))
		return true;
	lex_fail(lx, next, NULL, "expected '%s', found %s", word,
		 lex_describe(lx, next, found, sizeof(found)));
	return false;
}

void
lex_fail(struct lex *lx, const struct lex_token *tok, const char *hint, const char *fmt,
	 ...)
{
	char text[DIAG_TEXT_LEN];
	va_list ap;

	lx->failed = true;
	if (tok->kind == LEX_ERROR || lx->dead)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(lx->diags, &lx->src, tok->pos, hint, "%s", text);
}

void
lex_recover(struct lex *lx, bool line)
{
	unsigned depth = 0;

	for (;; lex_drop(lx)) {
		const struct lex_token *tok = lex_peek(lx);

		if (tok->kind == LEX_END)
			return;
		if (depth == 0 && (tok->kind == LEX_RBRACE || (line && tok->first)))
			return;
		depth += tok->kind == LEX_LBRACE;
		depth -= tok->kind == LEX_RBRACE;
	}
}

bool
lex_failed(const struct lex *lx)
{
	return lx->failed;
}

const char *
lex_kind_name(enum lex_kind kind)
{
	return (unsigned)kind < LEX_KIND_COUNT ? lex_marks[kind].name : "something";
}

const char *
lex_describe(const struct lex *lx, const struct lex_token *tok, char *buf, size_t cap)
{
	size_t n = tok->n, room = cap > 8 ? cap - 8 : 0;
	const char *tail = "";
	const char *q = tok->kind == LEX_STRING ? "\"" : "'";

	(void)lx;
	if (tok->kind != LEX_WORD && tok->kind != LEX_STRING) {
		snprintf(buf, cap, "%s", lex_kind_name(tok->kind));
		return buf;
	}
	if (n > room) {
		n = room;
		tail = "...";
		while (n > 0 && ((unsigned char)tok->text[n] & 0xc0) == 0x80)
			n--;
	}
	snprintf(buf, cap, "%s%.*s%s%s", q, (int)n, tok->text, tail, q);
	return buf;
}
