/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/tlsadmin.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certs/clientca.h"
#include "certs/pem.h"
#include "certs/tlsprofile.h"
#include "certs/why.h"

static int
load_pair(SSL_CTX *ctx, const struct tlsadmin_files *f, char *why, size_t cap)
{
	struct certs_pair p = {0};
	int err = certs_file_read(&p.chain, f->chain, false, why, cap);

	if (err == 0)
		err = certs_file_read(&p.key, f->key, true, why, cap);
	if (err == 0)
		err = pem_use(&p, true, ctx, why, cap);
	certs_file_free(&p.chain);
	certs_file_free(&p.key);
	return err;
}

/* An expired list is no error: it refuses everybody, as it must, and the caller can tell. */
static int
load_lists(const struct clientca *c, const struct tlsadmin_files *f, struct tlsadmin_dates *d,
	   char *why, size_t cap)
{
	struct clientca_lists lists;

	if (f->crl == NULL)
		return 0;
	if (clientca_lists(c, f->crl, &lists, why, cap) < 0)
		return -1;
	d->crl_from = lists.from;
	d->crl_ends = lists.ends;
	return 0;
}

static int
load_clients(SSL_CTX *ctx, const struct tlsadmin_files *f, struct tlsadmin_dates *d, char *why,
	     size_t cap)
{
	struct clientca *clients = NULL;
	struct certs_blob ca = {0}, crl = {0};
	int err = certs_file_read(&ca, f->client_ca, false, why, cap);

	if (err == 0 && f->crl != NULL) {
		err = certs_file_read(&crl, f->crl, false, why, cap);
		if (err == 0 && crl.n == 0)
			err = why_set(why, cap, "%s: empty; wanted are revocation lists", f->crl);
	}
	if (err == 0)
		err = clientca_open(&clients, CLIENTCA_REQUIRED, &ca, &crl, why, cap);
	if (err == 0)
		err = load_lists(clients, f, d, why, cap);
	if (err == 0 && clientca_apply(clients, ctx) < 0)
		err = why_ssl(why, cap, "%s: client CA not usable", f->client_ca);
	clientca_close(clients);
	certs_file_free(&ca);
	certs_file_free(&crl);
	return err;
}

static void
weigh(X509 *x, struct tlsadmin_dates *d)
{
	int64_t from = pem_not_before(x), ends = pem_not_after(x);

	d->from = from > d->from ? from : d->from;
	d->ends = ends < d->ends ? ends : d->ends;
}

static void
read_dates(SSL_CTX *ctx, struct tlsadmin_dates *d)
{
	STACK_OF(X509) *rest = NULL;

	d->ends = INT64_MAX;
	weigh(SSL_CTX_get0_certificate(ctx), d);
	(void)SSL_CTX_get0_chain_certs(ctx, &rest);
	for (int i = 0; i < sk_X509_num(rest); i++)
		weigh(sk_X509_value(rest, i), d);
}

int
tlsadmin_open(SSL_CTX **out, const struct tlsadmin_files *files, struct tlsadmin_dates *dates,
	      char *why, size_t cap)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int err = 0;

	*out = NULL;
	*dates = (struct tlsadmin_dates){0};
	ERR_clear_error();
	if (ctx == NULL || !tlsprofile_apply(ctx))
		err = why_ssl(why, cap, "no TLS context");
	if (err == 0)
		err = load_pair(ctx, files, why, cap);
	if (err == 0)
		err = load_clients(ctx, files, dates, why, cap);
	if (err != 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	read_dates(ctx, dates);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	*out = ctx;
	return 0;
}

void
tlsadmin_close(SSL_CTX *ctx)
{
	SSL_CTX_free(ctx);
}
