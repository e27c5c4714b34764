/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/ip.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "proxy/base/hex.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"

static const uint8_t ip_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip
ip_from_bytes(const uint8_t *p, size_t n)
{
	struct ip ip = {.family = 0};

	if (n == 4) {
		memcpy(ip.b, ip_mapped, 12);
		memcpy(ip.b + 12, p, 4);
		ip.family = 4;
	} else if (n == 16) {
		memcpy(ip.b, p, 16);
		ip.family = memcmp(p, ip_mapped, 12) == 0 ? 4 : 6;
	}
	return ip;
}

struct ip
ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return ip_from_bytes((const uint8_t[]){a, b, c, d}, 4);
}

bool
ip_eq(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->b, b->b, 16) == 0;
}

/* --- reading text --- */

/* Four numbers of one to three digits without leading zeros. */
static bool
ip_parse_v4(struct span s, uint8_t out[4])
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned v = 0;
		size_t n = 0;

		while (n < s.n && n < 3 && s.p[n] >= '0' && s.p[n] <= '9')
			v = v * 10 + (unsigned)(s.p[n++] - '0');
		if (n == 0 || v > 255 || (n > 1 && s.p[0] == '0'))
			return false;
		out[i] = (uint8_t)v;
		s = span_tail(s, n);
		if (i == 3)
			break;
		if (s.n == 0 || s.p[0] != '.')
			return false;
		s = span_tail(s, 1);
	}
	return s.n == 0;
}

/* One to four hex digits at the front of *s, taken off. */
static bool
ip_group(struct span *s, uint8_t out[2])
{
	unsigned v = 0;
	size_t n = 0;

	while (n < s->n && n < 5 && hex_value(s->p[n]) >= 0)
		v = v << 4 | (unsigned)hex_value(s->p[n++]);
	if (n == 0 || n > 4)
		return false;
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	*s = span_tail(*s, n);
	return true;
}

/* Groups separated by colons, an IPv4 address allowed as the last; *n bytes of at
 * most 16. An empty text is no groups. */
static bool
ip_groups(struct span s, uint8_t out[16], size_t *n)
{
	*n = 0;
	while (s.n) {
		if (*n <= 12 && span_chr(s, ':') < 0 && span_chr(s, '.') >= 0) {
			if (!ip_parse_v4(s, out + *n))
				return false;
			*n += 4;
			return true;
		}
		if (*n == 16 || !ip_group(&s, out + *n))
			return false;
		*n += 2;
		if (s.n == 0)
			return true;
		if (s.p[0] != ':' || s.n == 1)
			return false;
		s = span_tail(s, 1);
	}
	return true;
}

static ptrdiff_t
ip_double_colon(struct span s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == ':' && s.p[i + 1] == ':')
			return (ptrdiff_t)i;
	return -1;
}

static bool
ip_parse_v6(struct span s, uint8_t out[16])
{
	ptrdiff_t gap = ip_double_colon(s);
	uint8_t tail[16];
	struct span head;
	size_t n, m;

	memset(out, 0, 16);
	if (gap < 0)
		return ip_groups(s, out, &n) && n == 16;
	head = span_of(s.p, (size_t)gap);
	/* An IPv4 part may only end the whole address. */
	if (span_chr(head, '.') >= 0)
		return false;
	if (!ip_groups(head, out, &n) || !ip_groups(span_tail(s, head.n + 2), tail, &m))
		return false;
	/* The gap stands for at least one group. */
	if (n + m > 14)
		return false;
	memcpy(out + 16 - m, tail, m);
	return true;
}

int
ip_parse(struct span text, struct ip *out)
{
	uint8_t b[16];

	*out = (struct ip){.family = 0};
	if (text.n >= IP_TEXT)
		return WF_ESYNTAX;
	if (span_chr(text, ':') < 0) {
		if (!ip_parse_v4(text, b))
			return WF_ESYNTAX;
		*out = ip_from_bytes(b, 4);
		return 0;
	}
	if (!ip_parse_v6(text, b))
		return WF_ESYNTAX;
	*out = ip_from_bytes(b, 16);
	return 0;
}

/* --- writing text --- */

static char *
ip_put_dec(char *p, unsigned v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *
ip_put_hex(char *p, unsigned v)
{
	static const char digits[] = "0123456789abcdef";

	for (int shift = 12; shift >= 0; shift -= 4)
		if (v >> shift || shift == 0)
			*p++ = digits[v >> shift & 15];
	return p;
}

static unsigned
ip_word(const struct ip *ip, size_t i)
{
	return (unsigned)(ip->b[2 * i] << 8 | ip->b[2 * i + 1]);
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952). */
static size_t
ip_zeros(const struct ip *ip, size_t *len)
{
	size_t best = 8;

	*len = 1;
	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;

		while (i + n < 8 && ip_word(ip, i + n) == 0)
			n++;
		if (n > *len) {
			best = i;
			*len = n;
		}
		i += n;
	}
	return best;
}

