/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/signal.h - what a policy can ask, and one request's answers.
 *
 * signal.def is the one table: it makes the enum below, the checker's vocabulary, the
 * manual page, the console's legend and the log's tags.
 *
 * Model      A signal has two numbers. Its enum value (SIG_...) is an index, dense, and may
 *            change with any release. Its *number* (signal_info) stands in records and
 *            never changes. struct facts holds one value for each signal: unknown, or
 *            known with a value of the signal's type. Unknown is a value of its own: it
 *            neither equals nor differs from anything.
 *            A fact may carry evidence for people: what was bound at the login and what
 *            was seen now, as short texts ("Tokyo, JP" -> "Kyiv, UA"). Evidence is shown
 *            and recorded, never decided on.
 * Ownership  struct facts is the caller's memory; texts and evidence inside are borrowed
 *            and must live as long as the facts. Nothing is allocated.
 * Units      DURATION milliseconds; SPEED km/h; DISTANCE km; PERCENT percent; COUNTRY two
 *            capital letters (ISO 3166-1); PATH a normal path that starts with '/'.
 * Errors     false; outputs are cleared. Setting a value of another type is a bug of the
 *            caller and ends the process.
 * Threads    pure; one owner at a time for a struct facts.
 * Not here   how facts are gathered (proxy/gate/facts).
 */
#ifndef WARIFU_POLICY_SIGNAL_H
#define WARIFU_POLICY_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum signal_id {
#define SIGNAL(number, ident, name, type, unknown, personal, source, en, ja) SIG_##ident,
#include "policy/signal.def"
	SIGNAL_COUNT
};

/* Values of the enum signals: SIG_REQUEST_CLASS has CLASS_..., SIG_DEVICE_PROOF PROOF_... */
enum signal_class {
	CLASS_OPEN,
	CLASS_READ,
	CLASS_WRITE,
	CLASS_SENSITIVE,
	CLASS_COUNT
};

enum signal_proof {
	PROOF_NONE,
	PROOF_TICKET,
	PROOF_SCRIPT_KEY,
	PROOF_DBSC,
	PROOF_CERTIFICATE,
	PROOF_COUNT
};

/* These stand in records: never renumbered. */
enum signal_type {
	SIGNAL_BOOL = 1,
	SIGNAL_INT = 2,
	SIGNAL_DURATION = 3,
	SIGNAL_TEXT = 4,
	SIGNAL_PATH = 5,
	SIGNAL_COUNTRY = 6,
	SIGNAL_ENUM = 7,
	SIGNAL_PERCENT = 8,
	SIGNAL_SPEED = 9,
	SIGNAL_DISTANCE = 10,
};

struct signal_info {
	uint16_t number; /* stable, for records */
	enum signal_type type;
	bool may_be_unknown;
	bool personal; /* belongs into the record's encrypted part */
	const char *name;
	const char *source;
	const char *en;
	const char *ja;
};

/* Never NULL for id < SIGNAL_COUNT. */
const struct signal_info *
signal_info(enum signal_id id);

/* -1 if there is none. */
int
signal_by_name(const char *name, size_t n);

/* By stable number; -1 if this release does not know it. */
int
signal_by_number(unsigned number);

/* "bool", "duration" ...; "ms" for a duration, "" if the type has no unit. */
const char *
signal_type_name(enum signal_type type);
const char *
signal_unit(enum signal_type type);

/* The word of an enum's value, NULL past the last; and back, -1 if it has no such word. */
const char *
signal_word(enum signal_id id, unsigned rank);
int
signal_rank(enum signal_id id, const char *word, size_t n);

/* Is it an assigned ISO 3166-1 code (two capitals; XK for Kosovo)? */
bool
signal_is_country(const char *cc, size_t n);

enum {
	FACTS_TEXT_MAX = 4096,     /* bytes of one text value; longer is cut when set */
	FACTS_EVIDENCE_MAX = 80,   /* bytes of each evidence text; longer is cut when set */
};

struct fact {
	bool known;
	int64_t num;      /* BOOL 0/1, ENUM the rank, COUNTRY 256*first+second, else units */
	const char *text; /* TEXT and PATH, not NUL-terminated */
	size_t n;
};

