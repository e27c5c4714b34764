/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/chain.h"

#include "proxy/base/must.h"

void
chain_init(struct chain *c)
{
	memset(c, 0, sizeof(*c));
}

void
chain_leaf_hash(struct hasher *h, struct span leaf, uint8_t out[DIGEST_LEN])
{
	struct span parts[2] = {span_of("\x00", 1), leaf};

	hasher_parts(h, parts, 2, out);
}

void
chain_add(struct hasher *h, struct chain *c, struct span hashes)
{
	uint8_t before[1 + DIGEST_LEN] = {0x02};
	struct span parts[2] = {span_of(before, sizeof(before)), hashes};

	MUST(hashes.n % DIGEST_LEN == 0);
	if (hashes.n == 0)
		return;
	memcpy(before + 1, c->head, DIGEST_LEN);
	hasher_parts(h, parts, 2, c->head);
	c->count += hashes.n / DIGEST_LEN;
}
