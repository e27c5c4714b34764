/* SPDX-License-Identifier: Apache-2.0 */
/* The client that comes out of X-Forwarded-For is an address that a peer can have; a host
 * that is written cannot add a parameter. Two lines, parted by LF. */
#include "proxy/wire/forwarded.h"

#include "proxy/base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of(data, size), lines[2] = {all, {NULL, 0}}, out;
	struct ip_prefix trusted = {.ip = ip_v4(10, 0, 0, 0), .bits = 8};
	struct ip peer = ip_v4(10, 0, 0, 1), client;
	static uint8_t buf[8192];
	ptrdiff_t lf = span_chr(all, '\n');

	if (size > 4096)
		return 0;
	if (lf >= 0) {
		lines[0].n = (size_t)lf;
		lines[1] = span_tail(all, (size_t)lf + 1);
	}
	if (forwarded_client(&peer, lines, 2, &trusted, 1, &client) == 0)
		MUST(ip_usable(&client));
	if (forwarded_write(&peer, NULL, all, true, buf, sizeof(buf), &out) == 0) {
		unsigned semicolons = 0;

		for (size_t i = 0; i < out.n; i++)
			semicolons += out.p[i] == ';';
		MUST(semicolons == 2 && span_chr(out, ',') < 0 &&
		     span_chr(out, '\r') < 0);
	}
	return 0;
}
