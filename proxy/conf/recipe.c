/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/recipe.h"

#include "proxy/base/must.h"
#include "proxy/wire/path.h"

static const struct recipe_method {
	const char *name;
	unsigned bit;
} recipe_methods[] = {
    {"GET", RECIPE_GET},	 {"HEAD", RECIPE_HEAD},	  {"POST", RECIPE_POST},
    {"PUT", RECIPE_PUT},	 {"PATCH", RECIPE_PATCH}, {"DELETE", RECIPE_DELETE},
    {"OPTIONS", RECIPE_OPTIONS},
};

const char *
recipe_carrier_name(enum recipe_carrier_kind k)
{
	static const char *const names[] = {"cookie", "bearer", "subprotocol"};

	return (size_t)k < ARRAY_LEN(names) ? names[k] : "?";
}

const char *
recipe_class_name(enum recipe_class c)
{
	static const char *const names[] = {"open", "read", "write", "sensitive"};

	return (size_t)c < ARRAY_LEN(names) ? names[c] : "?";
}

unsigned
recipe_method_bit(struct span method)
{
	for (size_t i = 0; i < ARRAY_LEN(recipe_methods); i++)
		if (span_eq(method, span_str(recipe_methods[i].name)))
			return recipe_methods[i].bit;
	return RECIPE_OTHER;
}

const char *
recipe_method_name(unsigned bit)
{
	for (size_t i = 0; i < ARRAY_LEN(recipe_methods); i++)
		if (recipe_methods[i].bit == bit)
			return recipe_methods[i].name;
	return bit == RECIPE_WEBSOCKET ? "WEBSOCKET" : "OTHER";
}

bool
recipe_endpoint_match(const struct recipe_endpoint *e, struct span method,
		      struct span path)
{
	return (e->methods & recipe_method_bit(method)) != 0 && path_match(path, e->path);
}
