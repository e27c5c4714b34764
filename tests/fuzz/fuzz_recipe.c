/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recipe file that settings name. What loads is in the dump, and the dump reads back to
 * the same dump; what does not load said where and why, in the recipe.
 */
#include "proxy/conf/conf.h"
#include "tests/fuzz/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char settings[] = "state \"/s\"\nlisten \"127.0.0.1:8443\" tls\n"
			       "site wallet {\n\thost wallet.test\n"
			       "\tcertificate \"/c.pem\" key \"/k.pem\"\n"
			       "\trecipe \"x.recipe\"\n"
			       "\tbackend { server \"http://127.0.0.1:1\" }\n}\n";

static char *
dump(const struct conf *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	MUST(f != NULL && conf_dump(c, f) == 0);
	fclose(f);
	return text;
}

static void
read_back(const struct conf *c, const char *path, struct diags *ds)
{
	size_t n, m;
	char *once = dump(c, &n), *twice;
	struct conf *again;

	MUST(conf_parse(path, span_of(once, n), CONF_NO_FILES, &again, ds) == 0);
	twice = dump(again, &m);
	MUST(n == m && memcmp(once, twice, n) == 0);
	free(once);
	free(twice);
	conf_free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags *ds = malloc(sizeof(*ds));
	char path[128];
	struct conf *c;
	int r;

	MUST(ds != NULL);
	diags_init(ds);
	(void)scratch_write("x.recipe", span_of(data, size));
	(void)snprintf(path, sizeof(path), "%s/w.conf", scratch());
	r = conf_parse(path, span_str(settings), CONF_NO_FILES, &c, ds);
	MUST((r == 0) == (c != NULL) && (r == 0) == (ds->errors == 0));
	if (r == 0)
		read_back(c, path, ds);
	conf_free(c);
	free(ds);
	return 0;
}