static char *
ip_put_v6(char *p, const struct ip *ip)
{
	size_t len, gap = ip_zeros(ip, &len);

	for (size_t i = 0; i < 8; i++) {
		if (i == gap) {
			*p++ = ':';
			*p++ = ':';
			i += len - 1;
			continue;
		}
		if (i > 0 && i != gap + len)
			*p++ = ':';
		p = ip_put_hex(p, ip_word(ip, i));
	}
	return p;
}

size_t
ip_print(const struct ip *ip, char out[IP_TEXT])
{
	char *p = out;

	if (ip->family == 6) {
		p = ip_put_v6(p, ip);
	} else if (ip->family == 4) {
		for (unsigned i = 12; i < 16; i++) {
			if (i > 12)
				*p++ = '.';
			p = ip_put_dec(p, ip->b[i]);
		}
	} else {
		memcpy(p, "none", 4);
		p += 4;
	}
	*p = '\0';
	return (size_t)(p - out);
}

/* --- prefixes --- */

static unsigned
ip_bits(const struct ip *ip, unsigned family_bits)
{
	return ip->family == 4 ? 96 + family_bits : family_bits;
}

static void
ip_mask(struct ip *ip, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8)
			ip->b[i] &= (uint8_t)(0xff00 >> keep);
	}
}

int
ip_prefix_parse(struct span text, struct ip_prefix *out)
{
	ptrdiff_t slash = span_chr(text, '/');
	struct ip_prefix p = {.bits = 0};
	struct ip masked;
	uint64_t bits;

	*out = p;
	if (ip_parse(slash < 0 ? text : span_of(text.p, (size_t)slash), &p.ip) != 0)
		return WF_ESYNTAX;
	p.bits = p.ip.family == 4 ? 32 : 128;
	if (slash >= 0) {
		struct span len = span_tail(text, (size_t)slash + 1);
		int err = text_uint(len, p.bits, &bits);

		if (err != 0 || (len.n > 1 && len.p[0] == '0'))
			return err ? err : WF_ESYNTAX;
		p.bits = (uint8_t)bits;
	}
	masked = p.ip;
	ip_mask(&masked, ip_bits(&p.ip, p.bits));
	if (!ip_eq(&masked, &p.ip))
		return WF_ERANGE;
	*out = p;
	return 0;
}

size_t
ip_prefix_print(const struct ip_prefix *p, char out[IP_PREFIX_TEXT])
{
	size_t n = ip_print(&p->ip, out);
	char *q = out + n;

	*q++ = '/';
	q = ip_put_dec(q, p->bits);
	*q = '\0';
	return (size_t)(q - out);
}

bool
ip_prefix_has(const struct ip_prefix *p, const struct ip *ip)
{
	struct ip masked = *ip;

	if (ip->family == 0 || ip->family != p->ip.family)
		return false;
	ip_mask(&masked, ip_bits(ip, p->bits));
	return ip_eq(&masked, &p->ip);
}

bool
ip_prefix_any(const struct ip_prefix *p, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_has(&p[i], ip))
			return true;
	return false;
}

struct ip
ip_truncate(const struct ip *ip, unsigned v4bits, unsigned v6bits)
{
	struct ip out = *ip;

	if (ip->family == 4)
		ip_mask(&out, 96 + (v4bits < 32 ? v4bits : 32));
	else if (ip->family == 6)
		ip_mask(&out, v6bits < 128 ? v6bits : 128);
	return out;
}

/* --- classes --- */

struct ip_range {
	uint8_t head[4]; /* the rest is zero and does not count */
	uint8_t bits;
	uint8_t class;
};

static const struct ip_range ip_ranges4[] = {
    {{0, 0, 0, 0}, 8, IP_UNSPECIFIED},	  {{10, 0, 0, 0}, 8, IP_PRIVATE},
    {{100, 64, 0, 0}, 10, IP_SHARED},	  {{127, 0, 0, 0}, 8, IP_LOOPBACK},
    {{169, 254, 0, 0}, 16, IP_LINKLOCAL}, {{172, 16, 0, 0}, 12, IP_PRIVATE},
    {{192, 0, 0, 0}, 24, IP_RESERVED},	  {{192, 0, 2, 0}, 24, IP_DOCS},
    {{192, 168, 0, 0}, 16, IP_PRIVATE},	  {{198, 18, 0, 0}, 15, IP_RESERVED},
    {{198, 51, 100, 0}, 24, IP_DOCS},	  {{203, 0, 113, 0}, 24, IP_DOCS},
    {{224, 0, 0, 0}, 4, IP_MULTICAST},	  {{240, 0, 0, 0}, 4, IP_CLASS_E},
};

