/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/http/keep.h"

struct keep {
	const uint8_t *from, *end; /* where spans may point now */
	const uint8_t *to;	   /* the copy */
};

/* Spans into constants (a method's name) stay where they are. */
static void
keep_move(const struct keep *k, struct span *s)
{
	if (s->p >= k->from && s->p < k->end)
		s->p = k->to + (s->p - k->from);
	else if (s->p == k->end && s->n == 0)
		s->p = k->to;
}

static int
keep_begin(struct keep *k, struct arena *a, struct span in)
{
	struct span copy = arena_dup(a, in);

	if (copy.p == NULL)
		return WF_EFULL;
	*k = (struct keep){.from = in.p, .end = in.p + in.n, .to = copy.p};
	return 0;
}

static void
keep_fields(const struct keep *k, struct fields *f, struct fields_hop *hop)
{
	for (size_t i = 0; i < f->n; i++) {
		keep_move(k, &f->at[i].name);
		keep_move(k, &f->at[i].value);
	}
	for (size_t i = 0; i < hop->n; i++)
		keep_move(k, &hop->names[i]);
}

int
keep_request(struct arena *a, struct span in, struct h1_request *rq)
{
	struct keep k;
	int err = keep_begin(&k, a, in);

	if (err != 0)
		return err;
	keep_move(&k, &rq->method_text);
	keep_move(&k, &rq->target);
	keep_move(&k, &rq->path);
	keep_move(&k, &rq->query);
	keep_move(&k, &rq->authority.host);
	keep_fields(&k, &rq->fields, &rq->hop);
	return 0;
}

int
keep_response(struct arena *a, struct span in, struct h1_response *rs)
{
	struct keep k;
	int err = keep_begin(&k, a, in);

	if (err != 0)
		return err;
	keep_move(&k, &rs->text);
	keep_fields(&k, &rs->fields, &rs->hop);
	return 0;
}
