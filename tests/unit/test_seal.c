/* SPDX-License-Identifier: Apache-2.0 */
/* certs/seal and certs/ticket, with the vectors of docs/formats (made by Python and
 * Node). */
#include "certs/seal.h"
#include "certs/ticket.h"
#include "proxy/base/text.h"
#include "tests/unit/tap.h"

static uint8_t key[32]; /* 0, 1, 2, ... */

static void
unhex(const char *hex, uint8_t *out, size_t n)
{
	CHECK_INT(text_unhex(span_str(hex), out, n), 0);
}

static void
opens_the_published_vectors(void)
{
	uint8_t in[64], out[64];
	struct seal s;
	size_t n;

	seal_init(&s);
	CHECK_INT(seal_rotate(&s, 7, key), 0);
	unhex("0100000007a0a1a2a3a4a5a6a7a8a9aaab8e7d10412a130eaa459e1c58ee3094d00a817e86"
	      "63",
	      in, 38);
	CHECK_INT(seal_get(&s, "purpose", 7, in, 38, out, sizeof(out), &n), 0);
	CHECK(n == 5 && memcmp(out, "hello", 5) == 0);
	unhex("0100000007a0a1a2a3a4a5a6a7a8a9aaab30830d7f4cbf0b824621259912b29af1", in,
	      33);
	CHECK_INT(seal_get(&s, NULL, 0, in, 33, out, sizeof(out), &n), 0);
	CHECK_INT(n, 0);
	seal_fini(&s);
	CHECK_INT(s.n, 0);
}

static void
what_is_sealed_opens_and_only_so(void)
{
	uint8_t sealed[128], out[128], other[32] = {9};
	struct seal s, t;
	size_t n, m;

	seal_init(&s);
	seal_init(&t);
	CHECK_INT(seal_put(&s, "a", 1, "x", 1, sealed, sizeof(sealed), &n), -1);
	seal_rotate(&s, 1, key);
	seal_rotate(&t, 1, other);
	CHECK_INT(seal_put(&s, "a", 1, "message", 7, sealed, 7 + SEAL_OVERHEAD - 1, &n),
		  -1);
	CHECK_INT(seal_put(&s, "a", 1, "message", 7, sealed, sizeof(sealed), &n), 0);
	CHECK_INT(n, 7 + SEAL_OVERHEAD);
	CHECK_INT(seal_get(&s, "a", 1, sealed, n, out, sizeof(out), &m), 0);
	CHECK(m == 7 && memcmp(out, "message", 7) == 0);
	CHECK_INT(seal_get(&s, "b", 1, sealed, n, out, sizeof(out), &m), -1);
	CHECK_INT(seal_get(&s, "", 0, sealed, n, out, sizeof(out), &m), -1);
	CHECK_INT(seal_get(&t, "a", 1, sealed, n, out, sizeof(out), &m), -1);
	CHECK_INT(seal_get(&s, "a", 1, sealed, n, out, 6, &m), -1);
	for (size_t i = 0; i < n; i++)
		CHECK_INT(seal_get(&s, "a", 1, sealed, i, out, sizeof(out), &m), -1);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		memset(out, 0x55, 7);
		CHECK_INT(seal_get(&s, "a", 1, sealed, n, out, sizeof(out), &m), -1);
		CHECK(m == 0 && memcmp(out, "message", 7) != 0);
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

static void
old_keys_open_until_they_fall_out(void)
{
	uint8_t sealed[64], again[64], out[64], k[32] = {0};
	struct seal s;
	size_t n, m;

	seal_init(&s);
	seal_rotate(&s, 1, key);
	CHECK_INT(seal_put(&s, "", 0, "m", 1, sealed, sizeof(sealed), &n), 0);
	CHECK_INT(seal_put(&s, "", 0, "m", 1, again, sizeof(again), &n), 0);
	CHECK(memcmp(sealed, again, n) != 0);
	for (uint32_t id = 2; id <= SEAL_KEYS; id++) {
		k[0] = (uint8_t)id;
		CHECK_INT(seal_rotate(&s, id, k), 0);
		CHECK_INT(seal_get(&s, "", 0, sealed, n, out, sizeof(out), &m), 0);
	}
	CHECK_INT(seal_rotate(&s, 2, key), -1);
	CHECK_INT(seal_rotate(&s, 99, k), 0);
	CHECK_INT(seal_get(&s, "", 0, sealed, n, out, sizeof(out), &m), -1);
	CHECK_INT(seal_put(&s, "", 0, "m", 1, sealed, sizeof(sealed), &n), 0);
	CHECK(memcmp(sealed, "\1\0\0\0\x63", 5) == 0);
}

static void
ticket_keys_are_the_published_ones(void)
{
	uint8_t scope[7 + 32] = "site a", wanted[32];
	struct ticket_key k;
	struct ticket t;

	CHECK(ticket_init(&t, key, scope, sizeof(scope), 3600));
	CHECK(ticket_current(&t, 1000000000, &k));
	unhex("0c0594d8533251ea736451108dd2bb33", wanted, 16);
	CHECK(memcmp(k.name, wanted, 16) == 0);
	unhex("8d758bc8750d4f63cfc899e6a452e8879bfffb22481b967b6437bc25c0829beb", wanted,
	      32);
	CHECK(memcmp(k.aes, wanted, 32) == 0);
	unhex("ebff7ccf9260d769f372e02dd584b29138d9a0c217df531470ec68990f9d1bef", wanted,
	      32);
	CHECK(memcmp(k.mac, wanted, 32) == 0);
	ticket_wipe(&k);
	CHECK_INT(k.aes[0] | k.mac[31], 0);
	ticket_fini(&t);
}

static void
ticket_keys_last_two_intervals(void)
{
	struct ticket_key k, found;
	struct ticket t, other;

	CHECK(ticket_init(&t, key, "a", 1, 100));
	CHECK(ticket_init(&other, key, "b", 1, 100));
	CHECK(ticket_current(&t, 550, &k));
	CHECK_INT(ticket_find(&t, 599, k.name, &found), 1);
	CHECK(memcmp(&k, &found, sizeof(k)) == 0);
	CHECK_INT(ticket_find(&t, 600, k.name, &found), 2);
	CHECK(memcmp(&k, &found, sizeof(k)) == 0);
	CHECK_INT(ticket_find(&t, 699, k.name, &found), 2);
	CHECK_INT(ticket_find(&t, 700, k.name, &found), 0);
	CHECK_INT(ticket_find(&t, 499, k.name, &found), 0);
	CHECK_INT(ticket_find(&other, 550, k.name, &found), 0);
	CHECK(ticket_current(&t, 0, &k));
	CHECK_INT(ticket_find(&t, -5, k.name, &found), 1);
	ticket_fini(&t);
	ticket_fini(&other);
}

int
main(void)
{
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	TAP_RUN(opens_the_published_vectors);
	TAP_RUN(what_is_sealed_opens_and_only_so);
	TAP_RUN(old_keys_open_until_they_fall_out);
	TAP_RUN(ticket_keys_are_the_published_ones);
	TAP_RUN(ticket_keys_last_two_intervals);
	return tap_done();
}
