/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/revoked.h"

#include "proxy/gate/credential.h"
#include "proxy/wire/cookie.h"

enum { REVOKED_LOOKS = 64, REVOKED_LINES = EXCHANGE_FIELDS };

struct revoked {
	struct exchange *ex;
	const struct recipe_carrier *carrier;
	struct span name; /* as keys are made of it: of cookies only */
	unsigned looks;
	bool found;
};

static void
revoked_look(struct revoked *r, struct span value)
{
	struct worker *w = r->ex->w;
	uint8_t key[SESSION_KEY_LEN];
	struct session *s;

	if (r->found || value.n == 0)
		return;
	r->found = ++r->looks > REVOKED_LOOKS;
	credential_key(w, exchange_site(r->ex)->name, r->carrier->kind, r->name, value, key);
	s = table_find(w->gate->table, key);
	if (s != NULL)
		r->found |= atomic_load(&s->state) == SESSION_REVOKED ||
			    (s->flags & SESSION_DOUBTFUL) != 0;
	table_unref(s);
}

/* Each word of it; what parts words for one program is a part of the value for the next. */
static void
revoked_words(struct revoked *r, struct span text)
{
	static const struct span parts = {(const uint8_t *)",;=\"' \t", 7};
	size_t from = 0;

	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && span_chr(parts, text.p[i]) < 0)
			continue;
		revoked_look(r, span_of(text.p + from, i - from));
		from = i + 1;
	}
}

static void
revoked_cookies(struct revoked *r)
{
	struct span lines[REVOKED_LINES];
	size_t n = credential_cookie_lines(r->ex, lines, REVOKED_LINES);
	struct cookie_pair pair;
	struct cookie_it it;

	r->name = r->carrier->name;
	cookie_begin(&it, lines, n);
	while (!r->found && cookie_next(&it, &pair)) {
		if (!cookie_reads_as(&pair, r->name))
			continue;
		revoked_look(r, pair.value);
		revoked_words(r, pair.text);
	}
}

static void
revoked_fields(struct revoked *r, enum field_id id)
{
	const struct fields *f = &r->ex->req.fields;
	struct span prefix = r->carrier->name;

	r->name = span_of(NULL, 0);
	for (size_t i = 0; i < f->n && !r->found; i++) {
		struct span v = f->at[i].value;

		if (f->at[i].id != id)
			continue;
		revoked_words(r, v);
		for (size_t k = 0; prefix.n > 0 && k < v.n; k++)
			if (span_istarts(span_tail(v, k), prefix))
				revoked_words(r, span_tail(v, k + prefix.n));
	}
}

bool
revoked_in_any_reading(struct exchange *ex)
{
	const struct conf_site *site = exchange_site(ex);
	struct revoked r = {.ex = ex};

	for (size_t i = 0; i < site->n_carriers && !r.found; i++) {
		r.carrier = &site->carriers[i];
		if (r.carrier->kind == RECIPE_COOKIE)
			revoked_cookies(&r);
		else
			revoked_fields(&r, r.carrier->kind == RECIPE_BEARER
					       ? FIELD_AUTHORIZATION
					       : FIELD_SEC_WEBSOCKET_PROTOCOL);
	}
	return r.found;
}
