/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/store.h"
#include "certs/pem.h"
#include "certs/why.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_MAX_DNS = 253, WARN_DAYS_1 = 30, WARN_DAYS_2 = 14, WARN_DAYS_3 = 3 };
enum { DAY = 86400 };

struct pair {
	X509 *leaf;
	STACK_OF(X509) * rest;
	EVP_PKEY *key;
	char *file;
	int64_t ends; /* the first end of any certificate in the chain */
};

struct site {
	char name[NAME_MAX_DNS + 1];
	struct pair pairs[CERTS_PAIRS_MAX];
	size_t n_pairs;
	unsigned *variants; /* bit k: pair k belongs to it */
	size_t n_variants;
};

/* What certs_pick searches: sorted; a wildcard is kept as ".example". */
struct name {
	char *text;
	size_t site;
	size_t variant;
};

struct certs {
	struct site *sites;
	size_t n_sites;
	struct name *names;
	size_t n_names;
	char (*warnings)[CERTS_WHY];
	size_t n_warnings;
	int default_site;
};

static void
warn(struct certs *c, const char *text)
{
	char(*more)[CERTS_WHY] =
	    realloc(c->warnings, (c->n_warnings + 1) * sizeof(*more));

	if (more == NULL)
		return;
	c->warnings = more;
	snprintf(more[c->n_warnings++], sizeof(*more), "%s", text);
}

int
certs_expiry_level(int64_t not_after, int64_t now)
{
	int64_t left = not_after - now;

	if (left <= 0)
		return 4;
	if (left <= WARN_DAYS_3 * DAY)
		return 3;
	if (left <= WARN_DAYS_2 * DAY)
		return 2;
	return left <= WARN_DAYS_1 * DAY;
}

static void
date(int64_t t, char *out, size_t cap)
{
	time_t when = (time_t)t;
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL || strftime(out, cap, "%Y-%m-%d", &tm) == 0)
		snprintf(out, cap, "?");
}

/* One certificate's dates; lowers p->ends. */
static void
check_dates(struct certs *c, struct pair *p, X509 *x, int nr, int64_t now)
{
	int64_t from = pem_not_before(x), to = pem_not_after(x);
	char text[CERTS_WHY], day[16];

	if (to < p->ends)
		p->ends = to;
	date(from > now ? from : to, day, sizeof(day));
	text[0] = '\0';
	if (from > now)
		snprintf(text, sizeof(text), "%s: certificate %d is not valid before %s",
			 p->file, nr, day);
	else if (to <= now)
		snprintf(
		    text, sizeof(text),
		    "%s: certificate %d expired on %s; browsers refuse it: renew it now",
		    p->file, nr, day);
	else if (certs_expiry_level(to, now) > 0)
		snprintf(text, sizeof(text),
			 "%s: certificate %d expires on %s, in %lld days", p->file, nr,
			 day, (long long)((to - now) / DAY));
	if (text[0])
		warn(c, text);
}

static void
check_time(struct certs *c, struct pair *p, int64_t now)
{
	char text[CERTS_WHY];

	p->ends = INT64_MAX;
	check_dates(c, p, p->leaf, 1, now);
	for (int i = 0; i < sk_X509_num(p->rest); i++)
		check_dates(c, p, sk_X509_value(p->rest, i), i + 2, now);
	if (!pem_looks_incomplete(p->leaf, p->rest))
		return;
	snprintf(
	    text, sizeof(text),
	    "%s: only one certificate, but its issuer looks like an intermediate; some "
	    "clients will refuse it: use the file with the full chain",
	    p->file);
	warn(c, text);
}

static int
load_pair(struct certs *c, struct site *s, const struct certs_site *from, size_t i,
	  int64_t now, char *why, size_t cap)
{
	const struct certs_pair *in = &from->pairs[i];
	struct pair *p = &s->pairs[i];

	s->n_pairs = i + 1;
	p->file = strdup(in->chain.name ? in->chain.name : "chain");
	if (p->file == NULL)
		return why_set(why, cap, "out of memory");
	if (pem_chain(&in->chain, &p->leaf, &p->rest, why, cap) < 0 ||
	    pem_key(&in->key, p->leaf, p->file, &p->key, why, cap) < 0)
		return -1;
	check_time(c, p, now);
	return 0;
}

