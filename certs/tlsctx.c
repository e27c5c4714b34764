/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One front context, one context per site. Three facts of OpenSSL 3.0 shape this file.
 *
 * 1. SSL_set_SSL_CTX changes certificates, trust store, CA names and ALPN callback, but
 *    not the verification mode, which was copied when the SSL was made: so it is set
 *    again on each connection.
 * 2. Ticket callbacks are always those of the context that the SSL was made from. So
 *    only the front has them, and they ask the connection for its present context.
 * 3. The ClientHello callback runs before a ticket or PSK is looked at, a server-name
 *    callback after it. Choosing the site in the latter is CVE-2025-23419: the ticket of
 *    one site is opened with the rules of another.
 */
#include "certs/tlsctx.h"
#include "certs/sni.h"
#include "certs/tlslabel.h"
#include "certs/tlsprofile.h"
#include "certs/why.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>


enum { HALF_DAY = 12 * 3600, WEEK = 7 * 86400 /* RFC 8446 4.6.1 */ };
enum { SID_LEN = 32, HELLO_TYPE = 1 };

struct site {
	struct tlsctx *all;
	SSL_CTX **ctx; /* into tlsctx.ctx, one per variant: only certificates differ */
	const struct clientca *clients;
	uint8_t sid[SID_LEN];
	struct ticket ticket;
	int index;
};

struct tlsctx {
	const struct certs *store;
	SSL_CTX *front;
	struct site *sites;
	size_t n_sites;
	SSL_CTX **ctx; /* all variants of all sites */
	size_t n_ctx;
	_Atomic int64_t now;
	bool tickets_tls12;
	uint8_t alpn[TLSCTX_ALPN_MAX];
	unsigned alpn_n;
};

static const struct site *
site_of(const SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int
key_init(EVP_CIPHER_CTX *c, EVP_MAC_CTX *m, struct ticket_key *k, const uint8_t *iv,
	 int enc)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k->mac, sizeof(k->mac)),
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"},
					     0),
	    OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(m, params) == 1 &&
	       EVP_CipherInit_ex(c, EVP_aes_256_cbc(), NULL, k->aes, iv, enc) == 1;
}

/* OpenSSL asks here for keys: 1 use, 2 use and renew, 0 none, -1 failure. */
static int
on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *c,
	      EVP_MAC_CTX *m, int enc)
{
	const struct site *s = site_of(ssl);
	struct ticket_key k;
	int64_t now;
	int rc = 0;

	if (s == NULL || (SSL_version(ssl) < TLS1_3_VERSION && !s->all->tickets_tls12))
		return 0;
	now = atomic_load_explicit(&s->all->now, memory_order_relaxed);
	if (enc && ticket_current(&s->ticket, now, &k) &&
	    RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1) {
		memcpy(name, k.name, sizeof(k.name));
		rc = 1;
	} else if (!enc) {
		rc = ticket_find(&s->ticket, now, name, &k);
	}
	if (rc > 0 && !key_init(c, m, &k, iv, enc))
		rc = -1;
	ticket_wipe(&k);
	return rc;
}

static int
on_ticket_made(SSL *ssl, void *arg)
{
	(void)ssl, (void)arg;
	return 1;
}

/* A ticket was opened: would its client certificate still pass? If not: full handshake.
 */
static SSL_TICKET_RETURN
on_ticket_read(SSL *ssl, SSL_SESSION *sess, const unsigned char *name, size_t n,
	       SSL_TICKET_STATUS status, void *arg)
{
	const struct site *s = site_of(ssl);

	(void)name, (void)n, (void)arg;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (s == NULL || !clientca_still_good(s->clients, sess))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	/* Browsers use a TLS 1.3 ticket once, so each resumption brings the next one: what
	 * has a label also where handshakes bring none by themselves. */
	if (tlslabel_has(sess))
		(void)SSL_set_num_tickets(ssl, 1);
	if (status == SSL_TICKET_SUCCESS && SSL_version(ssl) < TLS1_3_VERSION)
		return SSL_TICKET_RETURN_USE;
	return SSL_TICKET_RETURN_USE_RENEW;
}

