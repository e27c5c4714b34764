/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/redirect.h"

#include "proxy/gate/connh1.h"

#include <stdio.h>

#include "proxy/wire/h1_write.h"

enum { REDIRECT_HEAD = 16 * 1024 };

/* The port of the first TLS listener, if it is not the one browsers assume. */
static unsigned
redirect_port(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_listens; i++)
		if (conf->listens[i].kind == CONF_LISTEN_TLS)
			return conf->listens[i].port == 443 ? 0 : conf->listens[i].port;
	return 0;
}

static bool
redirect_location(struct exchange *ex, struct h1_out *to)
{
	const struct conf *conf = exchange_conf(ex);
	struct span host = ex->req.authority.host;
	const struct conf_site *site = conf_site_find(conf, host, NULL);
	unsigned port = redirect_port(conf);

	if (site == NULL || !site->redirect || ex->req.path.n == 0 ||
	    ex->req.path.p[0] != '/')
		return false;
	h1_out_put(to, SPAN_LIT("https://"));
	h1_out_put(to, host);
	if (port != 0) {
		h1_out_put(to, SPAN_LIT(":"));
		h1_out_uint(to, port);
	}
	h1_out_put(to, ex->req.path);
	if (ex->req.has_query) {
		h1_out_put(to, SPAN_LIT("?"));
		h1_out_put(to, ex->req.query);
	}
	return h1_out_ok(to);
}

void
redirect_answer(struct conn *c, struct exchange *ex)
{
	uint8_t head[REDIRECT_HEAD], where[REDIRECT_HEAD / 2];
	struct h1_out out = h1_out_over(head, sizeof(head));
	struct h1_out to = h1_out_over(where, sizeof(where));
	bool ok = redirect_location(ex, &to);

	/* 308: the method stays; nothing was decided, for nothing was served. */
	h1_write_status_line(&out, ok ? 308 : 421);
	if (ok)
		h1_write_field(&out, SPAN_LIT("Location"), h1_out_span(&to));
	h1_write_framing(&out, H1_LENGTH, 0);
	h1_write_connection(&out, H1_WRITE_CLOSE);
	h1_write_end(&out);
	if (h1_out_ok(&out))
		(void)stream_write(&c->stream, h1_out_span(&out));
	exchange_discard(ex);
	connh1_end(c);
}
