/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/conf/confread.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/base/must.h"
#include "proxy/wire/authority.h"
#include "proxy/wire/path.h"

struct span
confread_span(struct confread *rd, const struct lex_token *tok)
{
	return pool_span(rd->pool, span_of(tok->text, tok->n));
}

struct span
confread_lower(struct confread *rd, const struct lex_token *tok)
{
	char *s = pool_str(rd->pool, span_of(tok->text, tok->n));

	for (size_t i = 0; i < tok->n; i++)
		s[i] = (char)span_lower((uint8_t)s[i]);
	return span_of(s, tok->n);
}

bool
confread_is_token(const struct lex_token *tok)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < tok->n; i++) {
		uint8_t c = (uint8_t)tok->text[i], l = span_lower(c);

		if (!(l >= 'a' && l <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == 0 || strchr(marks, c) == NULL))
			return false;
	}
	return tok->n != 0;
}

bool
confread_is_host(const struct lex_token *tok)
{
	struct authority a;

	return authority_parse(span_of(tok->text, tok->n), &a) == 0 && a.port == 0 &&
	       a.host.n == tok->n && tok->text[tok->n - 1] != '.';
}

static bool
confread_prefix(struct confread *rd, struct conf_prefixes *out)
{
	struct lex_token tok;
	struct ip_prefix *p;

	lex_next(&rd->lx, &tok);
	if (tok.kind != LEX_PREFIX && tok.kind != LEX_ADDRESS) {
		char found[64];

		lex_fail(&rd->lx, &tok, NULL,
			 "expected a network such as 192.0.2.0/24, "
			 "found %s",
			 lex_describe(&rd->lx, &tok, found, sizeof(found)));
		return false;
	}
	out->list = pool_grow(rd->pool, out->list, &out->n, sizeof(*out->list));
	p = &out->list[out->n - 1];
	p->ip = ip_from_bytes(tok.addr, tok.family == 4 ? 4 : 16);
	p->bits = tok.bits;
	/* ::ffff:0:0/96 and longer become IPv4, as addresses do. */
	if (tok.family == 6 && p->ip.family == 4) {
		if (tok.bits < 96) {
			lex_fail(
			    &rd->lx, &tok, "write IPv4 networks as 192.0.2.0/24",
			    "a network of mapped addresses this large is not allowed");
			return false;
		}
		p->bits = (uint8_t)(tok.bits - 96);
	}
	return true;
}

bool
confread_prefixes(struct confread *rd, struct conf_prefixes *out)
{
	if (!confread_present(rd, "a network"))
		return false;
	while (confread_more(rd) && lex_peek(&rd->lx)->kind != LEX_WORD)
		if (!confread_prefix(rd, out))
			return false;
	return true;
}

