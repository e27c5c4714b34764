/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/audit/chain.h - the hash chain over all leaves of a log.
 *
 *   leaf hash  H(0x00 ‖ leaf bytes as stored)                       (RFC 9162, 2.1.1)
 *   head       32 zero bytes before the first leaf; behind the n leaves of a block
 *              H(0x02 ‖ head before ‖ leaf hash_1 ‖ … ‖ leaf hash_n)
 *
 * with H = SHA-256. A block is what one commit wrote, so every head that was ever shown
 * stands at the end of one. The leaf hashes are those of RFC 9162, so that a Merkle tree can be
 * built over the same leaves later. 0x01 is that tree's inner node; the chain takes 0x02.
 *
 * Attacker   who can write the files can rewrite everything from a point on: only a head
 *            that was kept elsewhere shows that, or a cut tail (security model 26).
 * Ownership  struct chain is plain memory; hashers are the caller's (one per thread).
 * Errors     none.
 * Threads    pure, apart from the hasher.
 */
#ifndef WARIFU_AUDIT_CHAIN_H
#define WARIFU_AUDIT_CHAIN_H

#include "proxy/base/digest.h"

enum { CHAIN_SUM_LEN = 8 }; /* what a block keeps of each leaf hash, to tell which changed */

struct chain {
	uint64_t count;
	uint8_t head[DIGEST_LEN];
};

void
chain_init(struct chain *c);

void
chain_leaf_hash(struct hasher *h, struct span leaf, uint8_t out[DIGEST_LEN]);

/* The chain behind a block; `hashes` are its leaf hashes, one behind the other. Without
 * leaves nothing changes. */
void
chain_add(struct hasher *h, struct chain *c, struct span hashes);

#endif
