/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/conf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "proxy/base/digest.h"
#include "proxy/base/err.h"
#include "proxy/base/must.h"
#include "proxy/conf/confopt.h"

/* A text in double quotes, as the lexer reads it back. */
static void
dump_text(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		if (*s == '\n' || *s == '\t')
			fputs(*s == '\n' ? "\\n" : "\\t", out);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static void
dump_span(FILE *out, struct span s)
{
	dump_text(out, (const char *)s.p);
}

static void
dump_indent(FILE *out, unsigned depth)
{
	while (depth--)
		fputs("    ", out);
}

static void
dump_prefixes(FILE *out, const struct conf_prefixes *p)
{
	char text[IP_PREFIX_TEXT];

	for (size_t i = 0; i < p->n; i++) {
		ip_prefix_print(&p->list[i], text);
		fprintf(out, " %s", text);
	}
}

static void
dump_rate(FILE *out, const struct conf_rate *r)
{
	static const struct confopt duration = {.kind = CONFOPT_DURATION};
	char per[CONFOPT_TEXT];

	confopt_print(&duration, r->per_ms, per);
	if (r->count == 0)
		fputs("off", out);
	else
		fprintf(out, "%" PRIu64 " per %s burst %" PRIu64, r->count, per,
			r->burst);
}

static void
dump_value(FILE *out, const struct confopt *o, const void *at)
{
	char number[CONFOPT_TEXT];
	const char *text;
	struct conf_rate rate;
	uint64_t v;
	unsigned choice;
	bool flag;

	switch (o->kind) {
	case CONFOPT_COUNT:
	case CONFOPT_DURATION:
	case CONFOPT_SIZE:
		memcpy(&v, at, sizeof(v));
		confopt_print(o, v, number);
		fputs(number, out);
		break;
	case CONFOPT_FLAG:
		memcpy(&flag, at, sizeof(flag));
		fputs(flag ? "on" : "off", out);
		break;
	case CONFOPT_CHOICE:
		memcpy(&choice, at, sizeof(choice));
		fputs(o->choices[choice != 0], out);
		break;
	case CONFOPT_RATE:
		memcpy(&rate, at, sizeof(rate));
		dump_rate(out, &rate);
		break;
	default:
		memcpy(&text, at, sizeof(text));
		dump_text(out, text);
	}
}

static bool
dump_is_text(enum confopt_kind kind)
{
	return kind != CONFOPT_COUNT && kind != CONFOPT_DURATION &&
	       kind != CONFOPT_SIZE && kind != CONFOPT_FLAG && kind != CONFOPT_CHOICE &&
	       kind != CONFOPT_RATE;
}

static bool
dump_is_null(const void *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	return text == NULL;
}

/* All rows with a plain value; texts that are not given are left out. */
static void
dump_rows(FILE *out, enum confopt_block block, const void *base, unsigned depth)
{
	size_t n;
	const struct confopt *o = confopt_rows(block, &n);

	for (size_t i = 0; i < n; i++, o++) {
		const void *at = (const unsigned char *)base + o->offset;

		if (o->kind == CONFOPT_ITEM ||
		    (dump_is_text(o->kind) && dump_is_null(at)))
			continue;
		dump_indent(out, depth);
		fprintf(out, "%s ", o->key);
		dump_value(out, o, at);
		fputc('\n', out);
	}
}

static void
dump_open(FILE *out, const char *name, unsigned depth)
{
	dump_indent(out, depth);
	fprintf(out, "%s {\n", name);
}

static void
dump_close(FILE *out, unsigned depth)
{
	dump_indent(out, depth);
	fputs("}\n", out);
}

static void
dump_line(FILE *out, const char *key, struct span value)
{
	dump_indent(out, 1);
	fprintf(out, "%s ", key);
	dump_span(out, value);
	fputc('\n', out);
}

static void
dump_methods(FILE *out, unsigned methods)
{
	if (methods == RECIPE_ANY)
		return;
	for (unsigned bit = 1; bit <= methods; bit <<= 1)
		if (methods & bit & ~(unsigned)RECIPE_HEAD)
			fprintf(out, " %s", recipe_method_name(bit));
}

static void
dump_endpoint(FILE *out, const char *key, unsigned methods, struct span path,
	      unsigned depth)
{
	dump_indent(out, depth);
	fputs(key, out);
	dump_methods(out, methods);
	fputc(' ', out);
	dump_span(out, path);
	fputc('\n', out);
}

static void
dump_condition(FILE *out, const struct recipe_condition *c)
{
	dump_indent(out, 2);
	switch (c->where) {
	case RECIPE_LOCATION:
		fprintf(out, "success location %s%s", c->negated ? "not " : "",
		    c->prefix ? "prefix " : "");
		dump_span(out, c->value);
		break;
	case RECIPE_SET_COOKIE:
		fputs("success cookie ", out);
		dump_span(out, c->name);
		fputs(" changed", out);
		break;
	case RECIPE_JSON_PRESENT:
	case RECIPE_JSON_EQUALS:
		fputs("success json ", out);
		dump_span(out, c->name);
		fputs(c->where == RECIPE_JSON_PRESENT ? " present" : " equals ", out);
		if (c->where == RECIPE_JSON_EQUALS)
			dump_span(out, c->value);
		break;
	}
	fputc('\n', out);
}

static void
dump_login(FILE *out, const struct recipe_login *l)
{
	static const char *const from[] = {"none", "form", "request-json",
					   "json", "jwt",  "header"};

	dump_open(out, "login", 1);
	for (size_t i = 0; i < l->n_at; i++)
		dump_endpoint(out, "request", l->at[i].methods, l->at[i].path, 2);
	if (l->page.n) {
		dump_indent(out, 2);
		fputs("page ", out);
		dump_span(out, l->page);
		fputc('\n', out);
	}
	if (l->n_status) {
		dump_indent(out, 2);
		fputs("success status", out);
		for (size_t i = 0; i < l->n_status; i++)
			fprintf(out, " %u", l->status[i]);
		fputc('\n', out);
	}
	for (size_t i = 0; i < l->n_when; i++)
		dump_condition(out, &l->when[i]);
	dump_indent(out, 2);
	fprintf(out, "user %s", from[l->user_from]);
	if (l->user_from != RECIPE_USER_NONE) {
		fputc(' ', out);
		dump_span(out, l->user_name);
	}
	fputc('\n', out);
	dump_indent(out, 2);
	fprintf(out, "fold %s\n", l->fold_lower ? "lower" : "none");
	if (l->credential_json) {
		dump_indent(out, 2);
		fputs("credential bearer json ", out);
		dump_span(out, l->credential);
		fputc('\n', out);
	}
	dump_close(out, 1);
}

static void
dump_recipe(FILE *out, const struct conf_site *s)
{
	for (size_t i = 0; i < s->n_carriers; i++) {
		dump_indent(out, 1);
		fprintf(out, "credential %s", recipe_carrier_name(s->carriers[i].kind));
		if (s->carriers[i].name.n) {
			fputc(' ', out);
			dump_span(out, s->carriers[i].name);
		}
		fputc('\n', out);
	}
	for (size_t i = 0; i < s->n_harmless; i++)
		dump_line(out, "harmless", s->harmless[i]);
	for (size_t i = 0; i < s->n_logins; i++)
		dump_login(out, &s->logins[i]);
	for (size_t i = 0; i < s->n_logouts; i++)
		dump_endpoint(out, "logout", s->logouts[i].methods, s->logouts[i].path,
			      1);
	dump_open(out, "routes", 1);
	for (size_t i = 0; i < s->n_routes; i++)
		dump_endpoint(out, recipe_class_name(s->routes[i].class),
			      s->routes[i].methods, s->routes[i].path, 2);
	dump_close(out, 1);
}

static void
dump_backend(FILE *out, const struct conf_backend *b)
{
	dump_open(out, "backend", 1);
	for (size_t i = 0; i < b->n_servers; i++) {
		dump_indent(out, 2);
		fputs("server ", out);
		dump_text(out, b->servers[i].text);
		fputc('\n', out);
	}
	dump_rows(out, CONFOPT_BACKEND, b, 2);
	dump_close(out, 1);
}

static void
dump_session(FILE *out, const struct conf_site *s)
{
	time_t t = (time_t)s->adopt_until;
	char day[32];
	struct tm tm;

	dump_open(out, "session", 1);
	dump_rows(out, CONFOPT_SESSION, s, 2);
	if (s->adopt_until != 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(day, sizeof(day), "%Y-%m-%d", &tm) != 0) {
		dump_indent(out, 2);
		fprintf(out, "adopt until %s\n", day);
	}
	dump_close(out, 1);
}

static void
dump_headers(FILE *out, const struct conf_site *s)
{
	dump_open(out, "headers", 1);
	dump_rows(out, CONFOPT_HEADERS, s, 2);
	for (size_t i = 0; i < s->n_strip; i++) {
		dump_indent(out, 1);
		dump_line(out, "strip", s->strip[i]);
	}
	for (size_t i = 0; i < s->n_pass; i++) {
		dump_indent(out, 1);
		dump_line(out, "pass", s->pass[i]);
	}
	dump_close(out, 1);
}

static void
dump_policy(FILE *out, const struct conf_site *s)
{
	fputs("    policy ", out);
	if (s->policy != NULL)
		dump_text(out, s->policy);
	else
		fputs("starter", out);
	if (s->cases != NULL) {
		fputs(" cases ", out);
		dump_text(out, s->cases);
	}
	fputc('\n', out);
}

static void
dump_site(FILE *out, const struct conf_site *s)
{
	fputs("site ", out);
	dump_span(out, s->name);
	fputs(" {\n", out);
	for (size_t i = 0; i < s->n_hosts; i++)
		dump_line(out, "host", s->hosts[i]);
	for (size_t i = 0; i < s->n_pairs; i++) {
		dump_indent(out, 1);
		fputs("certificate ", out);
		dump_text(out, s->pairs[i].certificate);
		fputs(" key ", out);
		dump_text(out, s->pairs[i].key);
		fputc('\n', out);
	}
	if (s->portal_host.n)
		dump_line(out, "portal", s->portal_host);
	dump_rows(out, CONFOPT_SITE, s, 1);
	dump_policy(out, s);
	dump_backend(out, &s->backend);
	dump_session(out, s);
	dump_headers(out, s);
	for (size_t i = 0; i < s->n_login_origins; i++)
		dump_line(out, "login-origin", s->login_origins[i]);
	for (size_t i = 0; i < s->n_networks; i++) {
		fputs("    network ", out);
		dump_span(out, s->networks[i].name);
		dump_prefixes(out, &s->networks[i].prefixes);
		fputs(s->networks[i].inspects ? " inspects\n" : "\n", out);
	}
	if (s->n_methods) {
		fputs("    methods", out);
		for (size_t i = 0; i < s->n_methods; i++) {
			fputc(' ', out);
			dump_span(out, s->methods[i]);
		}
		fputc('\n', out);
	}
	dump_recipe(out, s);
	fputs("}\n", out);
}

static void
dump_listen(FILE *out, const struct conf_listen *l)
{
	fputs("listen ", out);
	dump_text(out, l->text);
	fputs(l->kind == CONF_LISTEN_TLS ? " tls" : " redirect", out);
	if (l->proxy_protocol) {
		fputs(" proxy-protocol from", out);
		dump_prefixes(out, &l->proxies);
	}
	fputc('\n', out);
}

static void
dump_at(FILE *out, const char *key, const struct conf_listen *l)
{
	if (l->text == NULL)
		return;
	fprintf(out, "    %s ", key);
	dump_text(out, l->text);
	fputc('\n', out);
}

int
conf_dump(const struct conf *c, FILE *out)
{
	dump_rows(out, CONFOPT_GLOBAL, c, 0);
	for (size_t i = 0; i < c->n_listens; i++)
		dump_listen(out, &c->listens[i]);
	if (c->trusted_hops.n) {
		fputs("trusted-hops", out);
		dump_prefixes(out, &c->trusted_hops);
		fputc('\n', out);
	}
	for (enum confopt_block b = CONFOPT_USERS; b <= CONFOPT_ALARM; b++) {
		if (b == CONFOPT_CONSOLE && !c->console.enabled)
			continue;
		dump_open(out, confopt_block_name(b), 0);
		if (b == CONFOPT_CONSOLE) {
			dump_at(out, "listen", &c->console.listen);
			dump_at(out, "monitor", &c->console.monitor);
		}
		dump_rows(out, b, (const unsigned char *)c + confopt_place(b), 1);
		dump_close(out, 0);
	}
	for (size_t i = 0; i < c->n_sites; i++)
		dump_site(out, &c->sites[i]);
	return ferror(out) ? WF_EIO : 0;
}

int
conf_hash(const struct conf *c, uint8_t out[32])
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int r;

	memset(out, 0, 32);
	if (f == NULL)
		return WF_ENOMEM;
	r = conf_dump(c, f);
	if (fclose(f) != 0)
		r = WF_ENOMEM;
	if (r == 0)
		digest_sha256(span_of(text, n), out);
	free(text);
	return r;
}
