/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/tlssites.h - three sites for handshakes: "site a" (ECDSA and RSA), "site b"
 * (a wildcard, and a host with a certificate of its own) and "plain" (no host), and a
 * browser that trusts their CA.
 */
#ifndef WARIFU_TESTS_TLSSITES_H
#define WARIFU_TESTS_TLSSITES_H

#include "certs/tlsctx.h"
#include "tests/unit/devca.h"
#include "tests/unit/tap.h"
#include "tests/unit/tlspair.h"

static struct devca root;
static struct certs *store;
static SSL_CTX *client; /* of a browser */
static char why[CERTS_WHY];
static const uint8_t secret[TICKET_SECRET_LEN] = "a secret only for these tests";
static const int64_t noon = 1000000000;

enum { A, B, PLAIN, N_SITES };

static inline void
open_store(void)
{
	struct devca ec_a =
	    devca_make(&root, &(struct devca_opt){.name = "a",
						  .san = "DNS:a.example,DNS:a2.example"});
	struct devca rsa_a =
	    devca_make(&root, &(struct devca_opt){.name = "a",
						  .san = "DNS:a.example,DNS:a2.example",
						  .rsa_bits = 2048});
	struct devca ec_b =
	    devca_make(&root, &(struct devca_opt){.name = "b", .san = "DNS:*.b.example"});
	struct certs_pair pa[2] = {devca_pair(&ec_a, NULL), devca_pair(&rsa_a, NULL)};
	struct devca ec_v = devca_make(
	    &root, &(struct devca_opt){.name = "v", .san = "DNS:verify.example"});
	struct certs_pair pb[2] = {devca_pair(&ec_b, NULL), devca_pair(&ec_v, NULL)};
	const char *a[] = {"a.example", "a2.example"},
		   *b[] = {"*.b.example", "verify.example"};
	struct certs_site sites[N_SITES] = {
	    {"site a", a, 2, pa, 2}, {"site b", b, 2, pb, 2}, {"plain", NULL, 0, pb, 1}};
	struct certs_opt opt = {(int64_t)time(NULL), -1};

	devca_must(certs_open(&store, sites, N_SITES, &opt, why, sizeof(why)) == 0, why);
	devca_pair_free(&pa[0]);
	devca_pair_free(&pa[1]);
	devca_pair_free(&pb[0]);
	devca_pair_free(&pb[1]);
	devca_free(&ec_a);
	devca_free(&rsa_a);
	devca_free(&ec_b);
	devca_free(&ec_v);
}

static inline struct tlsctx_opt
defaults(void)
{
	return (struct tlsctx_opt){
	    .alpn = (const uint8_t *)"\x08http/1.1",
	    .alpn_n = 9,
	    .ticket_secret = secret,
	    .ticket_interval = 3600,
	    .tickets = 1,
	    .now = noon,
	};
}

static inline struct tlsctx *
open_server(const struct tlsctx_opt *opt)
{
	struct tlsctx *t;

	devca_must(tlsctx_open(&t, store, opt, why, sizeof(why)) == 0, why);
	return t;
}

static inline SSL_CTX *
new_client(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	X509_STORE_add_cert(SSL_CTX_get_cert_store(c), root.cert);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT);
	return c;
}

static inline void
start(struct tlspair *p, const struct tlsctx *t, const char *sni)
{
	tlspair_init(p, client, tlsctx_front(t));
	if (sni)
		tlspair_sni(p->client, sni);
}

static inline void
sites_open(void)
{
	root = devca_make(NULL, &(struct devca_opt){.name = "root", .is_ca = 1});
	open_store();
	client = new_client();
}

static inline void
sites_close(void)
{
	SSL_CTX_free(client);
	certs_close(store);
	devca_free(&root);
}

#endif
