/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/hello.h - the TLS ClientHello: when it is complete, and what it says.
 *
 * Two halves. The *watch* follows the raw bytes of a new connection, in any portions
 * and with any split into records, and says when the whole message has been seen, that
 * it is larger than allowed (as soon as its 3-byte length is known), or that this is
 * not TLS at all. It keeps no copy: the TLS library reassembles the message itself and
 * hands it to a message callback. The *parse* reads that one message into spans.
 *
 * The parse is strict about structure: every length must fit exactly, at every level
 * that we read, or the message is refused. Shapes that add up but that TLS forbids
 * (an extension twice, an empty list) are accepted and marked in `odd`, since a
 * fingerprint of them is still of use in a log; a gate refuses a hello that is odd.
 *
 * Ownership  all spans point into the message, which the caller keeps.
 * Units      bytes; 16-bit lists are left as they stood on the wire (hello_u16).
 * Errors     hello_watch_feed: 0 complete, WF_MORE, WF_ERANGE too large, WF_EUNSUPPORTED
 *            not TLS (see `kind`), WF_ESYNTAX broken records or another message. The
 *            first error stays.
 *            hello_parse: 0, WF_ETRUNCATED, WF_ETRAILING, WF_ESYNTAX; `at` holds the byte
 *            of the structure that does not fit.
 * Threads    pure.
 * Not here   key shares, ECH, tickets: opaque to us. DTLS and QUIC.
 */
#ifndef WARIFU_WIRE_HELLO_H
#define WARIFU_WIRE_HELLO_H

#include "proxy/base/span.h"

enum { HELLO_LIMIT_DEFAULT = 16384, HELLO_HEADER = 4 };

/* What the first byte of a connection looks like. */
enum hello_kind {
	HELLO_KIND_UNKNOWN, /* nothing seen yet */
	HELLO_KIND_TLS,
	HELLO_KIND_SSLV2,
	HELLO_KIND_TEXT, /* an upper-case letter: plain HTTP, most likely */
	HELLO_KIND_OTHER,
};

struct hello_watch {
	uint32_t limit;	 /* largest message, without its header */
	uint32_t want;	 /* bytes of the message, header included; 0 = not yet known */
	uint32_t seen;	 /* bytes of the message seen so far */
	uint32_t length; /* the 3-byte length while it is read */
	uint16_t left;	 /* bytes left in the record */
	uint8_t fill;	 /* bytes of the record header seen */
	uint8_t kind;	 /* enum hello_kind */
	int verdict;	 /* the latched answer */
};

/* limit: the largest message accepted, in bytes without the 4-byte header. */
void hello_watch_init(struct hello_watch *w, uint32_t limit);

/*
 * The next bytes from the socket. *used gets how many of them belong to the records up
 * to the end of the message. A record without content is refused (RFC 8446, 5.1), so a
 * message of n bytes is never preceded by more than 5 * n bytes of record headers.
 */
int hello_watch_feed(struct hello_watch *w, struct span in, size_t *used);

/* Extension numbers that this project names. */
enum hello_ext {
	HELLO_EXT_SNI = 0,
	HELLO_EXT_GROUPS = 10,
	HELLO_EXT_POINTS = 11,
	HELLO_EXT_SIGALGS = 13,
	HELLO_EXT_ALPN = 16,
	HELLO_EXT_PADDING = 21,
	HELLO_EXT_CERT_COMPRESSION = 27,
	HELLO_EXT_TICKET = 35,
	HELLO_EXT_PSK = 41,
	HELLO_EXT_EARLY_DATA = 42,
	HELLO_EXT_VERSIONS = 43,
	HELLO_EXT_COOKIE = 44,
	HELLO_EXT_PSK_MODES = 45,
	HELLO_EXT_SERVER_PADDING = 4832,
	HELLO_EXT_ALPS_OLD = 17513,
	HELLO_EXT_ALPS = 17613,
	HELLO_EXT_TRUST_ANCHORS = 51764,
	HELLO_EXT_ECH = 65037,
};

/* Bits of hello.has: the extension is present (its span may still be empty). */
enum {
	HELLO_HAS_SNI = 1 << 0,
	HELLO_HAS_GROUPS = 1 << 1,
	HELLO_HAS_POINTS = 1 << 2,
	HELLO_HAS_SIGALGS = 1 << 3,
	HELLO_HAS_ALPN = 1 << 4,
	HELLO_HAS_VERSIONS = 1 << 5,
	HELLO_HAS_PSK_MODES = 1 << 6,
	HELLO_HAS_TICKET = 1 << 7,
	HELLO_HAS_PSK = 1 << 8,
	HELLO_HAS_EARLY_DATA = 1 << 9,
};

/* Bits of hello.odd: well-framed, yet against the RFCs. */
enum {
	HELLO_ODD_DUPLICATE = 1 << 0, /* an extension type twice (RFC 8446, 4.2) */
	HELLO_ODD_EMPTY = 1 << 1,     /* a list that must have an entry has none */
	HELLO_ODD_SNI = 1 << 2,	      /* more than one host name, or a NUL in it */
};

struct hello {
	struct span message; /* all of it, header included */
	struct span random;
	struct span session_id;
	struct span ciphers; /* 16-bit list */
	struct span compression;
	struct span extensions;	   /* the block's content: walk it with hello_ext_next */
	struct span sni;	   /* the host name, as sent */
	struct span alpn;	   /* names, each behind its length: hello_alpn_next */
	struct span versions;	   /* 16-bit list */
	struct span groups;	   /* 16-bit list */
	struct span sigalgs;	   /* 16-bit list */
	struct span point_formats; /* 8-bit list */
	struct span psk_modes;	   /* 8-bit list */
	size_t ext_count;
	size_t at; /* after an error: offset of what does not fit */
	uint32_t has;
	uint32_t odd;
	uint16_t version; /* the message's own (legacy) version */
};

/* The handshake message with its 4-byte header, and nothing else. */
int hello_parse(struct span message, struct hello *out);

/* Walks the extension block of a parsed hello: false at the end. */
bool hello_ext_next(struct span *rest, uint16_t *type, struct span *body);

/* Walks hello.alpn: false at the end. */
bool hello_alpn_next(struct span *rest, struct span *name);

/* Entry i of a 16-bit list; the list has list.n / 2 entries. */
static inline uint16_t
hello_u16(struct span list, size_t i)
{
	return (uint16_t)(list.p[2 * i] << 8 | list.p[2 * i + 1]);
}

/* RFC 8701: both bytes equal and ending in 'a'. */
static inline bool
hello_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

#endif
