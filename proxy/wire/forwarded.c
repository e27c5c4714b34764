/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/wire/forwarded.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"

static struct span
forwarded_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_tail(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Nothing, or a colon and a port. */
static bool
forwarded_port_ok(struct span s)
{
	uint64_t port;

	return s.n == 0 ||
	       (s.p[0] == ':' && text_uint(span_tail(s, 1), 65535, &port) == 0);
}

static unsigned
forwarded_colons(struct span s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == ':';
	return n;
}

int
forwarded_addr(struct span entry, struct ip *out)
{
	struct span s = forwarded_trim(entry), port = {NULL, 0};

	*out = (struct ip){.family = 0};
	if (s.n && s.p[0] == '[') {
		ptrdiff_t end = span_chr(s, ']');

		if (end < 0)
			return WF_ESYNTAX;
		port = span_tail(s, (size_t)end + 1);
		s = span_of(s.p + 1, (size_t)end - 1);
		if (span_chr(s, ':') < 0)
			return WF_ESYNTAX;
	} else if (forwarded_colons(s) == 1) {
		ptrdiff_t colon = span_chr(s, ':');

		port = span_tail(s, (size_t)colon);
		s.n = (size_t)colon;
	}
	return forwarded_port_ok(port) ? ip_parse(s, out) : WF_ESYNTAX;
}

/* Takes the last entry off the list *s. */
static struct span
forwarded_last(struct span *s)
{
	struct span last = *s;
	size_t i = s->n;

	while (i > 0 && s->p[i - 1] != ',')
		i--;
	last = span_tail(last, i);
	s->n = i ? i - 1 : 0;
	return forwarded_trim(last);
}

struct forwarded_walk {
	const struct ip_prefix *trusted;
	size_t ntrusted;
	unsigned hops;
	struct ip client;
};

/* From right to left through one line: 0 when it is used up, 1 when the client is found.
 */
static int
forwarded_line(struct forwarded_walk *w, struct span line)
{
	while (line.n) {
		struct span entry = forwarded_last(&line);
		struct ip ip;
		int err;

		if (entry.n == 0)
			continue;
		if (++w->hops > FORWARDED_HOPS)
			return WF_ERANGE;
		err = forwarded_addr(entry, &ip);
		if (err != 0)
			return err;
		if (!ip_usable(&ip))
			return WF_ERANGE;
		w->client = ip;
		if (!ip_prefix_any(w->trusted, w->ntrusted, &ip))
			return 1;
	}
	return 0;
}

int
forwarded_client(const struct ip *peer, const struct span *lines, size_t n,
		 const struct ip_prefix *trusted, size_t ntrusted, struct ip *client)
{
	struct forwarded_walk w = {
	    .trusted = trusted, .ntrusted = ntrusted, .client = *peer};
	int err = 0;

	*client = (struct ip){.family = 0};
	if (ip_prefix_any(trusted, ntrusted, peer))
		for (size_t i = n; i-- > 0 && err == 0;)
			err = forwarded_line(&w, lines[i]);
	if (err < 0)
		return err;
	*client = w.client;
	return 0;
}

/* --- writing --- */

struct forwarded_out {
	uint8_t *p;
	size_t cap, n;
	bool full;
};

static void
forwarded_put(struct forwarded_out *o, struct span s)
{
	if (o->full || o->cap - o->n < s.n) {
		o->full = true;
		return;
	}
	if (s.n)
		memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

/* IPv6 stands in brackets and, since a colon is no token character, in quotes. */
static void
forwarded_put_node(struct forwarded_out *o, const char *name, const struct ip *ip)
{
	char text[IP_TEXT];
	size_t n = ip_print(ip, text);
	bool v6 = ip->family == 6;

	forwarded_put(o, span_str(name));
	forwarded_put(o, v6 ? SPAN_LIT("\"[") : SPAN_LIT(""));
	forwarded_put(o, ip->family ? span_of(text, n) : SPAN_LIT("unknown"));
	forwarded_put(o, v6 ? SPAN_LIT("]\"") : SPAN_LIT(""));
}

static bool
forwarded_is_token(uint8_t c)
{
	c = span_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

/* 0: a token; 1: needs quotes; else an error. */
static int
forwarded_host_kind(struct span host)
{
	int kind = 0;

	if (host.n == 0)
		return WF_ESYNTAX;
	for (size_t i = 0; i < host.n; i++) {
		uint8_t c = host.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ',' ||
		    c == ';')
			return WF_ESYNTAX;
		if (!forwarded_is_token(c))
			kind = 1;
	}
	return kind;
}

static int
forwarded_done(const struct forwarded_out *o, struct span *out)
{
	*out = o->full ? (struct span){NULL, 0} : span_of(o->p, o->n);
	return o->full ? WF_EFULL : 0;
}

int
forwarded_write(const struct ip *client, const struct ip *by, struct span host, bool tls,
		uint8_t *buf, size_t cap, struct span *out)
{
	struct forwarded_out o = {.p = buf, .cap = cap};
	int kind = forwarded_host_kind(host);
	struct span quote = kind == 1 ? SPAN_LIT("\"") : SPAN_LIT("");

	*out = (struct span){NULL, 0};
	if (kind < 0)
		return kind;
	if (by != NULL) {
		forwarded_put_node(&o, "by=", by);
		forwarded_put(&o, SPAN_LIT(";"));
	}
	forwarded_put_node(&o, "for=", client);
	forwarded_put(&o, SPAN_LIT(";host="));
	forwarded_put(&o, quote);
	forwarded_put(&o, host);
	forwarded_put(&o, quote);
	forwarded_put(&o, SPAN_LIT(";proto="));
	forwarded_put(&o, forwarded_proto(tls));
	return forwarded_done(&o, out);
}

int
forwarded_write_for(const struct ip *client, uint8_t *buf, size_t cap, struct span *out)
{
	struct forwarded_out o = {.p = buf, .cap = cap};
	char text[IP_TEXT];
	size_t n = ip_print(client, text);

	forwarded_put(&o, client->family ? span_of(text, n) : SPAN_LIT("unknown"));
	return forwarded_done(&o, out);
}

struct span
forwarded_proto(bool tls)
{
	return tls ? SPAN_LIT("https") : SPAN_LIT("http");
}
