/* SPDX-License-Identifier: Apache-2.0 */
/* What a ticket says of the client that holds it: certs/tlslabel through certs/tlsctx. */
#include "certs/tlslabel.h"

#include <unistd.h>

#include "tests/unit/tlssites.h"

static const char label[] = "the session's name";

/* As in the gate: a handshake brings no ticket by itself. */
static struct tlsctx *
open_quiet(void)
{
	struct tlsctx_opt opt = defaults();

	opt.tickets = 0;
	return open_server(&opt);
}

static bool
give_ticket(struct tlspair *p, const void *bytes, size_t n)
{
	uint8_t byte;

	if (!tlslabel_put(p->server, bytes, n) || SSL_new_session_ticket(p->server) != 1 ||
	    SSL_do_handshake(p->server) != 1)
		return false;
	while (tlspair_move(p, p->server, p->client))
		;
	(void)SSL_peek(p->client, &byte, 1);
	ERR_clear_error();
	return true;
}

struct visit {
	const struct tlsctx *t;
	const char *sni;
	int version;
	const char *give; /* this label, once the handshake is over */
	SSL_SESSION *sess; /* offered; replaced by what came */
	bool resumed;
	char got[TLSLABEL_MAX + 1];
};

static void
visit(struct visit *v)
{
	struct tlspair p;

	start(&p, v->t, v->sni);
	SSL_set_max_proto_version(p.client, v->version);
	if (v->sess)
		SSL_set_session(p.client, v->sess);
	CHECK(tlspair_shake(&p));
	v->resumed = SSL_session_reused(p.server);
	memset(v->got, 0, sizeof(v->got));
	(void)tlslabel_get(p.server, (uint8_t *)v->got);
	if (v->give)
		CHECK(give_ticket(&p, v->give, strlen(v->give)));
	SSL_SESSION_free(v->sess);
	v->sess = SSL_get1_session(p.client);
	SSL_shutdown(p.client);
	tlspair_fini(&p);
}

static void
leave(struct visit *v, struct tlsctx *t)
{
	SSL_SESSION_free(v->sess);
	tlsctx_close(t);
}

/* A client that was given the label at site a. */
static struct visit
labelled(struct tlsctx *t)
{
	struct visit v = {.t = t, .sni = "a.example", .give = label};

	visit(&v);
	CHECK(!v.resumed && v.got[0] == '\0');
	v.give = NULL;
	return v;
}

static void
a_handshake_alone_brings_no_ticket(void)
{
	struct tlsctx *t = open_quiet();
	struct visit v = {.t = t, .sni = "a.example"};

	visit(&v);
	CHECK(!SSL_SESSION_has_ticket(v.sess));
	visit(&v);
	CHECK(!v.resumed && v.got[0] == '\0');
	leave(&v, t);
}

static void
a_label_comes_back_and_is_carried_on(void)
{
	struct tlsctx *t = open_quiet();
	struct visit v = labelled(t);

	for (int i = 0; i < 5; i++) {
		visit(&v);
		CHECK(v.resumed);
		CHECK_STR(v.got, label);
	}
	leave(&v, t);
}

static void
an_older_ticket_says_what_it_said(void)
{
	struct tlsctx *t = open_quiet();
	struct visit v = labelled(t);
	SSL_SESSION *old = SSL_SESSION_dup(v.sess); /* OpenSSL offers one of TLS 1.3 once */

	v.give = "another name";
	visit(&v);
	CHECK_STR(v.got, label);
	v.give = NULL;
	visit(&v);
	CHECK_STR(v.got, "another name");
	SSL_SESSION_free(v.sess);
	v.sess = old;
	visit(&v);
	CHECK(v.resumed);
	CHECK_STR(v.got, label);
	leave(&v, t);
}

static void
at_another_site_there_is_no_label(void)
{
	struct tlsctx *t = open_quiet();
	struct visit v = labelled(t);

	v.sni = "x.b.example";
	visit(&v);
	CHECK(!v.resumed && v.got[0] == '\0');
	leave(&v, t);
}

static void
a_label_ends_with_its_key(void)
{
	struct tlsctx *t = open_quiet();
	struct visit v = labelled(t);

	tlsctx_tick(t, noon + 3600);
	visit(&v);
	CHECK(v.resumed);
	CHECK_STR(v.got, label);
	tlsctx_tick(t, noon + 3 * 3600);
	visit(&v);
	CHECK(!v.resumed && v.got[0] == '\0');
	leave(&v, t);
}

static void
tls12_has_no_labels(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t;
	struct tlspair p;
	struct visit v;

	opt.tickets_tls12 = true;
	t = open_server(&opt);
	start(&p, t, "a.example");
	SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
	CHECK(tlspair_shake(&p));
	CHECK(!tlslabel_put(p.server, label, sizeof(label)));
	tlspair_fini(&p);
	v = (struct visit){.t = t, .sni = "a.example", .version = TLS1_2_VERSION};
	visit(&v);
	visit(&v);
	CHECK(v.resumed && v.got[0] == '\0');
	leave(&v, t);
}

/* Who saw a ticket on the wire has it whole, and not the key that it stands for. */
static void
a_ticket_without_its_key_ends_the_handshake(void)
{
	struct tlsctx *t = open_quiet();
	struct visit v = labelled(t);
	uint8_t key[48];
	size_t n = SSL_SESSION_get_master_key(v.sess, key, sizeof(key));
	struct tlspair p;

	CHECK(n > 0);
	key[0] ^= 1;
	CHECK_INT(SSL_SESSION_set1_master_key(v.sess, key, n), 1);
	start(&p, t, "a.example");
	SSL_set_session(p.client, v.sess);
	CHECK(!tlspair_shake(&p));
	CHECK(!SSL_is_init_finished(p.server));
	tlspair_fini(&p);
	leave(&v, t);
}

static void
a_label_is_short_and_comes_after_the_handshake(void)
{
	struct tlsctx *t = open_quiet();
	uint8_t big[TLSLABEL_MAX + 1] = {1};
	struct tlspair p;

	start(&p, t, "a.example");
	CHECK(!tlslabel_put(p.server, label, sizeof(label)));
	CHECK(tlspair_shake(&p));
	CHECK(!tlslabel_put(p.server, big, sizeof(big)));
	CHECK(give_ticket(&p, big, TLSLABEL_MAX));
	tlspair_fini(&p);
	tlsctx_close(t);
}

int
main(void)
{
	sites_open();
	TAP_RUN(a_handshake_alone_brings_no_ticket);
	TAP_RUN(a_label_comes_back_and_is_carried_on);
	TAP_RUN(an_older_ticket_says_what_it_said);
	TAP_RUN(at_another_site_there_is_no_label);
	TAP_RUN(a_label_ends_with_its_key);
	TAP_RUN(tls12_has_no_labels);
	TAP_RUN(a_ticket_without_its_key_ends_the_handshake);
	TAP_RUN(a_label_is_short_and_comes_after_the_handshake);
	sites_close();
	return tap_done();
}
