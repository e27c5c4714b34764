/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses: a stored leaf, a leaf in the ring, a ring entry, a stored session.
 * What is accepted has one encoding: written anew it gives the same bytes. */
#include "proxy/audit/entry.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/session/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
leaf(struct span in, bool clear)
{
	static uint8_t buf[REC_LEAF_MAX + 64];
	struct rec_view v;
	struct rec_field f;
	struct cursor c;
	struct rec r;
	size_t len;

	if (rec_parse(in, clear, &v) != 0 || in.n > REC_LEAF_MAX - REC_SEAL_OVERHEAD)
		return;
	rec_begin(&r, buf, sizeof(buf), &v.head);
	c = cur_init(v.fields);
	while (rec_next(&c, &f))
		rec_put_bytes(&r, f.tag, f.value);
	c = cur_init(v.personal);
	if (v.personal.n != 0)
		rec_personal(&r);
	while (rec_next(&c, &f))
		rec_put_bytes(&r, f.tag, f.value);
	MUST(rec_end(&r, &len) == 0);
	MUST(span_eq(span_of(buf, len), v.sealed ? v.bare : in));
}

static void
entry(struct span in)
{
	struct entry_view v;
	struct entry_op op;
	struct cursor c;
	size_t n = 0;

	if (entry_parse(in, &v) != 0)
		return;
	c = cur_init(v.ops);
	while (entry_op_next(&c, &op))
		n++;
	MUST(n == v.n_ops && v.n_marked <= n);
	leaf(v.leaf, true);
}

static void
session(struct span in)
{
	uint8_t out[SESSION_BLOB_MAX], again[SESSION_BLOB_MAX];
	struct session s, t;
	struct span now;

	if (session_decode(in, &s) != 0)
		return;
	now = span_of(out, session_encode(&s, out));
	MUST(in.p[0] != out[0] || span_eq(now, in)); /* the format before comes back as this one */
	MUST(session_decode(now, &t) == 0);
	MUST(span_eq(span_of(again, session_encode(&t, again)), now));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	if (size == 0)
		return 0;
	in = span_tail(in, 1);
	switch (data[0] % 4) {
	case 0:
		leaf(in, false);
		break;
	case 1:
		leaf(in, true);
		break;
	case 2:
		entry(in);
		break;
	default:
		session(in);
	}
	return 0;
}
