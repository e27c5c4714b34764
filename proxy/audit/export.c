/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/audit/export.h"

#include <stdlib.h>

#include "policy/signal.h"
#include "proxy/audit/show.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"
#include "proxy/base/ip.h"
#include "proxy/base/json.h"
#include "proxy/base/must.h"

/* Every byte may become six ("\u0000" in JSON), and names stand around the values. */
enum { EXPORT_BUF = 6 * REC_LEAF_MAX + (256 << 10), EXPORT_CELL = 4 * REC_LEAF_MAX };

#define EXPORT_EXACT (UINT64_C(1) << 53) /* what readers of JSON hold exactly */

static const char *const export_kinds[] = {"", "decision", "outcome", "event", "aggregate"};

struct export {
	FILE *out;
	enum export_format format;
	char *buf;
	char *cell;
};

struct export *
export_new(FILE *out, enum export_format f)
{
	struct export *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->out = out;
	x->format = f;
	x->buf = malloc(EXPORT_BUF);
	x->cell = malloc(EXPORT_CELL);
	if (x->buf == NULL || x->cell == NULL) {
		export_free(x);
		return NULL;
	}
	return x;
}

void
export_free(struct export *x)
{
	if (x == NULL)
		return;
	free(x->buf);
	free(x->cell);
	free(x);
}

static const char *
export_person(enum query_person p)
{
	static const char *const names[] = {"none", "open", "erased", "encrypted", "damaged"};

	return names[p];
}

/* ---- JSON ---- */

static void
export_json_u64(struct json *j, uint64_t v)
{
	char b[24];

	if (v < EXPORT_EXACT) {
		json_uint(j, v);
		return;
	}
	(void)snprintf(b, sizeof(b), "%llu", (unsigned long long)v);
	json_text(j, b);
}

static void
export_json_list(struct json *j, struct span v)
{
	struct cursor c = cur_init(v);
	struct span e;

	json_array(j);
	while (rec_list_next(&c, &e))
		json_str(j, e);
	json_array_end(j);
}

static void
export_json_ids(struct json *j, struct span v)
{
	json_array(j);
	for (size_t i = 0; i + REC_SESSION_LEN <= v.n; i += REC_SESSION_LEN)
		json_hex(j, span_of(v.p + i, REC_SESSION_LEN));
	json_array_end(j);
}

static void
export_json_time(struct json *j, uint64_t ns)
{
	char iso[CLOCK_ISO_TEXT];

	clock_iso(ns, iso);
	json_text(j, iso);
}

static void
export_json_value(struct json *j, const struct rec_tag_info *info, struct span v)
{
	const char *name;
	struct ip ip;
	char text[IP_TEXT];

	switch (info->type) {
	case REC_U64:
	case REC_USEC:
		export_json_u64(j, rec_u64(v));
		break;
	case REC_I64:
		json_int(j, rec_i64(v));
		break;
	case REC_TEXT:
		json_str(j, v);
		break;
	case REC_HEX:
	case REC_FACTS:
		json_hex(j, v);
		break;
	case REC_ADDR:
		ip = ip_from_bytes(v.p, v.n);
		(void)ip_print(&ip, text);
		json_text(j, text);
		break;
	case REC_TIME:
		export_json_time(j, rec_u64(v));
		break;
	case REC_LIST:
		export_json_list(j, v);
		break;
	case REC_IDS:
		export_json_ids(j, v);
		break;
	case REC_ENUM:
		name = rec_enum_name(info->tag, rec_u64(v));
		if (name != NULL)
			json_text(j, name);
		else
			export_json_u64(j, rec_u64(v));
		break;
	}
}

static void
export_json_fact(struct json *j, const struct facts *f, enum signal_id id)
{
	char text[FACTS_TEXT_MAX + 1];
	bool yes;
	int64_t num;
	const char *p;
	size_t n;

	json_key(j, signal_info(id)->name);
	if (!facts_known(f, id))
		json_null(j);
	else if (facts_get_bool(f, id, &yes))
		json_bool(j, yes);
	else if (facts_get_int(f, id, &num))
		json_int(j, num);
	else if (facts_get_text(f, id, &p, &n))
		json_str(j, span_of(p, n));
	else
		json_text(j, facts_print(f, id, text, sizeof(text)));
}

/* A walk over the facts of both parts. All zero: at the begin. */
struct export_walk {
	unsigned part;
	struct facts_reader r;
};

static bool
export_next_fact(struct export_walk *w, const struct query_item *it, struct facts_item *item)
{
	static const uint16_t tags[] = {REC_TAG_FACTS, REC_TAG_FACTS_PERSON};
	struct span v;

	while (!facts_next(&w->r, item)) {
		if (w->part == ARRAY_LEN(tags))
			return false;
		if (query_field(it, tags[w->part++], &v))
			w->r = facts_reader(v.p, v.n);
	}
	return true;
}

