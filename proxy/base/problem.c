/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/base/problem.h"

#include "proxy/base/json.h"
#include "proxy/base/must.h"

struct problem_row {
	const char *token;
	unsigned status;
	const char *title[2];
	const char *detail[2];
};

static const struct problem_row problem_rows[PROBLEM_COUNT] = {
#define PROBLEM(id, token, status, ten, tja, den, dja) \
	{token, status, {ten, tja}, {den, dja}},
#include "proxy/base/problem.def"
#undef PROBLEM
};

static const struct problem_row *
problem_row(enum problem_kind kind)
{
	MUST((unsigned)kind < PROBLEM_COUNT);
	return &problem_rows[kind];
}

const char *
problem_token(enum problem_kind kind)
{
	return problem_row(kind)->token;
}

unsigned
problem_status(enum problem_kind kind)
{
	return problem_row(kind)->status;
}

const char *
problem_title(enum problem_kind kind, enum problem_lang lang)
{
	return problem_row(kind)->title[lang == PROBLEM_JA];
}

const char *
problem_detail(enum problem_kind kind, enum problem_lang lang)
{
	return problem_row(kind)->detail[lang == PROBLEM_JA];
}

int
problem_find(struct span token, enum problem_kind *kind)
{
	*kind = PROBLEM_REFUSED;
	for (unsigned i = 0; i < PROBLEM_COUNT; i++)
		if (span_eq(token, span_str(problem_rows[i].token))) {
			*kind = (enum problem_kind)i;
			return 0;
		}
	return WF_ENOTFOUND;
}

bool
problem_support_ok(struct span support)
{
	if (support.n == 0 || support.n > PROBLEM_SUPPORT_MAX)
		return false;
	for (size_t i = 0; i < support.n; i++) {
		uint8_t c = span_lower(support.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

bool
problem_local_path(struct span path)
{
	if (path.n == 0 || path.n > PROBLEM_PATH_MAX || path.p[0] != '/')
		return false;
	if (path.n > 1 && path.p[1] == '/')
		return false;
	for (size_t i = 0; i < path.n; i++) {
		uint8_t c = path.p[i];

		if (c <= 0x20 || c >= 0x7f || strchr("\"'<>\\^`{|}", c) != NULL)
			return false;
	}
	return true;
}

int
problem_write(const struct problem *p, char *out, size_t cap, size_t *len)
{
	static const char type[] = "urn:warifu:";
	static const char instance[] = "urn:warifu:support:";
	char urn[sizeof(instance) + PROBLEM_SUPPORT_MAX];
	size_t token = strlen(problem_token(p->kind));
	struct json j;
	struct span doc;
	int rc;

	*len = 0;
	json_init(&j, out, cap);
	json_object(&j);
	MUST(sizeof(type) + token < sizeof(urn));
	memcpy(urn, type, sizeof(type) - 1);
	memcpy(urn + sizeof(type) - 1, problem_token(p->kind), token);
	json_kstr(&j, "type", span_of(urn, sizeof(type) - 1 + token));
	json_ktext(&j, "title", problem_title(p->kind, p->lang));
	json_kuint(&j, "status", p->status ? p->status : problem_status(p->kind));
	json_ktext(&j, "detail", problem_detail(p->kind, p->lang));
	if (problem_support_ok(p->support)) {
		memcpy(urn, instance, sizeof(instance) - 1);
		memcpy(urn + sizeof(instance) - 1, p->support.p, p->support.n);
		json_kstr(&j, "instance",
			  span_of(urn, sizeof(instance) - 1 + p->support.n));
		json_kstr(&j, "support", p->support);
	}
	if (problem_local_path(p->login))
		json_kstr(&j, "login", p->login);
	json_object_end(&j);
	rc = json_done(&j, &doc);
	*len = doc.n;
	return rc;
}

/* The weight of one element of Accept-Language in thousandths: "ja-JP;q=0.8" has 800. */
static unsigned
problem_weight(struct span element)
{
	ptrdiff_t semi = span_chr(element, ';');
	struct span q =
	    semi < 0 ? span_of(NULL, 0) : span_tail(element, (size_t)semi + 1);
	unsigned w = 0, scale = 1000;

	if (semi < 0)
		return 1000;
	while (q.n && q.p[0] == ' ')
		q = span_tail(q, 1);
	if (!span_istarts(q, SPAN_LIT("q=")))
		return 0;
	for (size_t i = 2; i < q.n && scale; i++) {
		if (q.p[i] == '.' && i == 3)
			continue;
		if (q.p[i] < '0' || q.p[i] > '9')
			break;
		w += scale * (unsigned)(q.p[i] - '0');
		scale /= 10;
	}
	return w > 1000 ? 1000 : w;
}

static bool
problem_tag_is(struct span element, struct span tag)
{
	return span_istarts(element, tag) &&
	       (element.n == tag.n || strchr("-; \t", element.p[tag.n]) != NULL);
}

enum problem_lang
problem_lang_of(struct span accept_language)
{
	struct span rest = accept_language;
	enum problem_lang best = PROBLEM_EN;
	unsigned best_weight = 0;

	for (unsigned i = 0; i < 32 && rest.n; i++) {
		ptrdiff_t comma = span_chr(rest, ',');
		struct span e = span_of(rest.p, comma < 0 ? rest.n : (size_t)comma);
		bool ja, en;

		rest = comma < 0 ? span_of(NULL, 0) : span_tail(rest, (size_t)comma + 1);
		while (e.n && (e.p[0] == ' ' || e.p[0] == '\t'))
			e = span_tail(e, 1);
		ja = problem_tag_is(e, SPAN_LIT("ja"));
		en = problem_tag_is(e, SPAN_LIT("en"));
		/* Of equal weights the first counts. */
		if ((ja || en) && problem_weight(e) > best_weight) {
			best = ja ? PROBLEM_JA : PROBLEM_EN;
			best_weight = problem_weight(e);
		}
	}
	return best;
}
