/* SPDX-License-Identifier: Apache-2.0 */
/* Who may resume, where, for how long: certs/tlsctx, certs/ticket, certs/clientca. */
#include <unistd.h>

#include "tests/unit/tlssites.h"

static struct clientca *staff;

/* A whole handshake; *sess is offered if there is one, and replaced by a new ticket. */
static bool
visit(const struct tlsctx *t, const char *sni, int version, SSL_SESSION **sess)
{
	struct tlspair p;
	bool resumed, ok;

	start(&p, t, sni);
	SSL_set_max_proto_version(p.client, version);
	if (*sess)
		SSL_set_session(p.client, *sess);
	ok = tlspair_shake(&p);
	CHECK(ok);
	resumed = SSL_session_reused(p.server);
	CHECK_INT(resumed, SSL_session_reused(p.client));
	SSL_SESSION_free(*sess);
	*sess = ok ? SSL_get1_session(p.client) : NULL;
	if (ok)
		SSL_shutdown(p.client);
	tlspair_fini(&p);
	return resumed;
}

static void
resumes_at_the_same_site_also_after_a_restart(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	SSL_SESSION *s = NULL;

	CHECK(!visit(t, "a.example", 0, &s));
	CHECK(visit(t, "a.example", 0, &s));
	CHECK(visit(t, "a2.example", 0, &s));
	tlsctx_close(t);
	t = open_server(&opt);
	CHECK(visit(t, "a.example", 0, &s));
	SSL_SESSION_free(s);
	tlsctx_close(t);
}

static void
a_ticket_of_one_site_does_not_resume_at_another(void)
{
	struct tlsctx_opt opt = defaults();
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tlsctx *t;

	opt.tickets_tls12 = true;
	t = open_server(&opt);
	for (int i = 0; i < 2; i++) {
		SSL_SESSION *s = NULL;

		CHECK(!visit(t, "a.example", versions[i], &s));
		CHECK(visit(t, "a.example", versions[i], &s));
		CHECK(!visit(t, "x.b.example", versions[i], &s));
		CHECK(visit(t, "y.b.example", versions[i], &s));
		CHECK(!visit(t, "a.example", versions[i], &s));
		SSL_SESSION_free(s);
	}
	tlsctx_close(t);
}

static void
another_secret_or_no_tickets_means_full_handshakes(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	uint8_t other[TICKET_SECRET_LEN] = "another secret";
	SSL_SESSION *s = NULL;

	CHECK(!visit(t, "a.example", 0, &s));
	tlsctx_close(t);
	opt.ticket_secret = other;
	t = open_server(&opt);
	CHECK(!visit(t, "a.example", 0, &s));
	tlsctx_close(t);
	opt.ticket_secret = NULL;
	t = open_server(&opt);
	CHECK(!visit(t, "a.example", 0, &s));
	CHECK(!visit(t, "a.example", 0, &s));
	CHECK(!visit(t, "a.example", TLS1_2_VERSION, &s));
	CHECK(!visit(t, "a.example", TLS1_2_VERSION, &s));
	SSL_SESSION_free(s);
	tlsctx_close(t);
}

static void
tls12_gets_no_ticket_unless_asked_for(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	SSL_SESSION *s = NULL;

	CHECK(!visit(t, "a.example", TLS1_2_VERSION, &s));
	CHECK(!SSL_SESSION_has_ticket(s));
	CHECK(!visit(t, "a.example", TLS1_2_VERSION, &s));
	SSL_SESSION_free(s);
	tlsctx_close(t);
}

static void
a_ticket_key_lasts_for_its_interval_and_one_more(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	SSL_SESSION *first = NULL, *s;

	CHECK(!visit(t, "a.example", 0, &first));
	s = SSL_SESSION_dup(first); /* OpenSSL offers one of TLS 1.3 once */
	tlsctx_tick(t, noon + 3600);
	CHECK(visit(t, "a.example", 0, &s));
	SSL_SESSION_free(s);
	s = SSL_SESSION_dup(first);
	CHECK(SSL_SESSION_is_resumable(s));
	tlsctx_tick(t, noon + 7200);
	CHECK(!visit(t, "a.example", 0, &s));
	CHECK(visit(t, "a.example", 0, &s));
	SSL_SESSION_free(s);
	SSL_SESSION_free(first);
	tlsctx_close(t);
}

static void
early_data_is_refused(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	SSL_SESSION *s = NULL, *forced;
	struct tlspair p;
	size_t n = 0;
	char buf[32];

	CHECK(!visit(t, "a.example", 0, &s));
	CHECK_INT(SSL_SESSION_get_max_early_data(s), 0);
	/* A client that does not care what the ticket allowed. */
	forced = SSL_SESSION_dup(s);
	SSL_SESSION_set_max_early_data(forced, 4096);
	start(&p, t, "a.example");
	SSL_set_session(p.client, forced);
	CHECK_INT(SSL_write_early_data(p.client, "GET /drain", 10, &n), 1);
	CHECK(tlspair_shake(&p));
	CHECK_INT(SSL_get_early_data_status(p.client), SSL_EARLY_DATA_REJECTED);
	CHECK(SSL_read(p.server, buf, sizeof(buf)) <= 0);
	tlspair_fini(&p);
	SSL_SESSION_free(forced);
	SSL_SESSION_free(s);
	tlsctx_close(t);
}

/* Sites with client certificates: A requires one, B asks for one. */
static struct tlsctx *
open_staff_server(void)
{
	struct tlsctx_opt opt = defaults();
	const struct clientca *clients[N_SITES] = {staff, NULL, NULL};

	opt.clients = clients;
	return open_server(&opt);
}