/* All facts of both parts; `seen` is set for those that were there. */
static void
export_facts(const struct query_item *it, struct facts *f, bool seen[SIGNAL_COUNT])
{
	struct export_walk w = {0};
	struct facts_item item;

	facts_clear(f);
	memset(seen, 0, SIGNAL_COUNT * sizeof(*seen));
	while (export_next_fact(&w, it, &item)) {
		int id = facts_decode(f, &item);

		if (id >= 0)
			seen[id] = true;
	}
}

static void
export_json_facts(struct json *j, const struct query_item *it)
{
	bool seen[SIGNAL_COUNT], any = false;
	struct facts f;

	export_facts(it, &f, seen);
	/* What was refused before the policy was asked has none, and is no decision of it. */
	if (memchr(seen, 1, sizeof(seen)) == NULL)
		return;
	json_key(j, "facts");
	json_object(j);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (seen[i])
			export_json_fact(j, &f, (enum signal_id)i);
		any |= seen[i] && (f.why[i].bound_n != 0 || f.why[i].seen_n != 0);
	}
	json_object_end(j);
	if (!any)
		return;
	json_key(j, "evidence");
	json_object(j);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (!seen[i] || (f.why[i].bound_n == 0 && f.why[i].seen_n == 0))
			continue;
		json_key(j, signal_info((enum signal_id)i)->name);
		json_object(j);
		json_kstr(j, "bound", span_of(f.why[i].bound, f.why[i].bound_n));
		json_kstr(j, "seen", span_of(f.why[i].seen, f.why[i].seen_n));
		json_object_end(j);
	}
	json_object_end(j);
}

static void
export_json_strange(struct json *j, bool *open, const char *name, struct span v)
{
	if (!*open) {
		json_key(j, "unknown");
		json_object(j);
		*open = true;
	}
	json_key(j, name);
	json_hex(j, v);
}

/* The bytes of facts whose number this release does not know, or which are none of their
 * signal. */
static void
export_json_strange_facts(struct json *j, bool *open, const struct query_item *it)
{
	struct export_walk w = {0};
	struct facts_item item;
	struct facts f;
	char name[24];

	facts_clear(&f);
	while (export_next_fact(&w, it, &item)) {
		if (facts_decode(&f, &item) >= 0)
			continue;
		(void)snprintf(name, sizeof(name), "fact %u", item.number);
		export_json_strange(j, open, name, span_of(item.bytes, item.n));
	}
}

/* Tags that this release does not know, of both parts: kept, as hex. */
static void
export_json_unknown(struct json *j, const struct query_item *it)
{
	struct span parts[2] = {it->view.fields, it->personal};
	struct rec_field f;
	bool open = false;
	char name[16];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct cursor c = cur_init(parts[i]);

		while (rec_next(&c, &f)) {
			if (rec_tag_find(f.tag) != NULL)
				continue;
			(void)snprintf(name, sizeof(name), "%s0x%04x",
			    i == 0 ? "" : "p", f.tag);
			export_json_strange(j, &open, name, f.value);
		}
	}
	export_json_strange_facts(j, &open, it);
	if (open)
		json_object_end(j);
}

static void
export_json_head(struct json *j, const struct query_item *it)
{
	const struct rec_head *h = &it->view.head;
	char support[REC_SUPPORT_LEN], start[17];

	json_kuint(j, "record", it->number);
	json_key(j, "time");
	export_json_time(j, h->time);
	json_ktext(j, "kind", export_kinds[h->kind]);
	if (h->exchange != 0) {
		rec_support_text(h->exchange, support);
		json_ktext(j, "support", support);
	}
	json_kuint(j, "thread", h->thread);
	json_kuint(j, "no", h->seq);
	(void)snprintf(start, sizeof(start), "%016llx", (unsigned long long)h->boot);
	json_ktext(j, "start", start);
	if ((h->flags & REC_F_ALARM) != 0)
		json_kbool(j, "alarmed", true);
}

static int
export_json(struct export *x, const struct query_item *it)
{
	struct span parts[2] = {it->view.fields, it->personal}, line;
	struct rec_field f;
	struct json j;

	json_init(&j, x->buf, EXPORT_BUF);
	json_object(&j);
	export_json_head(&j, it);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct cursor c = cur_init(parts[i]);

		while (rec_next(&c, &f)) {
			const struct rec_tag_info *info = rec_tag_find(f.tag);

			if (info == NULL || info->type == REC_FACTS)
				continue;
			json_key(&j, info->name);
			export_json_value(&j, info, f.value);
		}
	}
	if (it->view.head.kind == REC_DECISION)
		export_json_facts(&j, it);
	export_json_unknown(&j, it);
	json_ktext(&j, "personal", export_person(it->person));
	json_object_end(&j);
	if (json_done(&j, &line) != 0)
		return WF_EFULL;
	if (fwrite(line.p, 1, line.n, x->out) != line.n || fputc('\n', x->out) == EOF)
		return WF_EIO;
	return 0;
}

