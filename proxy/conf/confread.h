/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/conf/confread.h - reading blocks of settings.
 *
 * Private to proxy/conf. A setting is one line: a key and its values. A block is
 * `key { settings }`. Every reader below takes what it can; on a fault it reports, skips
 * to the next line and lets the block go on, so that one run finds all faults.
 *
 * Ownership  a struct confread borrows everything but the pool's pieces, which go to the
 *            struct conf.
 * Errors     false after a report; the caller then skips the line.
 * Threads    one owner.
 */
#ifndef WARIFU_CONF_CONFREAD_H
#define WARIFU_CONF_CONFREAD_H

#include "policy/lex.h"
#include "proxy/conf/confopt.h"
#include "proxy/conf/pool.h"

struct confread {
	struct lex lx;
	struct pool *pool;
	struct diags *diags;
	const char *folder; /* relative paths start here */
	unsigned flags;	    /* of conf_parse */
	struct conf *conf;
	struct conf_site *site;	    /* while inside a site */
	struct recipe *recipe;	    /* what login, routes … are added to */
	struct recipe *shared;	    /* what the site's recipe files are added to */
	struct recipe_login *login; /* while inside a login */
};

/* Reads one setting whose key was taken. */
struct confread_item {
	const char *key;
	bool (*read)(struct confread *rd, const struct lex_token *key);
};

/* The rows of conf.def of this block, plus the readers of its ITEMs, up to its '}'
 * (taken) or, for the file itself, to the end. `at` is where faults of the block as a
 * whole are. */
void confread_block(struct confread *rd, enum confopt_block block, void *base,
		    const struct confread_item *items, size_t n,
		    const struct lex_token *at);

/* A block without rows in conf.def: `items` are all there is; each may repeat. */
void confread_items(struct confread *rd, const char *name,
		    const struct confread_item *items, size_t n);

/* The '{' behind a block's key. */
bool confread_open(struct confread *rd);

/* Is there another value on this line? */
bool confread_more(struct confread *rd);

/* As above, and reports that `what` is missing: a value must stand on its key's line, or
 * a forgotten one would swallow the next key. */
bool confread_present(struct confread *rd, const char *what);

/* A word or a text that is not empty; `what` for messages. */
bool confread_text(struct confread *rd, const char *what, struct lex_token *tok);

/* A text in double quotes. */
bool confread_quoted(struct confread *rd, const char *what, struct lex_token *tok);

/* One or more networks or addresses. */
bool confread_prefixes(struct confread *rd, struct conf_prefixes *out);

/* A path: made absolute; kind FILE and PROGRAM must exist. */
bool confread_path(struct confread *rd, enum confopt_kind kind, const char **out);

/* The value of one row. */
bool confread_value(struct confread *rd, const struct confopt *o, void *base);

struct span confread_span(struct confread *rd, const struct lex_token *tok);

/* … with ASCII letters folded. */
struct span confread_lower(struct confread *rd, const struct lex_token *tok);

/* A token of RFC 9110: cookie names, field names, methods. */
bool confread_is_token(const struct lex_token *tok);

/* A host name or address, without a port. */
bool confread_is_host(const struct lex_token *tok);

/* The recipe's statements, for recipe files and sites (confrecipe.c). */
const struct confread_item *confread_recipe_items(size_t *n);

/* Reads a recipe file into rd->recipe. */
void confread_recipe_file(struct confread *rd, const struct lex_token *at,
			  const char *path);

/* `site NAME { … }` (confsite.c) */
bool confread_site(struct confread *rd, const struct lex_token *key);

/* "ADDRESS:PORT" */
bool confread_listen_at(struct confread *rd, struct conf_listen *out);

/* The whole text of a file into the pool; reports at `at` if it cannot be read. */
bool confread_slurp(struct confread *rd, const struct lex_token *at, const char *path,
		    struct span *text);

#endif
