/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/packet.h"

#include <stdio.h>

#include "proxy/gate/conn.h"
#include "proxy/gate/gather.h"
#include "proxy/net/tcpinfo.h"
#include "proxy/wire/ua.h"

enum {
	PACKET_TTL_WINDOWS = 128,
	PACKET_TTL_OTHERS = 64,
	PACKET_US = 1000,
	PACKET_FARTHER_MS = 50, /* than at the login: worth showing */
};

void
packet_accept(struct conn *c)
{
	uint8_t bytes[TCPINFO_SYN];
	struct packet *p = &c->packet;
	struct syn syn;
	size_t n = tcpinfo_syn(c->stream.watch.fd, bytes);

	p->direct = true;
	p->rtt_us = tcpinfo_rtt(c->stream.watch.fd);
	if (n == 0 || syn_parse(span_of(bytes, n), &syn) != 0)
		return;
	p->core = syn_core(&syn);
	syn_text(&syn, p->text);
}

void
packet_flight(struct conn *c)
{
	struct packet *p = &c->packet;
	uint64_t put = c->stream.sent + c->stream.out.n;

	if (!p->direct || put == p->put)
		return;
	/* On its way first: what else this batch has to do is no distance. */
	stream_flush(&c->stream);
	p->put = put;
	p->flight_ns = c->w->net.loop.mono_ns();
}

void
packet_shaken(struct conn *c)
{
	struct packet *p = &c->packet;
	uint64_t now = c->w->net.loop.now;

	if (p->flight_ns != 0 && now > p->flight_ns)
		p->tls_us = (uint32_t)((now - p->flight_ns) / PACKET_US);
}

/* The client's own packets, and not those of a hop that speaks for it? */
static bool
packet_known(const struct exchange *ex)
{
	return ex->conn->packet.direct && !ex->asserted;
}

static void
packet_ask_again(struct conn *c)
{
	struct packet *p = &c->packet;
	uint64_t now = c->w->net.loop.now;
	uint32_t us;

	if (p->rtt_ns != 0 && now - p->rtt_ns < PACKET_AGAIN_MS * 1000000ull)
		return;
	p->rtt_ns = now;
	us = tcpinfo_rtt(c->stream.watch.fd);
	if (us != 0)
		p->rtt_us = us;
}

void
packet_see(struct exchange *ex)
{
	struct packet *p = &ex->conn->packet;
	uint32_t ms;

	if (!packet_known(ex))
		return;
	packet_ask_again(ex->conn);
	ex->seen.syn = p->core;
	if (p->tls_us == 0 || p->rtt_us == 0)
		return;
	ms = p->tls_us > p->rtt_us ? (p->tls_us - p->rtt_us) / PACKET_US : 0;
	ex->seen.gap = (uint16_t)(ms < UINT16_MAX ? ms + 1 : UINT16_MAX);
}

static void
packet_gap(struct exchange *ex, const struct session_context *bound)
{
	uint16_t gap = ex->seen.gap;
	char b[16], s[16];

	facts_set_int(&ex->facts, SIG_NETWORK_RTT_GAP, gap - 1);
	if (bound == NULL || bound->gap == 0 || gap < bound->gap + PACKET_FARTHER_MS)
		return;
	snprintf(b, sizeof(b), "%u ms", bound->gap - 1u);
	snprintf(s, sizeof(s), "%u ms", gap - 1u);
	gather_evidence(ex, SIG_NETWORK_RTT_GAP, b, s);
}

/* The system that the User-Agent names against the hop limit that its packets begin with. */
static void
packet_system(struct exchange *ex)
{
	enum ua_os os = (enum ua_os)ex->seen.ua_system;
	uint8_t ttl = syn_core_ttl(ex->seen.syn);
	bool agree = ttl == (os == UA_OS_WINDOWS ? PACKET_TTL_WINDOWS : PACKET_TTL_OTHERS);
	char seen[16];

	if (os == UA_OS_UNKNOWN || os == UA_OS_OTHER)
		return;
	facts_set_bool(&ex->facts, SIG_NETWORK_SYSTEM_AGREE, agree);
	if (agree)
		return;
	snprintf(seen, sizeof(seen), "hop limit %u", ttl);
	gather_evidence(ex, SIG_NETWORK_SYSTEM_AGREE, ua_os_name(os), seen);
}

static void
packet_syn(struct exchange *ex, const struct session_context *bound)
{
	char b[SYN_TEXT], s[SYN_TEXT];

	if (ex->seen.syn == 0)
		return;
	packet_system(ex);
	if (bound == NULL || bound->syn == 0)
		return;
	facts_set_bool(&ex->facts, SIG_NETWORK_SYN_SAME, bound->syn == ex->seen.syn);
	if (bound->syn == ex->seen.syn)
		return;
	syn_core_text(bound->syn, b);
	syn_core_text(ex->seen.syn, s);
	gather_evidence(ex, SIG_NETWORK_SYN_SAME, b, s);
}

void
packet_gather(struct exchange *ex, const struct session_context *bound)
{
	const struct packet *p = &ex->conn->packet;

	if (!packet_known(ex))
		return;
	if (p->rtt_us != 0)
		facts_set_int(&ex->facts, SIG_NETWORK_RTT, p->rtt_us / PACKET_US);
	if (ex->seen.gap != 0)
		packet_gap(ex, bound);
	packet_syn(ex, bound);
}

void
packet_record(struct rec *r, const struct exchange *ex)
{
	const struct packet *p = &ex->conn->packet;

	if (!packet_known(ex))
		return;
	if (p->rtt_us != 0)
		rec_put_u64(r, REC_TAG_RTT, p->rtt_us);
	if (p->tls_us != 0)
		rec_put_u64(r, REC_TAG_TLS_RTT, p->tls_us);
	if (p->core != 0)
		rec_put_text(r, REC_TAG_SYN, p->text);
}