static int
add_name(struct certs *c, size_t site, size_t variant, const char *host)
{
	struct name *n = &c->names[c->n_names];
	const char *text = host[0] == '*' ? host + 1 : host;
	size_t len = strlen(text);

	if (pem_is_ip(host))
		return 0;
	if (len > 0 && text[len - 1] == '.')
		len--;
	n->text = strndup(text, len);
	if (n->text == NULL)
		return -1;
	for (char *p = n->text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	n->site = site;
	n->variant = variant;
	c->n_names++;
	return 0;
}

/* The first pair of each key type that is for this host; NULL: for any. */
static unsigned
serving(const struct site *s, const char *host)
{
	unsigned mask = 0;

	for (size_t k = 0; k < s->n_pairs; k++) {
		int type = EVP_PKEY_get_base_id(s->pairs[k].key);
		bool taken = false;

		for (size_t j = 0; j < k; j++)
			taken |= (mask & 1U << j) &&
				 EVP_PKEY_get_base_id(s->pairs[j].key) == type;
		if (!taken && (host == NULL || pem_covers(s->pairs[k].leaf, host)))
			mask |= 1U << k;
	}
	return mask;
}

static size_t
add_variant(struct site *s, unsigned mask)
{
	for (size_t v = 0; v < s->n_variants; v++)
		if (s->variants[v] == mask)
			return v;
	s->variants[s->n_variants] = mask;
	return s->n_variants++;
}

static int
load_hosts(struct certs *c, size_t i, const struct certs_site *from, char *why,
	   size_t cap)
{
	struct site *s = &c->sites[i];
	unsigned used = 0;

	s->variants = calloc(from->n_hosts + 1, sizeof(*s->variants));
	if (s->variants == NULL)
		return why_set(why, cap, "out of memory");
	if (from->n_hosts == 0)
		used = s->variants[add_variant(s, serving(s, NULL))];
	for (size_t h = 0; h < from->n_hosts; h++) {
		unsigned mask = serving(s, from->hosts[h]);

		if (mask == 0)
			return why_set(
			    why, cap,
			    "%s: the certificate is not for %s, a host of site %s%s; get "
			    "one whose subjectAltName has it, or add a certificate of its own",
			    s->pairs[0].file, from->hosts[h], s->name,
			    s->n_pairs > 1 ? ", nor is another of its certificates" : "");
		used |= mask;
		if (add_name(c, i, add_variant(s, mask), from->hosts[h]) < 0)
			return why_set(why, cap, "out of memory");
	}
	for (size_t k = 0; k < s->n_pairs; k++)
		if ((used & 1U << k) == 0)
			return why_set(
			    why, cap,
			    "%s: of no use to site %s: it is for none of its hosts, or "
			    "they "
			    "have one with a key of the same type already; remove one",
			    s->pairs[k].file, s->name);
	return 0;
}

static int
load_site(struct certs *c, size_t i, const struct certs_site *from, int64_t now,
	  char *why, size_t cap)
{
	struct site *s = &c->sites[i];

	c->n_sites = i + 1;
	if (strlen(from->name) >= sizeof(s->name))
		return why_set(why, cap, "site %s: the name is too long", from->name);
	snprintf(s->name, sizeof(s->name), "%s", from->name);
	if (from->n_pairs == 0 || from->n_pairs > CERTS_PAIRS_MAX)
		return why_set(why, cap,
			       "site %s: wanted are 1 to %d certificates, given are %zu",
			       from->name, CERTS_PAIRS_MAX, from->n_pairs);
	for (size_t k = 0; k < from->n_pairs; k++)
		if (load_pair(c, s, from, k, now, why, cap) < 0)
			return -1;
	return load_hosts(c, i, from, why, cap);
}

static int
by_text(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static int
sort_names(struct certs *c, char *why, size_t cap)
{
	qsort(c->names, c->n_names, sizeof(*c->names), by_text);
	for (size_t i = 1; i < c->n_names; i++)
		if (strcmp(c->names[i - 1].text, c->names[i].text) == 0)
			return why_set(
			    why, cap, "host %s%s is named twice (sites %s and %s)",
			    c->names[i].text[0] == '.' ? "*" : "", c->names[i].text,
			    c->sites[c->names[i - 1].site].name,
			    c->sites[c->names[i].site].name);
	return 0;
}

static int
try_variant(const struct certs *c, size_t site, size_t variant, char *why, size_t cap)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int err;

	if (ctx == NULL)
		return why_ssl(why, cap, "no TLS context");
	SSL_CTX_set_security_level(ctx, 2);
	err = certs_use(c, site, variant, ctx, why, cap);
	SSL_CTX_free(ctx);
	return err;
}

/* OpenSSL's own judgement (key sizes, signature digests), while we can still say no. */
static int
try_sites(const struct certs *c, char *why, size_t cap)
{
	for (size_t i = 0; i < c->n_sites; i++)
		for (size_t v = 0; v < c->sites[i].n_variants; v++)
			if (try_variant(c, i, v, why, cap) < 0)
				return -1;
	return 0;
}

int
certs_open(struct certs **out, const struct certs_site *sites, size_t n,
	   const struct certs_opt *opt, char *why, size_t cap)
{
	struct certs *c = calloc(1, sizeof(*c));
	size_t hosts = 0;
	int err = -1;

	*out = NULL;
	if (c == NULL)
		return why_set(why, cap, "out of memory");
	for (size_t i = 0; i < n; i++)
		hosts += sites[i].n_hosts;
	c->sites = calloc(n + 1, sizeof(*c->sites));
	c->names = calloc(hosts + 1, sizeof(*c->names));
	c->default_site = opt->default_site;
	if (c->sites == NULL || c->names == NULL) {
		why_set(why, cap, "out of memory");
		goto out;
	}
	if (opt->default_site >= 0 && (size_t)opt->default_site >= n) {
		why_set(why, cap, "the default site does not exist");
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		if (load_site(c, i, &sites[i], opt->now, why, cap) < 0)
			goto out;
	if (sort_names(c, why, cap) < 0 || try_sites(c, why, cap) < 0)
		goto out;
	*out = c;
	c = NULL;
	err = 0;
out:
	certs_close(c);
	return err;
}

void
certs_close(struct certs *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_sites; i++) {
		struct site *s = &c->sites[i];

		for (size_t k = 0; k < s->n_pairs; k++) {
			X509_free(s->pairs[k].leaf);
			sk_X509_pop_free(s->pairs[k].rest, X509_free);
			EVP_PKEY_free(s->pairs[k].key);
			free(s->pairs[k].file);
		}
		free(s->variants);
	}
	for (size_t i = 0; i < c->n_names; i++)
		free(c->names[i].text);
	free(c->sites);
	free(c->names);
	free(c->warnings);
	free(c);
}

size_t
certs_sites(const struct certs *c)
{
	return c->n_sites;
}

const char *
certs_site_name(const struct certs *c, size_t site)
{
	return site < c->n_sites ? c->sites[site].name : "";
}

const char *
certs_warning(const struct certs *c, size_t i)
{
	return i < c->n_warnings ? c->warnings[i] : NULL;
}

static int
find_name(const struct certs *c, char *text, size_t *variant)
{
	const struct name key = {text, 0, 0};
	const struct name *hit =
	    bsearch(&key, c->names, c->n_names, sizeof(key), by_text);

	if (hit == NULL)
		return CERTS_UNKNOWN_NAME;
	*variant = hit->variant;
	return (int)hit->site;
}

int
certs_pick(const struct certs *c, const uint8_t *sni, size_t n, size_t *variant)
{
	char text[NAME_MAX_DNS + 1];
	char *dot;
	int site;

	*variant = 0;
	if (n == 0)
		return c->default_site >= 0 ? c->default_site : CERTS_NO_NAME;
	if (sni[n - 1] == '.')
		n--;
	if (n == 0 || n > NAME_MAX_DNS || memchr(sni, 0, n) != NULL)
		return CERTS_UNKNOWN_NAME;
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(sni[i] >= 'A' && sni[i] <= 'Z' ? sni[i] | 0x20 : sni[i]);
	text[n] = '\0';
	/* A leading dot or star would match the stored form of a wildcard. */
	if (text[0] == '.' || text[0] == '*')
		return CERTS_UNKNOWN_NAME;
	site = find_name(c, text, variant);
	dot = strchr(text, '.');
	return site >= 0 || dot == NULL ? site : find_name(c, dot, variant);
}

size_t
certs_variants(const struct certs *c, size_t site)
{
	return site < c->n_sites ? c->sites[site].n_variants : 0;
}

int
certs_use(const struct certs *c, size_t site, size_t variant, SSL_CTX *ctx, char *why,
	  size_t cap)
{
	const struct site *s;

	if (site >= c->n_sites || variant >= c->sites[site].n_variants)
		return why_set(why, cap, "no such site");
	s = &c->sites[site];
	for (size_t i = 0; i < s->n_pairs; i++) {
		const struct pair *p = &s->pairs[i];

		if ((s->variants[variant] & 1U << i) == 0)
			continue;
		if (SSL_CTX_use_cert_and_key(ctx, p->leaf, p->key, p->rest, 1) != 1)
			return why_ssl(why, cap,
				       "%s: OpenSSL does not accept the certificate or "
				       "its key; RSA keys "
				       "need 2048 bits and signatures SHA-256",
				       p->file);
	}
	return 0;
}

bool
certs_expiry_of(const struct certs *c, size_t i, struct certs_expiry *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t k = 0; k < c->n_sites; k++) {
		const struct site *s = &c->sites[k];

		if (i < s->n_pairs) {
			*out = (struct certs_expiry){s->pairs[i].ends, k, s->name,
						     s->pairs[i].file};
			return true;
		}
		i -= s->n_pairs;
	}
	return false;
}
