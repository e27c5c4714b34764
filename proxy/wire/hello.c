/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/hello.h"

#include "proxy/base/cursor.h"
#include "proxy/base/err.h"

enum {
	HELLO_RECORD_HANDSHAKE = 22,
	HELLO_RECORD_HEADER = 5,
	HELLO_RECORD_MAX = 16384,
	HELLO_MESSAGE_TYPE = 1,
	HELLO_SESSION_ID_MAX = 32,
};

void
hello_watch_init(struct hello_watch *w, uint32_t limit)
{
	*w = (struct hello_watch){.limit = limit, .verdict = WF_MORE};
}

static enum hello_kind
hello_kind_of(uint8_t first)
{
	if (first == HELLO_RECORD_HANDSHAKE)
		return HELLO_KIND_TLS;
	if (first & 0x80)
		return HELLO_KIND_SSLV2;
	return first >= 'A' && first <= 'Z' ? HELLO_KIND_TEXT : HELLO_KIND_OTHER;
}

/* One byte of a record header: type, major and minor version, two of length. */
static int
hello_watch_header(struct hello_watch *w, uint8_t c)
{
	switch (w->fill++) {
	case 0:
		if (w->kind == HELLO_KIND_UNKNOWN) {
			w->kind = (uint8_t)hello_kind_of(c);
			return w->kind == HELLO_KIND_TLS ? WF_MORE : WF_EUNSUPPORTED;
		}
		return c == HELLO_RECORD_HANDSHAKE ? WF_MORE : WF_ESYNTAX;
	case 1:
		return c == 3 ? WF_MORE : WF_ESYNTAX;
	case 2:
		return c <= 4 ? WF_MORE : WF_ESYNTAX;
	case 3:
		w->left = (uint16_t)(c << 8);
		return WF_MORE;
	default:
		w->left = (uint16_t)(w->left | c);
		w->fill = 0;
		return w->left && w->left <= HELLO_RECORD_MAX ? WF_MORE : WF_ESYNTAX;
	}
}

/* One byte of the message's own header: the type, then three of length. */
static int
hello_watch_start(struct hello_watch *w, uint8_t c)
{
	w->left--;
	if (w->seen++ == 0)
		return c == HELLO_MESSAGE_TYPE ? WF_MORE : WF_ESYNTAX;
	w->length = w->length << 8 | c;
	if (w->seen < HELLO_HEADER)
		return WF_MORE;
	if (w->length > w->limit)
		return WF_ERANGE;
	w->want = w->length + HELLO_HEADER;
	return w->want == w->seen ? 0 : WF_MORE;
}

static int
hello_watch_body(struct hello_watch *w, size_t n, size_t *taken)
{
	size_t rest = w->want - w->seen;

	if (n > w->left)
		n = w->left;
	if (n > rest)
		n = rest;
	w->left = (uint16_t)(w->left - n);
	w->seen += (uint32_t)n;
	*taken = n;
	return w->seen == w->want ? 0 : WF_MORE;
}

int
hello_watch_feed(struct hello_watch *w, struct span in, size_t *used)
{
	*used = 0;
	while (w->verdict == WF_MORE && *used < in.n) {
		size_t taken = 1;

		if (w->left == 0 || w->fill != 0)
			w->verdict = hello_watch_header(w, in.p[*used]);
		else if (w->seen < HELLO_HEADER)
			w->verdict = hello_watch_start(w, in.p[*used]);
		else
			w->verdict = hello_watch_body(w, in.n - *used, &taken);
		*used += taken;
	}
	return w->verdict;
}

bool
hello_ext_next(struct span *rest, uint16_t *type, struct span *body)
{
	struct cursor c = cur_init(*rest);
	struct cursor sub;

	if (rest->n == 0)
		return false;
	*type = cur_u16(&c);
	sub = cur_sub(&c, 2);
	*body = cur_rest(&sub);
	*rest = cur_ok(&c) ? cur_rest(&c) : (struct span){NULL, 0};
	return cur_ok(&c);
}

