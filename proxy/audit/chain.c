/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/chain.h"

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
chain_add(struct hasher *h, struct chain *c, const uint8_t leaf_hash[DIGEST_LEN])
{
	uint8_t buf[1 + 2 * DIGEST_LEN] = {0x02};
	struct span part = span_of(buf, sizeof(buf));

	memcpy(buf + 1, c->head, DIGEST_LEN);
	memcpy(buf + 1 + DIGEST_LEN, leaf_hash, DIGEST_LEN);
	hasher_parts(h, &part, 1, c->head);
	c->count++;
}
