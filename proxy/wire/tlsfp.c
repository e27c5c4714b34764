/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both fingerprints are texts that are hashed. The text is built in a buffer sized for
 * the largest hello allowed, so nothing here allocates and nothing can overflow: each
 * 16-bit value takes two bytes on the wire and five characters here, each 8-bit value
 * one byte and at most four characters. Sorting is by radix, so that a hello with
 * thousands of entries costs no more per entry than an honest one.
 *
 * GREASE (RFC 8701) is random per connection and is dropped from every list. Chromium
 * puts it into signature_algorithms too; readers that forget that list see a new client
 * on every connection.
 */
#include "proxy/wire/tlsfp.h"

#include <stdlib.h>

#include "proxy/base/digest.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"

struct tlsfp {
	struct hasher *hasher;
	size_t max_message;
	uint16_t *list;
	uint16_t *spare;
	char *text;
	size_t cap;
	size_t len;
};

enum { TLSFP_SLACK = 64, TLSFP_HASH_CHARS = 12, TLSFP_FEW = 64 };

struct tlsfp *
tlsfp_new(size_t max_message)
{
	struct tlsfp *fp = calloc(1, sizeof(*fp));

	if (fp == NULL)
		return NULL;
	fp->max_message = max_message;
	fp->cap = max_message * 4 + TLSFP_SLACK;
	fp->hasher = hasher_new();
	fp->list = calloc(max_message / 2 + 1, sizeof(*fp->list));
	fp->spare = calloc(max_message / 2 + 1, sizeof(*fp->spare));
	fp->text = malloc(fp->cap);
	if (fp->hasher == NULL || fp->list == NULL || fp->spare == NULL ||
	    fp->text == NULL) {
		tlsfp_free(fp);
		return NULL;
	}
	return fp;
}

void
tlsfp_free(struct tlsfp *fp)
{
	if (fp == NULL)
		return;
	hasher_free(fp->hasher);
	free(fp->list);
	free(fp->spare);
	free(fp->text);
	free(fp);
}

static void
tlsfp_char(struct tlsfp *fp, char c)
{
	MUST(fp->len < fp->cap);
	fp->text[fp->len++] = c;
}

static void
tlsfp_puts(struct tlsfp *fp, const char *s)
{
	while (*s)
		tlsfp_char(fp, *s++);
}

static void
tlsfp_put16(struct tlsfp *fp, uint16_t v, bool comma)
{
	char hex[5];

	if (comma)
		tlsfp_char(fp, ',');
	text_hex(span_of((uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2), hex);
	tlsfp_puts(fp, hex);
}

/* A 16-bit list in wire order; true if anything was written. */
static bool
tlsfp_put_wire(struct tlsfp *fp, struct span list)
{
	bool any = false;

	for (size_t i = 0; i < list.n / 2; i++)
		if (!hello_grease(hello_u16(list, i))) {
			tlsfp_put16(fp, hello_u16(list, i), any);
			any = true;
		}
	return any;
}

/* RFC 8701 reserves other values for the 8-bit list of psk_key_exchange_modes. */
static bool
tlsfp_grease8(uint8_t v)
{
	return v % 31 == 11 && v / 31 < 8;
}

static void
tlsfp_put_small(struct tlsfp *fp, struct span list, bool grease)
{
	bool any = false;

	for (size_t i = 0; i < list.n; i++) {
		uint8_t v = list.p[i];

		if (grease && tlsfp_grease8(v))
			continue;
		if (any)
			tlsfp_char(fp, ',');
		if (v >= 100)
			tlsfp_char(fp, (char)('0' + v / 100));
		if (v >= 10)
			tlsfp_char(fp, (char)('0' + v / 10 % 10));
		tlsfp_char(fp, (char)('0' + v % 10));
		any = true;
	}
}

static void
tlsfp_sort_few(uint16_t *list, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint16_t v = list[i];
		size_t k = i;

		for (; k > 0 && list[k - 1] > v; k--)
			list[k] = list[k - 1];
		list[k] = v;
	}
}

/* What a client may send at most takes two stable passes, low byte first; what browsers
 * send is short. Ends in fp->list. */
static void
tlsfp_sort(struct tlsfp *fp, size_t n)
{
	if (n <= TLSFP_FEW) {
		tlsfp_sort_few(fp->list, n);
		return;
	}
	for (unsigned shift = 0; shift <= 8; shift += 8) {
		uint16_t *from = shift ? fp->spare : fp->list;
		uint16_t *to = shift ? fp->list : fp->spare;
		size_t start[257] = {0};

		for (size_t i = 0; i < n; i++)
			start[(from[i] >> shift & 0xff) + 1]++;
		for (size_t b = 0; b < 256; b++)
			start[b + 1] += start[b];
		for (size_t i = 0; i < n; i++)
			to[start[from[i] >> shift & 0xff]++] = from[i];
	}
}

