/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/session/session.h"

#include "proxy/base/cursor.h"
#include "proxy/base/must.h"

enum {
	SESSION_FORMAT_BARE = 1,    /* without chains, packets, HTTP/2 */
	SESSION_FORMAT_UNORDERED,   /* without a version */
	SESSION_FORMAT_HEADLESS,    /* without header fields */
	SESSION_FORMAT_KEYLESS,	    /* without a device's key */
	SESSION_FORMAT,
};

static const uint8_t session_v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool
session_is_live(const struct session *s, uint64_t now_s)
{
	uint64_t last = atomic_load_explicit(&s->last_s, memory_order_relaxed);

	if (atomic_load_explicit(&s->state, memory_order_acquire) != SESSION_LIVE)
		return false;
	if (now_s >= s->expires_s)
		return false;
	return s->idle_s == 0 || now_s < last + s->idle_s;
}

bool
session_cred_good(const struct session *s, const uint8_t key[SESSION_KEY_LEN], uint64_t now_s)
{
	for (unsigned i = 0; i < s->n_creds; i++)
		if (memcmp(s->creds[i].key, key, SESSION_KEY_LEN) == 0)
			return s->creds[i].until_s == 0 || now_s < s->creds[i].until_s;
	return false;
}

bool
session_prefix_same(const uint8_t a[16], const uint8_t b[16])
{
	bool v4 = memcmp(a, session_v4, 12) == 0;

	return memcmp(a, b, v4 ? 15 : 6) == 0;
}

static bool
session_place_same(const struct session_context *a, const struct session_context *b)
{
	unsigned same = 0, differ = 0;

	/* Another country only if no source says that it is the same: a free database puts
	 * a twelfth of a carrier elsewhere, and a new edition of one moves networks. */
	for (int i = 0; i < 2; i++) {
		if (a->country[i][0] == '\0' || b->country[i][0] == '\0')
			continue;
		if (memcmp(a->country[i], b->country[i], 2) == 0)
			same++;
		else
			differ++;
	}
	if (differ > 0 && same == 0)
		return false;
	if (a->asn != 0 && b->asn != 0)
		return a->asn == b->asn;
	if (!(a->flags & b->flags & CONTEXT_HAS_ADDR))
		return true;
	return session_prefix_same(a->addr, b->addr);
}

bool
session_context_alike(const struct session_context *a, const struct session_context *b)
{
	if ((a->flags ^ b->flags) & (CONTEXT_HAS_CORE | CONTEXT_FOREIGN))
		return false;
	if (a->flags & CONTEXT_HAS_CORE && memcmp(a->soft, b->soft, sizeof(a->soft)) != 0)
		return false;
	if (a->ua_family != b->ua_family || a->ua_system != b->ua_system)
		return false;
	return session_place_same(a, b);
}

bool
session_context_same(const struct session_context *a, const struct session_context *b)
{
	if (a->ua_major != 0 && b->ua_major != 0 && a->ua_major != b->ua_major)
		return false;
	if (a->h2 != 0 && b->h2 != 0 && a->h2 != b->h2)
		return false;
	return session_context_alike(a, b);
}

/* Which context gives way to a new one; SESSION_CONTEXTS if none may. */
static unsigned
session_context_victim(const struct session *s)
{
	unsigned best = SESSION_CONTEXTS;

	for (unsigned i = 1; i < s->n_contexts; i++) {
		const struct session_context *c = &s->contexts[i];

		if ((c->flags & (CONTEXT_ACCEPTED | CONTEXT_CHALLENGED)) == 0 &&
		    (best == SESSION_CONTEXTS || c->last_s < s->contexts[best].last_s))
			best = i;
	}
	return best;
}

struct session_context *
session_context_touch(struct session *s, const struct session_context *seen, uint64_t now_s,
    bool *fresh)
{
	unsigned i;

	*fresh = false;
	for (i = 0; i < s->n_contexts; i++) {
		struct session_context *c = &s->contexts[i];

		if (!session_context_same(c, seen))
			continue;
		c->last_s = now_s;
		if (seen->gap != 0 && (c->gap == 0 || seen->gap < c->gap))
			c->gap = seen->gap;
		return c;
	}
	i = s->n_contexts < SESSION_CONTEXTS ? s->n_contexts++ : session_context_victim(s);
	if (i == SESSION_CONTEXTS)
		return NULL;
	*fresh = true;
	s->contexts[i] = *seen;
	s->contexts[i].first_s = s->contexts[i].last_s = now_s;
	return &s->contexts[i];
}

