/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/conf/confsite.h - the parts of reading a site, spread over three files.
 *
 * Private to proxy/conf: confsite.c reads the block, confbackend.c its backend,
 * confsite_unite.c unites what was read with the recipes and checks the whole.
 *
 * Errors   reported; nothing else fails.
 * Threads  one owner.
 */
#ifndef WARIFU_CONF_CONFSITE_H
#define WARIFU_CONF_CONFSITE_H

#include "proxy/conf/confread.h"

enum { CONFSITE_ROUTES = 4096 };

bool confsite_backend(struct confread *rd, const struct lex_token *key);

/* Adds the built-in identity fields that the site does not pass. */
void confsite_add_strip(struct confread *rd, struct conf_site *s);

/* own: the site's statements; shared: those of its recipe files; at: the site's name. */
void confsite_unite(struct confread *rd, struct conf_site *s, const struct recipe *own,
		    const struct recipe *shared, const struct lex_token *at);

/* What is missing or does not fit together. */
void confsite_check(struct confread *rd, const struct conf_site *s,
		    const struct lex_token *at);

#endif
