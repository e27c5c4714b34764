/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/session/session.h"

#include "proxy/base/text.h"
#include "tests/unit/tap.h"

/* Bytes at the end of a stored session: of its requests' fields, and of a device without a key. */
enum { HEADS = 8 * SESSION_HEADS, KEYLESS = 1 + 2 + 4 * 8 + 1 };

/* Somebody with Chromium 156 on Linux, at 126.10.20.30, AS 17676, Japan. */
static struct session_context
office(void)
{
	struct session_context c = {.asn = 17676, .ua_family = 1, .ua_system = 3,
	    .ua_major = 156, .flags = CONTEXT_HAS_ADDR | CONTEXT_HAS_CORE,
	    .addr = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 126, 10, 20, 30},
	    .country = {{'J', 'P'}, {'J', 'P'}}};

	memset(c.core, 0x11, sizeof(c.core));
	memset(c.soft, 0x22, sizeof(c.soft));
	return c;
}

static void
the_same_program_at_the_same_place_is_one_holder(void)
{
	struct session_context a = office(), b = office();

	b.addr[15] = 99;
	b.core[0] ^= 1; /* the strict core differs between a full and a resumed handshake */
	CHECK(session_context_same(&a, &b));
	b.addr[10] = b.addr[11] = 0; /* the operator's IPv6 */
	CHECK(session_context_same(&a, &b));
	b.ua_major = 0;
	CHECK(session_context_same(&a, &b));
}

static void
another_version_is_another_holder_but_alike(void)
{
	struct session_context a = office(), b = office();

	b.ua_major = 120;
	CHECK(!session_context_same(&a, &b));
	CHECK(session_context_alike(&a, &b));
}

static void
another_program_or_place_is_not_alike(void)
{
	struct session_context a = office(), b[6];

	for (int i = 0; i < 6; i++)
		b[i] = office();
	b[0].soft[3] ^= 1;
	b[1].ua_family = 2;
	b[2].ua_system = 1;
	b[3].asn = 9605;
	b[4].country[0][0] = b[4].country[1][0] = 'K';
	b[5].flags &= (uint8_t)~CONTEXT_HAS_CORE;
	for (int i = 0; i < 6; i++) {
		CHECK(!session_context_alike(&a, &b[i]));
		CHECK(!session_context_same(&a, &b[i]));
	}
}

static void
another_begin_of_http2_is_another_holder_and_none_is_nobody(void)
{
	struct session s = {.n_contexts = 1};
	struct session_context thief = office(), plain = office(), owner = office();
	bool fresh;

	owner.h2 = 0x11111111;
	thief.h2 = 0x22222222;
	s.contexts[0] = owner;
	s.contexts[0].flags |= CONTEXT_ACCEPTED;
	CHECK(session_context_alike(&owner, &thief) && !session_context_same(&owner, &thief));
	session_context_touch(&s, &thief, 5, &fresh)->flags |= CONTEXT_CHALLENGED;
	CHECK(fresh);
	CHECK(session_context_touch(&s, &owner, 6, &fresh) == &s.contexts[0] && !fresh);
	/* HTTP/1.1 then, or now. */
	CHECK(session_context_touch(&s, &plain, 7, &fresh) == &s.contexts[0] && !fresh);
	s.contexts[0].h2 = 0;
	CHECK(session_context_touch(&s, &thief, 8, &fresh) == &s.contexts[0] && !fresh);
	CHECK_INT(s.contexts[0].h2, 0); /* and nobody teaches it */
}

static void
one_source_alone_moves_nobody_abroad(void)
{
	struct session_context a = office(), b = office(), c = office();

	b.country[1][0] = 'K';
	CHECK(session_context_same(&a, &b));
	/* … unless the other knows nothing */
	c.country[0][0] = '\0';
	CHECK(!session_context_same(&b, &c));
}

static void
a_challenge_marks_one_holder_only(void)
{
	struct session s = {.n_contexts = 1};
	struct session_context thief = office();
	bool fresh;

	s.contexts[0] = office();
	s.contexts[0].flags |= CONTEXT_ACCEPTED;
	thief.ua_major = 120;
	session_context_touch(&s, &thief, 5, &fresh)->flags |= CONTEXT_CHALLENGED;
	CHECK(fresh);
	thief = office();
	CHECK((session_context_touch(&s, &thief, 6, &fresh)->flags & CONTEXT_CHALLENGED) == 0);
	CHECK(!fresh);
}

