/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/show.h"

#include "policy/signal.h"
#include "proxy/base/ip.h"
#include "proxy/base/must.h"

enum {
	SHOW_CELL = 1024,
	SHOW_LONG = 16384,
	SHOW_ADDRESS_FROM = 100, /* terminal widths from which a column is shown */
	SHOW_NUMBER_FROM = 120,
	SHOW_SUPPORT_FROM = 140,
	SHOW_TIME = 12,
	SHOW_DATE_TIME = 24
};

static const char show_red[] = "\x1b[31m", show_yellow[] = "\x1b[33m",
		  show_magenta[] = "\x1b[35m", show_dim[] = "\x1b[2m",
		  show_plain[] = "\x1b[0m";

const char *
show_person_mark(enum query_person p)
{
	switch (p) {
	case QUERY_ERASED:
		return "<erased>";
	case QUERY_LOCKED:
		return "<encrypted>";
	case QUERY_DAMAGED:
		return "<damaged>";
	case QUERY_NONE:
	case QUERY_OPEN:
		break;
	}
	return "";
}

/* ---- cells ---- */

/* A personal value, or why there is none. */
static void
show_personal(struct show_text *t, const struct query_item *it, uint16_t tag)
{
	struct span v;

	if (it->person == QUERY_OPEN && rec_find(it->personal, tag, &v))
		show_put_value(t, tag, v, false);
	else if (it->person != QUERY_OPEN)
		show_put(t, show_person_mark(it->person));
}

static void
show_public(struct show_text *t, const struct query_item *it, uint16_t tag)
{
	struct span v;

	if (it != NULL && rec_find(it->view.fields, tag, &v))
		show_put_value(t, tag, v, false);
}

static uint64_t
show_number(const struct query_item *it, uint16_t tag, uint64_t absent)
{
	struct span v;

	return rec_find(it->view.fields, tag, &v) ? rec_u64(v) : absent;
}

/* The verdict as enforced; with ~ what the policy would have done where that differs. */
static void
show_verdict(struct show_text *t, const struct query_item *it)
{
	uint64_t said = show_number(it, REC_TAG_VERDICT, UINT64_MAX);
	uint64_t done = show_number(it, REC_TAG_ENFORCED, said);
	const char *name =
	    rec_enum_name(REC_TAG_VERDICT, said == done || said < done ? done : said);

	if (said > done && said != UINT64_MAX)
		show_put(t, "~");
	show_put(t, name == NULL ? "-" : name);
}

static const char *
show_colour(const struct show_opt *o, const struct query_item *it)
{
	uint64_t v = show_number(it, REC_TAG_ENFORCED, 0);

	if (!o->colour)
		return "";
	if ((it->view.head.flags & REC_F_ALARM) != 0)
		return show_red;
	if (it->view.head.kind != REC_DECISION)
		return show_dim;
	if (v == 0)
		v = show_number(it, REC_TAG_VERDICT, 0) != 0 ? 1 : 0;
	return v == 0 ? "" : v == 1 ? show_yellow : v == 2 ? show_magenta : show_red;
}

/* ---- one request ---- */

struct show_cells {
	char time[40];
	char number[24];
	char verdict[32];
	char status[24];
	char method[64];
	char country[64];
	char address[128];
	char user[512];
	char where[SHOW_CELL];
	char rules[SHOW_CELL];
	char support[REC_SUPPORT_LEN];
};

#define SHOW_TEXT(array) show_text_init(array, sizeof(array))

static void
show_fill(struct show_cells *c, const struct show_opt *o, const struct query_item *it,
    const struct query_item *outcome, bool why)
{
	struct show_text t = SHOW_TEXT(c->time);
	struct span v;

	show_put_time(&t, it->view.head.time, o->width == 0);
	(void)snprintf(c->number, sizeof(c->number), "%llu", (unsigned long long)it->number);
	t = SHOW_TEXT(c->verdict);
	show_verdict(&t, it);
	t = SHOW_TEXT(c->status);
	if (outcome != NULL)
		show_public(&t, outcome, REC_TAG_STATUS);
	else
		show_put(&t, "-");
	t = SHOW_TEXT(c->method);
	show_public(&t, it, REC_TAG_METHOD);
	t = SHOW_TEXT(c->country);
	show_public(&t, it, REC_TAG_COUNTRY);
	t = SHOW_TEXT(c->address);
	if (query_field(it, REC_TAG_CLIENT, &v))
		show_personal(&t, it, REC_TAG_CLIENT);
	else
		show_personal(&t, it, REC_TAG_PEER);
	t = SHOW_TEXT(c->user);
	show_personal(&t, it, REC_TAG_USER);
	t = SHOW_TEXT(c->where);
	show_public(&t, it, REC_TAG_SITE);
	show_public(&t, it, REC_TAG_PATH);
	t = SHOW_TEXT(c->rules);
	if (!why || o->width == 0)
		show_public(&t, it, REC_TAG_RULES);
	if (t.n == 0 && !why)
		show_public(&t, it, REC_TAG_REASON);
	rec_support_text(it->view.head.exchange, c->support);
}