struct facts_evidence {
	const char *bound;
	const char *seen;
	uint8_t bound_n;
	uint8_t seen_n;
};

struct facts {
	struct fact v[SIGNAL_COUNT];
	struct facts_evidence why[SIGNAL_COUNT];
};

/* All unknown, no evidence. */
void
facts_clear(struct facts *f);

void
facts_set_unknown(struct facts *f, enum signal_id id);
void
facts_set_bool(struct facts *f, enum signal_id id, bool value);
/* INT, DURATION (ms), PERCENT, SPEED, DISTANCE. */
void
facts_set_int(struct facts *f, enum signal_id id, int64_t value);
/* TEXT and PATH. */
void
facts_set_text(struct facts *f, enum signal_id id, const char *text, size_t n);
void
facts_set_enum(struct facts *f, enum signal_id id, unsigned rank);
/* Two letters of either case; anything else makes it unknown. */
void
facts_set_country(struct facts *f, enum signal_id id, const char *cc, size_t n);

/* What was bound and what was seen, for people; either may be empty. */
void
facts_set_evidence(struct facts *f, enum signal_id id, const char *bound, size_t bound_n,
    const char *seen, size_t seen_n);

bool
facts_known(const struct facts *f, enum signal_id id);
/* False if unknown or a signal of another type; *value is then false, 0, empty. */
bool
facts_get_bool(const struct facts *f, enum signal_id id, bool *value);
bool
facts_get_int(const struct facts *f, enum signal_id id, int64_t *value);
bool
facts_get_enum(const struct facts *f, enum signal_id id, unsigned *rank);
bool
facts_get_text(const struct facts *f, enum signal_id id, const char **text, size_t *n);
bool
facts_get_country(const struct facts *f, enum signal_id id, char cc[3]);

/* The words of a known TEXT, PATH, COUNTRY or ENUM; they lie in `small` or where the fact
 * points. NULL for other types. */
const char *
facts_words(const struct facts *f, enum signal_id id, char small[2], size_t *n);

/* Sets such a fact from its words, borrowing a TEXT or PATH; false for other types, and for
 * words that are none of the signal. */
bool
facts_set_words(struct facts *f, enum signal_id id, const char *text, size_t n);

/*
 * Facts as bytes for the log, and back (docs/formats/policy.md, "Facts in the log"): one
 * item for each signal that the gate knew, also for those whose value was unknown, by
 * ascending numbers. What concerns a person is a run of its own.
 */

/* The facts of one part; false, and *n = 0, if they do not fit. */
bool
facts_encode(const struct facts *f, bool personal, uint8_t *buf, size_t cap, size_t *n);

struct facts_reader {
	const uint8_t *p;
	size_t n;
	unsigned last;
	bool bad;
};

struct facts_item {
	unsigned number; /* of a signal that this release may not know */
	unsigned kind;
	const uint8_t *value;
	size_t value_n;
	struct facts_evidence why;
	const uint8_t *bytes; /* the whole item */
	size_t n;
};

struct facts_reader
facts_reader(const uint8_t *p, size_t n);

/* The next item, borrowing from the bytes; false at the end, and where they are malformed
 * (then r->bad). */
bool
facts_next(struct facts_reader *r, struct facts_item *it);

/* At least one item, and nothing malformed; whether this release knows them is another
 * question. */
bool
facts_well_formed(const uint8_t *p, size_t n);

/* Sets the fact and its evidence, borrowing from the item's bytes, and returns its signal.
 * -1 if this release does not know the number, or the value is none of that signal: the
 * fact is then unknown. */
int
facts_decode(struct facts *f, const struct facts_item *it);

/* For people: "true", "30 min", "JP", "sensitive", "/api/tx", "unknown". Text comes as it
 * is: the caller escapes for its medium. Cut to cap; always NUL-terminated; returns buf. */
const char *
facts_print(const struct facts *f, enum signal_id id, char *buf, size_t cap);

/* From a spelling that facts_print or an administrator writes; numbers without a unit are
 * taken in the type's unit; "unknown" makes it unknown. Borrows text for TEXT and PATH. */
bool
facts_parse(struct facts *f, enum signal_id id, const char *text, size_t n);

#endif
