/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/lexnum.h - tokens that start with a digit: numbers with units, dates, addresses.
 *
 * Private to the lexer: the contract is in policy/lex.h. Each reader starts at lx->at,
 * moves behind what it took, and returns the token's kind, or LEX_ERROR after reporting.
 */
#ifndef WARIFU_POLICY_LEXNUM_H
#define WARIFU_POLICY_LEXNUM_H

#include "policy/lex.h"

static inline bool
lex_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static inline bool
lex_is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool
lex_is_hex(int c)
{
	return lex_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool
lex_is_tail(int c)
{
	return lex_is_letter(c) || lex_is_digit(c) || c == '-' || c == '.';
}

/* The byte at offset `at`, -1 past the end. */
static inline int
lex_byte(const struct lex *lx, size_t at)
{
	return at < lx->src.len ? (unsigned char)lx->src.text[at] : -1;
}

bool lexnum_at_address(const struct lex *lx);

bool lexnum_at_date(const struct lex *lx);

enum lex_kind lexnum_address(struct lex *lx, struct lex_token *tok);

enum lex_kind lexnum_date(struct lex *lx, struct lex_token *tok);

/* A number and the unit behind it, if there is one. */
enum lex_kind lexnum_number(struct lex *lx, struct lex_token *tok);

#endif
