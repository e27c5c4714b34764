/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/forwarded.h - who is behind a trusted hop, and saying so to the backend.
 *
 * X-Forwarded-For is read from the right, where trusted hops write: the first address
 * that is not a trusted hop's is the client; what stands left of it was written by the
 * client and is never looked at. If the connection's own peer is not trusted, the peer is
 * the client and the field is not read at all.
 *
 * Ownership  writers write into the caller's buffer.
 * Errors     WF_ESYNTAX: an entry on the way is no address ("unknown", a name);
 *            WF_ERANGE: an address that cannot be a peer's, or too many hops;
 *            WF_EFULL.
 * Threads    pure.
 * Not here   reading RFC 7239 Forwarded; trusted hops are told to send X-Forwarded-For.
 */
#ifndef WARIFU_WIRE_FORWARDED_H
#define WARIFU_WIRE_FORWARDED_H

#include "proxy/base/err.h"
#include "proxy/base/ip.h"

enum { FORWARDED_HOPS = 16, FORWARDED_TEXT = 512 };

/* lines: all X-Forwarded-For values in order. If every address is a trusted hop's, the
 * leftmost is the client. */
int forwarded_client(const struct ip *peer, const struct span *lines, size_t n,
		     const struct ip_prefix *trusted, size_t ntrusted, struct ip *client);

/* One entry: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. */
int forwarded_addr(struct span entry, struct ip *out);

/* "for=192.0.2.1;host=app.example;proto=https", RFC 7239: quoted where it must be. A host
 * with control characters, spaces or quotes is WF_ESYNTAX. `by` may be NULL. */
int forwarded_write(const struct ip *client, const struct ip *by, struct span host,
		    bool tls, uint8_t *buf, size_t cap, struct span *out);

/* The values of X-Forwarded-For and X-Forwarded-Proto; -Host is the Host field itself. */
int forwarded_write_for(const struct ip *client, uint8_t *buf, size_t cap,
			struct span *out);
struct span forwarded_proto(bool tls);

#endif