static int
choose(struct tlsctx *t, SSL *ssl, size_t *variant, enum tlsctx_refusal *refused)
{
	const uint8_t *ext, *name = NULL;
	size_t ext_n, n = 0;
	int site;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &ext_n) == 1 &&
	    !sni_parse(ext, ext_n, &name, &n)) {
		*refused = TLSCTX_BAD_NAME;
		return -1;
	}
	site = certs_pick(t->store, name, n, variant);
	if (site == CERTS_NO_NAME)
		*refused = TLSCTX_NO_NAME;
	else if (site < 0)
		*refused = TLSCTX_UNKNOWN_NAME;
	return site;
}

static int
alert_for(enum tlsctx_refusal r)
{
	switch (r) {
	case TLSCTX_NO_NAME:
	case TLSCTX_UNKNOWN_NAME:
		return SSL_AD_UNRECOGNIZED_NAME;
	case TLSCTX_SSLV2:
		return SSL_AD_PROTOCOL_VERSION;
	case TLSCTX_NO_HELLO:
		return SSL_AD_INTERNAL_ERROR;
	default:
		return SSL_AD_DECODE_ERROR;
	}
}

/* May run twice (HelloRetryRequest); the second hello must ask for the same name. */
static int
on_client_hello(SSL *ssl, int *alert, void *arg)
{
	struct tlsctx *t = arg;
	struct tlsctx_hello *h = SSL_get_app_data(ssl);
	enum tlsctx_refusal refused = h ? h->refused : TLSCTX_OK;
	const struct site *s;
	SSL_CTX *ctx = NULL;
	size_t variant = 0;
	int site = -1;

	if (SSL_client_hello_isv2(ssl))
		refused = TLSCTX_SSLV2;
	else if (h && h->seen == 0)
		refused = TLSCTX_NO_HELLO;
	if (refused == TLSCTX_OK)
		site = choose(t, ssl, &variant, &refused);
	if (refused == TLSCTX_OK)
		ctx = t->sites[site].ctx[variant];
	if (ctx && site_of(ssl) && SSL_get_SSL_CTX(ssl) != ctx)
		refused = TLSCTX_BAD_NAME;
	if (h)
		h->refused = refused;
	if (refused != TLSCTX_OK) {
		*alert = alert_for(refused);
		return SSL_CLIENT_HELLO_ERROR;
	}
	s = &t->sites[site];
	if (SSL_set_SSL_CTX(ssl, ctx) == NULL ||
	    SSL_set_session_id_context(ssl, s->sid, SID_LEN) != 1) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	clientca_demand(s->clients, ssl);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* No protocol in common ends the handshake (RFC 7301); else another protocol's client
 * could be talked into speaking to us. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
	const unsigned char *in, unsigned in_n, void *arg)
{
	const struct tlsctx *t = arg;
	union {
		const unsigned char **in;
		unsigned char **out;
	} to = {out};

	(void)ssl;
	if (SSL_select_next_proto(to.out, out_n, t->alpn, t->alpn_n, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

bool
tlsctx_is_http2(const SSL *ssl)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(ssl, &name, &n);
	return n == 2 && memcmp(name, "h2", 2) == 0;
}

static SSL_CTX *
new_ctx(struct tlsctx *t, const struct tlsctx_opt *opt)
{
	const uint64_t options = opt->ticket_secret ? 0 : SSL_OP_NO_TICKET;
	const int64_t interval = t->sites[0].ticket.interval;
	const long timeout = interval > WEEK ? WEEK : (long)interval;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return NULL;
	/* Early data is never granted, and passed over unread if it comes: a browser may
	 * hold a ticket from the server that stood here before. So recv_max_early_data
	 * keeps its default; 0 would end such handshakes. */
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, timeout);
	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, t);
	if (t->alpn_n)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, t);
	if (!tlsprofile_apply(ctx) ||
	    SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, opt->ticket_secret ? opt->tickets : 0) != 1 ||
	    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) != 1 ||
	    SSL_CTX_set_session_ticket_cb(ctx, on_ticket_made, on_ticket_read, NULL) !=
		1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/* What a session is valid for: the site's name and its client CA set. */