static void
the_logins_context_never_gives_way(void)
{
	struct session s = {.n_contexts = 1};
	struct session_context c = office();
	bool fresh;

	s.contexts[0] = office();
	for (unsigned i = 0; i < 40; i++) {
		c.asn = 60000 + i;
		(void)session_context_touch(&s, &c, 10 + i, &fresh);
		CHECK(fresh);
	}
	CHECK_INT(s.n_contexts, SESSION_CONTEXTS);
	CHECK_INT(s.contexts[0].asn, 17676);
}

static void
a_challenge_is_not_pushed_out_by_making_contexts(void)
{
	struct session s = {.n_contexts = 1};
	struct session_context c = office(), first;
	struct session_context *at;
	bool fresh;

	s.contexts[0] = office();
	s.contexts[0].flags |= CONTEXT_ACCEPTED;
	c.asn = 60000;
	first = c;
	for (unsigned i = 0; i < 40; i++) {
		c.asn = 60000 + i;
		at = session_context_touch(&s, &c, 10 + i, &fresh);
		CHECK((at != NULL) == (i < SESSION_CONTEXTS - 1));
		CHECK(fresh == (at != NULL));
		if (at != NULL)
			at->flags |= CONTEXT_CHALLENGED;
	}
	at = session_context_touch(&s, &first, 99, &fresh);
	CHECK(!fresh && at != NULL && (at->flags & CONTEXT_CHALLENGED) != 0);
	/* The owner is where he was. */
	c = office();
	at = session_context_touch(&s, &c, 100, &fresh);
	CHECK(at == &s.contexts[0]);
}

static void
the_largest_session_fits_its_stored_form(void)
{
	struct session s = {.n_contexts = SESSION_CONTEXTS, .n_creds = SESSION_CREDS,
	    .user_n = SESSION_USER_MAX - 1, .site_n = SESSION_SITE_MAX - 1, .expires_s = 1,
	    .n_chains = SESSION_CHAINS, .device = {.key = {.alg = DEVKEY_RS256, .n = DEVKEY_RS256_LEN}}};
	struct session out;
	uint8_t blob[SESSION_BLOB_MAX];
	size_t n;

	atomic_store(&s.state, SESSION_LIVE);
	memset(s.device.key.bytes, 0xff, DEVKEY_RS256_LEN);
	n = session_encode(&s, blob);
	CHECK(n <= SESSION_BLOB_MAX);
	CHECK_INT(session_decode(span_of(blob, n), &out), 0);
	CHECK_INT(out.n_creds, SESSION_CREDS);
	CHECK_INT(out.n_contexts, SESSION_CONTEXTS);
}

static void
what_is_stored_comes_back_and_nothing_else_is_taken(void)
{
	struct session s = {.n_contexts = 2, .n_creds = 2, .user_n = 5, .site_n = 6, .user_how = 1,
	    .created_s = 100, .expires_s = 200, .idle_s = 60, .user = "alice", .site = "wallet"};
	struct session out;
	uint8_t blob[SESSION_BLOB_MAX];
	size_t n;

	atomic_store(&s.state, SESSION_LIVE);
	atomic_store(&s.last_s, 150);
	s.contexts[0] = s.contexts[1] = office();
	s.contexts[0].syn = 0x4007000035624000;
	s.contexts[0].gap = 300;
	s.contexts[1].flags |= CONTEXT_CHALLENGED;
	s.creds[1].until_s = 170;
	s.heads[SESSION_HEADS - 1] = 0x8100000000000201;
	n = session_encode(&s, blob);
	CHECK_INT(session_decode(span_of(blob, n), &out), 0);
	CHECK_INT(out.n_contexts, 2);
	CHECK_INT(out.contexts[1].flags, s.contexts[1].flags);
	CHECK(out.contexts[0].syn == 0x4007000035624000);
	CHECK_INT(out.contexts[0].gap, 300);
	CHECK_INT(out.creds[1].until_s, 170);
	CHECK(out.heads[SESSION_HEADS - 1] == 0x8100000000000201 && out.heads[0] == 0);
	CHECK(memcmp(out.user, "alice", 5) == 0);
	for (size_t cut = 0; cut < n; cut++)
		CHECK(session_decode(span_of(blob, cut), &out) < 0);
	blob[n] = 0;
	CHECK_INT(session_decode(span_of(blob, n + 1), &out), WF_ETRAILING);
}