/* Fails if the file cannot serve; a private key that all may read is worth a warning. */
static bool
confread_check_file(struct confread *rd, const struct lex_token *tok, bool program,
		    const char *path)
{
	struct stat st;

	if (rd->flags & CONF_NO_FILES)
		return true;
	if (stat(path, &st) != 0 || access(path, program ? X_OK : R_OK) != 0) {
		lex_fail(&rd->lx, tok, NULL, "%.150s: %s", path, strerrordesc_np(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		lex_fail(&rd->lx, tok, NULL, "%.150s: this is not a file", path);
		return false;
	}
	return true;
}

bool
confread_path(struct confread *rd, enum confopt_kind kind, const char **out)
{
	struct lex_token tok;
	size_t n;
	char *path;

	if (!confread_quoted(rd, "a path in double quotes", &tok))
		return false;
	if (tok.text[0] == '/') {
		*out = pool_str(rd->pool, span_of(tok.text, tok.n));
	} else {
		n = strlen(rd->folder) + 1 + tok.n + 1;
		path = pool_get(rd->pool, n);
		snprintf(path, n, "%s/%s", rd->folder, tok.text);
		*out = path;
	}
	if (kind == CONFOPT_FILE || kind == CONFOPT_PROGRAM)
		return confread_check_file(rd, &tok, kind == CONFOPT_PROGRAM, *out);
	return true;
}

bool
confread_slurp(struct confread *rd, const struct lex_token *at, const char *path,
	       struct span *text)
{
	FILE *f = fopen(path, "re");
	size_t n = 0, cap = LEX_FILE_MAX + 1;
	char *buf;

	*text = (struct span){NULL, 0};
	if (f == NULL) {
		lex_fail(&rd->lx, at, NULL, "%.150s: %s", path, strerrordesc_np(errno));
		return false;
	}
	buf = malloc(cap);
	MUST(buf != NULL);
	n = fread(buf, 1, cap, f);
	if (ferror(f) || n == cap)
		lex_fail(&rd->lx, at, NULL, "%.150s: %s", path,
			 ferror(f) ? "cannot be read" : "is too large");
	else
		*text = pool_span(rd->pool, span_of(buf, n));
	free(buf);
	fclose(f);
	return text->p != NULL;
}

static bool
confread_uint(struct confread *rd, const struct confopt *o, void *at)
{
	static const enum lex_kind kinds[] = {
	    [CONFOPT_COUNT] = LEX_NUMBER,
	    [CONFOPT_DURATION] = LEX_DURATION,
	    [CONFOPT_SIZE] = LEX_SIZE,
	};
	struct lex_token tok;
	char lo[CONFOPT_TEXT], hi[CONFOPT_TEXT];
	uint64_t v = 0;

	if (!confread_present(rd, lex_kind_name(kinds[o->kind])))
		return false;
	if (o->min == 0 && lex_accept_word(&rd->lx, "off")) {
		memcpy(at, &v, sizeof(v));
		return true;
	}
	if (!lex_expect(&rd->lx, kinds[o->kind], NULL, &tok))
		return false;
	confopt_print(o, o->min, lo);
	confopt_print(o, o->max, hi);
	if (tok.num < 0 || (uint64_t)tok.num < o->min || (uint64_t)tok.num > o->max) {
		lex_fail(&rd->lx, &tok, NULL, "'%s' must be between %s and %s", o->key,
			 lo, hi);
		return false;
	}
	if (tok.num == 0) {
		lex_fail(&rd->lx, &tok, "write off", "'%s' cannot be 0", o->key);
		return false;
	}
	v = (uint64_t)tok.num;
	memcpy(at, &v, sizeof(v));
	return true;
}

static bool
confread_choice(struct confread *rd, const struct confopt *o, const char *const words[2],
		unsigned *v)
{
	struct lex_token tok;

	if (!confread_text(rd, "a word", &tok))
		return false;
	for (*v = 0; *v < 2; ++*v)
		if (lex_is_word(&tok, words[*v]))
			return true;
	lex_fail(&rd->lx, &tok, NULL, "'%s' is either %s or %s", o->key, words[0],
		 words[1]);
	return false;
}

/* N per DURATION burst N, or off. */
static bool
confread_rate(struct confread *rd, const struct confopt *o, struct conf_rate *out)
{
	struct lex_token count, per, burst;

	if (!confread_present(rd, "a rate such as 100 per 1 s burst 500"))
		return false;
	*out = (struct conf_rate){0, 0, 0};
	if (lex_accept_word(&rd->lx, "off"))
		return true;
	if (!lex_expect(&rd->lx, LEX_NUMBER, NULL, &count) ||
	    !lex_expect_word(&rd->lx, "per") ||
	    !lex_expect(&rd->lx, LEX_DURATION, NULL, &per) ||
	    !lex_expect_word(&rd->lx, "burst") ||
	    !lex_expect(&rd->lx, LEX_NUMBER, NULL, &burst))
		return false;
	if (count.num < 1 || count.num > 1000000 || per.num < 1 || per.num > 86400000) {
		lex_fail(&rd->lx, &count, "write off for no limit",
			 "'%s' takes 1 to 1000000 per 1 ms to 1 d", o->key);
		return false;
	}
	if (burst.num < 1 || burst.num > 10000000) {
		lex_fail(&rd->lx, &burst, NULL, "a burst is 1 to 10000000");
		return false;
	}
	*out = (struct conf_rate){(uint64_t)count.num, (uint64_t)per.num,
				  (uint64_t)burst.num};
	return true;
}

static bool
confread_name(struct confread *rd, const struct confopt *o, const char **out)
{
	struct lex_token tok;
	enum path_why why;
	bool good;

	if (!confread_text(rd, "a name", &tok))
		return false;
	switch (o->kind) {
	case CONFOPT_URLPATH:
		good = path_pattern_check(span_of(tok.text, tok.n), &why) == 0;
		break;
	case CONFOPT_URL:
		good = strncmp(tok.text, "http://", 7) == 0 ||
		       strncmp(tok.text, "https://", 8) == 0;
		break;
	case CONFOPT_NAME:
	default:
		good = confread_is_token(&tok);
		/* A backend's name may have a port, a user's cannot. */
		if (o->block == CONFOPT_BACKEND) {
			struct authority a;

			good = authority_parse(span_of(tok.text, tok.n), &a) == 0;
		}
	}
	if (!good)
		lex_fail(&rd->lx, &tok, NULL, "this is not %s",
			 o->kind == CONFOPT_URLPATH    ? "a path in its normal form"
			 : o->kind == CONFOPT_URL      ? "a URL with http:// or https://"
			 : o->block == CONFOPT_BACKEND ? "a host name"
						       : "a plain name");
	*out = pool_str(rd->pool, span_of(tok.text, tok.n));
	return good;
}

bool
confread_value(struct confread *rd, const struct confopt *o, void *base)
{
	static const char *const onoff[2] = {"off", "on"};
	void *at = (unsigned char *)base + o->offset;
	struct conf_rate rate;
	const char *text;
	unsigned v;
	bool flag;

	switch (o->kind) {
	case CONFOPT_COUNT:
	case CONFOPT_DURATION:
	case CONFOPT_SIZE:
		return confread_uint(rd, o, at);
	case CONFOPT_FLAG:
		if (!confread_choice(rd, o, onoff, &v))
			return false;
		flag = v != 0;
		memcpy(at, &flag, sizeof(flag));
		return true;
	case CONFOPT_CHOICE:
		if (!confread_choice(rd, o, o->choices, &v))
			return false;
		memcpy(at, &v, sizeof(v));
		return true;
	case CONFOPT_RATE:
		if (!confread_rate(rd, o, &rate))
			return false;
		memcpy(at, &rate, sizeof(rate));
		return true;
	case CONFOPT_FILE:
	case CONFOPT_PROGRAM:
	case CONFOPT_PLACE:
		if (!confread_path(rd, o->kind, &text))
			return false;
		break;
	default:
		if (!confread_name(rd, o, &text))
			return false;
	}
	memcpy(at, &text, sizeof(text));
	return true;
}
