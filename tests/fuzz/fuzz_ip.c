/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed reads back as the same; what is read agrees with the C library. */
#include "proxy/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_library(struct span text, const struct ip *ip, bool good)
{
	char s[64];
	uint8_t b[16];
	struct ip ref = {.family = 0};

	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	if (inet_pton(AF_INET6, s, b) == 1)
		ref = ip_from_bytes(b, 16);
	else if (inet_pton(AF_INET, s, b) == 1)
		ref = ip_from_bytes(b, 4);
	MUST(good == (ref.family != 0));
	MUST(!good || ip_eq(ip, &ref));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct ip ip, back;
	struct ip_prefix p, q;
	char out[IP_TEXT], pout[IP_PREFIX_TEXT];
	bool good = ip_parse(text, &ip) == 0;

	if (good) {
		size_t n = ip_print(&ip, out);

		MUST(ip_parse(span_of(out, n), &back) == 0 && ip_eq(&ip, &back));
		(void)ip_class(&ip);
	}
	if (size > 0 && size < 46 && span_chr(text, '\0') < 0)
		check_library(text, &ip, good);
	if (ip_prefix_parse(text, &p) == 0) {
		size_t n = ip_prefix_print(&p, pout);

		MUST(ip_prefix_parse(span_of(pout, n), &q) == 0);
		MUST(ip_eq(&p.ip, &q.ip) && p.bits == q.bits);
		MUST(ip_prefix_has(&p, &p.ip));
	}
	return 0;
}
