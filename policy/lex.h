/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/lex.h - the tokens of every file that an administrator writes.
 *
 * Settings, recipes and policies share these tokens:
 *
 *   word       letters, digits, '_', '.', '-'; starts with a letter or '_': session.idle
 *   string     "..." on one line; escapes \" \\ \n \t and no others
 *   number     42, -7; thousands may be grouped with '_': 1_000_000
 *   duration   5 ms, 30s, 15 min, 8h, 30d                   num = milliseconds
 *   size       512 B, 64KiB, 10 MiB, 2 GiB                  num = bytes
 *   speed      900 km/h                                     num = km/h
 *   distance   300 km                                       num = km
 *   percent    50%, 50 percent                              num = percent
 *   date       2026-12-31                                   num = seconds since 1970, UTC
 *   address    192.0.2.1, 2001:db8::1                       addr, family
 *   prefix     192.0.2.0/24, 2001:db8::/32                  addr, family, bits
 *   marks      { } ( ) , ; = < > != <= >= *
 *   comment    # to the end of the line (never a token)
 *
 * A number and its unit may be apart by blanks on the same line. Line ends are no tokens;
 * token.first says that a token is the first of its line, for readers that care.
 *
 * Model      lex_init checks the whole text once: UTF-8, no NUL, no control characters,
 *            no invisible direction marks (they make a rule read differently from what it
 *            does). A text that fails yields one message and then only LEX_END. Any other
 *            fault yields one message and a LEX_ERROR token, and reading goes on behind
 *            it, so that a reader can report the next fault too.
 * Ownership  borrows text, name and list until the last call; tokens are copies.
 * Units      as above; positions as in diag.h.
 * Errors     go into the list; lex_failed() tells whether any came through this lexer.
 * Threads    one owner at a time.
 * Not here   keywords, grammar, including other files, environment variables.
 */
#ifndef WARIFU_POLICY_LEX_H
#define WARIFU_POLICY_LEX_H

#include <stdint.h>

#include "policy/diag.h"

enum {
	LEX_TEXT_MAX = 1023,	   /* bytes of one word or string, after its escapes */
	LEX_FILE_MAX = 4096 * 1024 /* bytes of one text */
};

enum lex_kind {
	LEX_END,
	LEX_ERROR, /* already reported */
	LEX_WORD,
	LEX_STRING,
	LEX_NUMBER,
	LEX_DURATION,
	LEX_SIZE,
	LEX_SPEED,
	LEX_DISTANCE,
	LEX_PERCENT,
	LEX_DATE,
	LEX_ADDRESS,
	LEX_PREFIX,
	LEX_LBRACE,
	LEX_RBRACE,
	LEX_LPAREN,
	LEX_RPAREN,
	LEX_COMMA,
	LEX_SEMICOLON,
	LEX_EQ,
	LEX_NE,
	LEX_LT,
	LEX_LE,
	LEX_GT,
	LEX_GE,
	LEX_STAR,
	LEX_KIND_COUNT
};

struct lex_token {
	enum lex_kind kind;
	struct diag_pos pos;
	bool first;		     /* first token of its line */
	uint8_t family;		     /* 4 or 6 for LEX_ADDRESS and LEX_PREFIX */
	uint8_t bits;		     /* length of a prefix; 32 or 128 for an address */
	uint8_t addr[16];	     /* network order; IPv4 in the first four */
	int64_t num;		     /* in the unit of the kind */
	size_t offset;		     /* where the token starts in the text */
	size_t n;		     /* strlen(text) */
	char text[LEX_TEXT_MAX + 1]; /* word or string, NUL behind it; else empty */
};

struct lex {
	struct diag_source src;
	struct diags *diags;
	size_t at;
	size_t line_start; /* offset of the current line */
	size_t col_at;     /* offset up to which columns were counted … */
	unsigned col;      /* … and the column there; 0: nowhere yet */
	unsigned line;
	bool fresh; /* no token on this line yet */
	bool dead;  /* the text as a whole is not acceptable */
	bool failed;
	bool peeked;
	struct lex_token ahead;
};

/* Starts reading text (len bytes, NUL not needed); `file` is the name in messages. */
void lex_init(struct lex *lx, const char *file, const char *text, size_t len,
	      struct diags *diags);

/* Takes the next token; returns its kind. After LEX_END only LEX_END comes. */
enum lex_kind lex_next(struct lex *lx, struct lex_token *tok);

/* The next token without taking it; valid until the next call. */
const struct lex_token *lex_peek(struct lex *lx);

/* Takes the next token if it is of this kind; tok may be NULL. */
bool lex_accept(struct lex *lx, enum lex_kind kind, struct lex_token *tok);

/* Takes the next token if it is this word. */
bool lex_accept_word(struct lex *lx, const char *word);

/* As lex_accept, but reports "expected X, found Y" and takes nothing if it is another.
 * `what` names the thing in the reader's words ("the rule's id"); NULL: the kind's name.
 */
bool lex_expect(struct lex *lx, enum lex_kind kind, const char *what,
		struct lex_token *tok);

bool lex_expect_word(struct lex *lx, const char *word);

/* Reports an error at tok; silent for LEX_ERROR, which was reported already. */
__attribute__((format(printf, 4, 5))) void lex_fail(struct lex *lx,
						    const struct lex_token *tok,
						    const char *hint, const char *fmt,
						    ...);

/* Reports an error at an offset of the current line; hint may be NULL. */
__attribute__((format(printf, 4, 5))) void
lex_report(struct lex *lx, size_t at, const char *hint, const char *fmt, ...);

/* After a fault: takes tokens up to (not including) the '}' that closes the current
 * block, or, if `line` is set, up to the first token of a following line at this depth.
 */
void lex_recover(struct lex *lx, bool line);

bool lex_is_word(const struct lex_token *tok, const char *word);

bool lex_failed(const struct lex *lx);

/* "a word", "'{'", "the end of the file" ...; never NULL. */
const char *lex_kind_name(enum lex_kind kind);

/* What the file says at tok, for messages: "'word'", "\"string\"", "'{'"; cut if long. */
const char *lex_describe(const struct lex *lx, const struct lex_token *tok, char *buf,
			 size_t cap);

#endif