static const struct ip_range ip_ranges6[] = {
    {{0x20, 0x01, 0x0d, 0xb8}, 32, IP_DOCS}, {{0x3f, 0xff, 0, 0}, 20, IP_DOCS},
    {{0xfc, 0, 0, 0}, 7, IP_PRIVATE},	     {{0xfe, 0x80, 0, 0}, 10, IP_LINKLOCAL},
    {{0xfe, 0xc0, 0, 0}, 10, IP_RESERVED},   {{0xff, 0, 0, 0}, 8, IP_MULTICAST},
};

static uint32_t
ip_head(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static enum ip_class
ip_lookup(uint32_t head, const struct ip_range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((head ^ ip_head(r[i].head)) >> (32 - r[i].bits) == 0)
			return (enum ip_class)r[i].class;
	return IP_GLOBAL;
}

enum ip_class
ip_class(const struct ip *ip)
{
	static const uint8_t zero[15];

	if (ip->family == 0)
		return IP_NONE;
	if (ip->family == 4)
		return ip_lookup(ip_head(ip->b + 12), ip_ranges4, ARRAY_LEN(ip_ranges4));
	if (memcmp(ip->b, zero, 15) == 0 && ip->b[15] < 2)
		return ip->b[15] ? IP_LOOPBACK : IP_UNSPECIFIED;
	if (memcmp(ip->b, zero, 12) == 0)
		return IP_RESERVED;
	return ip_lookup(ip_head(ip->b), ip_ranges6, ARRAY_LEN(ip_ranges6));
}

const char *
ip_class_name(enum ip_class c)
{
	static const char *const names[] = {
	    [IP_NONE] = "none",
	    [IP_GLOBAL] = "global",
	    [IP_UNSPECIFIED] = "unspecified",
	    [IP_LOOPBACK] = "loopback",
	    [IP_PRIVATE] = "private",
	    [IP_SHARED] = "shared",
	    [IP_LINKLOCAL] = "link-local",
	    [IP_DOCS] = "documentation",
	    [IP_MULTICAST] = "multicast",
	    [IP_CLASS_E] = "class-e",
	    [IP_RESERVED] = "reserved",
	};
	unsigned i = (unsigned)c;

	return i < ARRAY_LEN(names) ? names[i] : "none";
}

bool
ip_usable(const struct ip *ip)
{
	enum ip_class c = ip_class(ip);

	return c != IP_NONE && c != IP_UNSPECIFIED && c != IP_MULTICAST &&
	       c != IP_CLASS_E;
}

/* --- sockets --- */

int
ip_from_sockaddr(const struct sockaddr *sa, size_t len, struct ip *out, uint16_t *port)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uint16_t p;

	*out = (struct ip){.family = 0};
	if (port != NULL)
		*port = 0;
	if (len < sizeof(sa->sa_family))
		return WF_EUNSUPPORTED;
	/* Copied, since what the kernel filled in need not be aligned for the type. */
	if (sa->sa_family == AF_INET && len >= sizeof(v4)) {
		memcpy(&v4, sa, sizeof(v4));
		*out = ip_from_bytes((const uint8_t *)&v4.sin_addr, 4);
		p = ntohs(v4.sin_port);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(v6)) {
		memcpy(&v6, sa, sizeof(v6));
		*out = ip_from_bytes(v6.sin6_addr.s6_addr, 16);
		p = ntohs(v6.sin6_port);
	} else {
		return WF_EUNSUPPORTED;
	}
	if (port != NULL)
		*port = p;
	return 0;
}

size_t
ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (ip->family == 4) {
		struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

		memcpy(&v4.sin_addr, ip->b + 12, 4);
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (ip->family == 6) {
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
					  .sin6_port = htons(port)};

		memcpy(&v6.sin6_addr, ip->b, 16);
		memcpy(out, &v6, sizeof(v6));
		return sizeof(v6);
	}
	return 0;
}

bool
ip_is_loopback(const struct ip *ip)
{
	static const uint8_t six[16] = {[15] = 1};

	if (ip->family == 4)
		return ip->b[12] == 127;
	return ip->family == 6 && memcmp(ip->b, six, sizeof(six)) == 0;
}
