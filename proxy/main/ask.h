/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/main/ask.h - one question to the running warifu, and its lines of words (word.h).
 *
 * Ownership  struct ask holds the lines until ask_free.
 * Errors     exit status as commands.h; what went wrong was said on stderr.
 */
#ifndef WARIFU_MAIN_ASK_H
#define WARIFU_MAIN_ASK_H

#include "proxy/base/json.h"
#include "proxy/base/word.h"
#include "proxy/conf/conf.h"

struct ask {
	struct conf_places at;
	char *text; /* lines, each ends with a line feed */
	size_t n;
	size_t pos;
	char last[512]; /* text of the answer's last line */
};

/* Words of the question, n of them. 0 or an exit status. */
int
ask_run(struct ask *a, const char *conf, const char *const *words, size_t n);

/* Only where warifu is: fills `at`. */
int
ask_places(struct ask *a, const char *conf);

/* The next line whose first word is `kind`; start over with pos = 0. */
bool
ask_next(struct ask *a, const char *kind, struct span *line);

void
ask_free(struct ask *a);

/* One word's value as a member: as a number if `key` is among `numbers` and it is one, else
 * as text; left out if it cannot be decoded. */
void
ask_member(struct json *j, const char *key, struct span raw, const char *const *numbers,
    size_t n);

/* "12s", "5m", "3h", "2d": how long ago, or until. */
enum { ASK_AGE = 16 };

void
ask_age(uint64_t then_s, uint64_t now_s, char out[ASK_AGE]);

/* Text for a terminal, with everything that controls, hides or reorders escaped as `log show`
 * does; cut to `columns` characters with a '~' at the end, padded to `columns` when pad. */
void
ask_cell(FILE *out, const char *text, unsigned columns, bool pad);

#endif
