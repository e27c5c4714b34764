/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/record.h - one leaf of the session log: its canonical bytes.
 *
 * A leaf is a fixed header (REC_HEAD_LEN bytes) and fields: tag u16, length u16, value,
 * with tags strictly ascending. record.def is the table of tags. Fields about a person
 * stand in one block at the end: in the clear on the way through the ring (tag
 * REC_TAG_CLEAR), encrypted from the scribe on (tag REC_TAG_SEALED). There is exactly one
 * encoding of a leaf; the decoder refuses every other.
 *
 *   rec_begin → rec_put_* (ascending tags) → rec_personal → rec_put_* → rec_end
 *
 * A request has two leaves, decision and outcome, with one exchange id. Facts of the
 * policy stand in one field, as bytes whose meaning policy/signal.h knows; facts about a
 * person in one of the personal block.
 * What is absent is unknown. Tags that this version does not know are kept and shown as hex.
 *
 * Ownership  the builder writes into the caller's buffer; views borrow the leaf's bytes.
 * Units      big-endian; time in ns since 1970 UTC; durations in µs; integers minimal
 *            (no leading zero byte, 0 is empty); addresses 4 or 16 bytes.
 * Errors     the builder latches its first error and rec_end returns it: WF_EFULL (buffer),
 *            WF_ESTATE (order, wrong section), WF_ERANGE (value longer than REC_VALUE_MAX).
 * Threads    pure.
 * Not here   encryption (keys.h), hashing (chain.h), the ring entry around it (entry.h).
 */
#ifndef WARIFU_AUDIT_RECORD_H
#define WARIFU_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/signal.h"
#include "proxy/base/cursor.h"
#include "proxy/base/span.h"

enum {
	REC_VERSION = 1,
	REC_HEAD_LEN = 40,
	REC_LEAF_MAX = 192 << 10,
	REC_VALUE_MAX = 65535,
	REC_SESSION_LEN = 16,
	REC_SEAL_OVERHEAD = 8 + 8 + 16, /* key id, nonce counter, tag */
	REC_SUPPORT_LEN = 16            /* "xxxx-xxxxx-xxxx" and a NUL */
};

enum rec_kind { REC_DECISION = 1, REC_OUTCOME = 2, REC_EVENT = 3, REC_AGGREGATE = 4 };

/* Header flags. */
enum {
	REC_F_DURABLE = 1, /* the gate waited for the commit */
	REC_F_ALARM = 2    /* raised an alarm: record class, metric and hook */
};

/* Threads above the gate's. */
enum { REC_THREAD_SUPERVISOR = 0xfffe, REC_THREAD_SCRIBE = 0xffff };

enum rec_type {
	REC_U64,   /* number */
	REC_I64,   /* signed number, zigzag */
	REC_TEXT,  /* bytes from anywhere, meant as UTF-8; escaped wherever shown */
	REC_HEX,   /* bytes shown as hex */
	REC_ADDR,  /* 4 or 16 bytes */
	REC_TIME,  /* ns since 1970 UTC */
	REC_USEC,  /* duration in µs */
	REC_LIST,  /* elements: length u16, bytes; shown as texts */
	REC_IDS,   /* session ids, 16 bytes each */
	REC_ENUM,  /* number with a name: verdict, event, mode */
	REC_FACTS  /* items of policy/signal.h */
};

enum rec_tag {
#define TAG(number, NAME, name, type, personal, en, ja) REC_TAG_##NAME = number,
#include "proxy/audit/record.def"
#undef TAG
	REC_TAG_CLEAR = 0xfffe,  /* personal fields in the clear: only inside the ring */
	REC_TAG_SEALED = 0xffff  /* personal fields, encrypted */
};

/* Values of REC_TAG_EVENT. */
enum rec_event {
#define EVENT(number, NAME, name, en, ja) REC_EVENT_##NAME = number,
#define MODE(number, NAME, name, en, ja)
#include "proxy/audit/event.def"
#undef EVENT
#undef MODE
};

/* Values of REC_TAG_MODE. */
enum rec_mode {
#define EVENT(number, NAME, name, en, ja)
#define MODE(number, NAME, name, en, ja) REC_MODE_##NAME = number,
#include "proxy/audit/event.def"
#undef EVENT
#undef MODE
};

struct rec_head {
	uint8_t kind;
	uint16_t flags;
	uint16_t thread;
	uint64_t boot;
	uint64_t seq;
	uint64_t time;     /* ns since 1970 UTC */
	uint64_t exchange; /* links decision and outcome; 0 = none */
};

