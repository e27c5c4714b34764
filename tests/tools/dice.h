/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/dice.h - numbers that look random and are the same on every machine.
 *
 * xorshift64*; the state is the caller's and must not be 0.
 */
#ifndef WARIFU_TESTS_DICE_H
#define WARIFU_TESTS_DICE_H

#include <stdint.h>

static inline uint32_t
dice(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

/* 0 to below n. */
static inline uint32_t
dice_below(uint64_t *state, uint32_t n)
{
	return dice(state) % n;
}

#endif
