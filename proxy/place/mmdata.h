/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/place/mmdata.h - the data section of a MaxMind DB, read as hostile bytes.
 *
 * libmaxminddb 1.7 (Debian 12) follows nested values by recursion without a bound and
 * believes sizes; a crafted file ends the process. So only opening and the search in
 * the tree are left to it, and values are read here: no recursion, no allocation, every
 * byte bounds-checked, and every value read costs one unit of a budget.
 *
 * A value is read at an offset; pointers are followed once (a pointer to a pointer is
 * malformed). Maps and arrays are visited with an iterator.
 *
 *	struct mmdata m = {section, true, 512};
 *	if (mmdata_read(&m, off, &v) == 0 && mmdata_iter(&v, &it))
 *		while (mmdata_next(&m, &it, &key, &v)) ...
 *
 * Ownership  borrows the section; nothing is kept.
 * Errors     0 or WF_ESYNTAX (malformed), WF_EFULL (budget spent).
 * Threads    pure.
 */
#ifndef WARIFU_PLACE_MMDATA_H
#define WARIFU_PLACE_MMDATA_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum mmdata_type {
	MMDATA_POINTER = 1,
	MMDATA_STRING = 2,
	MMDATA_DOUBLE = 3,
	MMDATA_BYTES = 4,
	MMDATA_UINT16 = 5,
	MMDATA_UINT32 = 6,
	MMDATA_MAP = 7,
	MMDATA_INT32 = 8,
	MMDATA_UINT64 = 9,
	MMDATA_UINT128 = 10,
	MMDATA_ARRAY = 11,
	MMDATA_BOOL = 14,
	MMDATA_FLOAT = 15,
};

struct mmdata {
	struct span section;
	bool pointers; /* false: a pointer is malformed (metadata has none) */
	unsigned budget;
};

struct mmdata_value {
	enum mmdata_type type;
	uint32_t size;	   /* entries of a map or array, truth of a bool, else bytes */
	struct span bytes; /* of strings and numbers */
	size_t inner;	   /* where the entries of a map or array begin */
	size_t next;	   /* behind this value, unless it is a map or array in place */
	bool in_place;	   /* not reached through a pointer */
};

struct mmdata_iter {
	struct mmdata_value last;
	size_t off;
	uint32_t left;
	bool map;
	bool pending; /* `last` has not been passed yet */
	int err;      /* why it ended early; 0 at a proper end */
};

int mmdata_read(struct mmdata *m, size_t off, struct mmdata_value *v);

/* The offset behind v, in the place where v was read. */
int mmdata_after(struct mmdata *m, const struct mmdata_value *v, size_t *off);

/* Reads a whole value with all that it contains: is it well-formed? */
int mmdata_check(struct mmdata *m, size_t off);

/* False if v is neither map nor array. */
bool mmdata_iter(const struct mmdata_value *v, struct mmdata_iter *it);

/* The next entry; key is empty in arrays. False at the end or at it->err. */
bool mmdata_next(struct mmdata *m, struct mmdata_iter *it, struct span *key,
		 struct mmdata_value *v);

/* The value of `key` in map v; false if there is none. */
bool mmdata_find(struct mmdata *m, const struct mmdata_value *v, const char *key,
		 struct mmdata_value *out);

/* An unsigned number of at most 8 bytes; false for other types. */
bool mmdata_uint(const struct mmdata_value *v, uint64_t *out);

#endif