static bool
scope_init(struct site *s, const char *name, const struct tlsctx_opt *opt,
	   int64_t interval)
{
	static const uint8_t no_secret[TICKET_SECRET_LEN];
	const uint8_t *secret = opt->ticket_secret ? opt->ticket_secret : no_secret;
	size_t n = strlen(name) + 1;
	uint8_t *scope = malloc(n + CLIENTCA_ID_LEN);
	bool ok;

	if (scope == NULL)
		return false;
	memcpy(scope, name, n);
	clientca_id(s->clients, scope + n);
	n += CLIENTCA_ID_LEN;
	ok = EVP_Digest(scope, n, s->sid, NULL, EVP_sha256(), NULL) == 1 &&
	     ticket_init(&s->ticket, secret, scope, n, interval);
	free(scope);
	return ok;
}

static int
open_variant(struct tlsctx *t, struct site *s, size_t variant,
	     const struct tlsctx_opt *opt, char *why, size_t cap)
{
	const size_t i = (size_t)s->index;
	SSL_CTX *ctx = new_ctx(t, opt);

	if (ctx == NULL)
		return why_ssl(why, cap, "site %s: no TLS context",
			       certs_site_name(t->store, i));
	t->ctx[t->n_ctx++] = ctx;
	SSL_CTX_set_app_data(ctx, s);
	if (s->clients && clientca_apply(s->clients, ctx) < 0)
		return why_ssl(why, cap, "site %s: client CA not usable",
			       certs_site_name(t->store, i));
	return certs_use(t->store, i, variant, ctx, why, cap);
}

static int
open_site(struct tlsctx *t, size_t i, const struct tlsctx_opt *opt, char *why, size_t cap)
{
	const int64_t interval =
	    opt->ticket_interval > 0 ? opt->ticket_interval : HALF_DAY;
	const size_t n = certs_variants(t->store, i);
	struct site *s = &t->sites[i];

	s->all = t;
	s->index = (int)i;
	s->clients = opt->clients ? opt->clients[i] : NULL;
	s->ctx = &t->ctx[t->n_ctx];
	if (!scope_init(s, certs_site_name(t->store, i), opt, interval))
		return why_ssl(why, cap, "site %s: no memory for TLS",
			       certs_site_name(t->store, i));
	for (size_t v = 0; v < n; v++)
		if (open_variant(t, s, v, opt, why, cap) < 0)
			return -1;
	return 0;
}

/* Names of 1 to 255 bytes with their lengths in front, filling the whole list. */
static int
copy_alpn(struct tlsctx *t, const uint8_t *p, size_t n)
{
	size_t at = 0;

	if (p == NULL)
		return 0;
	if (n > sizeof(t->alpn))
		return -1;
	while (at < n && p[at] > 0)
		at += 1U + p[at];
	if (at != n)
		return -1;
	memcpy(t->alpn, p, n);
	t->alpn_n = (unsigned)n;
	return 0;
}

