/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tlssites.h"

static void
the_server_name_picks_the_site(void)
{
	static const struct {
		const char *sni;
		int site;
	} cases[] = {{"a.example", A},
		     {"A2.example", A},
		     {"x.b.example", B},
		     {"verify.example", B}};
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);

	for (size_t i = 0; i < 4; i++) {
		struct tlsctx_hello h = {0};
		struct tlspair p;
		const unsigned char *alpn;
		unsigned n;

		start(&p, t, cases[i].sni);
		SSL_set1_host(p.client, cases[i].sni);
		SSL_set_alpn_protos(p.client, (const uint8_t *)"\x02h2\x08http/1.1", 12);
		tlsctx_watch(p.server, &h);
		CHECK_INT(tlsctx_site(p.server), -1);
		CHECK(tlspair_shake(&p));
		CHECK_INT(tlsctx_site(p.server), cases[i].site);
		CHECK_INT(h.seen, 1);
		SSL_get0_alpn_selected(p.server, &alpn, &n);
		CHECK(n == 8 && memcmp(alpn, "http/1.1", 8) == 0);
		CHECK_INT(SSL_version(p.server), TLS1_3_VERSION);
		CHECK(SSL_get_current_compression(p.server) == NULL);
		tlsctx_unwatch(p.server);
		tlspair_fini(&p);
	}
	tlsctx_close(t);
}

static void
each_client_gets_the_key_type_it_can_use(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	const char *algs[] = {"ECDSA+SHA256", "RSA-PSS+SHA256"};
	const int types[] = {EVP_PKEY_EC, EVP_PKEY_RSA};

	for (int i = 0; i < 2; i++) {
		struct tlspair p;

		start(&p, t, "a.example");
		tlspair_set(p.client, SSL_CTRL_SET_SIGALGS_LIST, 0, algs[i]);
		CHECK(tlspair_shake(&p));
		CHECK_INT(EVP_PKEY_get_base_id(
			      X509_get0_pubkey(SSL_get0_peer_certificate(p.client))),
			  types[i]);
		tlspair_fini(&p);
	}
	tlsctx_close(t);
}

static void
refuse(const struct tlsctx *t, const char *sni, enum tlsctx_refusal wanted)
{
	struct tlsctx_hello h = {0};
	struct tlspair p;

	start(&p, t, sni);
	tlsctx_watch(p.server, &h);
	CHECK(!tlspair_shake(&p));
	CHECK_INT(h.refused, wanted);
	CHECK_INT(tlspair_alert(&p), SSL_AD_UNRECOGNIZED_NAME);
	CHECK(tlsctx_refusal_text(h.refused)[0] != '\0');
	tlspair_fini(&p);
}

static void
refuses_unknown_and_missing_names(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);

	refuse(t, "c.example", TLSCTX_UNKNOWN_NAME);
	refuse(t, "b.example", TLSCTX_UNKNOWN_NAME);
	refuse(t, NULL, TLSCTX_NO_NAME);
	tlsctx_close(t);
}

/* The client's hello with one byte in front of the name changed. */
static void
refuses_malformed_names(void)
{
	/* Counted back from the name: list length, type, name length. */
	static const struct {
		size_t back;
		uint8_t add;
	} cases[] = {{5, 1}, {4, 1}, {4, 0xff}, {3, 1}, {2, 1}, {1, 0xff}, {1, 1}};
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tlsctx_hello h = {0};
		struct tlspair p;
		uint8_t buf[4096], *name;
		int n;

		start(&p, t, "a.example");
		tlsctx_watch(p.server, &h);
		(void)SSL_do_handshake(p.client);
		n = BIO_read(SSL_get_wbio(p.client), buf, sizeof(buf));
		CHECK(n > 0);
		name = memmem(buf, (size_t)n, "a.example", 9);
		CHECK(name != NULL);
		if (name)
			name[-(ptrdiff_t)cases[i].back] =
			    (uint8_t)(name[-(ptrdiff_t)cases[i].back] + cases[i].add);
		BIO_write(SSL_get_rbio(p.server), buf, n);
		CHECK(SSL_do_handshake(p.server) <= 0);
		CHECK_INT(h.refused, TLSCTX_BAD_NAME);
		CHECK_INT(tlsctx_site(p.server), -1);
		ERR_clear_error();
		tlspair_fini(&p);
	}
	tlsctx_close(t);
}

