/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/oracle/h1_seen.h"
#include "tests/tools/h1walk.h"

static void
seen_fields(struct h1_seen *s, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		h1_seen_name(s, f->at[i].name.p, f->at[i].name.n);
		h1_seen_value(s, f->at[i].value.p, f->at[i].value.n);
	}
	h1_seen_head(s);
}

static void
seen_request(void *ctx, const struct h1_request *rq)
{
	struct h1_seen *s = ctx;

	h1_seen_first(s, rq->method_text.p, rq->method_text.n);
	h1_seen_first(s, " ", 1);
	h1_seen_first(s, rq->target.p, rq->target.n);
	seen_fields(s, &rq->fields);
}

static void
seen_response(void *ctx, const struct h1_response *rs)
{
	struct h1_seen *s = ctx;
	char code[8];
	int n = snprintf(code, sizeof(code), "%u", (unsigned)rs->status);

	h1_seen_first(s, code, (size_t)n);
	seen_fields(s, &rs->fields);
}

static void
seen_body(void *ctx, struct span run)
{
	h1_seen_body(ctx, run.p, run.n);
}

static void
seen_end(void *ctx, const struct fields *trailers)
{
	(void)trailers;
	h1_seen_end(ctx);
}

void
h1_seen_warifu(struct h1_seen *s, const struct h1_stream *in)
{
	struct h1walk_sink sink = {seen_request, seen_response, seen_body, seen_end, s};
	struct h1_asked asked = {in->to_head ? METHOD_HEAD : METHOD_GET, in->to_upgrade};
	struct h1walk w;

	h1_seen_begin(s);
	h1walk_init(&w, in->responses, asked, &sink);
	h1walk_feed(&w, span_of(in->p, in->n));
	s->failed = w.state == H1WALK_REFUSED;
	s->over = w.state == H1WALK_LAST || w.state == H1WALK_TUNNEL;
	s->pending = !s->failed && !s->over && w.done < in->n;
	if (s->failed)
		snprintf(s->why, sizeof(s->why), "%s", reason_name(w.why));
}
