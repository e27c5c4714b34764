/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/oracle/h1_mutate.h - inputs made from others, the same ones for the same seed.
 *
 * Most changes are of the kind that makes two parsers disagree: a line end, a colon, a
 * framing field, a chunk size; so a good part of what comes out is still nearly HTTP.
 */
#ifndef WARIFU_TESTS_H1_MUTATE_H
#define WARIFU_TESTS_H1_MUTATE_H

#include <stddef.h>
#include <stdint.h>

struct h1_mutate {
	uint64_t state; /* not 0 */
};

/* Changes p[0..n) in place, mostly once; `other` is a second input to take parts from.
 * Returns the new length, at most cap. */
size_t h1_mutate(struct h1_mutate *m, uint8_t *p, size_t n, size_t cap,
		 const uint8_t *other, size_t other_n);

uint64_t h1_mutate_random(struct h1_mutate *m);

#endif
