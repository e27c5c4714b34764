/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/main/certlist.h"

#include <stdio.h>

#include "proxy/base/clock.h"

bool
certlist_at(const struct snapshot *s, size_t i, struct certlist_item *out)
{
	struct certs_expiry e;

	*out = (struct certlist_item){.site = CERTLIST_CONSOLE};
	if (certs_expiry_of(s->certs, i, &e)) {
		*out = (struct certlist_item){.site = e.site_name, .file = e.file, .ends = e.not_after};
		return true;
	}
	if (s->console.ends == 0 || (i > 0 && !certs_expiry_of(s->certs, i - 1, &e)))
		return false;
	out->file = s->conf->console.certificate;
	out->ends = s->console.ends;
	return true;
}

bool
certlist_crl(const struct snapshot *s, struct certlist_item *out)
{
	*out = (struct certlist_item){.site = CERTLIST_CONSOLE, .file = s->conf->console.client_crl,
	    .from = s->console.crl_from, .ends = s->console.crl_ends};
	return out->ends != 0 && out->ends != INT64_MAX;
}

int
certlist_level(const struct certlist_item *it, int64_t now)
{
	if (it->from == 0 || it->ends <= now)
		return certs_expiry_level(it->ends, now);
	return it->ends - now < (it->ends - it->from) / 4 ? 3 : 0;
}

/* ---- warnings ---- */

static const char *
certlist_date(int64_t t, char out[CLOCK_ISO_TEXT])
{
	clock_iso((uint64_t)t * CLOCK_SEC, out);
	return out;
}

static void
certlist_warn_certificate(const struct snapshot *s, int64_t now, struct diags *diags)
{
	static const char hint[] = "renew it, then warifu reload";
	const struct conf_console *c = &s->conf->console;
	const struct diag_source src = {.file = s->conf->file};
	const struct tlsadmin_dates *d = &s->console;
	char day[CLOCK_DAY_TEXT];

	clock_day_text(clock_day((uint64_t)(d->from > now ? d->from : d->ends) * CLOCK_SEC), day);
	if (d->from > now)
		diag_warn(diags, &src, c->at, "look at the clock",
		    "console: %s is not valid before %s", c->certificate, day);
	else if (d->ends <= now)
		diag_warn(diags, &src, c->at, hint,
		    "console: %s expired on %s; browsers refuse it", c->certificate, day);
	else if (certs_expiry_level(d->ends, now) > 0)
		diag_warn(diags, &src, c->at, hint, "console: %s expires on %s, in %lld days",
		    c->certificate, day, (long long)((d->ends - now) / 86400));
}

static void
certlist_warn_crl(const struct snapshot *s, int64_t now, struct diags *diags)
{
	static const char hint[] = "fetch a new one, then warifu reload";
	const struct conf_console *c = &s->conf->console;
	const struct diag_source src = {.file = s->conf->file};
	const struct tlsadmin_dates *d = &s->console;
	struct certlist_item it;
	char when[CLOCK_ISO_TEXT];
	bool ends = certlist_crl(s, &it);

	if (d->crl_from > now)
		diag_warn(diags, &src, c->at, "look at the clock",
		    "console: the revocation list in %s is not valid before %s; until then nobody "
		    "gets in", c->client_crl, certlist_date(d->crl_from, when));
	else if (ends && it.ends <= now)
		diag_warn(diags, &src, c->at, hint,
		    "console: the revocation list in %s is over since %s: nobody gets in any more",
		    c->client_crl, certlist_date(it.ends, when));
	else if (ends && certlist_level(&it, now) > 0)
		diag_warn(diags, &src, c->at, hint,
		    "console: the revocation list in %s is over on %s, and then nobody gets in",
		    c->client_crl, certlist_date(it.ends, when));
}

void
certlist_warn_console(const struct snapshot *s, int64_t now, struct diags *diags)
{
	if (s->console.ends == 0)
		return;
	certlist_warn_certificate(s, now, diags);
	certlist_warn_crl(s, now, diags);
}
