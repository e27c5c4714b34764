/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/place/place.h - where an address is, from geo databases.
 *
 * Free country databases disagree on about one address in twenty, so a country counts
 * as known only if both configured sources say the same, or if there is only one source.
 * Source A is the country-a file, or the city file where no country-a file is given;
 * source B is the country-b file. Every value may be unknown (an empty string, or 0):
 * no record, a private or special address, a wrong type or bad text in the file.
 *
 * Both schemas are read: MaxMind's (country.iso_code, city.names.en) and the flat one of
 * ip-location-db (country_code, city).
 *
 * A mapped file that is overwritten kills its reader. So the supervisor seals a copy in
 * memory (place_seal_file) and the gate opens /proc/self/fd/N. Files are hostile input:
 * place_open checks metadata and tree and fails with a sentence; look-ups never read
 * outside the file, whatever is in it.
 *
 * Ownership  a place_db belongs to a snapshot and never changes; the caller counts.
 * Errors     0 or a negative enum wf_err, with a sentence in `why`.
 * Threads    look-ups may run in all threads at once; no locks, no allocation.
 */
#ifndef WARIFU_PLACE_PLACE_H
#define WARIFU_PLACE_PLACE_H

#include "proxy/base/ip.h"

enum place_role {
	PLACE_COUNTRY_A,
	PLACE_COUNTRY_B,
	PLACE_CITY,
	PLACE_ASN,
	PLACE_ROLES,
};

/* Each role may have two files, since some are sold as one for IPv4 and one for IPv6. */
enum { PLACE_FILES_MAX = 2 * PLACE_ROLES };

enum { PLACE_SOURCE_A, PLACE_SOURCE_B, PLACE_SOURCES };

enum { PLACE_TEXT = 64, PLACE_WHY = 320, PLACE_HASH_LEN = 32 };

struct place_db;

struct place_file {
	enum place_role role;
	const char *path;
	const char *name;		/* for messages; NULL: the path */
	uint8_t sha256[PLACE_HASH_LEN]; /* from place_seal_file */
};

struct place_version {
	enum place_role role;
	uint64_t build_epoch; /* seconds since 1970, as the file says */
	uint8_t sha256[8];    /* the first bytes */
	char type[PLACE_TEXT];
};

/* One look-up's result; plain data, may be copied. All strings are printable UTF-8. */
struct place {
	char source[PLACE_SOURCES][4]; /* "JP", or "" */
	char country[4];	       /* agreed, or "" */
	char region[PLACE_TEXT];
	char city[PLACE_TEXT];
	char as_name[PLACE_TEXT];
	uint32_t asn;	 /* 0: unknown */
	uint8_t sources; /* bit 0: source A is configured, bit 1: source B */
};

enum place_answer { PLACE_FALSE, PLACE_TRUE, PLACE_UNKNOWN };

/*
 * Opens the configured files (none is allowed: all is unknown). `deep` also walks the
 * whole search tree and every record that it leads to (the supervisor and `check` do so,
 * once per file).
 */
int place_open(struct place_db **out, const struct place_file *files, size_t n, bool deep,
	       char *why, size_t cap);

void place_close(struct place_db *db);

/* Once per connection; everything unknown if db is NULL. */
void place_lookup(const struct place_db *db, const struct ip *ip, struct place *out);

/* File number i in the order given to place_open; false past the last. */
bool place_version(const struct place_db *db, size_t i, struct place_version *out);

/*
 * Whether a session that was bound at one place is now seen in another country: true
 * only if both sources are known on both sides and both say so; false if the agreed
 * country is known and the same; else unknown. Sources that are not configured on both
 * sides are left out; without any left the answer is unknown.
 */
enum place_answer place_country_changed(const struct place *bound,
					const struct place *seen);

/*
 * Copies a file into a sealed memfd: whatever happens to the file later, the copy stays.
 * Returns the descriptor (close-on-exec) and the SHA-256 of the copy, or a negative
 * error.
 */
int place_seal_file(const char *path, uint8_t sha256[PLACE_HASH_LEN], char *why,
		    size_t cap);

#endif