bool
session_chain_has(const struct session *s, const uint8_t chain[SESSION_CHAIN_LEN])
{
	for (unsigned i = 0; i < s->n_chains; i++)
		if (memcmp(s->chains[i], chain, SESSION_CHAIN_LEN) == 0)
			return true;
	return false;
}

void
session_chain_add(struct session *s, const uint8_t chain[SESSION_CHAIN_LEN])
{
	if (session_chain_has(s, chain))
		return;
	if (s->n_chains == SESSION_CHAINS)
		memmove(s->chains[0], s->chains[1], (size_t)--s->n_chains * SESSION_CHAIN_LEN);
	memcpy(s->chains[s->n_chains++], chain, SESSION_CHAIN_LEN);
}

/* ---- stored form ---- */

struct session_out {
	uint8_t *p;
	size_t n;
};

static void
session_put(struct session_out *o, const void *p, size_t n)
{
	MUST(o->n + n <= SESSION_BLOB_MAX);
	if (n)
		memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void
session_put_uint(struct session_out *o, uint64_t v, unsigned bytes)
{
	uint8_t b[8];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
	session_put(o, b, bytes);
}

static void
session_put_context(struct session_out *o, const struct session_context *c)
{
	session_put(o, c->core, sizeof(c->core));
	session_put(o, c->soft, sizeof(c->soft));
	session_put(o, c->addr, sizeof(c->addr));
	session_put(o, c->country, sizeof(c->country));
	session_put_uint(o, c->asn, 4);
	session_put_uint(o, c->tls_family, 1);
	session_put_uint(o, c->ua_family, 1);
	session_put_uint(o, c->ua_system, 1);
	session_put_uint(o, c->flags, 1);
	session_put_uint(o, c->ua_major, 2);
	session_put_uint(o, c->first_s, 8);
	session_put_uint(o, c->last_s, 8);
	session_put_uint(o, c->syn, 8);
	session_put_uint(o, c->gap, 2);
	session_put_uint(o, c->h2, 4);
}

static void
session_put_device(struct session_out *o, const struct session_device *d)
{
	session_put_uint(o, d->key.alg, 1);
	session_put_uint(o, d->key.n, 2);
	session_put(o, d->key.bytes, d->key.n);
	session_put_uint(o, d->since_s, 8);
	session_put_uint(o, d->proof_s, 8);
	session_put_uint(o, d->stamp_ns, 8);
	session_put_uint(o, d->offer_ns, 8);
	session_put_uint(o, d->bound, 1);
}

size_t
session_encode(const struct session *s, uint8_t out[SESSION_BLOB_MAX])
{
	struct session_out o = {.p = out};

	session_put_uint(&o, SESSION_FORMAT, 1);
	session_put_uint(&o, s->version, 8);
	MUST(o.n == SESSION_STAMP);
	session_put_uint(&o, atomic_load(&s->state), 1);
	session_put(&o, s->id, sizeof(s->id));
	session_put_uint(&o, s->site_n, 1);
	session_put(&o, s->site, s->site_n);
	session_put_uint(&o, s->user_n, 1);
	session_put(&o, s->user, s->user_n);
	session_put_uint(&o, s->user_how, 1);
	session_put_uint(&o, s->flags, 1);
	session_put_uint(&o, s->created_s, 8);
	session_put_uint(&o, s->expires_s, 8);
	session_put_uint(&o, s->idle_s, 8);
	session_put_uint(&o, atomic_load(&s->last_s), 8);
	session_put_uint(&o, s->n_creds, 1);
	for (unsigned i = 0; i < s->n_creds; i++) {
		session_put(&o, s->creds[i].key, SESSION_KEY_LEN);
		session_put_uint(&o, s->creds[i].carrier, 1);
		session_put_uint(&o, s->creds[i].until_s, 8);
	}
	session_put_uint(&o, s->n_contexts, 1);
	for (unsigned i = 0; i < s->n_contexts; i++)
		session_put_context(&o, &s->contexts[i]);
	session_put_uint(&o, s->n_chains, 1);
	session_put(&o, s->chains, (size_t)s->n_chains * SESSION_CHAIN_LEN);
	for (unsigned i = 0; i < SESSION_HEADS; i++)
		session_put_uint(&o, s->heads[i], 8);
	session_put_device(&o, &s->device);
	return o.n;
}

static void
session_get(struct cursor *c, void *p, size_t n)
{
	struct span s = cur_take(c, n);

	if (s.n == n && n)
		memcpy(p, s.p, n);
}

static void
session_get_context(struct cursor *c, struct session_context *x, unsigned format)
{
	session_get(c, x->core, sizeof(x->core));
	session_get(c, x->soft, sizeof(x->soft));
	session_get(c, x->addr, sizeof(x->addr));
	session_get(c, x->country, sizeof(x->country));
	x->asn = cur_u32(c);
	x->tls_family = cur_u8(c);
	x->ua_family = cur_u8(c);
	x->ua_system = cur_u8(c);
	x->flags = cur_u8(c);
	x->ua_major = cur_u16(c);
	x->first_s = cur_u64(c);
	x->last_s = cur_u64(c);
	if (format == SESSION_FORMAT_BARE)
		return;
	x->syn = cur_u64(c);
	x->gap = cur_u16(c);
	x->h2 = cur_u32(c);
}

/* Site and user; lengths are checked against our own bounds before anything is copied. */
static int
session_get_names(struct cursor *c, struct session *s)
{
	s->site_n = cur_u8(c);
	if (s->site_n >= SESSION_SITE_MAX)
		return WF_ERANGE;
	session_get(c, s->site, s->site_n);
	s->user_n = cur_u8(c);
	if (s->user_n >= SESSION_USER_MAX)
		return WF_ERANGE;
	session_get(c, s->user, s->user_n);
	s->user_how = cur_u8(c);
	s->flags = cur_u8(c);
	return 0;
}

static int
session_get_lists(struct cursor *c, struct session *s, unsigned format)
{
	s->n_creds = cur_u8(c);
	if (s->n_creds > SESSION_CREDS)
		return WF_ERANGE;
	for (unsigned i = 0; i < s->n_creds; i++) {
		session_get(c, s->creds[i].key, SESSION_KEY_LEN);
		s->creds[i].carrier = cur_u8(c);
		s->creds[i].until_s = cur_u64(c);
	}
	s->n_contexts = cur_u8(c);
	if (s->n_contexts > SESSION_CONTEXTS)
		return WF_ERANGE;
	for (unsigned i = 0; i < s->n_contexts; i++)
		session_get_context(c, &s->contexts[i], format);
	return 0;
}

static int
session_get_chains(struct cursor *c, struct session *s)
{
	s->n_chains = cur_u8(c);
	if (s->n_chains > SESSION_CHAINS)
		return WF_ERANGE;
	session_get(c, s->chains, (size_t)s->n_chains * SESSION_CHAIN_LEN);
	return 0;
}

static int
session_get_device(struct cursor *c, struct session_device *d)
{
	unsigned bound;

	d->key.alg = cur_u8(c);
	d->key.n = cur_u16(c);
	if (d->key.n > sizeof(d->key.bytes))
		return WF_ERANGE;
	session_get(c, d->key.bytes, d->key.n);
	d->since_s = cur_u64(c);
	d->proof_s = cur_u64(c);
	d->stamp_ns = cur_u64(c);
	d->offer_ns = cur_u64(c);
	bound = cur_u8(c);
	d->bound = bound == 1;
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	if (bound > 1)
		return WF_ERANGE;
	if (d->key.alg == DEVKEY_NONE)
		return d->key.n == 0 ? 0 : WF_ERANGE;
	return devkey_valid(&d->key) && devkey_thumbprint(&d->key, d->thumb) == 0 ? 0 : WF_ERANGE;
}

int
session_decode(struct span blob, struct session *s)
{
	struct cursor c = cur_init(blob);
	unsigned state, format;
	int err;

	memset(s, 0, sizeof(*s));
	format = cur_u8(&c);
	if (format < SESSION_FORMAT_BARE || format > SESSION_FORMAT)
		return WF_EUNSUPPORTED;
	s->version = format > SESSION_FORMAT_UNORDERED ? cur_u64(&c) : 0;
	state = cur_u8(&c);
	if (state < SESSION_LIVE || state > SESSION_REVOKED)
		return WF_ERANGE;
	atomic_store(&s->state, state);
	session_get(&c, s->id, sizeof(s->id));
	err = session_get_names(&c, s);
	if (err != 0)
		return err;
	s->created_s = cur_u64(&c);
	s->expires_s = cur_u64(&c);
	s->idle_s = cur_u64(&c);
	atomic_store(&s->last_s, cur_u64(&c));
	err = session_get_lists(&c, s, format);
	if (err == 0 && format != SESSION_FORMAT_BARE)
		err = session_get_chains(&c, s);
	if (err != 0)
		return err;
	for (unsigned i = 0; format > SESSION_FORMAT_HEADLESS && i < SESSION_HEADS; i++)
		s->heads[i] = cur_u64(&c);
	if (format > SESSION_FORMAT_KEYLESS)
		err = session_get_device(&c, &s->device);
	if (err != 0)
		return err;
	if (!cur_ok(&c))
		return WF_ETRUNCATED;
	return cur_done(&c) ? 0 : WF_ETRAILING;
}