static void
refuses_old_versions_and_weak_suites(void)
{
	static const char *const weak[] = {"AES128-GCM-SHA256",
					   "ECDHE-RSA-AES128-SHA",
					   "ECDHE-ECDSA-AES256-SHA384",
					   "DHE-RSA-AES128-GCM-SHA256",
					   "AES256-SHA",
					   "ECDHE-ECDSA-AES128-CCM",
					   "ADH-AES128-GCM-SHA256",
					   "NULL-SHA256"};
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	struct tlspair p;

	start(&p, t, "a.example");
	SSL_set_security_level(p.client, 0);
	SSL_set_min_proto_version(p.client, TLS1_VERSION);
	SSL_set_max_proto_version(p.client, TLS1_1_VERSION);
	CHECK(!tlspair_shake(&p));
	CHECK_INT(tlspair_alert(&p), SSL_AD_PROTOCOL_VERSION);
	tlspair_fini(&p);
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		start(&p, t, "a.example");
		SSL_set_security_level(p.client, 0);
		SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
		CHECK_INT(SSL_set_cipher_list(p.client, weak[i]), 1);
		CHECK(!tlspair_shake(&p));
		CHECK_INT(tlspair_alert(&p), SSL_AD_HANDSHAKE_FAILURE);
		tlspair_fini(&p);
	}
	start(&p, t, "a.example");
	SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
	CHECK(tlspair_shake(&p));
	CHECK_INT(SSL_version(p.server), TLS1_2_VERSION);
	tlspair_fini(&p);
	tlsctx_close(t);
}

static void
refuses_a_foreign_protocol(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	struct tlspair p;

	start(&p, t, "a.example");
	SSL_set_alpn_protos(p.client,
			    (const uint8_t *)"\x03"
					     "ftp",
			    4);
	CHECK(!tlspair_shake(&p));
	CHECK_INT(tlspair_alert(&p), SSL_AD_NO_APPLICATION_PROTOCOL);
	tlspair_fini(&p);
	tlsctx_close(t);
	opt.alpn = (const uint8_t *)"\x09http/1.1";
	CHECK_INT(tlsctx_open(&t, store, &opt, why, sizeof(why)), -1);
}

static void
renegotiation_is_refused(void)
{
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	struct tlspair p;
	uint8_t byte = 'x';

	start(&p, t, "a.example");
	SSL_set_max_proto_version(p.client, TLS1_2_VERSION);
	CHECK(tlspair_shake(&p));
	CHECK_INT(SSL_renegotiate(p.client), 1);
	SSL_do_handshake(p.client);
	tlspair_move(&p, p.client, p.server);
	CHECK(SSL_read(p.server, &byte, 1) <= 0);
	tlspair_move(&p, p.server, p.client);
	CHECK(SSL_do_handshake(p.client) <= 0);
	CHECK_INT(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	tlspair_fini(&p);
	tlsctx_close(t);
}

struct taken {
	uint8_t msg[TLSCTX_HELLO_MAX];
	size_t n;
	int times;
};

static void
take(void *arg, const uint8_t *msg, size_t n)
{
	struct taken *k = arg;

	memcpy(k->msg, msg, n);
	k->n = n;
	k->times++;
}

/* The first handshake message of the client's flight, out of its records. */
static size_t
unrecord(const struct tlspair *p, uint8_t *out, size_t cap)
{
	size_t at = 0, n = 0, want = 4;

	while (n < want && at + 5 <= p->flight_n && p->flight[at] == 22) {
		size_t len = (size_t)p->flight[at + 3] << 8 | p->flight[at + 4];

		if (n + len > cap)
			return 0;
		memcpy(out + n, p->flight + at + 5, len);
		n += len;
		at += 5 + len;
		want = 4 + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);
	}
	return n == want ? n : 0;
}

