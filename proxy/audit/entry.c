/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/entry.h"

#include "proxy/base/err.h"
#include "proxy/base/must.h"

/* version u8, leaf length u32, leaf, then operations: kind u8, length u32, body. */
enum { ENTRY_VERSION = 1, ENTRY_HEAD = 5, ENTRY_OP_HEAD = 5 };

static void
entry_store(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static uint8_t *
entry_room(struct entry *e, size_t n)
{
	uint8_t *p = e->p + e->n;

	if (e->err == 0 && e->cap - e->n < n)
		e->err = WF_EFULL;
	if (e->err != 0)
		return NULL;
	e->n += n;
	return p;
}

void
entry_begin(struct entry *e, uint8_t *buf, size_t cap, const struct rec_head *h)
{
	*e = (struct entry){.p = buf, .cap = cap};
	if (entry_room(e, ENTRY_HEAD) == NULL) {
		e->rec.err = e->err;
		return;
	}
	rec_begin(&e->rec, buf + ENTRY_HEAD, cap - ENTRY_HEAD, h);
}

void
entry_leaf_end(struct entry *e)
{
	size_t len;
	int err;

	if (e->err != 0)
		return;
	if (e->n != ENTRY_HEAD) {
		e->err = WF_ESTATE;
		return;
	}
	if ((err = rec_end(&e->rec, &len)) != 0) {
		e->err = err;
		return;
	}
	e->p[0] = ENTRY_VERSION;
	entry_store(e->p + 1, len, 4);
	e->n += len;
}

static uint8_t *
entry_op(struct entry *e, enum entry_op_kind kind, size_t n)
{
	uint8_t *p;

	if (e->err == 0 && e->n == ENTRY_HEAD)
		e->err = WF_ESTATE;
	p = entry_room(e, ENTRY_OP_HEAD + n);
	if (p == NULL)
		return NULL;
	p[0] = (uint8_t)kind;
	entry_store(p + 1, n, 4);
	return p + ENTRY_OP_HEAD;
}

static uint8_t *
entry_copy(uint8_t *p, struct span s)
{
	if (s.n != 0)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

void
entry_session_put(struct entry *e, const struct entry_session *s)
{
	uint8_t *p;

	if (e->err == 0 && (s->site.n > ENTRY_SITE_MAX || s->user.n > ENTRY_USER_MAX ||
			       s->blob.n > ENTRY_BLOB_MAX))
		e->err = WF_ERANGE;
	p = entry_op(e, ENTRY_SESSION_PUT,
	    REC_SESSION_LEN + 1 + 8 + 1 + s->site.n + 1 + s->user.n + s->blob.n);
	if (p == NULL)
		return;
	memcpy(p, s->id, REC_SESSION_LEN);
	p += REC_SESSION_LEN;
	*p++ = s->state;
	entry_store(p, s->expires, 8);
	p += 8;
	*p++ = (uint8_t)s->site.n;
	p = entry_copy(p, s->site);
	*p++ = (uint8_t)s->user.n;
	p = entry_copy(p, s->user);
	(void)entry_copy(p, s->blob);
}

void
entry_session_end(struct entry *e, const uint8_t id[REC_SESSION_LEN], uint8_t state,
    uint64_t expires)
{
	uint8_t *p = entry_op(e, ENTRY_SESSION_END, REC_SESSION_LEN + 1 + 8);

	if (p == NULL)
		return;
	memcpy(p, id, REC_SESSION_LEN);
	p[REC_SESSION_LEN] = state;
	entry_store(p + REC_SESSION_LEN + 1, expires, 8);
}

void
entry_kv_put(struct entry *e, const struct entry_kv *kv)
{
	uint8_t *p;

	if (e->err == 0 && (kv->key.n == 0 || kv->key.n > ENTRY_KEY_MAX ||
			       kv->value.n > ENTRY_VALUE_MAX))
		e->err = WF_ERANGE;
	p = entry_op(e, ENTRY_KV_PUT, 1 + kv->key.n + 8 + kv->value.n);
	if (p == NULL)
		return;
	*p++ = (uint8_t)kv->key.n;
	p = entry_copy(p, kv->key);
	entry_store(p, kv->expires, 8);
	(void)entry_copy(p + 8, kv->value);
}

void
entry_kv_del(struct entry *e, struct span key)
{
	uint8_t *p;

	if (e->err == 0 && (key.n == 0 || key.n > ENTRY_KEY_MAX))
		e->err = WF_ERANGE;
	p = entry_op(e, ENTRY_KV_DEL, key.n);
	if (p != NULL)
		(void)entry_copy(p, key);
}

void
entry_erase(struct entry *e, struct span user)
{
	uint8_t *p;

	if (e->err == 0 && (user.n == 0 || user.n > ENTRY_KEY_MAX))
		e->err = WF_ERANGE;
	p = entry_op(e, ENTRY_ERASE, user.n);
	if (p != NULL)
		(void)entry_copy(p, user);
}

int
entry_end(struct entry *e, size_t *len)
{
	*len = 0;
	if (e->err == 0 && e->n == ENTRY_HEAD)
		e->err = WF_ESTATE;
	if (e->err == 0)
		*len = e->n;
	return e->err;
}

/* ---- reading ---- */

static int
entry_parse_put(struct cursor *c, struct entry_session *s)
{
	struct span id = cur_take(c, REC_SESSION_LEN);

	if (cur_ok(c))
		memcpy(s->id, id.p, REC_SESSION_LEN);
	s->state = cur_u8(c);
	s->expires = cur_u64(c);
	s->site = cur_take(c, cur_u8(c));
	s->user = cur_take(c, cur_u8(c));
	s->blob = cur_rest(c);
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	return s->user.n > ENTRY_USER_MAX || s->blob.n > ENTRY_BLOB_MAX ? WF_ERANGE : 0;
}

static int
entry_parse_end(struct cursor *c, struct entry_session *s)
{
	struct span id = cur_take(c, REC_SESSION_LEN);

	if (cur_ok(c))
		memcpy(s->id, id.p, REC_SESSION_LEN);
	s->state = cur_u8(c);
	s->expires = cur_u64(c);
	s->ended = true;
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	return cur_done(c) ? 0 : WF_ETRAILING;
}

static int
entry_parse_kv(struct cursor *c, struct entry_kv *kv)
{
	kv->key = cur_take(c, cur_u8(c));
	kv->expires = cur_u64(c);
	kv->value = cur_rest(c);
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	return kv->key.n == 0 || kv->value.n > ENTRY_VALUE_MAX ? WF_ERANGE : 0;
}

static int
entry_parse_op(struct cursor *c, struct entry_op *op)
{
	uint8_t kind = cur_u8(c);
	struct cursor body = cur_init(cur_take(c, cur_u32(c)));

	memset(op, 0, sizeof(*op));
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	op->kind = (enum entry_op_kind)kind;
	switch (kind) {
	case ENTRY_SESSION_PUT:
		return entry_parse_put(&body, &op->session);
	case ENTRY_SESSION_END:
		return entry_parse_end(&body, &op->session);
	case ENTRY_KV_PUT:
		return entry_parse_kv(&body, &op->kv);
	case ENTRY_KV_DEL:
	case ENTRY_ERASE:
		op->kv.key = cur_rest(&body);
		return op->kv.key.n == 0 || op->kv.key.n > ENTRY_KEY_MAX ? WF_ERANGE : 0;
	default:
		return WF_EUNSUPPORTED;
	}
}

int
entry_parse(struct span payload, struct entry_view *v)
{
	struct cursor c = cur_init(payload);
	struct entry_op op;
	uint8_t version = cur_u8(&c);
	int err;

	memset(v, 0, sizeof(*v));
	v->leaf = cur_take(&c, cur_u32(&c));
	if (!cur_ok(&c))
		return WF_ETRUNCATED;
	if (version != ENTRY_VERSION)
		return WF_EUNSUPPORTED;
	v->ops = span_of(c.p, cur_left(&c));
	while (cur_left(&c) > 0) {
		if ((err = entry_parse_op(&c, &op)) != 0)
			return err;
		v->n_ops++;
		v->n_marked += op.kind != ENTRY_SESSION_PUT;
	}
	return 0;
}

bool
entry_op_next(struct cursor *c, struct entry_op *op)
{
	return cur_left(c) > 0 && entry_parse_op(c, op) == 0;
}
