/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/load.h"

#include "proxy/base/digest.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"

enum { LOAD_HEAD = 4, LOAD_DOUBTFUL = 1, LOAD_ENDED = 2 };

/* ---- the gate's side ---- */

void
load_reader_init(struct load_reader *r, uint8_t *buf, size_t cap)
{
	MUST(cap >= LOAD_FRAME_MAX + LOAD_HEAD);
	*r = (struct load_reader){.buf = buf, .cap = cap};
}

static void
load_shift(struct load_reader *r)
{
	if (r->taken == 0)
		return;
	memmove(r->buf, r->buf + r->taken, r->n - r->taken);
	r->n -= r->taken;
	r->taken = 0;
}

uint8_t *
load_room(struct load_reader *r, size_t *room)
{
	load_shift(r);
	*room = r->cap - r->n;
	return r->buf + r->n;
}

void
load_fed(struct load_reader *r, size_t n)
{
	MUST(n <= r->cap - r->n);
	r->n += n;
}

void
load_ask(struct load_reader *r, uint8_t ask[LOAD_ASK_LEN])
{
	*r = (struct load_reader){.buf = r->buf, .cap = r->cap, .seeking = true};
	digest_random(r->nonce, LOAD_NONCE_LEN);
	ask[0] = LOAD_REQUEST;
	memcpy(ask + 1, r->nonce, LOAD_NONCE_LEN);
}

/* False: not there yet; all that cannot be its beginning is dropped. */
static bool
load_seek(struct load_reader *r)
{
	uint8_t *at = memmem(r->buf, r->n, r->nonce, LOAD_NONCE_LEN);
	size_t skip = r->n < LOAD_NONCE_LEN ? 0 : r->n - LOAD_NONCE_LEN + 1;

	if (at != NULL)
		skip = (size_t)(at - r->buf) + LOAD_NONCE_LEN;
	r->seeking = at == NULL;
	r->taken = skip;
	load_shift(r);
	return at != NULL;
}

static void
load_parse_session(struct cursor *c, struct entry_session *s)
{
	struct span id = cur_take(c, REC_SESSION_LEN);
	uint8_t marks;

	if (cur_ok(c))
		memcpy(s->id, id.p, REC_SESSION_LEN);
	s->state = cur_u8(c);
	marks = cur_u8(c);
	s->doubtful = (marks & LOAD_DOUBTFUL) != 0;
	s->ended = (marks & LOAD_ENDED) != 0;
	s->expires = cur_u64(c);
	s->site = cur_take(c, cur_u8(c));
	s->user = cur_take(c, cur_u8(c));
	s->blob = cur_rest(c);
}

static int
load_parse(struct load_reader *r, struct cursor *c, struct load_item *it)
{
	uint8_t kind = cur_u8(c);

	it->kind = (enum load_kind)kind;
	switch (kind) {
	case LOAD_SESSION:
		load_parse_session(c, &it->session);
		break;
	case LOAD_KV:
		it->kv.key = cur_take(c, cur_u8(c));
		it->kv.expires = cur_u64(c);
		it->kv.value = cur_rest(c);
		break;
	case LOAD_END:
		it->count = cur_u64(c);
		it->generation = cur_u64(c);
		if (it->count != r->count)
			return WF_ESYNTAX;
		break;
	default:
		return WF_EUNSUPPORTED;
	}
	r->count++;
	return cur_done(c) ? 0 : WF_ESYNTAX;
}

int
load_next(struct load_reader *r, struct load_item *it)
{
	struct cursor c;
	uint32_t len;

	memset(it, 0, sizeof(*it));
	if (r->err != 0)
		return r->err;
	load_shift(r);
	if (r->seeking && !load_seek(r))
		return WF_MORE;
	if (r->n < LOAD_HEAD)
		return WF_MORE;
	c = cur_init(span_of(r->buf, r->n));
	len = cur_u32(&c);
	if (len == 0 || len > LOAD_FRAME_MAX)
		return r->err = WF_ESYNTAX;
	if (cur_left(&c) < len)
		return WF_MORE;
	c = cur_init(cur_take(&c, len));
	r->taken = LOAD_HEAD + len;
	return r->err = load_parse(r, &c, it);
}

/* ---- the scribe's side ---- */

struct load_out {
	uint8_t *p;
	size_t cap;
	size_t n;
	bool full;
};

static void
load_put(struct load_out *o, const void *p, size_t n)
{
	if (o->cap - o->n < n)
		o->full = true;
	if (o->full || n == 0)
		return;
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void
load_put_uint(struct load_out *o, uint64_t v, unsigned bytes)
{
	uint8_t b[8];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	load_put(o, b, bytes);
}

static void
load_put_short(struct load_out *o, struct span s)
{
	load_put_uint(o, s.n, 1);
	load_put(o, s.p, s.n);
}

int
load_write(const struct load_item *it, uint8_t *out, size_t cap, size_t *len)
{
	struct load_out o = {out, cap, 0, false};
	const struct entry_session *s = &it->session;

	*len = 0;
	load_put_uint(&o, 0, LOAD_HEAD);
	load_put_uint(&o, it->kind, 1);
	if (it->kind == LOAD_SESSION) {
		load_put(&o, s->id, REC_SESSION_LEN);
		load_put_uint(&o, s->state, 1);
		load_put_uint(&o,
		    (s->doubtful ? LOAD_DOUBTFUL : 0u) | (s->ended ? LOAD_ENDED : 0u), 1);
		load_put_uint(&o, s->expires, 8);
		load_put_short(&o, s->site);
		load_put_short(&o, s->user);
		load_put(&o, s->blob.p, s->blob.n);
	} else if (it->kind == LOAD_KV) {
		load_put_short(&o, it->kv.key);
		load_put_uint(&o, it->kv.expires, 8);
		load_put(&o, it->kv.value.p, it->kv.value.n);
	} else {
		load_put_uint(&o, it->count, 8);
		load_put_uint(&o, it->generation, 8);
	}
	if (o.full)
		return WF_EFULL;
	*len = o.n;
	o.n = 0;
	load_put_uint(&o, *len - LOAD_HEAD, LOAD_HEAD);
	return 0;
}