static bool
visit_as(const struct tlsctx *t, const char *sni, const struct devca *who,
	 SSL_SESSION **sess, bool *resumed)
{
	struct tlspair p;
	char byte;
	bool ok;

	start(&p, t, sni);
	if (who) {
		SSL_use_certificate(p.client, who->cert);
		SSL_use_PrivateKey(p.client, who->key);
	}
	if (*sess)
		SSL_set_session(p.client, *sess);
	ok = tlspair_shake(&p);
	*resumed = SSL_session_reused(p.server);
	ok = ok && SSL_write(p.server, "x", 1) == 1;
	tlspair_move(&p, p.server, p.client);
	ok = ok && SSL_read(p.client, &byte, 1) == 1;
	SSL_SESSION_free(*sess);
	*sess = ok ? SSL_get1_session(p.client) : NULL;
	if (ok)
		SSL_shutdown(p.client);
	ERR_clear_error();
	tlspair_fini(&p);
	return ok;
}

static void
a_client_certificate_is_demanded_where_set(void)
{
	struct tlsctx *t = open_staff_server();
	struct devca alice =
	    devca_make(&root, &(struct devca_opt){.name = "alice", .eku = "clientAuth"});
	struct devca mallory = devca_make(NULL, &(struct devca_opt){.name = "mallory"});
	struct devca server =
	    devca_make(&root, &(struct devca_opt){.name = "server", .eku = "serverAuth"});
	SSL_SESSION *s = NULL;
	bool resumed;

	CHECK(!visit_as(t, "a.example", NULL, &s, &resumed));
	CHECK(!visit_as(t, "a.example", &mallory, &s, &resumed));
	CHECK(!visit_as(t, "a.example", &server, &s, &resumed));
	CHECK(visit_as(t, "a.example", &alice, &s, &resumed));
	CHECK(!resumed);
	CHECK(visit_as(t, "a.example", &alice, &s, &resumed));
	CHECK(resumed);
	SSL_SESSION_free(s);
	s = NULL;
	CHECK(visit_as(t, "x.b.example", NULL, &s, &resumed));
	/* B's ticket opens no door at A, and A's none at a site without the demand. */
	CHECK(!visit_as(t, "a.example", NULL, &s, &resumed));
	CHECK(visit_as(t, "a.example", &alice, &s, &resumed));
	CHECK(visit_as(t, "x.b.example", NULL, &s, &resumed));
	CHECK(!resumed);
	SSL_SESSION_free(s);
	devca_free(&alice);
	devca_free(&mallory);
	devca_free(&server);
	tlsctx_close(t);
}

static void
a_ticket_dies_with_the_client_ca_set(void)
{
	struct tlsctx *t = open_staff_server();
	struct devca alice = devca_make(&root, &(struct devca_opt){.name = "alice"});
	struct devca second =
	    devca_make(NULL, &(struct devca_opt){.name = "2", .is_ca = 1});
	struct certs_blob both = devca_chain("ca.pem", &root, &second, NULL);
	struct clientca *more;
	const struct clientca *clients[N_SITES];
	struct tlsctx_opt opt = defaults();
	SSL_SESSION *s = NULL;
	bool resumed;

	CHECK(visit_as(t, "a.example", &alice, &s, &resumed));
	tlsctx_close(t);
	CHECK_INT(clientca_open(&more, CLIENTCA_REQUIRED, &both, NULL, why, sizeof(why)),
		  0);
	memset(clients, 0, sizeof(clients));
	clients[A] = more;
	opt.clients = clients;
	t = open_server(&opt);
	CHECK(visit_as(t, "a.example", &alice, &s, &resumed));
	CHECK(!resumed);
	SSL_SESSION_free(s);
	tlsctx_close(t);
	clientca_close(more);
	certs_file_free(&both);
	devca_free(&alice);
	devca_free(&second);
}

static void
a_ticket_dies_with_its_client_certificate(void)
{
	struct tlsctx *t = open_staff_server();
	struct devca brief =
	    devca_make(&root, &(struct devca_opt){.name = "brief", .to = 2});
	SSL_SESSION *s = NULL;
	bool resumed;

	CHECK(visit_as(t, "a.example", &brief, &s, &resumed));
	CHECK(s != NULL && SSL_SESSION_has_ticket(s));
	sleep(3);
	CHECK(!visit_as(t, "a.example", &brief, &s, &resumed));
	CHECK(!resumed);
	devca_free(&brief);
	tlsctx_close(t);
}

int
main(void)
{
	struct certs_blob ca;

	sites_open();
	ca = devca_chain("ca.pem", &root, NULL, NULL);
	devca_must(
	    clientca_open(&staff, CLIENTCA_REQUIRED, &ca, NULL, why, sizeof(why)) == 0,
	    why);
	TAP_RUN(resumes_at_the_same_site_also_after_a_restart);
	TAP_RUN(a_ticket_of_one_site_does_not_resume_at_another);
	TAP_RUN(another_secret_or_no_tickets_means_full_handshakes);
	TAP_RUN(tls12_gets_no_ticket_unless_asked_for);
	TAP_RUN(a_ticket_key_lasts_for_its_interval_and_one_more);
	TAP_RUN(early_data_is_refused);
	TAP_RUN(a_client_certificate_is_demanded_where_set);
	TAP_RUN(a_ticket_dies_with_the_client_ca_set);
	TAP_RUN(a_ticket_dies_with_its_client_certificate);
	clientca_close(staff);
	certs_file_free(&ca);
	sites_close();
	return tap_done();
}
