/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored state on its way to a starting gate, in portions of any size. An item that was
 * read is written again as the same frame; after an error nothing more comes.
 *
 * Input: seed of the portions; then the frames.
 */
#include <stdlib.h>

#include "proxy/audit/load.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same_again(const struct load_reader *r, const struct load_item *it)
{
	static uint8_t out[LOAD_FRAME_MAX + 4];
	struct session s;
	size_t n;

	MUST(load_write(it, out, sizeof(out), &n) == 0);
	MUST(n == r->taken);
	/* One byte holds two marks; other bits of it are not kept. */
	if (it->kind != LOAD_SESSION)
		MUST(memcmp(out, r->buf, n) == 0);
	else
		(void)session_decode(it->session.blob, &s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[LOAD_FRAME_MAX + 4];
	struct load_reader r;
	struct load_item it;
	uint32_t seed = size > 0 ? data[0] : 0;
	size_t at = 1, room;
	int err;

	load_reader_init(&r, buf, sizeof(buf));
	for (;;) {
		err = load_next(&r, &it);
		if (err == 0)
			same_again(&r, &it);
		if (err != WF_MORE && err != 0)
			break;
		if (err == 0)
			continue;
		uint8_t *p = load_room(&r, &room);
		size_t n = 1 + (seed >> 16) % 97;

		seed = seed * 1103515245u + 12345u;
		if (at >= size)
			break;
		n = n > size - at ? size - at : n;
		n = n > room ? room : n;
		MUST(n > 0);
		memcpy(p, data + at, n);
		load_fed(&r, n);
		at += n;
	}
	if (err != WF_MORE)
		MUST(load_next(&r, &it) == err);
	return 0;
}
