/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up values in a document. */
#include "proxy/base/text.h"
#include "proxy/base/utf8.h"
#include "proxy/wire/jsonrpriv.h"

/* Are they equal with ASCII case folded? *same: also without. */
static bool
jsonr_key_is(struct span inner, struct span want, bool *same)
{
	size_t k = 0;

	*same = true;
	for (size_t i = 0; i < inner.n;) {
		uint8_t bytes[UTF8_MAX];
		uint32_t cp = 0;
		size_t len;

		if (!jsonr_char(inner, &i, &cp))
			return false;
		len = utf8_put(cp, bytes);
		if (want.n - k < len ||
		    !span_ieq(span_of(bytes, len), span_of(want.p + k, len)))
			return false;
		*same = *same && memcmp(bytes, want.p + k, len) == 0;
		k += len;
	}
	return k == want.n;
}

static int
jsonr_member(struct span raw, struct span key, struct span *value)
{
	struct jsonr_at a = {.s = raw};
	struct jsonr_walk w;
	unsigned alike = 0, same = 0;
	bool exact;
	int err = jsonr_begin(&w, &a, 1);

	while (err == 0 && (err = jsonr_step(&w)) == 1) {
		err = 0;
		if (!jsonr_key_is(w.key, key, &exact))
			continue;
		alike++;
		if (exact && same++ == 0)
			*value = w.value;
	}
	if (err != 0)
		return err;
	if (alike > 1)
		return WF_EAMBIGUOUS;
	return same ? 0 : WF_ENOTFOUND;
}

static int
jsonr_element(struct span raw, struct span index, struct span *value)
{
	struct jsonr_at a = {.s = raw};
	struct jsonr_walk w;
	uint64_t want;
	int err;

	if (text_uint(index, UINT32_MAX, &want) != 0 ||
	    (index.n > 1 && index.p[0] == '0'))
		return WF_ENOTFOUND;
	err = jsonr_begin(&w, &a, 1);
	if (err != 0)
		return err;
	while ((err = jsonr_step(&w)) == 1)
		if (want-- == 0) {
			*value = w.value;
			return 0;
		}
	return err != 0 ? err : WF_ENOTFOUND;
}

static int
jsonr_down(struct span raw, struct span key, struct span *value)
{
	switch (jsonr_type(raw.p[0])) {
	case JSONR_OBJECT:
		return jsonr_member(raw, key, value);
	case JSONR_ARRAY:
		return jsonr_element(raw, key, value);
	default:
		return WF_ENOTFOUND;
	}
}

int
jsonr_keys(struct span doc, const struct span *keys, size_t n, uint8_t *buf, size_t cap,
	   struct jsonr *v)
{
	struct span raw;
	int err;

	*v = (struct jsonr){.type = JSONR_NONE};
	if (n > JSONR_KEYS)
		return WF_ERANGE;
	err = jsonr_document(doc, &raw);
	for (size_t i = 0; err == 0 && i < n; i++)
		err = jsonr_down(raw, keys[i], &raw);
	if (err != 0)
		return err;
	if (raw.p[0] == '"') {
		err = jsonr_decode(span_of(raw.p + 1, raw.n - 2), buf, cap, &v->str);
		if (err != 0)
			return err;
	}
	v->type = jsonr_type(raw.p[0]);
	v->raw = raw;
	return 0;
}

/* Splits "a.b\.c" into keys whose text is unescaped into `store`. */
static int
jsonr_split(const char *path, uint8_t *store, size_t cap, struct span *keys, size_t *n)
{
	size_t used = 0, start = 0;

	*n = 0;
	for (;; path++) {
		if (*path == '.' || *path == '\0') {
			if (*n == JSONR_KEYS)
				return WF_ERANGE;
			keys[(*n)++] = span_of(store + start, used - start);
			start = used;
			if (*path == '\0')
				return 0;
			continue;
		}
		if (*path == '\\' && (path[1] == '.' || path[1] == '\\'))
			path++;
		if (used == cap)
			return WF_ERANGE;
		store[used++] = (uint8_t)*path;
	}
}

int
jsonr_path(struct span doc, const char *path, uint8_t *buf, size_t cap, struct jsonr *v)
{
	struct span keys[JSONR_KEYS];
	uint8_t store[256];
	size_t n;
	int err;

	*v = (struct jsonr){.type = JSONR_NONE};
	err = jsonr_split(path, store, sizeof(store), keys, &n);
	if (err != 0)
		return err;
	/* "" is the document, as an empty key it would be of no use. */
	return jsonr_keys(doc, keys, *path ? n : 0, buf, cap, v);
}

int
jsonr_string(struct span doc, const char *path, uint8_t *buf, size_t cap,
	     struct span *str)
{
	struct jsonr v;
	int err = jsonr_path(doc, path, buf, cap, &v);

	*str = v.str;
	if (err != 0)
		return err;
	return v.type == JSONR_STRING ? 0 : WF_ESYNTAX;
}

int
jsonr_uint(const struct jsonr *v, uint64_t *out)
{
	*out = 0;
	return v->type == JSONR_NUMBER ? text_uint(v->raw, UINT64_MAX, out) : WF_ESYNTAX;
}