static void
the_chains_that_logged_in_are_known_and_stored(void)
{
	struct session s = {.expires_s = 1}, out;
	uint8_t blob[SESSION_BLOB_MAX], chain[SESSION_CHAIN_LEN] = {0};
	size_t n;

	atomic_store(&s.state, SESSION_LIVE);
	for (chain[0] = 1; chain[0] <= SESSION_CHAINS + 1; chain[0]++) {
		CHECK(!session_chain_has(&s, chain));
		session_chain_add(&s, chain);
		session_chain_add(&s, chain);
		CHECK(session_chain_has(&s, chain));
	}
	CHECK_INT(s.n_chains, SESSION_CHAINS);
	chain[0] = 1; /* the oldest gave way */
	CHECK(!session_chain_has(&s, chain));
	n = session_encode(&s, blob);
	CHECK_INT(session_decode(span_of(blob, n), &out), 0);
	for (chain[0] = 2; chain[0] <= SESSION_CHAINS + 1; chain[0]++)
		CHECK(session_chain_has(&out, chain));
	blob[n - KEYLESS - HEADS - SESSION_CHAINS * SESSION_CHAIN_LEN - 1] = SESSION_CHAINS + 1;
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ERANGE);
}

/* A session that was stored before there were chains: nobody logs in again for that. */
static void
the_formats_before_are_read(void)
{
	struct session s = {.n_contexts = 1, .n_creds = 1, .user_n = 5, .user = "alice", .heads = {[5] = 7}}, out;
	uint8_t blob[SESSION_BLOB_MAX];
	size_t n;

	atomic_store(&s.state, SESSION_LIVE);
	s.contexts[0] = office();
	n = session_encode(&s, blob);
	blob[0] = 4; /* it had no key */
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ETRAILING);
	n -= KEYLESS;
	CHECK_INT(session_decode(span_of(blob, n), &out), 0);
	CHECK(out.heads[5] == 7 && out.device.key.alg == DEVKEY_NONE && !out.device.bound);
	blob[0] = 3; /* it had no heads */
	CHECK_INT(session_decode(span_of(blob, n - HEADS), &out), 0);
	CHECK(out.heads[5] == 0 && out.version == s.version);
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ETRAILING);
	memmove(blob + 1, blob + SESSION_STAMP, n -= 8);
	blob[0] = 2; /* it had no version */
	CHECK_INT(session_decode(span_of(blob, n - HEADS), &out), 0);
	CHECK_INT(out.contexts[0].gap, s.contexts[0].gap);
	blob[0] = 1;
	/* It had no packets and HTTP/2 of the one context, no count of chains, no heads. */
	CHECK_INT(session_decode(span_of(blob, n - 15 - HEADS), &out), 0);
	CHECK_INT(out.n_chains, 0);
	CHECK(session_context_same(&out.contexts[0], &s.contexts[0]));
	CHECK(out.contexts[0].syn == 0 && out.contexts[0].gap == 0 && out.contexts[0].h2 == 0);
	CHECK_INT(session_decode(span_of(blob, n - 14 - HEADS), &out), WF_ETRAILING);
	blob[0] = 0;
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_EUNSUPPORTED);
	blob[0] = 6;
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_EUNSUPPORTED);
}

/* P-256's own base point: a key that anybody may know. */
static const char g[] = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
			"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

