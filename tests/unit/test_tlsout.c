/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/tlsout.h"
#include "tests/unit/devca.h"
#include "tests/unit/tap.h"
#include "tests/unit/tlspair.h"

static struct devca root, other;
static struct certs_blob ca, other_ca;
static SSL_CTX *server, *strict;
static char why[CERTS_WHY], verdict[128];

/* Shakes hands with the backend; options that do not open count as failure. */
static bool
reach(SSL_CTX *backend, const struct tlsout_opt *opt)
{
	struct tlsout *t;
	struct tlspair p;
	char byte;
	bool ok;

	why[0] = '\0';
	if (tlsout_open(&t, opt, why, sizeof(why)) < 0)
		return false;
	tlspair_init(&p, tlsout_ctx(t), backend);
	CHECK_INT(tlsout_prepare(t, p.client), 0);
	ok = tlspair_shake(&p) && SSL_write(p.server, "x", 1) == 1;
	tlspair_move(&p, p.server, p.client);
	ok = ok && SSL_read(p.client, &byte, 1) == 1;
	snprintf(verdict, sizeof(verdict), "%s", tlsout_verdict(p.client));
	tlspair_fini(&p);
	tlsout_close(t);
	return ok;
}

static void
reaches_a_backend_that_is_who_it_should_be(void)
{
	CHECK(
	    reach(server, &(struct tlsout_opt){.ca = ca, .verify_host = "back.example"}));
	CHECK_STR(verdict, "");
	CHECK(reach(server, &(struct tlsout_opt){.ca = ca, .verify_host = "192.0.2.9"}));
}

static void
refuses_a_wrong_name_address_or_issuer(void)
{
	CHECK(
	    !reach(server, &(struct tlsout_opt){.ca = ca, .verify_host = "192.0.2.10"}));
	CHECK(strstr(verdict, "IP address mismatch") != NULL);
	CHECK(!reach(server,
		     &(struct tlsout_opt){.ca = ca, .verify_host = "wrong.example"}));
	CHECK(strstr(verdict, "ostname mismatch") != NULL);
	CHECK(!reach(
	    server, &(struct tlsout_opt){.ca = other_ca, .verify_host = "back.example"}));
	CHECK(verdict[0] != '\0');
	printf("# %s\n", verdict);
}

static void
verifies_nothing_only_when_told_so(void)
{
	CHECK(reach(server, &(struct tlsout_opt){.insecure = true,
						 .verify_host = "wrong.example"}));
}

static void
shows_its_certificate_when_asked(void)
{
	struct devca gate =
	    devca_make(&root, &(struct devca_opt){.name = "warifu", .eku = "clientAuth"});
	struct certs_pair ident = devca_pair(&gate, NULL);
	struct tlsout_opt opt = {.ca = ca, .verify_host = "back.example"};

	CHECK(!reach(strict, &opt));
	opt.ident = &ident;
	CHECK(reach(strict, &opt));
	certs_file_free(&ident.key);
	ident.key = devca_key("wrong.key", &other, NULL);
	CHECK(!reach(strict, &opt));
	CHECK(strstr(why, "wrong.key: this key does not belong") != NULL);
	devca_pair_free(&ident);
	devca_free(&gate);
}

static void
says_what_is_wrong_with_the_ca_file(void)
{
	CHECK(!reach(server, &(struct tlsout_opt){.ca = {"ca.pem", "nothing", 7},
						  .verify_host = "back.example"}));
	CHECK(strstr(why, "ca.pem: no certificate") != NULL);
}

/* A backend that answers with one certificate, whatever name is asked for. */
static SSL_CTX *
new_backend(const struct devca *d, int verify)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	devca_must(SSL_CTX_use_certificate(c, d->cert) == 1, "certificate");
	devca_must(SSL_CTX_use_PrivateKey(c, d->key) == 1, "key");
	X509_STORE_add_cert(SSL_CTX_get_cert_store(c), root.cert);
	SSL_CTX_set_verify(c, verify, NULL);
	return c;
}

int
main(void)
{
	struct devca d;

	root = devca_make(NULL, &(struct devca_opt){.name = "root", .is_ca = 1});
	other = devca_make(NULL, &(struct devca_opt){.name = "other", .is_ca = 1});
	ca = devca_chain("ca.pem", &root, NULL, NULL);
	other_ca = devca_chain("other.pem", &other, NULL, NULL);
	d = devca_make(&root, &(struct devca_opt){
				  .name = "d", .san = "DNS:back.example,IP:192.0.2.9"});
	server = new_backend(&d, SSL_VERIFY_NONE);
	strict = new_backend(&d, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	TAP_RUN(reaches_a_backend_that_is_who_it_should_be);
	TAP_RUN(refuses_a_wrong_name_address_or_issuer);
	TAP_RUN(verifies_nothing_only_when_told_so);
	TAP_RUN(shows_its_certificate_when_asked);
	TAP_RUN(says_what_is_wrong_with_the_ca_file);
	SSL_CTX_free(server);
	SSL_CTX_free(strict);
	devca_free(&d);
	certs_file_free(&ca);
	certs_file_free(&other_ca);
	devca_free(&root);
	devca_free(&other);
	return tap_done();
}
