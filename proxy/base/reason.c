/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/reason.h"
#include "proxy/base/must.h"

static const struct reason_info reason_table[] = {
#define REASON(number, id, name, status, operators, auditors) \
	{REASON_##id, name, status, operators, auditors},
#include "proxy/base/reason.def"
#undef REASON
};

static const struct reason_info reason_unknown = {
    REASON_NONE, "unknown", 500, "a reason that this version does not know",
    "The record was written by another version; its manual lists the reason."};

/* A switch, so that a number used twice does not compile. */
static ptrdiff_t
reason_index(enum reason r)
{
	enum {
#define REASON(number, id, name, status, operators, auditors) REASON_AT_##id,
#include "proxy/base/reason.def"
#undef REASON
	};

	switch (r) {
#define REASON(number, id, name, status, operators, auditors) \
	case REASON_##id:                                     \
		return REASON_AT_##id;
#include "proxy/base/reason.def"
#undef REASON
	case REASON_NONE:
	default:
		return -1;
	}
}

const struct reason_info *
reason_info(enum reason r)
{
	ptrdiff_t i = reason_index(r);

	return i < 0 ? &reason_unknown : &reason_table[i];
}

const char *
reason_name(enum reason r)
{
	return reason_info(r)->name;
}

const struct reason_info *
reason_at(size_t i)
{
	return i < ARRAY_LEN(reason_table) ? &reason_table[i] : NULL;
}

enum reason
reason_by_name(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(reason_table); i++)
		if (span_eq(name, span_str(reason_table[i].name)))
			return reason_table[i].reason;
	return REASON_NONE;
}
