/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/tlsout.h"
#include "certs/pem.h"
#include "certs/why.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tlsout {
	SSL_CTX *ctx;
	char *host;
	bool is_ip;
	bool insecure;
};

const char *
tlsout_system_ca(void)
{
	return "/etc/ssl/certs/ca-certificates.crt";
}

static int
load_trust(struct tlsout *t, const struct tlsout_opt *opt, char *why, size_t cap)
{
	X509_STORE *store = SSL_CTX_get_cert_store(t->ctx);
	struct certs_blob ca = opt->ca;
	int err;

	if (opt->insecure)
		return 0;
	if (ca.n > 0)
		/* What the admin lists is trusted itself, also an intermediate. */
		X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	else if (certs_file_read(&ca, tlsout_system_ca(), false, why, cap) < 0)
		return -1;
	err = pem_trust(&ca, store, why, cap);
	if (opt->ca.n == 0)
		certs_file_free(&ca);
	return err;
}

static int
setup(struct tlsout *t, const struct tlsout_opt *opt, char *why, size_t cap)
{
	SSL_CTX *ctx = t->ctx;

	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				     SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, opt->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return why_ssl(why, cap, "no TLS 1.2");
	/* This call alone returns 0 for success. */
	if (opt->alpn &&
	    SSL_CTX_set_alpn_protos(ctx, opt->alpn, (unsigned)opt->alpn_n) != 0)
		return why_ssl(why, cap, "bad list of ALPN names");
	if (load_trust(t, opt, why, cap) < 0)
		return -1;
	return opt->ident == NULL ? 0 : pem_use(opt->ident, false, ctx, why, cap);
}

int
tlsout_open(struct tlsout **out, const struct tlsout_opt *opt, char *why, size_t cap)
{
	struct tlsout *t = calloc(1, sizeof(*t));

	*out = NULL;
	ERR_clear_error();
	if (t == NULL)
		return why_set(why, cap, "out of memory");
	t->insecure = opt->insecure;
	t->is_ip = pem_is_ip(opt->verify_host);
	t->host = strdup(opt->verify_host);
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->host == NULL || t->ctx == NULL) {
		tlsout_close(t);
		return why_ssl(why, cap, "no TLS context");
	}
	if (setup(t, opt, why, cap) < 0) {
		tlsout_close(t);
		return -1;
	}
	*out = t;
	return 0;
}

void
tlsout_close(struct tlsout *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t->host);
	free(t);
}

SSL_CTX *
tlsout_ctx(const struct tlsout *t)
{
	return t->ctx;
}

int
tlsout_prepare(const struct tlsout *t, SSL *ssl)
{
	if (!t->is_ip && SSL_set_tlsext_host_name(ssl, t->host) != 1)
		return -1;
	if (t->insecure)
		return 0;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
				   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (t->is_ip)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), t->host) == 1
			   ? 0
			   : -1;
	return SSL_set1_host(ssl, t->host) == 1 ? 0 : -1;
}

const char *
tlsout_verdict(const SSL *ssl)
{
	long v = SSL_get_verify_result(ssl);

	return v == X509_V_OK ? "" : X509_verify_cert_error_string(v);
}