static void
show_cell(FILE *out, const struct show_opt *o, const char *s, size_t width, size_t *used)
{
	show_column(out, s, o->width == 0 && show_width(s) > width ? show_width(s) : width,
	    true);
	fputc(' ', out);
	*used += width + 1;
}

/* A rule had its say, and it was not simply "allow". */
static bool
show_has_why(const struct show_opt *o, const struct query_item *it)
{
	struct span v;

	return o->why && it->view.head.kind == REC_DECISION &&
	    rec_find(it->view.fields, REC_TAG_RULES, &v) &&
	    (show_number(it, REC_TAG_VERDICT, 0) != 0 ||
		show_number(it, REC_TAG_ENFORCED, 0) != 0);
}

/* The columns that all lines begin with. */
static size_t
show_front(FILE *out, const struct show_opt *o, const char *time, const char *number)
{
	size_t used = 0;

	show_cell(out, o, time, o->width == 0 ? SHOW_DATE_TIME : SHOW_TIME, &used);
	if (o->width == 0 || o->width >= SHOW_NUMBER_FROM)
		show_cell(out, o, number, 7, &used);
	return used;
}

static void
show_request(FILE *out, const struct show_opt *o, const struct query_item *it,
    const struct query_item *outcome)
{
	struct show_cells c;
	bool why = show_has_why(o, it);
	char last[2 * SHOW_CELL + 8];
	size_t used, rest;

	show_fill(&c, o, it, outcome, why);
	used = show_front(out, o, c.time, c.number);
	fputs(show_colour(o, it), out);
	show_cell(out, o, c.verdict, 10, &used);
	fputs(o->colour ? show_plain : "", out);
	show_cell(out, o, c.status, 3, &used);
	show_cell(out, o, c.country[0] ? c.country : "-", 2, &used);
	if (o->width == 0 || o->width >= SHOW_ADDRESS_FROM)
		show_cell(out, o, c.address[0] ? c.address : "-", 15, &used);
	show_cell(out, o, c.user[0] ? c.user : "-", 16, &used);
	if (o->width == 0 || o->width >= SHOW_SUPPORT_FROM)
		show_cell(out, o, c.support, REC_SUPPORT_LEN - 1, &used);
	show_cell(out, o, c.method, 5, &used);
	(void)snprintf(last, sizeof(last), "%s%s%s%s", c.where, c.rules[0] ? "  [" : "",
	    c.rules, c.rules[0] ? "]" : "");
	rest = o->width > used ? o->width - used : 1;
	show_column(out, last, o->width == 0 ? SIZE_MAX : rest, false);
	if (why && o->width == 0)
		show_why(out, it, 0, 0);
	fputc('\n', out);
	if (why && o->width != 0) {
		fputs(o->colour ? show_dim : "", out);
		show_why(out, it, o->width, SHOW_TIME + 1);
		fputs(o->colour ? show_plain : "", out);
	}
}

/* ---- events and aggregates ---- */

static void
show_event(FILE *out, const struct show_opt *o, const struct query_item *it)
{
	static const uint16_t tags[] = {REC_TAG_SITE, REC_TAG_ACTOR, REC_TAG_COMMAND,
	    REC_TAG_DETAIL, REC_TAG_REASON, REC_TAG_WHAT, REC_TAG_KEY, REC_TAG_SCOPE,
	    REC_TAG_COUNT, REC_TAG_UNTIL};
	static const uint16_t personal[] = {REC_TAG_USER, REC_TAG_SOURCE, REC_TAG_CLIENT};
	char time[40], number[24], text[2 * SHOW_CELL];
	struct show_text t = SHOW_TEXT(time);
	size_t used;
	struct span v;

	show_put_time(&t, it->view.head.time, o->width == 0);
	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)it->number);
	t = SHOW_TEXT(text);
	show_put(&t, it->view.head.kind == REC_AGGREGATE ? "+ " : "* ");
	if (rec_find(it->view.fields, REC_TAG_EVENT, &v))
		show_put_value(&t, REC_TAG_EVENT, v, o->ja);
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (!rec_find(it->view.fields, tags[i], &v))
			continue;
		show_put(&t, "  ");
		if (tags[i] == REC_TAG_COUNT)
			show_put(&t, "n=");
		show_put_value(&t, tags[i], v, o->ja);
	}
	for (size_t i = 0; i < ARRAY_LEN(personal); i++) {
		if (!query_field(it, personal[i], &v))
			continue;
		show_put(&t, "  ");
		show_put_value(&t, personal[i], v, o->ja);
	}
	if (it->person != QUERY_NONE && it->person != QUERY_OPEN) {
		show_put(&t, "  ");
		show_put(&t, show_person_mark(it->person));
	}
	used = show_front(out, o, time, number);
	fputs(show_colour(o, it), out);
	show_column(out, text, o->width == 0 ? SIZE_MAX : o->width - used, false);
	fputs(o->colour ? show_plain : "", out);
	fputc('\n', out);
}