/* Writes fp->list, sorted; `unique` drops repeats. */
static bool
tlsfp_put_sorted(struct tlsfp *fp, size_t n, bool unique)
{
	bool any = false;

	tlsfp_sort(fp, n);
	for (size_t i = 0; i < n; i++) {
		if (unique && i && fp->list[i] == fp->list[i - 1])
			continue;
		tlsfp_put16(fp, fp->list[i], any);
		any = true;
	}
	return any;
}

static bool
tlsfp_put_ciphers_sorted(struct tlsfp *fp, const struct hello *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->ciphers.n / 2; i++)
		if (!hello_grease(hello_u16(h->ciphers, i)))
			fp->list[n++] = hello_u16(h->ciphers, i);
	return tlsfp_put_sorted(fp, n, false);
}

/* What comes and goes with the connection rather than with the program. */
static bool
tlsfp_volatile(uint16_t type)
{
	switch (type) {
	case HELLO_EXT_SNI:
	case HELLO_EXT_ALPN:
	case HELLO_EXT_ALPS:
	case HELLO_EXT_ALPS_OLD:
	case HELLO_EXT_PADDING:
	case HELLO_EXT_CERT_COMPRESSION:
	case HELLO_EXT_TICKET:
	case HELLO_EXT_PSK:
	case HELLO_EXT_EARLY_DATA:
	case HELLO_EXT_COOKIE:
		return true;
	default:
		return false;
	}
}

/* What policy, a field trial or a component update switches on and off. */
static bool
tlsfp_soft(uint16_t type)
{
	return type == HELLO_EXT_ECH || type == HELLO_EXT_TRUST_ANCHORS ||
	       type == HELLO_EXT_SERVER_PADDING;
}

static bool
tlsfp_in_ja4(uint16_t type)
{
	return !hello_grease(type) && type != HELLO_EXT_SNI && type != HELLO_EXT_ALPN;
}

/* JA4's part c: extensions sorted, then the signature algorithms as they came. */
static bool
tlsfp_put_ja4_c(struct tlsfp *fp, const struct hello *h)
{
	struct span rest = h->extensions;
	struct span body;
	uint16_t type;
	size_t n = 0;
	bool any;

	while (hello_ext_next(&rest, &type, &body))
		if (tlsfp_in_ja4(type))
			fp->list[n++] = type;
	any = tlsfp_put_sorted(fp, n, false);
	tlsfp_char(fp, '_');
	if (!tlsfp_put_wire(fp, h->sigalgs))
		fp->len--;
	return any;
}

static uint16_t
tlsfp_highest(const struct hello *h)
{
	uint16_t best = 0;

	if (!(h->has & HELLO_HAS_VERSIONS))
		return h->version;
	for (size_t i = 0; i < h->versions.n / 2; i++) {
		uint16_t v = hello_u16(h->versions, i);

		if (!hello_grease(v) && v > best)
			best = v;
	}
	return best;
}

static const char *
tlsfp_version(const struct hello *h)
{
	switch (tlsfp_highest(h)) {
	case 0x0304:
		return "13";
	case 0x0303:
		return "12";
	case 0x0302:
		return "11";
	case 0x0301:
		return "10";
	case 0x0300:
		return "s3";
	case 0x0002:
		return "s2";
	default:
		return "00";
	}
}

static void
tlsfp_put_count(struct tlsfp *fp, size_t n)
{
	if (n > 99)
		n = 99;
	tlsfp_char(fp, (char)('0' + n / 10));
	tlsfp_char(fp, (char)('0' + n % 10));
}

static bool
tlsfp_alnum(uint8_t c)
{
	uint8_t l = span_lower(c);

	return (c >= '0' && c <= '9') || (l >= 'a' && l <= 'z');
}

/* First and last character of the first ALPN name; as hex if either is no letter or
 * digit, so that a client cannot write a line end or a blank into a log. */
static void
tlsfp_put_alpn(struct tlsfp *fp, const struct hello *h)
{
	struct span rest = h->alpn;
	struct span name = {NULL, 0};
	char first[3], last[3];

	if (!hello_alpn_next(&rest, &name) || name.n == 0) {
		tlsfp_puts(fp, "00");
		return;
	}
	if (tlsfp_alnum(name.p[0]) && tlsfp_alnum(name.p[name.n - 1])) {
		tlsfp_char(fp, (char)name.p[0]);
		tlsfp_char(fp, (char)name.p[name.n - 1]);
		return;
	}
	text_hex(span_of(name.p, 1), first);
	text_hex(span_of(name.p + name.n - 1, 1), last);
	tlsfp_char(fp, first[0]);
	tlsfp_char(fp, last[1]);
}

