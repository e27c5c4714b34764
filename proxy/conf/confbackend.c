/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "proxy/conf/confsite.h"

#include "proxy/base/must.h"
#include "proxy/wire/authority.h"

static bool
confbackend_unix(struct confread *rd, const struct lex_token *tok,
		 struct conf_server *out)
{
	const char *path = tok->text + strlen("unix:");

	out->scheme = CONF_UNIX;
	/* sun_path holds 108 bytes, its NUL included. */
	if (path[0] != '/' || strlen(path) > 107) {
		lex_fail(&rd->lx, tok, "write \"unix:/run/app.sock\", at most 107 bytes",
			 "this is not the path of a socket");
		return false;
	}
	out->path = pool_str(rd->pool, span_str(path));
	return true;
}

static bool
confbackend_tcp(struct confread *rd, const struct lex_token *tok, struct conf_server *out)
{
	size_t skip = out->scheme == CONF_HTTPS ? strlen("https://") : strlen("http://");
	struct authority a;
	struct span host;

	if (authority_parse(span_of(tok->text + skip, tok->n - skip), &a) != 0) {
		lex_fail(&rd->lx, tok, "a host and perhaps a port, no path",
			 "this is not a server such as \"http://10.0.0.5:8000\"");
		return false;
	}
	host = a.host;
	if (a.kind == AUTHORITY_IPV6)
		host = span_of(host.p + 1, host.n - 2);
	out->host = pool_span(rd->pool, host);
	out->port = a.port ? a.port : out->scheme == CONF_HTTPS ? 443 : 80;
	if (a.kind != AUTHORITY_NAME && ip_parse(host, &out->ip) != 0) {
		lex_fail(&rd->lx, tok, NULL, "this is not an address");
		return false;
	}
	return true;
}

static bool
confbackend_server(struct confread *rd, const struct lex_token *key)
{
	struct conf_backend *b = &rd->site->backend;
	struct conf_server s = {.scheme = CONF_HTTP};
	struct lex_token tok;
	bool good;

	(void)key;
	if (!confread_quoted(rd, "a server such as \"http://10.0.0.5:8000\"", &tok))
		return false;
	if (strncmp(tok.text, "https://", 8) == 0)
		s.scheme = CONF_HTTPS;
	if (strncmp(tok.text, "unix:", 5) == 0) {
		good = confbackend_unix(rd, &tok, &s);
	} else if (s.scheme == CONF_HTTPS || strncmp(tok.text, "http://", 7) == 0) {
		good = confbackend_tcp(rd, &tok, &s);
	} else {
		lex_fail(&rd->lx, &tok, NULL,
			 "a server begins with http://, https:// or unix:");
		return false;
	}
	s.text = pool_str(rd->pool, span_of(tok.text, tok.n));
	s.at = tok.pos;
	b->servers = pool_grow(rd->pool, b->servers, &b->n_servers, sizeof(s));
	b->servers[b->n_servers - 1] = s;
	return good;
}

static void
confbackend_check(struct confread *rd, const struct conf_backend *b,
		  const struct lex_token *at)
{
	bool tls = false;

	for (size_t i = 0; i < b->n_servers; i++)
		tls |= b->servers[i].scheme == CONF_HTTPS;
	if (b->n_servers == 0 && !lex_failed(&rd->lx))
		lex_fail(&rd->lx, at, "add server \"http://10.0.0.5:8000\"",
			 "this backend has no server");
	if (!tls && b->n_servers && (b->tls_ca || b->tls_name || b->tls_cert))
		lex_fail(&rd->lx, at, "write the servers as https://…",
			 "this backend has settings for TLS but no server with https://");
	if (!b->tls_cert != !b->tls_key)
		lex_fail(&rd->lx, at, NULL, "tls-certificate and tls-key go together");
	if (!b->tls_verify && b->tls_ca)
		lex_fail(&rd->lx, at, "leave one of them out",
			 "tls-ca has no meaning with tls-verify off");
	if (b->health_timeout_ms > b->health_interval_ms)
		lex_fail(&rd->lx, at, NULL,
			 "health-timeout is longer than health-interval");
}

bool
confsite_backend(struct confread *rd, const struct lex_token *key)
{
	static const struct confread_item items[] = {{"server", confbackend_server}};

	if (!confread_open(rd))
		return false;
	confread_block(rd, CONFOPT_BACKEND, &rd->site->backend, items, ARRAY_LEN(items),
		       key);
	confbackend_check(rd, &rd->site->backend, key);
	return true;
}
