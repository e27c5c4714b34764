/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaves of tests/vectors/records.json, which tests/vectors/gen_records.py made from
 * docs/formats/record.md without any code of ours. Run from the top of the checkout.
 */
#include "proxy/audit/chain.h"
#include "proxy/audit/keys.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/base/text.h"
#include "tests/unit/tap.h"

enum { TEXT_MAX = 1 << 18, BYTES_MAX = 4096 };

struct bytes {
	uint8_t p[BYTES_MAX];
	size_t n;
};

static char text[TEXT_MAX];
static struct keys *keys;

/* The next `"key": "hex"` from *at on, not behind `end`. */
static bool
hex_of(const char **at, const char *end, const char *key, struct bytes *out)
{
	const char *p = strstr(*at, key), *q;

	if (p == NULL || (end != NULL && p >= end))
		return false;
	p += strlen(key);
	q = strchr(p, '"');
	out->n = (size_t)(q - p) / 2;
	*at = q;
	MUST(out->n <= BYTES_MAX);
	return text_unhex(span_of(p, 2 * out->n), out->p, out->n) == 0;
}

static void
read_file(void)
{
	FILE *f = fopen("tests/vectors/records.json", "rb");
	const char *at = text;
	struct bytes master;

	MUST(f != NULL && fread(text, 1, TEXT_MAX - 1, f) > 0);
	fclose(f);
	MUST(hex_of(&at, NULL, "\"master\": \"", &master) && master.n == KEYS_MASTER_LEN);
	keys = keys_new(master.p);
	MUST(keys != NULL);
}

static uint64_t
number_of(const char *at, const char *key)
{
	uint64_t v = 0;

	at = strstr(at, key);
	MUST(at != NULL);
	for (at += strlen(key); *at >= '0' && *at <= '9'; at++)
		v = v * 10 + (uint64_t)(*at - '0');
	return v;
}

/* The row of the key table that stands in the vector. */
static int
fetch(void *arg, uint64_t id, struct keys_row *row)
{
	const char *at = arg;
	struct bytes b;

	row->id = id;
	row->month = (uint32_t)number_of(at, "\"month\": ");
	MUST(hex_of(&at, NULL, "\"person\": \"", &b) && b.n == KEYS_PERSON_LEN);
	memcpy(row->person, b.p, b.n);
	MUST(hex_of(&at, NULL, "\"wrapped\": \"", &b) && b.n == KEYS_WRAPPED_LEN);
	memcpy(row->wrapped, b.p, b.n);
	return 0;
}

static void
check_sealed(const char *at, const char *end, const struct rec_view *v)
{
	uint8_t out[BYTES_MAX];
	struct span fields;
	struct bytes plain;
	const char *sealed = strstr(at, "\"sealed\": ");
	bool has = sealed != NULL && sealed < end;

	CHECK_INT(v->sealed, has);
	if (!has)
		return;
	CHECK_INT(v->key_id, number_of(sealed, "\"key_id\": "));
	CHECK_INT(v->nonce, number_of(sealed, "\"nonce\": "));
	CHECK(hex_of(&at, end, "\"plain\": \"", &plain));
	keys_forget(keys);
	CHECK_INT(keys_open(keys, v, fetch, (void *)(uintptr_t)sealed, out, sizeof(out), &fields),
	    0);
	CHECK(span_eq(fields, span_of(plain.p, plain.n)));
	CHECK_INT(rec_check_fields(fields, true), 0);
}

/* The fields, encoded anew by the builder, are the leaf's bytes. */
static void
check_built(const struct rec_view *v)
{
	uint8_t buf[BYTES_MAX];
	struct cursor c = cur_init(v->fields);
	struct rec_field f;
	struct rec r;
	size_t len;

	rec_begin(&r, buf, sizeof(buf), &v->head);
	while (rec_next(&c, &f))
		rec_put_bytes(&r, f.tag, f.value);
	CHECK_INT(rec_end(&r, &len), 0);
	CHECK(span_eq(span_of(buf, len), v->bare));
}

static void
leaves_give_their_fields_hashes_and_heads(void)
{
	struct hasher *h = hasher_new();
	const char *at = strstr(text, "\"leaves\""), *end = strstr(text, "\"refused\"");
	uint8_t hash[8][DIGEST_LEN];
	struct bytes leaf, want;
	struct rec_view v;
	struct chain c;
	size_t n = 0, block = 0, heads = 0;

	chain_init(&c);
	while (at < end) {
		const char *begin = at, *next;

		if (!hex_of(&at, end, "\"leaf\": \"", &leaf))
			break;
		n++;
		CHECK_INT(rec_parse(span_of(leaf.p, leaf.n), false, &v), 0);
		CHECK_INT(v.head.seq, number_of(begin, "\"seq\": "));
		CHECK_INT(v.head.time, number_of(begin, "\"time\": "));
		CHECK_INT(v.head.exchange, number_of(begin, "\"exchange\": "));
		check_sealed(begin, at, &v);
		check_built(&v);
		MUST(block < ARRAY_LEN(hash));
		chain_leaf_hash(h, span_of(leaf.p, leaf.n), hash[block]);
		CHECK(hex_of(&at, end, "\"leaf_hash\": \"", &want) &&
		    memcmp(hash[block++], want.p, DIGEST_LEN) == 0);
		next = strstr(at, "\"leaf\": \"");
		if (!hex_of(&at, next < end ? next : end, "\"head\": \"", &want))
			continue;
		chain_add(h, &c, span_of(hash, block * DIGEST_LEN));
		CHECK(memcmp(c.head, want.p, DIGEST_LEN) == 0);
		block = 0;
		heads++;
	}
	CHECK(n >= 6 && c.count == n && heads == 3 && block == 0);
	hasher_free(h);
}

static void
what_is_not_canonical_is_refused(void)
{
	const char *at = strstr(text, "\"refused\"");
	struct bytes leaf;
	struct rec_view v;
	size_t n = 0;

	while (hex_of(&at, NULL, "\"leaf\": \"", &leaf)) {
		n++;
		if (rec_parse(span_of(leaf.p, leaf.n), false, &v) == 0) {
			printf("# refused vector %zu was accepted\n", n);
			CHECK(false);
		}
	}
	CHECK(n >= 19);
}

int
main(void)
{
	read_file();
	TAP_RUN(leaves_give_their_fields_hashes_and_heads);
	TAP_RUN(what_is_not_canonical_is_refused);
	keys_free(keys);
	return tap_done();
}
