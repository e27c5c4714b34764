/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/syn.h"

#include <stdio.h>

#include "proxy/base/cursor.h"

enum {
	IP_TCP = 6,
	IP6_HOPS = 0,
	IP6_ROUTING = 43,
	IP6_DESTINATION = 60,
	IP6_HEADERS = 4, /* more extension headers than any client has reason to send */
	IP4_WORDS = 5,
	TCP_WORDS = 5,
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_SCALE = 3,
	OPT_SACK = 4,
	OPT_TIME = 8,
	OPT_MULTIPATH = 30,
	OPT_FASTOPEN = 34,
	SCALE_MAX = 14, /* RFC 7323 2.3 */
};

/* ---- headers ---- */

static int
syn_ip4(struct cursor *c, struct syn *s)
{
	unsigned words = cur_u8(c) & 0x0f;

	(void)cur_take(c, 5);		      /* service, length, identification */
	if ((cur_u16(c) & 0x1fff) != 0)	      /* a later fragment has no TCP header */
		return WF_ESYNTAX;
	s->ttl = cur_u8(c);
	if (cur_u8(c) != IP_TCP)
		return cur_ok(c) ? WF_EUNSUPPORTED : WF_ETRUNCATED;
	(void)cur_take(c, 10); /* checksum, addresses */
	if (words < IP4_WORDS)
		return WF_ESYNTAX;
	(void)cur_take(c, (words - IP4_WORDS) * 4u);
	return 0;
}

static int
syn_ip6(struct cursor *c, struct syn *s)
{
	uint8_t next;

	(void)cur_take(c, 6); /* class, flow, length */
	next = cur_u8(c);
	s->ttl = cur_u8(c);
	(void)cur_take(c, 32); /* addresses */
	for (int i = 0; i < IP6_HEADERS && next != IP_TCP && cur_ok(c); i++) {
		if (next != IP6_HOPS && next != IP6_ROUTING && next != IP6_DESTINATION)
			return WF_EUNSUPPORTED;
		next = cur_u8(c);
		(void)cur_take(c, cur_u8(c) * 8u + 6);
	}
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	return next == IP_TCP ? 0 : WF_EUNSUPPORTED;
}

/* One that has a value; `kind` is read already. */
static int
syn_option(struct cursor *c, struct syn *s, uint8_t kind)
{
	uint8_t n = cur_u8(c);
	struct span v;

	if (!cur_ok(c))
		return WF_ETRUNCATED;
	if (n < 2)
		return WF_ESYNTAX;
	v = cur_take(c, n - 2u);
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	switch (kind) {
	case OPT_MSS:
		if (n != 4 || s->mss != 0)
			return WF_ESYNTAX;
		s->mss = (uint16_t)(v.p[0] << 8 | v.p[1]);
		return s->mss == 0 ? WF_ERANGE : 0;
	case OPT_SCALE:
		if (n != 3 || s->scale != SYN_NO_SCALE)
			return WF_ESYNTAX;
		s->scale = v.p[0];
		return s->scale > SCALE_MAX ? WF_ERANGE : 0;
	case OPT_SACK:
		return n == 2 ? 0 : WF_ESYNTAX;
	case OPT_TIME:
		return n == 10 ? 0 : WF_ESYNTAX;
	default:
		return 0;
	}
}

static int
syn_options(struct cursor *c, struct syn *s)
{
	while (cur_left(c) > 0) {
		uint8_t kind = cur_u8(c);
		int err = 0;

		s->kinds[s->n_kinds++] = kind;
		if (kind == OPT_END)
			return 0; /* what follows is padding */
		if (kind != OPT_NOP)
			err = syn_option(c, s, kind);
		if (err != 0)
			return err;
	}
	return 0;
}

static int
syn_tcp(struct cursor *c, struct syn *s)
{
	unsigned words, flags;
	struct cursor options;
	struct span v;

	(void)cur_take(c, 12); /* ports, sequence and acknowledgement */
	words = cur_u8(c) >> 4;
	flags = cur_u8(c);
	s->window = cur_u16(c);
	(void)cur_take(c, 4); /* checksum, urgent pointer */
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	if (words < TCP_WORDS ||
	    (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) != TCP_SYN)
		return WF_ESYNTAX;
	v = cur_take(c, (words - TCP_WORDS) * 4u);
	if (!cur_ok(c))
		return WF_ETRUNCATED;
	if (!cur_done(c))
		return WF_ETRAILING;
	options = cur_init(v);
	return syn_options(&options, s);
}

