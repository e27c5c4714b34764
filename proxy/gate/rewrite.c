/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/rewrite.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "proxy/base/clock.h"
#include "proxy/base/must.h"
#include "proxy/gate/conn.h"
#include "proxy/gate/credential.h"
#include "proxy/wire/cookie.h"
#include "proxy/wire/forwarded.h"
#include "proxy/wire/h1_write.h"
#include "proxy/wire/setcookie.h"

enum { REWRITE_LINES = EXCHANGE_FIELDS, REWRITE_NAMES = RECIPE_CARRIERS + 16 };

static const struct span rewrite_own_cookie = {(const uint8_t *)"__Host-warifu", 13};

static const struct span rewrite_forwarded_by = {(const uint8_t *)"x-forwarded-", 12};

bool
rewrite_passes(const struct exchange *ex, const struct credential *c)
{
	if (c->known == KNOWN_LIVE)
		return !ex->strip;
	if (!exchange_enforces(ex))
		return c->known != KNOWN_REVOKED;
	return c->known == KNOWN_PRELOGIN && ex->class == RECIPE_OPEN;
}

static bool
rewrite_drops_carrier(const struct exchange *ex, enum recipe_carrier_kind kind)
{
	for (unsigned i = 0; i < ex->n_creds; i++)
		if (ex->creds[i].carrier == (uint8_t)kind)
			return !rewrite_passes(ex, &ex->creds[i]);
	return false;
}

static bool
rewrite_listed(const struct span *list, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (name.n == list[i].n && fields_name_alike(name, list[i]))
			return true;
	return false;
}

bool
rewrite_claims(const struct conf_site *site, struct span name)
{
	if (rewrite_listed(site->strip, site->n_strip, name))
		return true;
	if (rewrite_listed(site->pass, site->n_pass, name))
		return false;
	/* Whatever of that family a framework believes, it would believe it of us. */
	return fields_flags(fields_id(name)) & FIELD_IS_IDENTITY ||
	       (name.n > rewrite_forwarded_by.n &&
		   fields_name_alike(span_of(name.p, rewrite_forwarded_by.n),
		       rewrite_forwarded_by));
}

/* A field of a known id is that name but for case, which no list looks at. */
static bool
rewrite_identity(const struct exchange *ex, const struct field *x)
{
	if (x->id != FIELD_OTHER)
		return ex->site->claims[x->id];
	return rewrite_claims(exchange_site(ex), x->name);
}

/* Where warifu asks for device keys, nobody else speaks of them. */
static bool
rewrite_device(const struct exchange *ex, struct span name)
{
	return fields_reserved(name) == FIELDS_DEVICE && device_is_on(ex);
}

static bool
rewrite_keep(void *ctx, const struct field *x)
{
	const struct exchange *ex = ctx;

	if (fields_flags(x->id) & FIELD_IS_FORWARD || rewrite_identity(ex, x))
		return false;
	switch (x->id) {
	case FIELD_COOKIE:
	case FIELD_HOST:
	case FIELD_SEC_WEBSOCKET_KEY:
	case FIELD_EXPECT: /* answered by us, see relay.c */
		return false;
	case FIELD_ACCEPT_ENCODING: /* an answer that is read must be readable */
		return ex->res_cap.p == NULL || !exchange_enforces(ex);
	case FIELD_AUTHORIZATION:
		return !rewrite_drops_carrier(ex, RECIPE_BEARER);
	case FIELD_SEC_WEBSOCKET_PROTOCOL:
		/* Where no handshake is, some backends still read the token in it. */
		return (ex->websocket || !exchange_enforces(ex)) &&
		       !rewrite_drops_carrier(ex, RECIPE_SUBPROTOCOL);
	case FIELD_OTHER:
		return !rewrite_device(ex, x->name);
	default:
		return true;
	}
}

/* A nameless cookie is sent as its value alone, and so has a name when it comes. */
static struct span
rewrite_cookie_name(struct span name, struct span value)
{
	ptrdiff_t eq = span_chr(value, '=');

	if (name.n > 0)
		return name;
	return eq < 0 ? value : span_of(value.p, (size_t)eq);
}

/* Names that stay behind: ours, and session cookies that may not pass. More than
 * REWRITE_NAMES: this request has too many of ours to send any of it on. */
static size_t
rewrite_dropped(const struct exchange *ex, const struct span *lines, size_t n,
    struct span names[REWRITE_NAMES])
{
	const struct conf_site *site = exchange_site(ex);
	struct cookie_it it;
	struct cookie_pair pair;
	size_t k = 0;

