/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/devicemac.h - the key, session and context of the vectors in
 * docs/formats/device.md, and ways to spoil a text.
 */
#ifndef WARIFU_TESTS_DEVICEMAC_H
#define WARIFU_TESTS_DEVICEMAC_H

#include "proxy/base/digest.h"
#include "proxy/base/must.h"

enum { SPOILED_MAX = 128 };

static const uint8_t vector_session[16] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
					   0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
					   0xac, 0xad, 0xae, 0xaf};

static inline struct mac *
vector_mac(uint8_t first)
{
	uint8_t key[32];
	struct mac *mac;

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	key[0] = first;
	mac = mac_new(span_of(key, sizeof(key)));
	MUST(mac != NULL);
	return mac;
}

/* The text with one bit flipped, shortened, lengthened, or with the unused bits of its
 * last digit set; *n counts from 0, false: no more of them. */
static inline bool
spoil(const char *text, unsigned n, char out[SPOILED_MAX], struct span *s)
{
	size_t len = strlen(text);

	MUST(len + 2 < SPOILED_MAX);
	memcpy(out, text, len + 1);
	*s = span_of(out, len);
	if (n < 8 * len) {
		out[n / 8] = (char)(out[n / 8] ^ 1 << n % 8);
		return true;
	}
	switch (n - 8 * len) {
	case 0:
		s->n = len - 1;
		return true;
	case 1:
		s->n = len + 1; /* with a NUL */
		return true;
	case 2:
		out[len] = 'A';
		s->n = len + 1;
		return true;
	case 3:
		out[len] = '=';
		s->n = len + 1;
		return true;
	case 4:
		/* Both texts end in a digit whose neighbour in ASCII is the next one. */
		out[len - 1]++;
		return true;
	case 5:
		*s = span_tail(*s, 1);
		return true;
	case 6:
		s->n = 0;
		return true;
	default:
		return false;
	}
}

#endif
