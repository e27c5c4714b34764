/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/authority.h"
#include "proxy/base/text.h"
#include "proxy/wire/chars.h"

#include <arpa/inet.h>

enum { AUTHORITY_NAME_MAX = 253, AUTHORITY_LABEL_MAX = 63 };

static bool
authority_is_ipv6(struct span bracketed)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (bracketed.n < 4 || bracketed.n - 2 >= sizeof(text))
		return false;
	memcpy(text, bracketed.p + 1, bracketed.n - 2);
	text[bracketed.n - 2] = '\0';
	return memchr(text, '\0', bracketed.n - 2) == NULL &&
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* Takes the label before the next dot; false when the name is used up. */
static bool
authority_label(struct span *rest, struct span *label)
{
	ptrdiff_t dot = span_chr(*rest, '.');

	if (rest->n == 0)
		return false;
	*label = dot < 0 ? *rest : span_of(rest->p, (size_t)dot);
	*rest = span_tail(*rest, label->n + (dot >= 0));
	return true;
}

static bool
authority_is_ipv4(struct span s)
{
	struct span rest = s, part;
	uint64_t v;
	unsigned parts = 0;

	while (authority_label(&rest, &part)) {
		if (part.n > 3 || (part.n > 1 && part.p[0] == '0') ||
		    text_uint(part, 255, &v))
			return false;
		parts++;
	}
	return parts == 4 && s.p[s.n - 1] != '.';
}

/* Labels a browser's URL parser takes for a number: digits, or 0x and hex digits. */
static bool
authority_numeric(struct span label)
{
	if (label.n >= 2 && span_istarts(label, SPAN_LIT("0x")))
		return label.n == 2 || chars_all(span_tail(label, 2), CHARS_HEX);
	return chars_all(label, CHARS_DIGIT);
}

static bool
authority_is_name(struct span s)
{
	struct span rest = s, label = {NULL, 0};

	if (s.n > AUTHORITY_NAME_MAX || !chars_all(s, CHARS_HOST))
		return false;
	while (authority_label(&rest, &label))
		if (label.n == 0 || label.n > AUTHORITY_LABEL_MAX)
			return false;
	return !authority_numeric(label);
}

static int
authority_host(struct span host, enum authority_kind *kind)
{
	if (host.n > 0 && host.p[0] == '[') {
		*kind = AUTHORITY_IPV6;
		return authority_is_ipv6(host) && host.p[host.n - 1] == ']' ? 0
									    : WF_ESYNTAX;
	}
	*kind = AUTHORITY_NAME;
	if (authority_is_name(host))
		return 0;
	*kind = AUTHORITY_IPV4;
	return host.n > 0 && authority_is_ipv4(host) ? 0 : WF_ESYNTAX;
}

int
authority_parse(struct span s, struct authority *out)
{
	struct authority a = {.host = s};
	bool bracket = s.n > 0 && s.p[0] == '[';
	ptrdiff_t close = bracket ? span_chr(s, ']') : 0;
	struct span behind = span_tail(s, close < 0 ? s.n : (size_t)close);
	ptrdiff_t colon = span_chr(behind, ':');
	uint64_t port = 0;

	*out = (struct authority){0};
	if (colon >= 0) {
		struct span digits = span_tail(behind, (size_t)colon + 1);

		a.host.n = (size_t)(behind.p - s.p) + (size_t)colon;
		if (digits.n > 5 || text_uint(digits, 65535, &port) || port == 0)
			return WF_ESYNTAX;
	}
	if (authority_host(a.host, &a.kind))
		return WF_ESYNTAX;
	a.port = (uint16_t)port;
	*out = a;
	return 0;
}

static struct span
authority_undotted(struct span s)
{
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return s;
}

bool
authority_host_eq(struct span a, struct span b)
{
	return span_ieq(authority_undotted(a), authority_undotted(b));
}