int
syn_parse(struct span headers, struct syn *out)
{
	struct cursor c = cur_init(headers);
	int err;

	*out = (struct syn){.scale = SYN_NO_SCALE};
	if (headers.n == 0)
		return WF_ETRUNCATED;
	out->version = headers.p[0] >> 4;
	if (out->version != 4 && out->version != 6)
		return WF_EUNSUPPORTED;
	err = out->version == 4 ? syn_ip4(&c, out) : syn_ip6(&c, out);
	if (err == 0 && !cur_ok(&c))
		err = WF_ETRUNCATED;
	if (err == 0 && out->ttl == 0)
		err = WF_ERANGE;
	return err == 0 ? syn_tcp(&c, out) : err;
}

/* ---- the core ---- */

static const char syn_letters[] = " ENMWSTFP?";

/* The place of an option's letter. */
static unsigned
syn_code(uint8_t kind)
{
	switch (kind) {
	case OPT_END:
		return 1;
	case OPT_NOP:
		return 2;
	case OPT_MSS:
		return 3;
	case OPT_SCALE:
		return 4;
	case OPT_SACK:
		return 5;
	case OPT_TIME:
		return 6;
	case OPT_FASTOPEN:
		return 7;
	case OPT_MULTIPATH:
		return 8;
	default:
		return 9;
	}
}

static bool
syn_in_mss(const struct syn *s)
{
	return s->mss != 0 && s->window % s->mss == 0;
}

uint8_t
syn_ttl_initial(uint8_t ttl)
{
	return ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
}

/* Hop limit, scale, window (0: a multiple of the MSS), then four bits an option. */
uint64_t
syn_core(const struct syn *s)
{
	uint64_t options = 0;

	for (unsigned i = 0; i < SYN_CORE_OPTIONS; i++)
		options = options << 4 | (i < s->n_kinds ? syn_code(s->kinds[i]) : 0);
	return (uint64_t)syn_ttl_initial(s->ttl) << 56 | (uint64_t)s->scale << 48 |
	       (uint64_t)(syn_in_mss(s) ? 0 : s->window) << 32 | options;
}

/* ---- for people ---- */

static void
syn_scale_text(uint8_t scale, char out[8])
{
	if (scale == SYN_NO_SCALE)
		snprintf(out, 8, "s-");
	else
		snprintf(out, 8, "s%u", scale);
}

void
syn_text(const struct syn *s, char out[SYN_TEXT])
{
	char options[SYN_OPTIONS + 1], scale[8], window[12];
	unsigned first = syn_ttl_initial(s->ttl);

	for (unsigned i = 0; i < s->n_kinds; i++)
		options[i] = syn_letters[syn_code(s->kinds[i])];
	options[s->n_kinds] = '\0';
	syn_scale_text(s->scale, scale);
	if (syn_in_mss(s))
		snprintf(window, sizeof(window), "%um", (unsigned)(s->window / s->mss));
	else
		snprintf(window, sizeof(window), "%u", s->window);
	snprintf(out, SYN_TEXT, "ip%u t%u-%u w%s m%u %s %s", s->version, first, first - s->ttl,
	    window, s->mss, scale, s->n_kinds ? options : "-");
}

void
syn_core_text(uint64_t core, char out[SYN_TEXT])
{
	char options[SYN_CORE_OPTIONS + 1], scale[8], window[12] = "m";
	unsigned n = 0, code, number = core >> 32 & 0xffff;

	for (int shift = 28; shift >= 0; shift -= 4) {
		code = core >> shift & 0x0f;
		if (code != 0 && code < sizeof(syn_letters) - 1)
			options[n++] = syn_letters[code];
	}
	options[n] = '\0';
	syn_scale_text((uint8_t)(core >> 48), scale);
	if (number != 0)
		snprintf(window, sizeof(window), "%u", number);
	snprintf(out, SYN_TEXT, "t%u w%s %s %s", (unsigned)syn_core_ttl(core), window, scale,
	    n ? options : "-");
}
