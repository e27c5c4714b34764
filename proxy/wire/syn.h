/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/syn.h - the first packet of a TCP connection: how the client's system builds it.
 *
 * Input is what Linux keeps of a SYN (TCP_SAVED_SYN): the IP header with its options or
 * extension headers, and the TCP header with its options; nothing before, between or behind.
 * All of it is from outside.
 *
 * The *core* is what stays the same for one system, whatever network it is in: the hop
 * limit it began with (guessed: the next of 32, 64, 128, 255), the window scale, the window
 * (its number, unless it is a multiple of the MSS, as most are), and the first eight options
 * in their order. A tunnel's MSS and the hops on the way are in the text and not in the
 * core. Our own design; docs/detection.md explains the text:
 *
 *	ip4 t64-12 w44m m1460 s7 MSTNW         seen: IPv4, 12 hops, window 44 times the MSS
 *	t64 wm s7 MSTNW                        its core
 *
 * Units   as on the wire.
 * Errors  WF_ETRUNCATED, WF_ETRAILING, WF_ESYNTAX, WF_ERANGE, WF_EUNSUPPORTED (another
 *         protocol or extension header). Nothing is guessed from a packet that is not whole.
 * Threads pure.
 * Not here  how the bytes are had (proxy/net/tcpinfo.h).
 */
#ifndef WARIFU_WIRE_SYN_H
#define WARIFU_WIRE_SYN_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum {
	SYN_OPTIONS = 40, /* bytes of them, so at most as many */
	SYN_TEXT = 96,	  /* of either text, with its NUL */
	SYN_CORE_OPTIONS = 8,
	SYN_NO_SCALE = 0xff,
};

struct syn {
	uint8_t version; /* 4 or 6 */
	uint8_t ttl;	 /* as it came: hop limit */
	uint16_t window;
	uint16_t mss;  /* 0: not told */
	uint8_t scale; /* SYN_NO_SCALE: not told */
	uint8_t n_kinds;
	uint8_t kinds[SYN_OPTIONS]; /* of the options, up to and with the first "end" */
};

int
syn_parse(struct span headers, struct syn *out);

/* The hop limit that it began with. */
uint8_t
syn_ttl_initial(uint8_t ttl);

/* Never 0. */
uint64_t
syn_core(const struct syn *s);

void
syn_text(const struct syn *s, char out[SYN_TEXT]);
void
syn_core_text(uint64_t core, char out[SYN_TEXT]);

/* The initial hop limit of a core. */
static inline uint8_t
syn_core_ttl(uint64_t core)
{
	return (uint8_t)(core >> 56);
}

#endif