	for (unsigned i = 0; i < ex->n_creds; i++)
		if (ex->creds[i].carrier == RECIPE_COOKIE && !rewrite_passes(ex, &ex->creds[i]))
			names[k++] = ex->creds[i].name;
	/* A look-alike that KNOW would refuse may still stand in an observed request. */
	for (size_t i = 0; ex->strip && i < site->n_carriers; i++)
		if (site->carriers[i].kind == RECIPE_COOKIE && ex->n_creds == 0 &&
		    exchange_enforces(ex))
			names[k++] = site->carriers[i].name;
	cookie_begin(&it, lines, n);
	while (cookie_next(&it, &pair)) {
		struct span name = rewrite_cookie_name(pair.name, pair.value);

		if (!span_istarts(name, rewrite_own_cookie))
			continue;
		if (k == REWRITE_NAMES)
			return REWRITE_NAMES + 1;
		names[k++] = name;
	}
	return k;
}

static void
rewrite_cookies(struct exchange *ex, struct h1_out *out)
{
	struct span lines[REWRITE_LINES], names[REWRITE_NAMES], fresh;
	size_t n = credential_cookie_lines(ex, lines, REWRITE_LINES), k, cap = 16;
	uint8_t *buf;

	if (n == 0)
		return;
	k = rewrite_dropped(ex, lines, n, names);
	for (size_t i = 0; i < n; i++)
		cap += lines[i].n + 2;
	buf = arena_get(&ex->arena, cap);
	if (k > REWRITE_NAMES || buf == NULL ||
	    cookie_rewrite(lines, n, names, k, buf, cap, &fresh, NULL) != 0) {
		out->overflow = true;
		return;
	}
	if (fresh.n > 0)
		h1_write_field(out, SPAN_LIT("Cookie"), fresh);
}

static void
rewrite_forwarded(struct exchange *ex, struct h1_out *out, struct span host)
{
	uint8_t buf[FORWARDED_TEXT];
	struct span v;
	bool tls = ex->conn->site >= 0;

	if (forwarded_write_for(&ex->client, buf, sizeof(buf), &v) == 0)
		h1_write_field(out, SPAN_LIT("X-Forwarded-For"), v);
	h1_write_field(out, SPAN_LIT("X-Forwarded-Proto"), forwarded_proto(tls));
	h1_write_field(out, SPAN_LIT("X-Forwarded-Host"), host);
	if (forwarded_write(&ex->client, NULL, host, tls, buf, sizeof(buf), &v) == 0)
		h1_write_field(out, SPAN_LIT("Forwarded"), v);
}

/* The backend sees a key of ours, and its answer to it is checked (security model 16). */
static void
rewrite_websocket(struct exchange *ex, struct h1_out *out)
{
	uint8_t raw[16];

	digest_random(raw, sizeof(raw));
	(void)EVP_EncodeBlock(ex->ws_key, raw, sizeof(raw));
	h1_write_field(out, SPAN_LIT("Sec-WebSocket-Key"), span_of(ex->ws_key, 24));
}

bool
rewrite_request(struct exchange *ex, struct h1_out *out)
{
	const struct h1_request *rq = &ex->req;
	const char *own = exchange_site(ex)->backend.host;
	struct span host;

	(void)fields_one(&rq->fields, FIELD_HOST, &host);
	h1_write_request_line(out, rq->method_text, rq->path, rq->has_query, rq->query);
	h1_write_field(out, SPAN_LIT("Host"), own != NULL ? span_str(own) : host);
	h1_write_copy(out, &rq->fields, &rq->hop, rewrite_keep, ex);
	rewrite_cookies(ex, out);
	rewrite_forwarded(ex, out, host);
	if (ex->websocket)
		rewrite_websocket(ex, out);
	h1_write_framing(out, rq->framing, rq->length);
	h1_write_connection(out, ex->websocket		 ? H1_WRITE_WEBSOCKET
				 : exchange_has_body(ex) ? H1_WRITE_CLOSE
							 : H1_WRITE_KEEP);
	h1_write_end(out);
	return h1_out_ok(out) && !ex->arena.overflow;
}

void
rewrite_trailers(struct exchange *ex, struct h1_out *out)
{
	h1_write_copy(out, &ex->req_body.trailers, &ex->req.hop, rewrite_keep, ex);
}

/* ---- towards the portal ---- */

static void
rewrite_copy_one(const struct exchange *ex, struct h1_out *out, enum field_id id)
{
	struct span v;

	if (fields_one(&ex->req.fields, id, &v) == 0)
		h1_write_field(out, fields_name(id), v);
}

