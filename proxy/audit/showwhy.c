/* SPDX-License-Identifier: Apache-2.0 */
/* What decided about a request, short enough to stand below its line. */
#include "policy/signal.h"
#include "proxy/audit/show.h"
#include "proxy/base/must.h"

enum { SHOW_PIECE = 512, SHOW_SEEN = 64 };

struct show_pieces {
	FILE *out;
	size_t columns; /* 0: one line */
	size_t indent;
	size_t used; /* columns of this line that are taken */
};

/* A piece is never broken; one that does not fit begins a line, and is cut if it must be. */
static void
show_piece(struct show_pieces *p, const char *s)
{
	size_t width = show_width(s);

	if (p->columns == 0) {
		fprintf(p->out, "%s%s", p->used == 0 ? "  " : "; ", s);
		p->used = 1;
		return;
	}
	if (p->used != 0 && p->used + 3 + width > p->columns) {
		fputc('\n', p->out);
		p->used = 0;
	}
	if (p->used == 0)
		fprintf(p->out, "%*s", (int)p->indent, "");
	else
		fputs(" \xc2\xb7 ", p->out);
	p->used += p->used == 0 ? p->indent : 3;
	if (width > p->columns - p->used)
		width = p->columns - p->used;
	show_column(p->out, s, width, false);
	p->used += width;
}

static void
show_why_ids(struct show_pieces *p, const struct query_item *it)
{
	char b[SHOW_PIECE], support[REC_SUPPORT_LEN];
	struct show_text t = show_text_init(b, sizeof(b));
	struct span v;

	(void)snprintf(b, sizeof(b), "%llu", (unsigned long long)it->number);
	show_piece(p, b);
	rec_support_text(it->view.head.exchange, support);
	show_piece(p, support);
	if (!rec_find(it->view.fields, REC_TAG_RULES, &v))
		return;
	show_put_value(&t, REC_TAG_RULES, v, false);
	show_piece(p, b);
}

static void
show_why_signal(struct show_pieces *p, const struct facts_item *it, char *last)
{
	int id = signal_by_number(it->number);
	const struct facts_evidence *why = &it->why;
	char b[SHOW_PIECE], same[SHOW_PIECE];
	struct show_text t = show_text_init(same, sizeof(same));

	if (id < 0 || (why->bound_n == 0 && why->seen_n == 0))
		return;
	show_put_safe(&t, span_of(why->bound, why->bound_n));
	show_put(&t, " \xe2\x86\x92 ");
	show_put_safe(&t, span_of(why->seen, why->seen_n));
	/* Two signals of one source differ in the same way: told once. */
	if (strcmp(same, last) == 0)
		return;
	memcpy(last, same, sizeof(same));
	t = show_text_init(b, sizeof(b));
	show_put(&t, signal_info((enum signal_id)id)->name);
	show_put(&t, " ");
	show_put(&t, same);
	show_piece(p, b);
}

/* "RULE SIGNAL: BOUND -> SEEN"; what two rules went by alike is told once. */
static void
show_why_seen(struct show_pieces *p, struct span list)
{
	struct span e, told[SHOW_SEEN];
	struct cursor c = cur_init(list);
	size_t n = 0, i;
	char b[SHOW_PIECE];
	struct show_text t;

	while (rec_list_next(&c, &e)) {
		ptrdiff_t rule = span_chr(e, ' ');
		struct span what = span_tail(e, rule < 0 ? 0 : (size_t)rule);

		for (i = 0; i < n && !span_eq(told[i], what); i++)
			;
		if (i < n)
			continue;
		if (n < SHOW_SEEN)
			told[n++] = what;
		t = show_text_init(b, sizeof(b));
		show_put_safe(&t, e);
		show_piece(p, b);
	}
}

/* Without the personal part, and in records of old, what stands beside the facts. */
static void
show_why_facts(struct show_pieces *p, struct span fields)
{
	char last[SHOW_PIECE] = "";
	struct facts_reader r;
	struct facts_item it;
	struct span v;

	if (!rec_find(fields, REC_TAG_FACTS, &v))
		return;
	r = facts_reader(v.p, v.n);
	while (facts_next(&r, &it))
		show_why_signal(p, &it, last);
}

void
show_why(FILE *out, const struct query_item *it, size_t columns, size_t indent)
{
	struct show_pieces p = {out, columns, indent, 0};
	struct span seen;

	if (columns != 0)
		show_why_ids(&p, it);
	if (it->person == QUERY_OPEN && rec_find(it->personal, REC_TAG_SEEN, &seen))
		show_why_seen(&p, seen);
	else
		show_why_facts(&p, it->view.fields);
	if (columns != 0)
		fputc('\n', out);
}