/* ---- CSV ---- */

/* Inside double quotes; the text has no line breaks and no control characters left. */
static void
export_csv_quote(struct export *x, const char *s, bool first, bool guard)
{
	fputs(first ? "\"" : ",\"", x->out);
	/* A cell that begins like a formula is one, quotes or not. U+FF0B and its like are
	 * folded to ASCII by some programs. */
	if (guard && (strchr("=+-@", s[0]) != NULL || strncmp(s, "\xef\xbc\x8b", 3) == 0 ||
			 strncmp(s, "\xef\xbc\x8d", 3) == 0 ||
			 strncmp(s, "\xef\xbc\x9d", 3) == 0 ||
			 strncmp(s, "\xef\xbc\xa0", 3) == 0) && s[0] != '\0')
		fputc('\'', x->out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			fputc('"', x->out);
		fputc(*s, x->out);
	}
	fputc('"', x->out);
}

static void
export_csv_head(struct export *x, const struct query_item *it)
{
	const struct rec_head *h = &it->view.head;
	char support[REC_SUPPORT_LEN] = "", iso[CLOCK_ISO_TEXT];

	clock_iso(h->time, iso);
	if (h->exchange != 0)
		rec_support_text(h->exchange, support);
	fprintf(x->out, "%llu,\"%s\",\"%s\",\"%s\",%u,%llu,\"%016llx\"",
	    (unsigned long long)it->number, iso, export_kinds[h->kind], support, h->thread,
	    (unsigned long long)h->seq, (unsigned long long)h->boot);
}

static void
export_csv_fields(struct export *x, const struct query_item *it)
{
	const struct rec_tag_info *tags;
	size_t n;

	tags = rec_tag_table(&n);
	for (size_t i = 0; i < n; i++) {
		struct show_text t = show_text_init(x->cell, EXPORT_CELL);
		bool guard = tags[i].type == REC_TEXT || tags[i].type == REC_LIST;
		const char *name = NULL;
		struct span v;

		if (tags[i].type == REC_FACTS)
			continue; /* each has a column of its own */
		if (query_field(it, tags[i].tag, &v)) {
			if (tags[i].type == REC_ENUM)
				name = rec_enum_name(tags[i].tag, rec_u64(v));
			if (name != NULL)
				show_put(&t, name);
			else if (tags[i].type == REC_USEC)
				(void)snprintf(x->cell, EXPORT_CELL, "%llu",
				    (unsigned long long)rec_u64(v));
			else
				show_put_value(&t, tags[i].tag, v, false);
		} else if (tags[i].personal && it->person != QUERY_OPEN) {
			show_put(&t, show_person_mark(it->person));
		}
		export_csv_quote(x, x->cell, false, guard);
	}
}

static void
export_csv_facts(struct export *x, const struct query_item *it)
{
	char text[FACTS_TEXT_MAX + 1];
	bool seen[SIGNAL_COUNT];
	struct facts f;

	export_facts(it, &f, seen);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		struct show_text t = show_text_init(x->cell, EXPORT_CELL);

		if (seen[i])
			show_put_safe(&t,
			    span_str(facts_print(&f, (enum signal_id)i, text, sizeof(text))));
		export_csv_quote(x, x->cell, false, true);
	}
}

static int
export_csv(struct export *x, const struct query_item *it)
{
	export_csv_head(x, it);
	export_csv_fields(x, it);
	export_csv_facts(x, it);
	export_csv_quote(x, export_person(it->person), false, false);
	return fputs("\r\n", x->out) == EOF || ferror(x->out) ? WF_EIO : 0;
}

int
export_begin(struct export *x)
{
	const struct rec_tag_info *tags;
	size_t n;

	if (x->format != EXPORT_CSV)
		return 0;
	tags = rec_tag_table(&n);
	fputs("record,time,kind,support,thread,no,start", x->out);
	for (size_t i = 0; i < n; i++)
		if (tags[i].type != REC_FACTS)
			fprintf(x->out, ",%s", tags[i].name);
	for (int i = 0; i < SIGNAL_COUNT; i++)
		fprintf(x->out, ",%s", signal_info((enum signal_id)i)->name);
	return fputs(",personal\r\n", x->out) == EOF ? WF_EIO : 0;
}

int
export_leaf(struct export *x, const struct query_item *it)
{
	return x->format == EXPORT_CSV ? export_csv(x, it) : export_json(x, it);
}
