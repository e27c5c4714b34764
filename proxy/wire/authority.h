/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/wire/authority.h - host[:port], as in Host, :authority and absolute targets.
 *
 * A host is a name of labels (letters, digits, '-', '_'; one dot may end it; at most 253
 * bytes), an IPv4 address in four plain decimal parts, or an IPv6 address in brackets. No
 * user, no percent-encoding, no zone. A name whose last label is a number is refused
 * unless the whole is an IPv4 address, since browsers read such names as addresses.
 *
 * Ownership  spans point into what was parsed.
 * Errors     WF_ESYNTAX; *out is then cleared.
 * Threads    pure.
 * Not here   which hosts are ours; folding case (compare with authority_host_eq).
 */
#ifndef WARIFU_WIRE_AUTHORITY_H
#define WARIFU_WIRE_AUTHORITY_H

#include "proxy/base/err.h"
#include "proxy/base/span.h"

enum authority_kind { AUTHORITY_NAME, AUTHORITY_IPV4, AUTHORITY_IPV6 };

struct authority {
	struct span host; /* as received; an IPv6 address keeps its brackets */
	uint16_t port;	  /* 0: none given */
	enum authority_kind kind;
};

int authority_parse(struct span s, struct authority *out);

/* Same host when case is folded and one ending dot of a name is dropped. */
bool authority_host_eq(struct span a, struct span b);

#endif
