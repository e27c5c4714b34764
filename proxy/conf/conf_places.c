/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/lex.h"
#include "proxy/base/must.h"
#include "proxy/conf/conf.h"

struct places {
	struct lex lx;
	struct lex_token tok;
	struct diags diags;
	char full[PATH_MAX];
	char text[LEX_FILE_MAX + 1];
};

/* As conf_load resolves it: beside the settings, unless it begins with a slash. */
static void
places_put(struct places *p, char out[CONF_PLACE])
{
	const char *slash = strrchr(p->full, '/');
	int n = p->tok.text[0] == '/' || slash == NULL
	    ? snprintf(out, CONF_PLACE, "%s", p->tok.text)
	    : snprintf(out, CONF_PLACE, "%.*s/%s", (int)(slash - p->full), p->full,
		  p->tok.text);

	if (n < 0 || n >= CONF_PLACE)
		out[0] = '\0';
}

/* Which of the three this word names, at this depth; NULL for another. */
static char *
places_slot(const struct places *p, struct conf_places *out, unsigned depth, bool in_log)
{
	if (depth == 0 && strcmp(p->tok.text, "control") == 0)
		return out->control;
	if (depth == 0 && strcmp(p->tok.text, "state") == 0)
		return out->state;
	return depth == 1 && in_log && strcmp(p->tok.text, "folder") == 0 ? out->log : NULL;
}

static void
places_read(struct places *p, struct conf_places *out)
{
	bool in_log = false;
	unsigned depth = 0;

	while (lex_next(&p->lx, &p->tok) != LEX_END) {
		bool name = p->tok.first && p->tok.kind == LEX_WORD;
		char *slot = name ? places_slot(p, out, depth, in_log) : NULL;

		if (name && depth == 0)
			in_log = strcmp(p->tok.text, "log") == 0;
		if (slot != NULL && lex_accept(&p->lx, LEX_STRING, &p->tok))
			places_put(p, slot);
		else if (p->tok.kind == LEX_LBRACE)
			depth++;
		else if (p->tok.kind == LEX_RBRACE && depth > 0)
			depth--;
	}
}

int
conf_places(const char *path, struct conf_places *out)
{
	struct places *p = calloc(1, sizeof(*p));
	FILE *f = NULL;
	int n = 0;

	*out = (struct conf_places){.control = "/run/warifu/control.sock",
	    .state = "/var/lib/warifu"};
	if (p == NULL)
		return WF_ENOMEM;
	if (realpath(path, p->full) == NULL || (f = fopen(p->full, "re")) == NULL) {
		free(p);
		return WF_EIO;
	}
	lex_init(&p->lx, p->full, p->text, fread(p->text, 1, LEX_FILE_MAX + 1, f), &p->diags);
	places_read(p, out);
	if (out->log[0] == '\0')
		n = snprintf(out->log, CONF_PLACE, "%s/log", out->state);
	fclose(f);
	free(p);
	return n < 0 || n >= CONF_PLACE || out->control[0] == '\0' || out->state[0] == '\0'
	    ? WF_ERANGE
	    : 0;
}
