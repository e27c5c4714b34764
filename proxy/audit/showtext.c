/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text that no terminal, file or sheet obeys. */
#include "proxy/audit/show.h"

#include <inttypes.h>

#include "proxy/base/clock.h"
#include "proxy/base/ip.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "proxy/base/utf8.h"

enum { SHOW_ELLIPSIS = 3 }; /* bytes of "…" */

static void
show_raw(struct show_text *t, const char *p, size_t n)
{
	if (t->full)
		return;
	if (t->cap - t->n <= n + SHOW_ELLIPSIS) {
		t->full = true;
		memcpy(t->p + t->n, "\xe2\x80\xa6", SHOW_ELLIPSIS);
		t->n += SHOW_ELLIPSIS;
	} else {
		memcpy(t->p + t->n, p, n);
		t->n += n;
	}
	t->p[t->n] = '\0';
}

void
show_put(struct show_text *t, const char *s)
{
	show_raw(t, s, strlen(s));
}

/* Characters that hide or reorder others. */
static bool
show_tricky(uint32_t cp)
{
	return cp == 0xad || cp == 0x61c || cp == 0x180e || (cp >= 0x200b && cp <= 0x200f) ||
	    (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) ||
	    cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	    (cp >= 0xe0000 && cp <= 0xe0fff);
}

void
show_put_safe(struct show_text *t, struct span s)
{
	char hex[16];
	uint32_t cp;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = utf8_get(s.p + i, s.n - i, &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
			(void)snprintf(hex, sizeof(hex), "\\x%02x", s.p[i]);
			show_put(t, hex);
			n = 1;
		} else if (show_tricky(cp)) {
			(void)snprintf(hex, sizeof(hex), "\\u{%x}", (unsigned)cp);
			show_put(t, hex);
		} else if (cp == '\\') {
			show_put(t, "\\\\");
		} else {
			show_raw(t, (const char *)s.p + i, n);
		}
	}
}

static void
show_put_hex(struct show_text *t, struct span s)
{
	char hex[3];

	for (size_t i = 0; i < s.n && !t->full; i++) {
		text_hex(span_of(s.p + i, 1), hex);
		show_put(t, hex);
	}
}

static void
show_put_u64(struct show_text *t, uint64_t v)
{
	char b[24];

	(void)snprintf(b, sizeof(b), "%" PRIu64, v);
	show_put(t, b);
}

void
show_put_time(struct show_text *t, uint64_t ns, bool date)
{
	char iso[CLOCK_ISO_TEXT];

	clock_iso(ns, iso);
	if (date)
		show_put(t, iso);
	else
		show_raw(t, iso + 11, 12);
}

static void
show_put_usec(struct show_text *t, uint64_t us)
{
	char b[32];

	if (us < 1000)
		(void)snprintf(b, sizeof(b), "%" PRIu64 " \xc2\xb5s", us);
	else if (us < 1000000)
		(void)snprintf(b, sizeof(b), "%" PRIu64 ".%" PRIu64 " ms", us / 1000,
		    us / 100 % 10);
	else
		(void)snprintf(b, sizeof(b), "%" PRIu64 ".%03" PRIu64 " s", us / 1000000,
		    us / 1000 % 1000);
	show_put(t, b);
}

static void
show_put_list(struct show_text *t, struct span v)
{
	struct cursor c = cur_init(v);
	struct span e;

	for (bool first = true; rec_list_next(&c, &e); first = false) {
		if (!first)
			show_put(t, ", ");
		show_put_safe(t, e);
	}
}

static void
show_put_ids(struct show_text *t, struct span v)
{
	for (size_t i = 0; i + REC_SESSION_LEN <= v.n; i += REC_SESSION_LEN) {
		if (i != 0)
			show_put(t, ", ");
		show_put_hex(t, span_of(v.p + i, REC_SESSION_LEN));
	}
}

static void
show_put_ip(struct show_text *t, struct span v)
{
	struct ip ip = ip_from_bytes(v.p, v.n);
	char b[IP_TEXT];

	(void)ip_print(&ip, b);
	show_put(t, b);
}

static void
show_put_i64(struct show_text *t, int64_t v)
{
	char b[24];

	(void)snprintf(b, sizeof(b), "%" PRId64, v);
	show_put(t, b);
}

static void
show_put_enum(struct show_text *t, uint16_t tag, uint64_t v, bool ja)
{
	const char *s = rec_enum_text(tag, v, ja);

	if (s != NULL)
		show_put(t, s);
	else
		show_put_u64(t, v);
}

void
show_put_value(struct show_text *t, uint16_t tag, struct span v, bool ja)
{
	const struct rec_tag_info *info = rec_tag_find(tag);

	switch (info == NULL ? REC_HEX : info->type) {
	case REC_U64:
		show_put_u64(t, rec_u64(v));
		break;
	case REC_I64:
		show_put_i64(t, rec_i64(v));
		break;
	case REC_TEXT:
		show_put_safe(t, v);
		break;
	case REC_HEX:
	case REC_FACTS:
		show_put_hex(t, v);
		break;
	case REC_ADDR:
		show_put_ip(t, v);
		break;
	case REC_TIME:
		show_put_time(t, rec_u64(v), true);
		break;
	case REC_USEC:
		show_put_usec(t, rec_u64(v));
		break;
	case REC_LIST:
		show_put_list(t, v);
		break;
	case REC_IDS:
		show_put_ids(t, v);
		break;
	case REC_ENUM:
		show_put_enum(t, tag, rec_u64(v), ja);
		break;
	}
}

/* ---- columns ---- */

static bool
show_wide(uint32_t cp)
{
	return (cp >= 0x1100 && cp <= 0x115f) || (cp >= 0x2e80 && cp <= 0xa4cf) ||
	    (cp >= 0xac00 && cp <= 0xd7a3) || (cp >= 0xf900 && cp <= 0xfaff) ||
	    (cp >= 0xfe30 && cp <= 0xfe6f) || (cp >= 0xff00 && cp <= 0xff60) ||
	    (cp >= 0xffe0 && cp <= 0xffe6) || (cp >= 0x1f300 && cp <= 0x1faff) ||
	    (cp >= 0x20000 && cp <= 0x3fffd);
}

/* Bytes of the first characters that take at most `max` columns; *columns = what they
 * take. */
static size_t
show_fit(const char *s, size_t max, size_t *columns)
{
	size_t n = strlen(s), i = 0;
	uint32_t cp;

	*columns = 0;
	while (i < n) {
		size_t len = utf8_get((const uint8_t *)s + i, n - i, &cp);
		size_t w = show_wide(cp) ? 2 : 1;

		if (cp >= 0x300 && cp <= 0x36f)
			w = 0;
		if (*columns + w > max)
			break;
		*columns += w;
		i += len ? len : 1;
	}
	return i;
}

size_t
show_width(const char *s)
{
	size_t columns;

	(void)show_fit(s, SIZE_MAX, &columns);
	return columns;
}

void
show_column(FILE *out, const char *s, size_t width, bool pad)
{
	size_t columns, n = show_fit(s, width, &columns);

	if (s[n] != '\0' && width > 0) {
		n = show_fit(s, width - 1, &columns);
		(void)fwrite(s, 1, n, out);
		fputs("\xe2\x80\xa6", out);
		columns++;
	} else {
		(void)fwrite(s, 1, n, out);
	}
	for (; pad && columns < width; columns++)
		fputc(' ', out);
}
