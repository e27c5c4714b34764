/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/json.h"

#include "proxy/base/must.h"
#include "proxy/base/utf8.h"

static const char json_digits[] = "0123456789abcdef";

void
json_init(struct json *j, void *buf, size_t cap)
{
	*j = (struct json){.buf = buf, .cap = cap};
}

static void
json_put(struct json *j, const void *p, size_t n)
{
	if (j->overflow || j->cap - j->n < n) {
		j->overflow = true;
		return;
	}
	if (n)
		memcpy(j->buf + j->n, p, n);
	j->n += n;
}

static void
json_chr(struct json *j, char c)
{
	json_put(j, &c, 1);
}

static bool
json_in_object(const struct json *j)
{
	return j->objects >> j->depth & 1;
}

/* What must stand before a value. Level 0 holds exactly one. */
static void
json_before(struct json *j)
{
	uint32_t bit = UINT32_C(1) << j->depth;

	MUST(j->keyed == json_in_object(j));
	if (j->keyed) {
		j->keyed = false;
		return;
	}
	MUST(j->depth > 0 || !(j->filled & bit));
	if (j->filled & bit)
		json_chr(j, ',');
	j->filled |= bit;
}

static void
json_open(struct json *j, char c, bool object)
{
	uint32_t bit;

	json_before(j);
	MUST(j->depth + 1 < JSON_DEPTH);
	bit = UINT32_C(1) << ++j->depth;
	j->filled &= ~bit;
	j->objects = object ? j->objects | bit : j->objects & ~bit;
	json_chr(j, c);
}

static void
json_close(struct json *j, char c, bool object)
{
	MUST(j->depth > 0 && json_in_object(j) == object && !j->keyed);
	j->depth--;
	json_chr(j, c);
}

void
json_object(struct json *j)
{
	json_open(j, '{', true);
}

void
json_object_end(struct json *j)
{
	json_close(j, '}', true);
}

void
json_array(struct json *j)
{
	json_open(j, '[', false);
}

void
json_array_end(struct json *j)
{
	json_close(j, ']', false);
}

static void
json_u(struct json *j, uint32_t unit)
{
	char out[6] = {'\\', 'u'};

	for (unsigned i = 0; i < 4; i++)
		out[2 + i] = json_digits[unit >> (12 - 4 * i) & 15];
	json_put(j, out, sizeof(out));
}

/* Characters that end lines, turn the direction of writing, or hide. */
static bool
json_hides(uint32_t cp)
{
	return (cp >= 0x7f && cp <= 0x9f) || cp == 0xad || cp == 0x61c ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff ||
	       (cp >= 0xfff0 && cp <= 0xffff);
}

static bool
json_ascii_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' &&
	       c != '&';
}

static void
json_escaped(struct json *j, uint8_t c)
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at == NULL) {
		json_u(j, c);
		return;
	}
	json_chr(j, '\\');
	json_chr(j, to[at - from]);
}

static void
json_chars(struct json *j, struct span s)
{
	size_t done = 0, i = 0;

	while (i < s.n) {
		uint32_t cp = 0;
		size_t len = 1;

		if (json_ascii_plain(s.p[i])) {
			i++;
			continue;
		}
		if (s.p[i] >= 0x80) {
			len = utf8_get(s.p + i, s.n - i, &cp);
			if (len != 0 && !json_hides(cp)) {
				i += len;
				continue;
			}
		}
		json_put(j, s.p + done, i - done);
		if (s.p[i] < 0x80)
			json_escaped(j, s.p[i]);
		else
			json_u(j, len ? cp : 0xfffd);
		i += len ? len : 1;
		done = i;
	}
	if (s.n > done)
		json_put(j, s.p + done, s.n - done);
}

static void
json_quoted(struct json *j, struct span s)
{
	json_chr(j, '"');
	json_chars(j, s);
	json_chr(j, '"');
}

void
json_key_span(struct json *j, struct span key)
{
	uint32_t bit = UINT32_C(1) << j->depth;

	MUST(j->depth > 0 && json_in_object(j) && !j->keyed);
	if (j->filled & bit)
		json_chr(j, ',');
	j->filled |= bit;
	json_quoted(j, key);
	json_chr(j, ':');
	j->keyed = true;
}

void
json_key(struct json *j, const char *key)
{
	json_key_span(j, span_str(key));
}

void
json_str(struct json *j, struct span s)
{
	json_before(j);
	json_quoted(j, s);
}

void
json_text(struct json *j, const char *s)
{
	if (s == NULL)
		json_null(j);
	else
		json_str(j, span_str(s));
}

void
json_hex(struct json *j, struct span s)
{
	json_before(j);
	json_chr(j, '"');
	for (size_t i = 0; i < s.n; i++) {
		json_chr(j, json_digits[s.p[i] >> 4]);
		json_chr(j, json_digits[s.p[i] & 15]);
	}
	json_chr(j, '"');
}

static void
json_decimal(struct json *j, bool minus, uint64_t v)
{
	char digits[21];
	size_t i = sizeof(digits);

	json_before(j);
	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	if (minus)
		digits[--i] = '-';
	json_put(j, digits + i, sizeof(digits) - i);
}

void
json_int(struct json *j, int64_t v)
{
	json_decimal(j, v < 0, v < 0 ? UINT64_C(0) - (uint64_t)v : (uint64_t)v);
}

void
json_uint(struct json *j, uint64_t v)
{
	json_decimal(j, false, v);
}

void
json_raw(struct json *j, struct span value)
{
	MUST(value.n > 0);
	json_before(j);
	json_put(j, value.p, value.n);
}

void
json_bool(struct json *j, bool v)
{
	json_raw(j, v ? SPAN_LIT("true") : SPAN_LIT("false"));
}

void
json_null(struct json *j)
{
	json_raw(j, SPAN_LIT("null"));
}

void
json_kstr(struct json *j, const char *key, struct span s)
{
	json_key(j, key);
	json_str(j, s);
}

void
json_ktext(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_text(j, s);
}

void
json_kint(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_int(j, v);
}

void
json_kuint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

void
json_kbool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

int
json_done(struct json *j, struct span *out)
{
	MUST(j->depth == 0 && (j->filled & 1));
	*out = (struct span){NULL, 0};
	if (j->overflow)
		return WF_EFULL;
	*out = span_of(j->buf, j->n);
	return 0;
}
