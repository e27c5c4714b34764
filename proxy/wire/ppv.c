/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/ppv.h"

#include "proxy/base/cursor.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"

enum {
	PPV_TLV_ALPN = 0x01,
	PPV_TLV_AUTHORITY = 0x02,
	PPV_TLV_CRC32C = 0x03,
	PPV_TLV_UNIQUE_ID = 0x05,
	PPV_TLV_SSL = 0x20,
	PPV_CLIENT_SSL = 0x01,
	PPV_UNIQUE_ID_MAX = 128,
	PPV_AUTHORITY_MAX = 255,
	PPV_V4_LEN = 12,
	PPV_V6_LEN = 36,
};

static const uint8_t ppv_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
					  0x0a, 'Q',  'U',  'I',  'T',	0x0a};
static const char ppv_v1_start[] = "PROXY ";

static int
ppv_fail(const char **why, int err, const char *text)
{
	*why = text;
	return err;
}

uint32_t
ppv_crc32c(uint32_t crc, struct span s)
{
	/* Four bits at a time with the reflected polynomial 0x82f63b78. */
	static const uint32_t table[16] = {
	    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

	crc = ~crc;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= s.p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* Both ends must be such as a TCP connection can have. */
static int
ppv_check_ends(const struct ppv *p, const char **why)
{
	if (!ip_usable(&p->src) || !ip_usable(&p->dst))
		return ppv_fail(why, WF_ERANGE, "an address that no connection can have");
	if (p->src_port == 0 || p->dst_port == 0)
		return ppv_fail(why, WF_ERANGE, "port 0");
	return 0;
}

/* --- version 1 --- */

/* Takes what stands before the next space off *s; exactly one space separates. */
static struct span
ppv_word(struct span *s)
{
	ptrdiff_t space = span_chr(*s, ' ');
	struct span word = *s;

	if (space < 0) {
		*s = (struct span){NULL, 0};
		return word;
	}
	word.n = (size_t)space;
	*s = span_tail(*s, word.n + 1);
	return word;
}

static bool
ppv_port(struct span text, uint16_t *port)
{
	uint64_t v;

	if (text.n == 0 || (text.n > 1 && text.p[0] == '0') ||
	    text_uint(text, 65535, &v) != 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* The family that the word names decides the format. */
static bool
ppv_addr(struct span text, bool v6, struct ip *ip)
{
	return (span_chr(text, ':') >= 0) == v6 && ip_parse(text, ip) == 0;
}

static int
ppv_v1_line(struct span line, struct ppv *out, const char **why)
{
	struct span rest = span_tail(line, sizeof(ppv_v1_start) - 1);
	struct span family = ppv_word(&rest), src, dst, sport, dport;
	bool v6 = span_eq(family, SPAN_LIT("TCP6"));

	if (span_eq(family, SPAN_LIT("UNKNOWN"))) {
		out->kind = PPV_UNKNOWN;
		return 0;
	}
	if (!v6 && !span_eq(family, SPAN_LIT("TCP4")))
		return ppv_fail(why, WF_ESYNTAX, "neither TCP4, TCP6 nor UNKNOWN");
	src = ppv_word(&rest);
	dst = ppv_word(&rest);
	sport = ppv_word(&rest);
	dport = rest;
	if (!ppv_addr(src, v6, &out->src) || !ppv_addr(dst, v6, &out->dst))
		return ppv_fail(why, WF_ESYNTAX, "a malformed address");
	if (!ppv_port(sport, &out->src_port) || !ppv_port(dport, &out->dst_port))
		return ppv_fail(why, WF_ESYNTAX, "a malformed port");
	out->kind = PPV_PROXY;
	return ppv_check_ends(out, why);
}

static int
ppv_v1(struct span in, struct ppv *out, size_t *used, const char **why)
{
	struct span seen = span_of(in.p, in.n < PPV_V1_MAX ? in.n : PPV_V1_MAX);
	ptrdiff_t lf = span_chr(seen, '\n');
	size_t end = lf < 0 ? seen.n : (size_t)lf;
	int err;

	out->version = 1;
	/* CR only before LF, LF only behind CR, nothing else outside printable ASCII: so
	 * a line that can no longer become good is refused before it is whole. */
	for (size_t i = 0; i < end; i++) {
		bool last = i + 1 == end;

		if (seen.p[i] == '\r' ? !last : seen.p[i] < 0x20 || seen.p[i] >= 0x7f)
			return ppv_fail(why, WF_ESYNTAX, "a stray byte in the line");
	}
	if (lf < 0) {
		if (seen.n == PPV_V1_MAX)
			return ppv_fail(why, WF_ESYNTAX, "the line does not end");
		return WF_MORE;
	}
	if (end == 0 || seen.p[end - 1] != '\r')
		return ppv_fail(why, WF_ESYNTAX, "a line feed without carriage return");
	err = ppv_v1_line(span_of(in.p, end - 1), out, why);
	if (err == 0)
		*used = end + 1;
	return err;
}

/* --- version 2 --- */

/* The checksum covers the whole header with its own four bytes as zeros. */
static int
ppv_check_crc(struct span header, struct span value, struct ppv *out, const char **why)
{
	static const uint8_t zeros[4];
	size_t at = (size_t)(value.p - header.p);
	uint32_t want, got;
	struct cursor c = cur_init(value);

	if (value.n != 4)
		return ppv_fail(why, WF_ESYNTAX, "a checksum of another size");
	want = cur_u32(&c);
	got = ppv_crc32c(0, span_of(header.p, at));
	got = ppv_crc32c(got, span_of(zeros, 4));
	got = ppv_crc32c(got, span_tail(header, at + 4));
	if (got != want)
		return ppv_fail(why, WF_EVERIFY, "the checksum does not match");
	out->checksum = true;
	return 0;
}

/* Inside the TLS information: client bits, verify result, then TLVs of its own. */
static int
ppv_tls(struct span value, struct ppv *out, const char **why)
{
	struct cursor c = cur_init(value);
	uint8_t client = cur_u8(&c);

	(void)cur_u32(&c);
	while (cur_ok(&c) && cur_left(&c)) {
		(void)cur_u8(&c);
		(void)cur_sub(&c, 2);
	}
	if (!cur_done(&c))
		return ppv_fail(why, WF_ESYNTAX, "malformed TLS information");
	out->tls = (client & PPV_CLIENT_SSL) != 0;
	return 0;
}

static int
ppv_tlv(struct span header, unsigned type, struct span value, struct ppv *out,
	const char **why)
{
	switch (type) {
	case PPV_TLV_ALPN:
		out->alpn = value;
		return 0;
	case PPV_TLV_AUTHORITY:
		if (value.n > PPV_AUTHORITY_MAX || !text_printable(value))
			return ppv_fail(why, WF_ESYNTAX, "a malformed server name");
		out->authority = value;
		return 0;
	case PPV_TLV_CRC32C:
		return ppv_check_crc(header, value, out, why);
	case PPV_TLV_UNIQUE_ID:
		if (value.n > PPV_UNIQUE_ID_MAX)
			return ppv_fail(why, WF_ESYNTAX, "a unique id that is too long");
		out->unique_id = value;
		return 0;
	case PPV_TLV_SSL:
		return ppv_tls(value, out, why);
	default:
		return 0;
	}
}

/* One bit for each type that we read: two of a type would be two answers. */
static unsigned
ppv_tlv_bit(unsigned type)
{
	switch (type) {
	case PPV_TLV_ALPN:
	case PPV_TLV_AUTHORITY:
	case PPV_TLV_CRC32C:
	case PPV_TLV_UNIQUE_ID:
		return 1u << type;
	case PPV_TLV_SSL:
		return 1u << 31;
	default:
		return 0;
	}
}

static int
ppv_tlvs(struct span header, struct cursor *c, struct ppv *out, const char **why)
{
	unsigned seen = 0;

	while (cur_left(c)) {
		unsigned type = cur_u8(c);
		size_t len = cur_u16(c);
		struct span value = cur_take(c, len);
		unsigned bit = ppv_tlv_bit(type);
		int err;

		if (!cur_ok(c))
			return ppv_fail(why, WF_ESYNTAX, "a truncated field");
		if (seen & bit)
			return ppv_fail(why, WF_ESYNTAX, "a field that comes twice");
		seen |= bit;
		err = ppv_tlv(header, type, value, out, why);
		if (err != 0)
			return err;
	}
	return 0;
}

static int
ppv_v2_addresses(struct cursor *c, unsigned family, struct ppv *out, const char **why)
{
	size_t n = family == 0x11 ? 4 : 16;
	struct span src = cur_take(c, n), dst = cur_take(c, n);

	out->src_port = cur_u16(c);
	out->dst_port = cur_u16(c);
	if (!cur_ok(c))
		return ppv_fail(why, WF_ESYNTAX, "too short for its addresses");
	out->src = ip_from_bytes(src.p, n);
	out->dst = ip_from_bytes(dst.p, n);
	out->kind = PPV_PROXY;
	return ppv_check_ends(out, why);
}

/* header is whole; c stands behind its first 16 bytes. */
static int
ppv_v2_body(struct span header, struct cursor *c, unsigned command, unsigned family,
	    struct ppv *out, const char **why)
{
	int err;

	/* LOCAL: the block is to be skipped, its family included. */
	if (command == 0) {
		out->kind = PPV_LOCAL;
		return 0;
	}
	switch (family) {
	case 0x00:
		out->kind = PPV_UNKNOWN;
		return 0;
	case 0x11:
	case 0x21:
		err = ppv_v2_addresses(c, family, out, why);
		return err ? err : ppv_tlvs(header, c, out, why);
	case 0x12:
	case 0x22:
		return ppv_fail(why, WF_EUNSUPPORTED, "UDP");
	case 0x31:
	case 0x32:
		return ppv_fail(why, WF_EUNSUPPORTED, "a UNIX socket");
	default:
		return ppv_fail(why, WF_ESYNTAX, "an unassigned address family");
	}
}

static int
ppv_v2(struct span in, size_t max, struct ppv *out, size_t *used, const char **why)
{
	struct cursor c = cur_init(in);
	unsigned vercmd, family;
	size_t len, total;
	int err;

	out->version = 2;
	(void)cur_take(&c, sizeof(ppv_signature));
	if (cur_left(&c) == 0)
		return WF_MORE;
	vercmd = cur_u8(&c);
	if (vercmd != 0x20 && vercmd != 0x21)
		return ppv_fail(why, WF_ESYNTAX, "an unknown version or command");
	if (in.n < PPV_V2_HEAD)
		return WF_MORE;
	family = cur_u8(&c);
	len = cur_u16(&c);
	total = PPV_V2_HEAD + len;
	if (total > max)
		return ppv_fail(why, WF_ERANGE, "the header is too long");
	if (in.n < total)
		return WF_MORE;
	c.end = in.p + total;
	err = ppv_v2_body(span_of(in.p, total), &c, vercmd & 15, family, out, why);
	if (err == 0)
		*used = total;
	return err;
}

static bool
ppv_begins(struct span in, const void *start, size_t n)
{
	return memcmp(in.p, start, in.n < n ? in.n : n) == 0;
}

int
ppv_parse(struct span in, size_t v2_max, struct ppv *out, size_t *used, const char **why)
{
	const char *unused;
	int err;

	if (why == NULL)
		why = &unused;
	*why = "";
	*out = (struct ppv){.kind = PPV_UNKNOWN};
	*used = 0;
	if (in.n == 0)
		return WF_MORE;
	if (ppv_begins(in, ppv_signature, sizeof(ppv_signature)))
		err = in.n < sizeof(ppv_signature)
			  ? WF_MORE
			  : ppv_v2(in, v2_max ? v2_max : PPV_V2_MAX, out, used, why);
	else if (ppv_begins(in, ppv_v1_start, sizeof(ppv_v1_start) - 1))
		err = in.n < sizeof(ppv_v1_start) - 1 ? WF_MORE
						      : ppv_v1(in, out, used, why);
	else
		err = ppv_fail(why, WF_ESYNTAX, "no PROXY protocol");
	if (err != 0)
		*out = (struct ppv){.kind = PPV_UNKNOWN};
	return err;
}

/* --- writers --- */

struct ppv_out {
	uint8_t *p;
	size_t cap, n;
	bool full;
};

static void
ppv_put(struct ppv_out *o, struct span s)
{
	if (o->full || o->cap - o->n < s.n) {
		o->full = true;
		return;
	}
	if (s.n)
		memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

static void
ppv_put_uint(struct ppv_out *o, uint32_t v, unsigned bytes)
{
	uint8_t b[4];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	ppv_put(o, span_of(b, bytes));
}

static void
ppv_put_decimal(struct ppv_out *o, unsigned v)
{
	char digits[8];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + v % 10);
	while (v /= 10);
	ppv_put(o, span_of(digits + i, sizeof(digits) - i));
}

/* An IPv4 address in an IPv6 line is written in its mapped form. */
static void
ppv_put_addr(struct ppv_out *o, const struct ip *ip, bool v6)
{
	char text[IP_TEXT];

	if (v6 && ip->family == 4)
		ppv_put(o, SPAN_LIT("::ffff:"));
	ppv_put(o, span_of(text, ip_print(ip, text)));
	ppv_put(o, SPAN_LIT(" "));
}

static int
ppv_finish(const struct ppv_out *o, size_t *n)
{
	*n = o->full ? 0 : o->n;
	return o->full ? WF_EFULL : 0;
}

int
ppv_write_v1(const struct ppv *p, uint8_t *buf, size_t cap, size_t *n)
{
	struct ppv_out o = {.p = buf, .cap = cap};
	bool v6 = p->src.family == 6 || p->dst.family == 6;

	ppv_put(&o, SPAN_LIT("PROXY "));
	if (p->kind != PPV_PROXY) {
		ppv_put(&o, SPAN_LIT("UNKNOWN"));
	} else {
		ppv_put(&o, v6 ? SPAN_LIT("TCP6 ") : SPAN_LIT("TCP4 "));
		ppv_put_addr(&o, &p->src, v6);
		ppv_put_addr(&o, &p->dst, v6);
		ppv_put_decimal(&o, p->src_port);
		ppv_put(&o, SPAN_LIT(" "));
		ppv_put_decimal(&o, p->dst_port);
	}
	ppv_put(&o, SPAN_LIT("\r\n"));
	return ppv_finish(&o, n);
}

static void
ppv_put_crc(struct ppv_out *o)
{
	uint32_t crc;

	ppv_put_uint(o, PPV_TLV_CRC32C, 1);
	ppv_put_uint(o, 4, 2);
	ppv_put_uint(o, 0, 4);
	if (o->full)
		return;
	crc = ppv_crc32c(0, span_of(o->p, o->n));
	o->n -= 4;
	ppv_put_uint(o, crc, 4);
}

int
ppv_write_v2(const struct ppv *p, struct span tlvs, uint8_t *buf, size_t cap, size_t *n)
{
	struct ppv_out o = {.p = buf, .cap = cap};
	bool proxy = p->kind == PPV_PROXY, v6 = p->src.family == 6 || p->dst.family == 6;
	size_t skip = v6 ? 0 : 12;
	size_t len = tlvs.n + (p->checksum ? 7 : 0);

	if (proxy)
		len += v6 ? PPV_V6_LEN : PPV_V4_LEN;
	if (len > UINT16_MAX)
		return WF_EFULL;
	ppv_put(&o, span_of(ppv_signature, sizeof(ppv_signature)));
	ppv_put_uint(&o, p->kind == PPV_LOCAL ? 0x20 : 0x21, 1);
	ppv_put_uint(&o, !proxy ? 0x00 : v6 ? 0x21 : 0x11, 1);
	ppv_put_uint(&o, (uint32_t)len, 2);
	if (proxy) {
		ppv_put(&o, span_of(p->src.b + skip, 16 - skip));
		ppv_put(&o, span_of(p->dst.b + skip, 16 - skip));
		ppv_put_uint(&o, p->src_port, 2);
		ppv_put_uint(&o, p->dst_port, 2);
	}
	ppv_put(&o, tlvs);
	if (p->checksum)
		ppv_put_crc(&o);
	return ppv_finish(&o, n);
}
