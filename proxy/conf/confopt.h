/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/conf/confopt.h - conf.def as a table.
 *
 * Private to proxy/conf. One row per setting; rows with a plain value know their place in
 * the block's struct, the others are read by a function (confread.h).
 *
 * Units    as in conf.h.
 * Threads  pure.
 */
#ifndef WARIFU_CONF_CONFOPT_H
#define WARIFU_CONF_CONFOPT_H

#include "proxy/conf/conf.h"

enum confopt_block {
#define BLOCK(id, name, where, sentence) CONFOPT_##id,
#include "proxy/conf/conf.def"
	CONFOPT_BLOCKS,
};

enum confopt_kind {
	CONFOPT_COUNT,
	CONFOPT_DURATION,
	CONFOPT_SIZE,
	CONFOPT_FLAG,
	CONFOPT_FILE,
	CONFOPT_PROGRAM,
	CONFOPT_PLACE,
	CONFOPT_NAME,
	CONFOPT_URLPATH,
	CONFOPT_URL,
	CONFOPT_CHOICE,
	CONFOPT_RATE,
	CONFOPT_ITEM,
};

struct confopt {
	const char *key; /* first: diag_nearest looks for it here */
	enum confopt_block block;
	enum confopt_kind kind;
	size_t offset;
	uint64_t min;
	uint64_t max;
	uint64_t def;
	struct conf_rate rate;
	const char *text; /* default of a text */
	const char *choices[2];
	bool needed;
	bool many; /* may be given more than once */
	bool reload;
};

enum { CONFOPT_MAX = 160, CONFOPT_TEXT = 32 };

/* All rows, *n of them; rows of one block stand together. */
const struct confopt *confopt_all(size_t *n);

/* The first row of a block and how many there are. */
const struct confopt *confopt_rows(enum confopt_block block, size_t *n);

/* The name in front of the block's '{'; "" for the file. */
const char *confopt_block_name(enum confopt_block block);

/* A number of that row as a settings file has it: "off", "50", "90 s", "64 KiB". */
void confopt_print(const struct confopt *o, uint64_t v, char out[CONFOPT_TEXT]);

/* Writes all defaults of a block into its struct. */
void confopt_defaults(enum confopt_block block, void *base);

/* Where in a struct conf the struct of a block stands; not for the blocks of a site. */
size_t confopt_place(enum confopt_block block);

#endif
