/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/conf_sample.h - a small settings file and its parts, for the tests of
 * proxy/conf.
 */
#ifndef WARIFU_TESTS_CONF_SAMPLE_H
#define WARIFU_TESTS_CONF_SAMPLE_H

#include <stdlib.h>

#include "proxy/base/err.h"
#include "proxy/conf/conf.h"
#include "tests/unit/tap.h"

#define LOGIN \
	"login { request POST \"/login\"\n success status 302\n user form \"u\"\n}\n"
#define SITE                                                                           \
	"site a {\n host a.example\n portal p.example\n certificate \"c\" key \"k\"\n" \
	" credential cookie sid\n backend {\n server \"http://127.0.0.1:1\"\n }\n" LOGIN
#define GOOD "listen \"127.0.0.1:8443\" tls\n" SITE "}\n"

static struct diags *ds;

static inline int
parse(const char *text, unsigned flags, struct conf **c)
{
	diags_init(ds);
	return conf_parse("/etc/warifu/warifu.conf", span_str(text), flags, c, ds);
}

static inline struct conf *
must_parse(const char *text)
{
	struct conf *c;

	if (parse(text, CONF_NO_FILES, &c) != 0) {
		diags_print(ds, stdout);
		abort();
	}
	return c;
}

static inline void
sample_init(void)
{
	ds = malloc(sizeof(*ds));
	if (ds == NULL)
		abort();
}

/* The name of the class of a request; method WEBSOCKET asks for a handshake. */
static inline const char *
class_of(const struct conf *c, const char *method, const char *path)
{
	bool ws = strcmp(method, "WEBSOCKET") == 0;

	return recipe_class_name(conf_route_class(
	    &c->sites[0], span_str(ws ? "GET" : method), ws, span_str(path)));
}

#endif
