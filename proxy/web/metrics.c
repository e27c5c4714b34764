/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/metrics.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"

static const char *const metrics_parts[CONSOLE_PARTS] = {"gate", "scribe", "log",
							 "portal", "certificates"};

const char *
metrics_part_name(enum console_part part)
{
	MUST((unsigned)part < CONSOLE_PARTS);
	return metrics_parts[part];
}

const char *
metrics_health_name(enum console_health health)
{
	static const char *const names[] = {"ok", "starting", "down", "full", "expired"};

	return (size_t)health < ARRAY_LEN(names) ? names[health] : "down";
}

static void
metrics_text(struct quote *q, const char *s)
{
	quote_raw(q, span_str(s));
}

static void
metrics_family(struct quote *q, const char *name, const char *type, const char *help)
{
	QUOTE_LIT(q, "# HELP ");
	metrics_text(q, name);
	QUOTE_LIT(q, " ");
	metrics_text(q, help);
	QUOTE_LIT(q, "\n# TYPE ");
	metrics_text(q, name);
	QUOTE_LIT(q, " ");
	metrics_text(q, type);
	QUOTE_LIT(q, "\n");
}

/* name and labels, up to where the value stands; l2 may be "". */
static void
metrics_name(struct quote *q, const char *name, const char *l1, struct span v1,
	     const char *l2, struct span v2)
{
	metrics_text(q, name);
	if (*l1 == '\0') {
		QUOTE_LIT(q, " ");
		return;
	}
	QUOTE_LIT(q, "{");
	metrics_text(q, l1);
	QUOTE_LIT(q, "=\"");
	quote_label(q, v1);
	if (*l2 != '\0') {
		QUOTE_LIT(q, "\",");
		metrics_text(q, l2);
		QUOTE_LIT(q, "=\"");
		quote_label(q, v2);
	}
	QUOTE_LIT(q, "\"} ");
}

static void
metrics_value(struct quote *q, enum metric_type type, enum metric_unit unit, uint64_t v)
{
	if (unit == METRIC_U_USEC)
		quote_fixed(q, v, 6);
	else if (type == METRIC_T_GAUGE)
		/* The lanes' parts of a gauge may each be negative. */
		quote_int(q, (int64_t)v);
	else
		quote_uint(q, v);
	QUOTE_LIT(q, "\n");
}

/* The bound as Prometheus wants it, or +Inf; at most 20 bytes. */
static struct span
metrics_bound(unsigned bucket, char text[20])
{
	struct quote q;
	struct span s;

	if (bucket == METRIC_BOUNDS)
		return SPAN_LIT("+Inf");
	quote_init(&q, text, 20);
	quote_fixed(&q, metric_bounds[bucket], 6);
	MUST(quote_done(&q, &s) == 0);
	return s;
}

static void
metrics_suffixed(struct quote *q, const char *name, const char *suffix)
{
	metrics_text(q, name);
	metrics_text(q, suffix);
}

static void
metrics_histogram(struct quote *q, const struct metric_view *view,
		  const struct metric_row *row)
{
	const struct metric_family_row *f = &metric_families[row->family];
	uint64_t count = 0;
	char text[20];

	for (unsigned b = 0; b <= METRIC_BOUNDS; b++) {
		count += metric_read(view, (enum metric_id)(row->id + b));
		metrics_suffixed(q, f->name, "_bucket");
		metrics_name(q, "", "le", metrics_bound(b, text), row->label,
			     span_str(row->value));
		quote_uint(q, count);
		QUOTE_LIT(q, "\n");
	}
	metrics_suffixed(q, f->name, "_sum");
	metrics_name(q, "", row->label, span_str(row->value), "", span_str(""));
	metrics_value(
	    q, f->type, f->unit,
	    metric_read(view, (enum metric_id)(row->id + METRIC_HIST_CELLS - 1)));
	metrics_suffixed(q, f->name, "_count");
	metrics_name(q, "", row->label, span_str(row->value), "", span_str(""));
	quote_uint(q, count);
	QUOTE_LIT(q, "\n");
}

static void
metrics_table(struct quote *q, const struct metric_view *view)
{
	static const char *const types[] = {"counter", "gauge", "gauge", "histogram"};
	const struct metric_row *row;
	int family = -1;

	for (size_t i = 0; (row = metric_row_at(i)) != NULL; i++) {
		const struct metric_family_row *f = &metric_families[row->family];

		if (family != (int)row->family)
			metrics_family(q, f->name, types[f->type], f->help);
		family = (int)row->family;
		if (f->type == METRIC_T_HISTO) {
			metrics_histogram(q, view, row);
			continue;
		}
		metrics_name(q, f->name, row->label, span_str(row->value), "",
			     span_str(""));
		metrics_value(q, f->type, f->unit, metric_read(view, row->id));
	}
}

static struct span
metrics_field(const char *field, size_t size)
{
	return span_of(field, strnlen(field, size));
}
#define METRICS_FIELD(array) metrics_field((array), sizeof(array))