bool
hello_alpn_next(struct span *rest, struct span *name)
{
	struct cursor c = cur_init(*rest);
	struct cursor sub;

	if (rest->n == 0)
		return false;
	sub = cur_sub(&c, 1);
	*name = cur_rest(&sub);
	*rest = cur_ok(&c) ? cur_rest(&c) : (struct span){NULL, 0};
	return cur_ok(&c);
}

/*
 * The content of a list whose length stands before it in `len` bytes and that must fill
 * the whole extension with entries of `unit` bytes. An extension without any byte and an
 * empty list are odd, not malformed.
 */
static int
hello_list(struct hello *h, struct span body, unsigned len, unsigned unit,
	   struct span *out)
{
	struct cursor c = cur_init(body);
	struct cursor sub;

	if (body.n == 0) {
		h->odd |= HELLO_ODD_EMPTY;
		return 0;
	}
	sub = cur_sub(&c, len);
	if (!cur_done(&c) || cur_left(&sub) % unit)
		return WF_ESYNTAX;
	*out = cur_rest(&sub);
	if (out->n == 0)
		h->odd |= HELLO_ODD_EMPTY;
	return 0;
}

/* RFC 6066, 3: a list of typed names; the first host name is the one. */
static int
hello_sni(struct hello *h, struct span body)
{
	struct span list = {NULL, 0};
	int r = hello_list(h, body, 2, 1, &list);
	struct cursor c = cur_init(list);

	while (r == 0 && cur_left(&c)) {
		uint8_t type = cur_u8(&c);
		struct cursor sub = cur_sub(&c, 2);
		struct span name = cur_rest(&sub);

		if (!cur_ok(&c))
			return WF_ESYNTAX;
		if (type != 0 || h->sni.p != NULL || name.n == 0 ||
		    span_chr(name, 0) >= 0)
			h->odd |= HELLO_ODD_SNI;
		if (type == 0 && h->sni.p == NULL)
			h->sni = name;
	}
	return r;
}

static int
hello_alpn(struct hello *h, struct span body)
{
	int r = hello_list(h, body, 2, 1, &h->alpn);
	struct span rest = h->alpn;
	struct span name;

	while (r == 0 && rest.n) {
		if (!hello_alpn_next(&rest, &name))
			return WF_ESYNTAX;
		if (name.n == 0)
			h->odd |= HELLO_ODD_EMPTY;
	}
	return r;
}

static const struct hello_known {
	uint16_t type;
	uint16_t has;
} hello_known[] = {
    {HELLO_EXT_SNI, HELLO_HAS_SNI},
    {HELLO_EXT_GROUPS, HELLO_HAS_GROUPS},
    {HELLO_EXT_POINTS, HELLO_HAS_POINTS},
    {HELLO_EXT_SIGALGS, HELLO_HAS_SIGALGS},
    {HELLO_EXT_ALPN, HELLO_HAS_ALPN},
    {HELLO_EXT_VERSIONS, HELLO_HAS_VERSIONS},
    {HELLO_EXT_PSK_MODES, HELLO_HAS_PSK_MODES},
    {HELLO_EXT_TICKET, HELLO_HAS_TICKET},
    {HELLO_EXT_PSK, HELLO_HAS_PSK},
    {HELLO_EXT_EARLY_DATA, HELLO_HAS_EARLY_DATA},
};

/* False if this is an extension that we read and that was there before. */
static bool
hello_first(struct hello *h, uint16_t type)
{
	for (size_t i = 0; i < sizeof(hello_known) / sizeof(hello_known[0]); i++)
		if (hello_known[i].type == type) {
			bool first = !(h->has & hello_known[i].has);

			h->has |= hello_known[i].has;
			return first;
		}
	return true;
}

