/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/conf.h"

#include "proxy/base/err.h"
#include "proxy/conf/confopt.h"

static bool
reload_text_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
reload_value_eq(const struct confopt *o, const void *a, const void *b)
{
	const char *x, *y;

	switch (o->kind) {
	case CONFOPT_COUNT:
	case CONFOPT_DURATION:
	case CONFOPT_SIZE:
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	case CONFOPT_FLAG:
		return memcmp(a, b, sizeof(bool)) == 0;
	case CONFOPT_CHOICE:
		return memcmp(a, b, sizeof(unsigned)) == 0;
	case CONFOPT_RATE:
		return memcmp(a, b, sizeof(struct conf_rate)) == 0;
	case CONFOPT_ITEM:
		return true;
	default:
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		return reload_text_eq(x, y);
	}
}

static bool
reload_listen_eq(const struct conf_listen *a, const struct conf_listen *b)
{
	bool same = a->kind == b->kind && ip_eq(&a->ip, &b->ip) && a->port == b->port &&
		    a->proxy_protocol == b->proxy_protocol &&
		    a->proxies.n == b->proxies.n;

	for (size_t i = 0; same && i < a->proxies.n; i++)
		same = ip_eq(&a->proxies.list[i].ip, &b->proxies.list[i].ip) &&
		       a->proxies.list[i].bits == b->proxies.list[i].bits;
	return same;
}

static void
reload_report(const struct conf *next, struct diags *diags, const char *block,
	      const char *key)
{
	const struct diag_source src = {next->file, NULL, 0};

	diag_error(diags, &src, (struct diag_pos){0, 0},
		   "restart warifu, or take the change back",
		   "a reload cannot change %s%s%s", block, block[0] ? " " : "", key);
}

int
conf_reloadable(const struct conf *running, const struct conf *next, struct diags *diags)
{
	size_t n, before = diags->errors;
	const struct confopt *o = confopt_all(&n);
	bool listens = running->n_listens == next->n_listens;

	for (size_t i = 0; i < n; i++, o++) {
		size_t at =
		    o->block < CONFOPT_SITE ? confopt_place(o->block) + o->offset : 0;

		if (o->reload || o->block >= CONFOPT_SITE)
			continue;
		if (!reload_value_eq(o, (const unsigned char *)running + at,
				     (const unsigned char *)next + at))
			reload_report(next, diags, confopt_block_name(o->block), o->key);
	}
	for (size_t i = 0; listens && i < next->n_listens; i++)
		listens = reload_listen_eq(&running->listens[i], &next->listens[i]);
	if (!listens)
		reload_report(next, diags, "", "listen");
	if (running->console.enabled != next->console.enabled ||
	    !reload_listen_eq(&running->console.listen, &next->console.listen))
		reload_report(next, diags, "console ", "listen");
	if (!reload_listen_eq(&running->console.monitor, &next->console.monitor))
		reload_report(next, diags, "console ", "monitor");
	return diags->errors == before ? 0 : WF_ECONFIG;
}