static void
a_devices_key_is_stored_and_no_other_bytes_in_its_place(void)
{
	struct session s = {.device = {.key = {.alg = DEVKEY_ES256, .n = 64}, .since_s = 1, .proof_s = 2, .stamp_ns = 3, .offer_ns = 4, .bound = true}}, out;
	uint8_t blob[SESSION_BLOB_MAX];
	size_t n, at;

	atomic_store(&s.state, SESSION_LIVE);
	CHECK_INT(text_unhex(span_str(g), s.device.key.bytes, 64), 0);
	n = session_encode(&s, blob);
	at = n - KEYLESS - 64;
	CHECK_INT(session_decode(span_of(blob, n), &out), 0);
	CHECK(memcmp(&out.device.key, &s.device.key, sizeof(out.device.key)) == 0);
	CHECK(out.device.since_s == 1 && out.device.proof_s == 2 && out.device.stamp_ns == 3);
	CHECK(out.device.offer_ns == 4 && out.device.bound);
	blob[at] = DEVKEY_RS256; /* another algorithm */
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ERANGE);
	blob[at] = DEVKEY_NONE; /* … or none, with a key */
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ERANGE);
	blob[at] = DEVKEY_ES256;
	blob[at + 3] ^= 1; /* off the curve */
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ERANGE);
	blob[at + 3] ^= 1;
	blob[n - 1] = 2;
	CHECK_INT(session_decode(span_of(blob, n), &out), WF_ERANGE);
}

static void
a_later_form_begins_with_greater_bytes(void)
{
	struct session s = {.version = 254}, out;
	uint8_t before[SESSION_BLOB_MAX], blob[SESSION_BLOB_MAX];

	atomic_store(&s.state, SESSION_LIVE);
	(void)session_encode(&s, before);
	for (unsigned i = 0; i < 600; i++) {
		size_t n;

		session_stamp(&s);
		n = session_encode(&s, blob);
		CHECK(memcmp(before, blob, SESSION_STAMP) < 0);
		memcpy(before, blob, n);
		CHECK_INT(session_decode(span_of(blob, n), &out), 0);
		CHECK(out.version == s.version);
	}
	before[0] = 2; /* the format before, whatever stands behind it */
	CHECK(memcmp(before, blob, SESSION_STAMP) < 0);
}

static void
another_users_client_is_a_holder_of_its_own(void)
{
	struct session s = {.n_contexts = 1};
	struct session_context thief = office(), c = office();
	bool fresh;

	s.contexts[0] = office();
	s.contexts[0].flags |= CONTEXT_ACCEPTED;
	thief.flags |= CONTEXT_FOREIGN;
	session_context_touch(&s, &thief, 5, &fresh)->flags |= CONTEXT_CHALLENGED;
	CHECK(fresh);
	CHECK(session_context_touch(&s, &c, 6, &fresh) == &s.contexts[0]);
	CHECK((s.contexts[0].flags & CONTEXT_CHALLENGED) == 0);
}

static void
the_shortest_gap_of_a_holder_counts(void)
{
	struct session s = {.n_contexts = 1};
	struct session_context c = office();
	bool fresh;

	s.contexts[0] = office();
	for (unsigned i = 0; i < 4; i++) {
		static const uint16_t gaps[] = {0, 400, 30, 90}, shortest[] = {0, 400, 30, 30};

		c.gap = gaps[i];
		CHECK_INT(session_context_touch(&s, &c, 5, &fresh)->gap, shortest[i]);
	}
}

int
main(void)
{
	TAP_RUN(the_shortest_gap_of_a_holder_counts);
	TAP_RUN(the_chains_that_logged_in_are_known_and_stored);
	TAP_RUN(the_formats_before_are_read);
	TAP_RUN(a_devices_key_is_stored_and_no_other_bytes_in_its_place);
	TAP_RUN(a_later_form_begins_with_greater_bytes);
	TAP_RUN(another_users_client_is_a_holder_of_its_own);
	TAP_RUN(the_same_program_at_the_same_place_is_one_holder);
	TAP_RUN(another_version_is_another_holder_but_alike);
	TAP_RUN(another_program_or_place_is_not_alike);
	TAP_RUN(another_begin_of_http2_is_another_holder_and_none_is_nobody);
	TAP_RUN(one_source_alone_moves_nobody_abroad);
	TAP_RUN(a_challenge_marks_one_holder_only);
	TAP_RUN(the_largest_session_fits_its_stored_form);
	TAP_RUN(the_logins_context_never_gives_way);
	TAP_RUN(a_challenge_is_not_pushed_out_by_making_contexts);
	TAP_RUN(what_is_stored_comes_back_and_nothing_else_is_taken);
	return tap_done();
}