static void
metrics_crl(struct quote *q, const struct console_state *s)
{
	static const char name[] = "warifu_console_crl_expiry_timestamp_seconds";

	if (s->crl_ends_s == 0)
		return;
	metrics_family(q, name, "gauge",
		       "When the revocation lists for clients of the console are over: from "
		       "then on nobody gets in.");
	metrics_text(q, name);
	QUOTE_LIT(q, " ");
	quote_int(q, s->crl_ends_s);
	QUOTE_LIT(q, "\n");
}

static void
metrics_state(struct quote *q, const struct console_state *s)
{
	char head[2 * CONSOLE_HEAD_LEN + 1];

	metrics_family(q, "warifu_build_info", "gauge", "The version that runs.");
	metrics_name(q, "warifu_build_info", "version", METRICS_FIELD(s->version), "",
		     span_str(""));
	QUOTE_LIT(q, "1\n");
	metrics_family(q, "warifu_part_up", "gauge", "1 while a part works.");
	for (unsigned i = 0; i < CONSOLE_PARTS; i++) {
		metrics_name(q, "warifu_part_up", "part", span_str(metrics_parts[i]), "",
			     span_str(""));
		metrics_text(q, s->parts[i] == CONSOLE_OK ? "1\n" : "0\n");
	}
	metrics_family(q, "warifu_start_time_seconds", "gauge",
		       "When warifu was started.");
	QUOTE_LIT(q, "warifu_start_time_seconds ");
	quote_int(q, s->started_s);
	QUOTE_LIT(q, "\n");
	metrics_crl(q, s);
	if (!s->log_head_known)
		return;
	text_hex(span_of(s->log_head, sizeof(s->log_head)), head);
	metrics_family(q, "warifu_log_head", "gauge",
		       "Committed records; the label is the hash of the last. Keep it "
		       "elsewhere for `log verify --head`.");
	metrics_name(q, "warifu_log_head", "head", span_str(head), "", span_str(""));
	quote_uint(q, s->log_records);
	QUOTE_LIT(q, "\n");
}

static void
metrics_certs(struct quote *q, const struct console_source *src)
{
	static const char name[] = "warifu_certificate_expiry_timestamp_seconds";
	struct console_cert certs[CONSOLE_LIST_MAX];
	size_t n = src->certs ? src->certs(src->arg, certs, CONSOLE_LIST_MAX) : 0;

	if (n)
		metrics_family(q, name, "gauge", "When a certificate expires.");
	for (size_t i = 0; i < n; i++) {
		metrics_name(q, name, "name", METRICS_FIELD(certs[i].name), "",
			     span_str(""));
		quote_int(q, certs[i].not_after_s);
		QUOTE_LIT(q, "\n");
	}
}

static void
metrics_upstreams(struct quote *q, const struct console_source *src)
{
	struct console_upstream ups[CONSOLE_LIST_MAX];
	size_t n = src->upstreams ? src->upstreams(src->arg, ups, CONSOLE_LIST_MAX) : 0;

	if (n)
		metrics_family(q, "warifu_upstream_up", "gauge",
			       "1 while a backend answers.");
	for (size_t i = 0; i < n; i++) {
		metrics_name(q, "warifu_upstream_up", "name", METRICS_FIELD(ups[i].name),
			     "", span_str(""));
		metrics_text(q, ups[i].up ? "1\n" : "0\n");
	}
}

static void
metrics_sites(struct quote *q, const struct console_source *src)
{
	struct console_site sites[CONSOLE_LIST_MAX];
	size_t n = src->sites ? src->sites(src->arg, sites, CONSOLE_LIST_MAX) : 0;

	if (n)
		metrics_family(q, "warifu_site_mode", "gauge",
			       "1 for the mode in which a site is.");
	for (size_t i = 0; i < n; i++) {
		metrics_name(q, "warifu_site_mode", "site", METRICS_FIELD(sites[i].name),
			     "mode", METRICS_FIELD(sites[i].mode));
		QUOTE_LIT(q, "1\n");
	}
}

static void
metrics_locks(struct quote *q, const struct console_source *src)
{
	struct console_lock locks[CONSOLE_LIST_MAX];
	size_t n = src->locks ? src->locks(src->arg, locks, CONSOLE_LIST_MAX) : 0;

	if (n)
		metrics_family(q, "warifu_lock_until_timestamp_seconds", "gauge",
			       "Locks and bypasses that hold: when they end, 0 when "
			       "somebody has to end them; site \"\" means all.");
	for (size_t i = 0; i < n; i++) {
		metrics_name(q, "warifu_lock_until_timestamp_seconds", "site",
			     METRICS_FIELD(locks[i].site), "what",
			     METRICS_FIELD(locks[i].what));
		quote_int(q, locks[i].until_s);
		QUOTE_LIT(q, "\n");
	}
}

void
metrics_write(const struct console_source *src, struct quote *q)
{
	struct console_state state = {0};

	if (src->metrics)
		metrics_table(q, src->metrics);
	src->state(src->arg, &state);
	metrics_state(q, &state);
	metrics_certs(q, src);
	metrics_upstreams(q, src);
	metrics_sites(q, src);
	metrics_locks(q, src);
}
