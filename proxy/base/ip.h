/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/base/ip.h - addresses and prefixes.
 *
 * An address is 16 bytes; IPv4 is kept as its v4-mapped form with family 4, so the
 * bytes alone are a map key, and ::ffff:192.0.2.1 and 192.0.2.1 are one address however
 * they came in. Family 0 means "no address" and matches nothing.
 *
 * Text is read strictly: four decimal numbers without leading zeros, or RFC 4291 without
 * a zone. Text is written as RFC 5952 says.
 *
 * Errors   0 or WF_ESYNTAX, WF_ERANGE, WF_EUNSUPPORTED; *out is family 0 then.
 * Units    prefix lengths count bits of the family (0..32, 0..128).
 * Threads  pure.
 */
#ifndef WARIFU_BASE_IP_H
#define WARIFU_BASE_IP_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

struct sockaddr;
struct sockaddr_storage;

enum {
	IP_TEXT = 46,	     /* longest address text with its NUL */
	IP_PREFIX_TEXT = 50, /* longest "address/bits" with its NUL */
};

struct ip {
	uint8_t b[16];
	uint8_t family; /* 4, 6, or 0 for none */
};

struct ip_prefix {
	struct ip ip;
	uint8_t bits;
};

enum ip_class {
	IP_NONE,	/* family 0 */
	IP_GLOBAL,	/* none of the below */
	IP_UNSPECIFIED, /* 0.0.0.0/8, :: */
	IP_LOOPBACK,	/* 127.0.0.0/8, ::1 */
	IP_PRIVATE,	/* RFC 1918, fc00::/7 */
	IP_SHARED,	/* 100.64.0.0/10: carriers' NAT */
	IP_LINKLOCAL,	/* 169.254.0.0/16, fe80::/10 */
	IP_DOCS, /* 192.0.2/24, 198.51.100/24, 203.0.113/24, 2001:db8::/32, 3fff::/20 */
	IP_MULTICAST, /* 224.0.0.0/4, ff00::/8 */
	IP_CLASS_E,   /* 240.0.0.0/4, the broadcast address included */
	IP_RESERVED,  /* 192.0.0.0/24, 198.18.0.0/15, ::/96 but :: and ::1, fec0::/10 */
};

int ip_parse(struct span text, struct ip *out);

/* Writes at most IP_TEXT bytes with a NUL; the length without it ("none" for family 0).
 */
size_t ip_print(const struct ip *ip, char out[IP_TEXT]);

/* "address/bits" or a single address; bits set behind the prefix are WF_ERANGE, since
 * 10.0.0.1/8 is a typing error more often than a wish. */
int ip_prefix_parse(struct span text, struct ip_prefix *out);
size_t ip_prefix_print(const struct ip_prefix *p, char out[IP_PREFIX_TEXT]);

/* Of the same family and inside. */
bool ip_prefix_has(const struct ip_prefix *p, const struct ip *ip);

/* Is ip inside any of the n prefixes? */
bool ip_prefix_any(const struct ip_prefix *p, size_t n, const struct ip *ip);

struct ip ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
/* From 4 or 16 network bytes (n); v4-mapped becomes family 4; other n gives family 0. */
struct ip ip_from_bytes(const uint8_t *p, size_t n);
bool ip_eq(const struct ip *a, const struct ip *b);
enum ip_class ip_class(const struct ip *ip);
const char *ip_class_name(enum ip_class c);
/* Can an address of this class be the source of a connection at all? False for none,
 * unspecified, multicast and class E. Private and loopback can. */
bool ip_usable(const struct ip *ip);

/* The first v4bits or v6bits bits, the rest zero: a network such as /24 or /48. */
struct ip ip_truncate(const struct ip *ip, unsigned v4bits, unsigned v6bits);

/* AF_INET and AF_INET6 only; scope ids are dropped; *port in host order, may be NULL. */
int ip_from_sockaddr(const struct sockaddr *sa, size_t len, struct ip *out,
		     uint16_t *port);
/* Length of the address written, 0 for family 0. */
size_t ip_to_sockaddr(const struct ip *ip, uint16_t port, struct sockaddr_storage *out);

/* 127.0.0.0/8 or ::1. */
bool
ip_is_loopback(const struct ip *ip);

#endif