bool
rewrite_portal(struct exchange *ex, struct h1_out *out)
{
	const struct conf_site *site = exchange_site_if(ex);
	struct span path = SPAN_LIT("/page");
	char now[CLOCK_ISO_TEXT];

	if (ex->answer == ANSWER_ASSET)
		path = ex->asset;
	h1_write_request_line(out, SPAN_LIT("GET"), path,
	    ex->answer == ANSWER_ASSET && ex->req.has_query, ex->req.query);
	h1_write_field(out, SPAN_LIT("Host"), SPAN_LIT("portal"));
	rewrite_copy_one(ex, out, FIELD_ACCEPT);
	rewrite_copy_one(ex, out, FIELD_ACCEPT_LANGUAGE);
	if (ex->answer == ANSWER_PAGE) {
		h1_write_field(out, SPAN_LIT("Warifu-Page"),
		    span_str(problem_token(ex->page)));
		h1_write_field(out, SPAN_LIT("Warifu-Support"), span_str(ex->support));
		h1_write_field_uint(out, SPAN_LIT("Warifu-Status"),
		    ex->reason != REASON_NONE ? (uint64_t)reason_info(ex->reason)->status
					      : problem_status(ex->page));
		clock_iso(ex->w->net.loop.wall, now);
		memcpy(now + 19, "Z", 2); /* whole seconds */
		h1_write_field(out, SPAN_LIT("Warifu-Time"), span_str(now));
		if (site != NULL) {
			h1_write_field(out, SPAN_LIT("Warifu-Site"), site->name);
			if (site->login_page.n > 0)
				h1_write_field(out, SPAN_LIT("Warifu-Login"),
				    site->login_page);
		}
	}
	h1_write_end(out);
	return h1_out_ok(out);
}

/* ---- towards the client ---- */

static bool
rewrite_is_carrier(const struct conf_site *site, struct span name)
{
	for (size_t i = 0; site != NULL && i < site->n_carriers; i++)
		if (site->carriers[i].kind == RECIPE_COOKIE &&
		    span_eq(site->carriers[i].name, name))
			return true;
	return false;
}

static void
rewrite_set_cookie(struct exchange *ex, struct fields *out, const struct field *f)
{
	const struct conf_site *site = exchange_site(ex);
	unsigned harden = 0;
	struct setcookie c;
	struct span line;
	uint8_t *buf;

	/* A browser ignores what does not parse; so must nobody else learn from it. */
	if (setcookie_parse(f->value, &c) != 0 ||
	    span_istarts(rewrite_cookie_name(c.name, c.value), rewrite_own_cookie))
		return;
	if (exchange_enforces(ex) && site->harden_cookies && rewrite_is_carrier(site, c.name))
		harden = SETCOOKIE_ADD_SECURE | SETCOOKIE_ADD_HTTPONLY | SETCOOKIE_ADD_LAX;
	if (harden == 0) {
		(void)fields_add(out, f->name, f->value);
		return;
	}
	buf = arena_get(&ex->arena, f->value.n + 64);
	if (buf != NULL && setcookie_write(&c, harden, buf, f->value.n + 64, &line) == 0)
		(void)fields_add(out, f->name, line);
}

static void
rewrite_hsts(struct exchange *ex, struct fields *out)
{
	const struct conf_site *site = exchange_site_if(ex);
	char *v;

	if (site == NULL || site->hsts_ms == 0 || !exchange_enforces(ex) ||
	    ex->conn->site < 0)
		return;
	v = arena_get(&ex->arena, 40);
	if (v == NULL)
		return;
	snprintf(v, 40, "max-age=%llu", (unsigned long long)(site->hsts_ms / 1000));
	(void)fields_add(out, SPAN_LIT("Strict-Transport-Security"), span_str(v));
}

static void
rewrite_response_framing(const struct exchange *ex, struct reply *r)
{
	const struct h1_response *rs = &ex->res;

	r->framing = rs->framing;
	r->length = rs->length;
	if (rs->framing == H1_CLOSE)
		r->framing = H1_CHUNKED; /* the end is marked again, or by closing */
	if (rs->framing == H1_NONE) {
		r->states = rs->has_length;
		r->stated = rs->stated;
	}
}

bool
rewrite_response(struct exchange *ex, struct reply *r)
{
	const struct h1_response *rs = &ex->res;
	struct field *at = arena_get(&ex->arena, (rs->fields.n + 8) * sizeof(*at));
	bool own = ex->answer != ANSWER_BACKEND;

	*r = (struct reply){.status = rs->status, .websocket = rs->upgraded};
	if (at == NULL)
		return false;
	r->fields = fields_over(at, rs->fields.n + 8);
	for (size_t i = 0; i < rs->fields.n; i++) {
		const struct field *f = &rs->fields.at[i];

		if (fields_drop_hop(&rs->hop, f) || fields_reserved(f->name) == FIELDS_OURS ||
		    (!own && rewrite_device(ex, f->name)) || f->id == FIELD_CONTENT_LENGTH || f->id == FIELD_SEC_WEBSOCKET_ACCEPT)
			continue;
		/* LEARN sees final answers only: no cookie comes before one. */
		if (f->id == FIELD_SET_COOKIE && rs->interim)
			continue;
		if (f->id == FIELD_SET_COOKIE && !own)
			rewrite_set_cookie(ex, &r->fields, f);
		else if (f->id != FIELD_STRICT_TRANSPORT_SECURITY ||
			 exchange_site(ex)->hsts_ms == 0 || !exchange_enforces(ex))
			(void)fields_add(&r->fields, f->name, f->value);
	}
	if (!rs->interim)
		rewrite_hsts(ex, &r->fields);
	rewrite_response_framing(ex, r);
	return !ex->arena.overflow;
}