static void
the_first_hello_is_captured_byte_for_byte(void)
{
	static const size_t chunks[] = {0, 1, 7, 300};
	static struct taken k;
	static uint8_t wanted[TLSCTX_HELLO_MAX];
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);

	for (int i = 0; i < 8; i++) {
		struct tlsctx_hello h = {take, &k, 0, TLSCTX_OK};
		struct tlspair p;
		size_t n;

		memset(&k, 0, sizeof(k));
		start(&p, t, "a.example");
		p.chunk = chunks[i % 4];
		/* A hello split over several records. */
		SSL_set_max_send_fragment(p.client, 512);
		if (i >= 4)
			SSL_set1_groups_list(p.client, "X448:P-256");
		SSL_set_alpn_protos(p.client, (const uint8_t *)"\x08http/1.1", 9);
		tlsctx_watch(p.server, &h);
		CHECK(tlspair_shake(&p));
		CHECK_INT(h.seen, i >= 4 ? 2 : 1);
		CHECK_INT(k.times, 1);
		n = unrecord(&p, wanted, sizeof(wanted));
		CHECK(n > 100);
		CHECK(n == k.n && memcmp(wanted, k.msg, n) == 0);
		tlsctx_unwatch(p.server);
		tlspair_fini(&p);
	}
	tlsctx_close(t);
}

static void
nothing_is_captured_after_unwatch(void)
{
	static struct taken k;
	struct tlsctx_hello h = {take, &k, 0, TLSCTX_OK};
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	struct tlspair p;
	char buf[8];

	start(&p, t, "a.example");
	tlsctx_watch(p.server, &h);
	CHECK(tlspair_shake(&p));
	tlsctx_unwatch(p.server);
	memset(&h, 0xff, sizeof(h)); /* would crash if it were called */
	CHECK_INT(SSL_write(p.client, "ping", 4), 4);
	tlspair_move(&p, p.client, p.server);
	CHECK_INT(SSL_read(p.server, buf, sizeof(buf)), 4);
	CHECK_INT(k.times, 1);
	tlspair_fini(&p);
	tlsctx_close(t);
}

static void
refuses_long_and_sslv2_hellos(void)
{
	static uint8_t alpn[20000];
	/* SSLv2 record: length, type 1, version 3.3, one cipher of 3 bytes, 16 of
	 * challenge */
	static const uint8_t v2[] = {0x80, 0x1c, 1, 3,	  3,  0,  3,  0,  0,  0,
				     16,   0,	 0, 0x2f, 1,  2,  3,  4,  5,  6,
				     7,	   8,	 9, 10,	  11, 12, 13, 14, 15, 16};
	struct tlsctx_opt opt = defaults();
	struct tlsctx *t = open_server(&opt);
	struct tlsctx_hello h = {0};
	struct tlspair p;

	for (size_t i = 0; i < sizeof(alpn); i += 10)
		memcpy(alpn + i, "\x09http/1.1x", 10);
	start(&p, t, "a.example");
	SSL_set_alpn_protos(p.client, alpn, sizeof(alpn));
	tlsctx_watch(p.server, &h);
	CHECK(!tlspair_shake(&p));
	CHECK_INT(h.refused, TLSCTX_TOO_LONG);
	tlspair_fini(&p);

	memset(&h, 0, sizeof(h));
	start(&p, t, "a.example");
	tlsctx_watch(p.server, &h);
	BIO_write(SSL_get_rbio(p.server), v2, sizeof(v2));
	CHECK(SSL_do_handshake(p.server) <= 0);
	CHECK_INT(h.refused, TLSCTX_SSLV2);
	CHECK_INT(SSL_get_error(p.server, -1), SSL_ERROR_SSL);
	tlsctx_error(why, sizeof(why));
	CHECK(why[0] != '\0');
	tlspair_fini(&p);
	tlsctx_close(t);
}

int
main(void)
{
	sites_open();
	TAP_RUN(the_server_name_picks_the_site);
	TAP_RUN(each_client_gets_the_key_type_it_can_use);
	TAP_RUN(refuses_unknown_and_missing_names);
	TAP_RUN(refuses_malformed_names);
	TAP_RUN(refuses_old_versions_and_weak_suites);
	TAP_RUN(refuses_a_foreign_protocol);
	TAP_RUN(renegotiation_is_refused);
	TAP_RUN(the_first_hello_is_captured_byte_for_byte);
	TAP_RUN(nothing_is_captured_after_unwatch);
	TAP_RUN(refuses_long_and_sslv2_hellos);
	sites_close();
	return tap_done();
}