int
tlsctx_open(struct tlsctx **out, const struct certs *store, const struct tlsctx_opt *opt,
	    char *why, size_t cap)
{
	struct tlsctx *t = calloc(1, sizeof(*t));
	size_t n = certs_sites(store), variants = 0;
	int err = -1;

	*out = NULL;
	ERR_clear_error();
	for (size_t i = 0; i < n; i++)
		variants += certs_variants(store, i);
	if (t) {
		t->sites = calloc(n + 1, sizeof(*t->sites));
		t->ctx = calloc(variants + 1, sizeof(SSL_CTX *));
	}
	if (t == NULL || t->sites == NULL || t->ctx == NULL) {
		why_set(why, cap, "out of memory");
		goto out;
	}
	t->store = store;
	t->tickets_tls12 = opt->tickets_tls12;
	atomic_init(&t->now, opt->now);
	if (n == 0 || copy_alpn(t, opt->alpn, opt->alpn_n) < 0) {
		why_set(why, cap, n ? "bad list of ALPN names" : "no site has TLS");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		t->n_sites = i + 1;
		if (open_site(t, i, opt, why, cap) < 0)
			goto out;
	}
	t->front = new_ctx(t, opt);
	if (t->front == NULL) {
		why_ssl(why, cap, "no TLS context");
		goto out;
	}
	*out = t;
	t = NULL;
	err = 0;
out:
	tlsctx_close(t);
	return err;
}

void
tlsctx_close(struct tlsctx *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->front);
	for (size_t i = 0; i < t->n_ctx; i++)
		SSL_CTX_free(t->ctx[i]);
	free(t->ctx);
	for (size_t i = 0; i < t->n_sites; i++)
		ticket_fini(&t->sites[i].ticket);
	free(t->sites);
	free(t);
}

void
tlsctx_tick(struct tlsctx *t, int64_t now)
{
	atomic_store_explicit(&t->now, now, memory_order_relaxed);
}

SSL_CTX *
tlsctx_front(const struct tlsctx *t)
{
	return t->front;
}

/* Runs for every message and record until tlsctx_unwatch; only ClientHellos count. */
static void
on_message(int is_write, int version, int type, const void *buf, size_t n, SSL *ssl,
	   void *arg)
{
	struct tlsctx_hello *h = arg;

	(void)ssl;
	if (is_write)
		return;
	if (version == SSL2_VERSION && type == 0) {
		h->refused = TLSCTX_SSLV2;
		return;
	}
	if (type != SSL3_RT_HANDSHAKE || n < 4 || *(const uint8_t *)buf != HELLO_TYPE)
		return;
	if (h->seen++ > 0)
		return;
	if (n > TLSCTX_HELLO_MAX)
		h->refused = TLSCTX_TOO_LONG;
	else if (h->take)
		h->take(h->arg, buf, n);
}

void
tlsctx_watch(SSL *ssl, struct tlsctx_hello *h)
{
	SSL_set_app_data(ssl, h);
	SSL_set_msg_callback(ssl, on_message);
	SSL_set_msg_callback_arg(ssl, h);
}

void
tlsctx_unwatch(SSL *ssl)
{
	SSL_set_msg_callback(ssl, NULL);
	SSL_set_msg_callback_arg(ssl, NULL);
	SSL_set_app_data(ssl, NULL);
}

int
tlsctx_site(const SSL *ssl)
{
	const struct site *s = site_of(ssl);

	return s ? s->index : -1;
}

const char *
tlsctx_refusal_text(enum tlsctx_refusal r)
{
	static const char *const text[] = {
	    [TLSCTX_OK] = "accepted",
	    [TLSCTX_SSLV2] = "ClientHello in SSLv2 format",
	    [TLSCTX_TOO_LONG] = "ClientHello above 16 KiB",
	    [TLSCTX_NO_NAME] = "no server name sent and no default site",
	    [TLSCTX_BAD_NAME] = "malformed or changed server name",
	    [TLSCTX_UNKNOWN_NAME] = "no site has this server name",
	    [TLSCTX_NO_HELLO] = "ClientHello was not captured",
	};

	return (size_t)r < sizeof(text) / sizeof(text[0]) ? text[r] : "unknown refusal";
}

void
tlsctx_error(char *buf, size_t cap)
{
	why_reason(buf, cap);
}
