/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/reply.h"

#include <stdio.h>

void
reply_init(struct httpd_reply *rp, char *scratch, size_t cap)
{
	*rp = (struct httpd_reply){.status = 200,
				   .type = "text/plain; charset=utf-8",
				   .cache = "no-store",
				   .csp = HTTPD_CSP};
	quote_init(&rp->body, scratch, cap);
}

void
reply_refusal(struct httpd_reply *rp, unsigned status, const char *reason)
{
	rp->status = status;
	quote_uint(&rp->body, status);
	QUOTE_LIT(&rp->body, " ");
	quote_html(&rp->body, span_str(reason));
	QUOTE_LIT(&rp->body, "\n");
}

void
reply_fields(const struct httpd_reply *rp,
	     void (*add)(void *arg, const char *name, const char *value), void *arg)
{
	char seconds[16];
	const struct {
		const char *name, *value;
	} fields[] = {
	    {"Content-Type", rp->type},
	    {"Cache-Control", rp->cache},
	    {"Content-Security-Policy", rp->csp},
	    {"Content-Language", rp->lang},
	    {"Vary", rp->vary},
	    {"Allow", rp->allow},
	    {"Retry-After", rp->retry_s ? seconds : NULL},
#define HARDEN(name, value) {name, value},
#include "proxy/base/harden.def"
#undef HARDEN
	};

	snprintf(seconds, sizeof(seconds), "%u", rp->retry_s);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].value != NULL)
			add(arg, fields[i].name, fields[i].value);
}
