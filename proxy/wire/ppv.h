/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/ppv.h - PROXY protocol, versions 1 and 2, as HAProxy's text defines them.
 *
 * Give ppv_parse all bytes that have arrived, from the first on; it answers WF_MORE until
 * the header is whole and refuses at the first byte that cannot belong to one. Whether a
 * peer must send the header is known from settings, never guessed from the bytes.
 *
 * LOCAL (v2), UNKNOWN (v1) and UNSPEC (v2) come back as `kind`, without addresses: the
 * connection's own are to be used, if the caller allows that at all (health checks).
 * Addresses that cannot be a TCP peer's are refused: unspecified, multicast, class E,
 * port 0; so are UDP and UNIX sockets. v4-mapped addresses become IPv4. Private ones
 * pass.
 *
 * Ownership  TLV spans point into the input.
 * Units      bytes; ports in host order.
 * Errors     WF_MORE; WF_ESYNTAX, WF_ERANGE, WF_EUNSUPPORTED, WF_EVERIFY (checksum), with
 * a sentence in *why (static text, may be NULL). Threads    pure.
 */
#ifndef WARIFU_WIRE_PPV_H
#define WARIFU_WIRE_PPV_H

#include "proxy/base/err.h"
#include "proxy/base/ip.h"

enum {
	PPV_V1_MAX = 107, /* the line with its CRLF */
	PPV_V2_MAX = 536, /* the header with its TLVs, unless configured */
	PPV_V2_HEAD = 16,
};

enum ppv_kind {
	PPV_PROXY,   /* src, dst and ports are set */
	PPV_LOCAL,   /* the proxy speaks for itself */
	PPV_UNKNOWN, /* the proxy could not say for whom */
};

struct ppv {
	enum ppv_kind kind;
	unsigned version; /* 1 or 2 */
	struct ip src, dst;
	uint16_t src_port, dst_port;
	struct span authority; /* server name the proxy saw, "" if none; not to be trusted
				* further than the proxy */
	struct span alpn;
	struct span unique_id;
	bool tls;      /* the client spoke TLS to the proxy */
	bool checksum; /* a CRC32C was there and right */
};

/* 0: *used bytes are the header, what follows is the client's. v2_max 0 = PPV_V2_MAX. */
int ppv_parse(struct span in, size_t v2_max, struct ppv *out, size_t *used,
	      const char **why);

/* Writers, for tests and for speaking to backends. src and dst have one family, else both
 * are written as IPv6. WF_EFULL when cap is too small (PPV_V1_MAX, 64). */
int ppv_write_v1(const struct ppv *p, uint8_t *buf, size_t cap, size_t *n);
/* tlvs is appended as it is; with `checksum` set a CRC32C TLV follows it. */
int ppv_write_v2(const struct ppv *p, struct span tlvs, uint8_t *buf, size_t cap,
		 size_t *n);

/* CRC-32C (Castagnoli) of s, continued from crc (0 to begin). */
uint32_t ppv_crc32c(uint32_t crc, struct span s);

#endif