static int
hello_extension(struct hello *h, uint16_t type, struct span body)
{
	/* The first of a pair counts, as with any reader that stops at it. */
	if (!hello_first(h, type))
		return 0;
	switch (type) {
	case HELLO_EXT_SNI:
		return hello_sni(h, body);
	case HELLO_EXT_ALPN:
		return hello_alpn(h, body);
	case HELLO_EXT_GROUPS:
		return hello_list(h, body, 2, 2, &h->groups);
	case HELLO_EXT_SIGALGS:
		return hello_list(h, body, 2, 2, &h->sigalgs);
	case HELLO_EXT_VERSIONS:
		return hello_list(h, body, 1, 2, &h->versions);
	case HELLO_EXT_POINTS:
		return hello_list(h, body, 1, 1, &h->point_formats);
	case HELLO_EXT_PSK_MODES:
		return hello_list(h, body, 1, 1, &h->psk_modes);
	default:
		return 0;
	}
}

/* Every extension; `seen` has a bit for each type, so that a pair is found at once. */
static int
hello_extensions(struct hello *h)
{
	uint8_t seen[65536 / 8] = {0};
	struct span rest = h->extensions;

	while (rest.n) {
		struct span body;
		uint16_t type;

		h->at = (size_t)(rest.p - h->message.p);
		if (!hello_ext_next(&rest, &type, &body))
			return WF_ETRUNCATED;
		if (seen[type / 8] & 1u << type % 8)
			h->odd |= HELLO_ODD_DUPLICATE;
		seen[type / 8] = (uint8_t)(seen[type / 8] | 1u << type % 8);
		h->ext_count++;
		if (hello_extension(h, type, body) != 0)
			return WF_ESYNTAX;
	}
	return 0;
}

/* The fixed part, up to the extensions; `at` follows the cursor. */
static int
hello_fixed(struct hello *h, struct cursor *c)
{
	struct span *const parts[] = {&h->session_id, &h->ciphers, &h->compression};
	static const unsigned width[] = {1, 2, 1};

	h->version = cur_u16(c);
	h->random = cur_take(c, 32);
	for (size_t i = 0; i < 3; i++) {
		struct cursor sub;

		if (!cur_ok(c))
			return WF_ETRUNCATED;
		h->at = (size_t)(c->p - h->message.p);
		sub = cur_sub(c, width[i]);
		*parts[i] = cur_rest(&sub);
	}
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	if (h->session_id.n > HELLO_SESSION_ID_MAX || h->ciphers.n % 2) {
		const struct span *bad = h->ciphers.n % 2 ? &h->ciphers : &h->session_id;

		h->at = (size_t)(bad->p - h->message.p);
		return WF_ESYNTAX;
	}
	if (h->ciphers.n == 0 || h->compression.n == 0)
		h->odd |= HELLO_ODD_EMPTY;
	return 0;
}

static int
hello_header(struct hello *h, struct cursor *c)
{
	uint8_t type = cur_u8(c);
	uint32_t n = cur_u24(c);

	if (cur_ok(c) && type != HELLO_MESSAGE_TYPE)
		return WF_ESYNTAX;
	if (!cur_ok(c) || cur_left(c) < n)
		return WF_ETRUNCATED;
	if (cur_left(c) > n) {
		h->at = n + HELLO_HEADER;
		return WF_ETRAILING;
	}
	h->at = HELLO_HEADER;
	return 0;
}

int
hello_parse(struct span message, struct hello *out)
{
	struct cursor c = cur_init(message);
	struct cursor block;
	int r;

	*out = (struct hello){.message = message};
	r = hello_header(out, &c);
	if (r == 0)
		r = hello_fixed(out, &c);
	if (r != 0 || cur_left(&c) == 0)
		return r;
	out->at = (size_t)(c.p - message.p);
	block = cur_sub(&c, 2);
	if (!cur_ok(&c))
		return WF_ETRUNCATED;
	if (!cur_done(&c))
		return WF_ETRAILING;
	out->extensions = cur_rest(&block);
	return hello_extensions(out);
}