/* ---- building ---- */

struct rec {
	uint8_t *p;
	size_t cap;
	size_t n;
	size_t block; /* where the personal block's length stands; 0 = none */
	size_t list;  /* where an open list's length stands; 0 = none */
	uint16_t last; /* tag of this part; 0 = none */
	int err;
};

void
rec_begin(struct rec *r, uint8_t *buf, size_t cap, const struct rec_head *h);

void
rec_put_u64(struct rec *r, uint16_t tag, uint64_t v);

void
rec_put_i64(struct rec *r, uint16_t tag, int64_t v);

void
rec_put_bytes(struct rec *r, uint16_t tag, struct span v);

/* As bytes, but cut to at most `max` bytes: for what clients choose (User-Agent, path). */
void
rec_put_cut(struct rec *r, uint16_t tag, struct span v, size_t max);

void
rec_put_text(struct rec *r, uint16_t tag, const char *v);

/* The facts of this part of the leaf: public ones, or the person's behind rec_personal. */
void
rec_put_facts(struct rec *r, const struct facts *f);

void
rec_list_begin(struct rec *r, uint16_t tag);

void
rec_list_add(struct rec *r, struct span v);

void
rec_list_end(struct rec *r);

/* From here on the personal fields; ascending tags start anew. */
void
rec_personal(struct rec *r);

/* *len = the leaf's length; or the first error. */
int
rec_end(struct rec *r, size_t *len);

/* ---- reading ---- */

struct rec_view {
	struct rec_head head;
	struct span fields;   /* public fields; walk with rec_next */
	struct span personal; /* the clear block's fields; empty when sealed or none */
	bool sealed;
	uint64_t key_id;
	uint64_t nonce;
	struct span cipher; /* ciphertext and its tag of 16 bytes */
	struct span bare;   /* the leaf up to the personal block: what the seal authenticates */
};

struct rec_field {
	uint16_t tag;
	struct span value;
};

/* Checks the whole leaf; every refusal is WF_ESYNTAX, WF_ETRUNCATED, WF_ETRAILING,
 * WF_ERANGE or WF_EUNSUPPORTED (version). `clear_allowed`: inside the ring. */
int
rec_parse(struct span leaf, bool clear_allowed, struct rec_view *v);

/* Checks one run of fields (a decrypted personal block). */
int
rec_check_fields(struct span fields, bool personal);

/* Start with cur_init(view.fields). False at the end. */
bool
rec_next(struct cursor *c, struct rec_field *f);

/* The value of one tag; false when absent. */
bool
rec_find(struct span fields, uint16_t tag, struct span *value);

/* Value of an integer field; 0 for a value that is no integer (rec_parse refuses those). */
uint64_t
rec_u64(struct span value);

int64_t
rec_i64(struct span value);

/* Next element of a list: start with cur_init(value). */
bool
rec_list_next(struct cursor *c, struct span *element);

/* ---- names ---- */

struct rec_tag_info {
	uint16_t tag;
	enum rec_type type;
	bool personal;
	const char *name;
	const char *en;
	const char *ja;
};

/* NULL for a tag that this version does not know (facts included). */
const struct rec_tag_info *
rec_tag_find(uint16_t tag);

/* All known tags, in ascending order. */
const struct rec_tag_info *
rec_tag_table(size_t *n);

/* Name of a value of an enum tag, NULL when unknown; sentence in English or Japanese. */
const char *
rec_enum_name(uint16_t tag, uint64_t v);

const char *
rec_enum_text(uint16_t tag, uint64_t v, bool ja);

/* ---- exchange id and support number ---- */

/* Sorted by time, unique while a thread makes less than 4096 in a millisecond:
 * ms since 2020 (42 bits), thread (10 bits), sequence (12 bits). Never 0. */
uint64_t
rec_exchange_id(uint64_t now_ns, uint16_t thread, uint64_t seq);

/* When it was made, in ns since 1970 (a millisecond's precision). */
uint64_t
rec_exchange_time(uint64_t id);

/* What people read on a page and on the phone: 13 letters and digits, no I, L, O, U. */
void
rec_support_text(uint64_t id, char out[REC_SUPPORT_LEN]);

/* Forgives case, spaces and dashes, I and L for 1, O for 0. */
int
rec_support_parse(struct span s, uint64_t *id);

#endif
