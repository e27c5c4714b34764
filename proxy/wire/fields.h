/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/fields.h - the fields of one message head, in order, as received.
 *
 * A list is an array that the caller gives; parsers append, nobody changes what is there.
 * Each name is looked up once, when it is added: the hot path compares small numbers
 * (enum field_id), not strings. Names outside fields.def have FIELD_OTHER and are found
 * by name. HTTP/1 and HTTP/2 heads end in the same list.
 *
 * Ownership  names and values point into the head's bytes; they live as long as those.
 * Errors     0, WF_EFULL, WF_ENOTFOUND, WF_EAMBIGUOUS.
 * Threads    pure; a list belongs to one thread.
 * Not here   cookies (cookie.h), what a rule or a site strips (proxy/gate).
 */
#ifndef WARIFU_WIRE_FIELDS_H
#define WARIFU_WIRE_FIELDS_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum field_id {
	FIELD_OTHER = 0,
/* LEN opens a run of names of one length: FIELD_LEN_n is the first of them. */
#define LEN(n) FIELD_LEN_##n, FIELD_BEFORE_##n = FIELD_LEN_##n - 1,
#define FIELD(id, name, flags) FIELD_##id,
#include "proxy/wire/fields.def"
#undef FIELD
#undef LEN
	FIELD_COUNT
};

enum {
	FIELD_IS_HOP = 1,	/* hop-by-hop: never forwarded */
	FIELD_IS_FRAMING = 2,	/* says where the body ends: always written anew */
	FIELD_IS_ONCE = 4,	/* may occur once in a request */
	FIELD_IS_TRAILER = 8,	/* harmless as a trailer */
	FIELD_IS_FORWARD = 16,	/* says whom a proxy forwards for */
	FIELD_IS_IDENTITY = 32, /* says who the user is: only a trusted hop may */
	FIELD_IS_OVERRIDE = 64, /* asks for another method or path */
	FIELD_IS_SECRET = 128,	/* may carry a credential: never logged */
};

struct field {
	struct span name;  /* as received, any case */
	struct span value; /* without blanks at its ends; may be empty */
	enum field_id id;
};

struct fields {
	struct field *at;
	size_t n, cap;
};

/* An empty list over the caller's array. */
struct fields fields_over(struct field *at, size_t cap);

/* Appends and looks the name up; WF_EFULL. */
int fields_add(struct fields *f, struct span name, struct span value);

/* ---- names ---- */

/* The id of a name of any case, or FIELD_OTHER. */
enum field_id fields_id(struct span name);

/* The name in lower case; empty for FIELD_OTHER. */
struct span fields_name(enum field_id id);

/* The FIELD_IS_ flags; 0 for FIELD_OTHER. */
unsigned fields_flags(enum field_id id);

/* Equal when case is folded and all that is no letter or digit reads as '-', as CGI-like
 * backends fold names. */
bool fields_name_alike(struct span a, struct span b);

/* Names that belong to warifu itself (Warifu-*: never pass from one side to the other) or
 * to device keys (Secure-Session-*, Sec-Secure-Session-*, Sec-Session-*: pass only where
 * those are off), each also with '_' or '.' or the like for any '-'. FIELDS_FREE is 0. */
enum fields_owner { FIELDS_FREE, FIELDS_OURS, FIELDS_DEVICE };

enum fields_owner fields_reserved(struct span name);

/* A name with '_' or the like that a folding backend would take for a known or reserved field. */
bool fields_alias(struct span name);

/* ---- look-up ---- */

/* The first field with that id at or behind `from` (0: from the start), or NULL. */
const struct field *fields_find(const struct fields *f, enum field_id id, size_t from);

/* The same by name, case folded; for names outside the table. */
const struct field *fields_find_name(const struct fields *f, struct span name,
				     size_t from);

/* The value if the field occurs exactly once; WF_ENOTFOUND or WF_EAMBIGUOUS with an empty
 * value otherwise. */
int fields_one(const struct fields *f, enum field_id id, struct span *value);

int fields_one_name(const struct fields *f, struct span name, struct span *value);

/* Bytes of the longest field line, "name: value" without its end. */
size_t fields_longest(const struct fields *f);

/* ---- comma lists ---- */

/* Takes the next element of a comma list out of *rest, without blanks; skips empty ones.
 * False when none is left. Knows no quoted strings: only for lists of tokens. */
bool fields_token(struct span *rest, struct span *token);

/* True if any field of that id lists the token, case folded. */
bool fields_has_token(const struct fields *f, enum field_id id, struct span token);

/* ---- hop-by-hop ---- */

/* What Connection said. `names` are only those that name a field of FIELD_OTHER: known
 * end-to-end fields cannot be named away (fields_hop_read refuses). */
enum { FIELDS_HOP_NAMES = 8 };

struct fields_hop {
	struct span names[FIELDS_HOP_NAMES];
	size_t n;
	bool close, keep_alive, upgrade;
};

/* Reads every Connection field. WF_ESYNTAX: not a list of tokens, or too many names;
 * WF_EDENIED: names a known field that must reach the other end. */
int fields_hop_read(const struct fields *f, struct fields_hop *hop);

/* True if x must not be forwarded: hop-by-hop by nature, or named by Connection. */
bool fields_drop_hop(const struct fields_hop *hop, const struct field *x);

#endif