void
show_line(FILE *out, const struct show_opt *o, const struct query_item *it,
    const struct query_item *outcome)
{
	struct show_opt wide = *o;

	if (wide.width != 0 && wide.width < 40)
		wide.width = 40;
	if (it->view.head.kind == REC_DECISION)
		show_request(out, &wide, it, outcome);
	else if (it->view.head.kind == REC_OUTCOME)
		show_request(out, &wide, it, it);
	else
		show_event(out, &wide, it);
}

/* ---- details ---- */

static void
show_pair(FILE *out, const char *name, const char *text)
{
	fputs("    ", out);
	show_column(out, name, 34, true);
	fprintf(out, " %s\n", text);
}

static void
show_fact(struct show_text *t, const struct facts_item *it, bool ja)
{
	const struct facts_evidence *why = &it->why;
	struct facts f;
	char b[SHOW_CELL];
	int id;

	facts_clear(&f);
	id = facts_decode(&f, it);
	if (id < 0) {
		show_put_value(t, 0, span_of(it->bytes, it->n), ja);
		return;
	}
	(void)facts_print(&f, (enum signal_id)id, b, sizeof(b));
	show_put_safe(t, span_str(b));
	if (why->bound_n == 0 && why->seen_n == 0)
		return;
	show_put(t, ja ? "  (登録時 " : "  (bound ");
	show_put_safe(t, span_of(why->bound, why->bound_n));
	show_put(t, ja ? " → 今回 " : " → seen ");
	show_put_safe(t, span_of(why->seen, why->seen_n));
	show_put(t, ")");
}

static void
show_facts(FILE *out, const struct show_opt *o, struct span v)
{
	struct facts_reader r = facts_reader(v.p, v.n);
	struct facts_item it;

	while (facts_next(&r, &it)) {
		int id = signal_by_number(it.number);
		char text[SHOW_LONG], name[24];
		struct show_text t = SHOW_TEXT(text);

		(void)snprintf(name, sizeof(name), "fact %u", it.number);
		show_fact(&t, &it, o->ja);
		show_pair(out, id < 0 ? name : signal_info((enum signal_id)id)->name, text);
	}
}

static void
show_field(FILE *out, const struct show_opt *o, const struct rec_field *f)
{
	const struct rec_tag_info *info = rec_tag_find(f->tag);
	char text[SHOW_LONG], name[80];
	struct show_text t = SHOW_TEXT(text);

	if (info != NULL && info->type == REC_FACTS) {
		show_facts(out, o, f->value);
		return;
	}
	if (info != NULL)
		(void)snprintf(name, sizeof(name), "%s", o->ja ? info->ja : info->en);
	else
		(void)snprintf(name, sizeof(name), "0x%04x", f->tag);
	show_put_value(&t, f->tag, f->value, o->ja);
	show_pair(out, name, text);
}

void
show_details(FILE *out, const struct show_opt *o, const struct query_item *it)
{
	struct cursor c = cur_init(it->view.fields);
	const struct rec_head *h = &it->view.head;
	char support[REC_SUPPORT_LEN];
	struct rec_field f;

	rec_support_text(h->exchange, support);
	fputs("    ", out);
	show_column(out, o->ja ? "記録番号" : "Record", 34, true);
	fprintf(out, " %llu (%s %u, %s %llu)\n", (unsigned long long)it->number,
	    o->ja ? "スレッド" : "thread", h->thread, o->ja ? "通番" : "no.",
	    (unsigned long long)h->seq);
	if (h->exchange != 0) {
		fputs("    ", out);
		show_column(out, o->ja ? "お問い合わせ番号" : "Support number", 34, true);
		fprintf(out, " %s\n", support);
	}
	while (rec_next(&c, &f))
		show_field(out, o, &f);
	c = cur_init(it->personal);
	while (rec_next(&c, &f))
		show_field(out, o, &f);
	if (it->person != QUERY_NONE && it->person != QUERY_OPEN) {
		fputs("    ", out);
		show_column(out, o->ja ? "個人データ" : "Personal data", 34, true);
		fprintf(out, " %s\n", show_person_mark(it->person));
	}
}
