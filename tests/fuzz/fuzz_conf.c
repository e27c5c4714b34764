/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A settings file. What loads must read back from its own dump, to the same dump; what
 * does not load must have said why.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span
dump(const struct conf *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	MUST(f != NULL && conf_dump(c, f) == 0);
	fclose(f);
	return span_of(text, n);
}

static void
drop(struct span s)
{
	free((void *)(uintptr_t)s.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags *ds = malloc(sizeof(*ds));
	struct conf *c, *again;
	struct span once, twice;
	int r;

	MUST(ds != NULL);
	diags_init(ds);
	r = conf_parse("/x/w.conf", span_of(data, size), CONF_NO_FILES | CONF_NO_RECIPES,
		       &c, ds);
	MUST((r == 0) == (c != NULL) && (r == 0) == (ds->errors == 0));
	if (r == 0) {
		/* Without its recipes a site may lack what the dump is then refused for.
		 */
		once = dump(c);
		if (conf_parse("/x/w.conf", once, CONF_NO_FILES | CONF_NO_RECIPES, &again,
			       ds) == 0) {
			twice = dump(again);
			MUST(span_eq(once, twice));
			drop(twice);
			conf_free(again);
		} else {
			size_t recipes = 0;

			for (size_t i = 0; i < c->n_sites; i++)
				recipes += c->sites[i].n_recipes;
			MUST(recipes > 0);
		}
		drop(once);
		conf_free(c);
	}
	free(ds);
	return 0;
}