static void
tlsfp_put_ja4_a(struct tlsfp *fp, const struct hello *h)
{
	struct span rest = h->extensions;
	struct span body;
	uint16_t type;
	size_t ciphers = 0, exts = 0;

	for (size_t i = 0; i < h->ciphers.n / 2; i++)
		ciphers += !hello_grease(hello_u16(h->ciphers, i));
	while (hello_ext_next(&rest, &type, &body))
		exts += !hello_grease(type);
	tlsfp_char(fp, 't');
	tlsfp_puts(fp, tlsfp_version(h));
	tlsfp_char(fp, h->has & HELLO_HAS_SNI ? 'd' : 'i');
	tlsfp_put_count(fp, ciphers);
	tlsfp_put_count(fp, exts);
	tlsfp_put_alpn(fp, h);
	tlsfp_char(fp, '_');
}

/* Replaces the text from `from` on by 12 digits of its hash; by zeros if it is empty. */
static void
tlsfp_shorten(struct tlsfp *fp, size_t from, bool any)
{
	struct span part = span_of(fp->text + from, fp->len - from);
	uint8_t digest[DIGEST_LEN];
	char hex[TLSFP_HASH_CHARS + 1] = "000000000000";

	if (any) {
		hasher_parts(fp->hasher, &part, 1, digest);
		text_hex(span_of(digest, TLSFP_HASH_CHARS / 2), hex);
	}
	fp->len = from;
	tlsfp_puts(fp, hex);
}

int
tlsfp_ja4(struct tlsfp *fp, const struct hello *h, char out[TLSFP_JA4_SIZE])
{
	size_t from;
	bool any;

	out[0] = '\0';
	if (h->message.n > fp->max_message)
		return WF_EFULL;
	fp->len = 0;
	tlsfp_put_ja4_a(fp, h);
	from = fp->len;
	any = tlsfp_put_ciphers_sorted(fp, h);
	tlsfp_shorten(fp, from, any);
	tlsfp_char(fp, '_');
	from = fp->len;
	any = tlsfp_put_ja4_c(fp, h);
	tlsfp_shorten(fp, from, any);
	MUST(fp->len == TLSFP_JA4_SIZE - 1);
	memcpy(out, fp->text, fp->len);
	out[fp->len] = '\0';
	return 0;
}

int
tlsfp_ja4_r(struct tlsfp *fp, const struct hello *h, char *out, size_t cap)
{
	if (cap)
		out[0] = '\0';
	if (h->message.n > fp->max_message)
		return WF_EFULL;
	fp->len = 0;
	tlsfp_put_ja4_a(fp, h);
	tlsfp_put_ciphers_sorted(fp, h);
	tlsfp_char(fp, '_');
	tlsfp_put_ja4_c(fp, h);
	if (fp->len >= cap)
		return WF_EFULL;
	memcpy(out, fp->text, fp->len);
	out[fp->len] = '\0';
	return 0;
}

static void
tlsfp_put_core_exts(struct tlsfp *fp, const struct hello *h, enum tlsfp_mode mode)
{
	struct span rest = h->extensions;
	struct span body;
	uint16_t type;
	size_t n = 0;

	while (hello_ext_next(&rest, &type, &body))
		if (!hello_grease(type) && !tlsfp_volatile(type) &&
		    !(mode == TLSFP_SOFT && tlsfp_soft(type)))
			fp->list[n++] = type;
	tlsfp_put_sorted(fp, n, true);
}

static bool
tlsfp_greases(const struct hello *h)
{
	for (size_t i = 0; i < h->ciphers.n / 2; i++)
		if (hello_grease(hello_u16(h->ciphers, i)))
			return true;
	return false;
}

int
tlsfp_core(struct tlsfp *fp, const struct hello *h, enum tlsfp_mode mode,
	   uint8_t out[TLSFP_CORE_LEN])
{
	const struct span lists[] = {h->groups, h->sigalgs, h->versions};
	uint8_t digest[DIGEST_LEN];
	struct span text;

	memset(out, 0, TLSFP_CORE_LEN);
	if (h->message.n > fp->max_message)
		return WF_EFULL;
	fp->len = 0;
	tlsfp_puts(fp, tlsfp_version(h));
	tlsfp_char(fp, '|');
	tlsfp_put_wire(fp, h->ciphers);
	tlsfp_char(fp, '|');
	tlsfp_put_core_exts(fp, h, mode);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		tlsfp_char(fp, '|');
		tlsfp_put_wire(fp, lists[i]);
	}
	tlsfp_char(fp, '|');
	tlsfp_put_small(fp, h->point_formats, false);
	tlsfp_char(fp, '|');
	tlsfp_put_small(fp, h->psk_modes, true);
	tlsfp_puts(fp, tlsfp_greases(h) ? "|G1" : "|G0");
	text = span_of(fp->text, fp->len);
	hasher_parts(fp->hasher, &text, 1, digest);
	memcpy(out, digest, TLSFP_CORE_LEN);
	return 0;
}

void
tlsfp_core_hex(const uint8_t core[TLSFP_CORE_LEN], char out[TLSFP_CORE_HEX])
{
	text_hex(span_of(core, (TLSFP_CORE_HEX - 1) / 2), out);
}
