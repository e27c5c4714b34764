/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/web/overview.h"

#include "proxy/base/must.h"
#include "proxy/base/text.h"

enum { OVERVIEW_DAY_S = 86400, OVERVIEW_SOON_DAYS = 21, OVERVIEW_NAME = 128,
       OVERVIEW_MINUTE_MS = 60000 };

static const enum page_key overview_part_keys[CONSOLE_PARTS] = {
    TEXT_C_PART_GATE, TEXT_C_PART_SCRIBE, TEXT_C_PART_LOG, TEXT_C_PART_PORTAL,
    TEXT_C_CERTS};

void
overview_history_add(struct overview_history *h, struct overview_requests r)
{
	if (h->n >= OVERVIEW_MINUTES) {
		memmove(h->minute, h->minute + 1,
			(OVERVIEW_MINUTES - 1) * sizeof(h->minute[0]));
		h->n = OVERVIEW_MINUTES - 1;
	}
	h->minute[h->n++] = r;
}

static struct overview_requests
overview_count_requests(const struct metric_view *m)
{
	struct overview_requests r = {0, 0};

	for (int id = METRIC_REQ_ALLOW; m && id <= METRIC_REQ_REVOKE; id++) {
		uint64_t n = metric_read(m, (enum metric_id)id);

		r.all += n;
		r.stopped += id >= METRIC_REQ_CHALLENGE ? n : 0;
	}
	return r;
}

static uint64_t
overview_since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

void
overview_history_tick(struct overview_history *h, const struct metric_view *metrics,
		      uint64_t mono_ms)
{
	struct overview_requests now;

	if (h->begun_ms && mono_ms - h->begun_ms < OVERVIEW_MINUTE_MS)
		return;
	now = overview_count_requests(metrics);
	if (h->begun_ms)
		overview_history_add(
		    h, (struct overview_requests){
			   overview_since(now.all, h->then.all),
			   overview_since(now.stopped, h->then.stopped)});
	h->then = now;
	h->begun_ms = mono_ms ? mono_ms : 1;
}

bool
overview_ready(const struct console_state *s)
{
	for (unsigned i = 0; i < CONSOLE_PARTS; i++)
		if (s->parts[i] != CONSOLE_OK)
			return false;
	return true;
}

static struct span
overview_field(const char *field, size_t size)
{
	return span_of(field, strnlen(field, size));
}

/* --- pieces --- */

static void
overview_card(struct page *p, enum page_key title)
{
	PAGE_HTML(p, "<section class=\"card\">\n<h2>");
	page_text(p, title);
	PAGE_HTML(p, "</h2>\n");
}

static void
overview_term(struct page *p, enum page_key key)
{
	PAGE_HTML(p, "<dt>");
	page_text(p, key);
	PAGE_HTML(p, "</dt><dd>");
}

static void
overview_count(struct page *p, enum page_key key, uint64_t v)
{
	overview_term(p, key);
	page_number(p, v);
	PAGE_HTML(p, "</dd>\n");
}

static void
overview_when(struct page *p, enum page_key key, int64_t unix_s)
{
	overview_term(p, key);
	if (unix_s > 0)
		page_time(p, unix_s, 0, span_of(NULL, 0));
	else
		page_text(p, TEXT_C_UNKNOWN);
	PAGE_HTML(p, "</dd>\n");
}

/* A word with a coloured dot; the word alone says it too. */
static void
overview_mark(struct page *p, enum console_health health, enum page_key word)
{
	if (health == CONSOLE_OK)
		PAGE_HTML(p, "<span class=\"mark good\">");
	else if (health == CONSOLE_STARTING)
		PAGE_HTML(p, "<span class=\"mark warn\">");
	else
		PAGE_HTML(p, "<span class=\"mark bad\">");
	page_text(p, word);
	PAGE_HTML(p, "</span>");
}

static void
overview_table(struct page *p, enum page_key a, enum page_key b, enum page_key c)
{
	PAGE_HTML(p, "<table>\n<thead><tr><th scope=\"col\">");
	page_text(p, a);
	PAGE_HTML(p, "</th><th scope=\"col\" class=\"n\">");
	page_text(p, b);
	if (c != TEXT_NOTHING) {
		PAGE_HTML(p, "</th><th scope=\"col\" class=\"n\">");
		page_text(p, c);
	}
	PAGE_HTML(p, "</th></tr></thead>\n<tbody>\n");
}

static void
overview_row(struct page *p, struct span name)
{
	PAGE_HTML(p, "<tr><th scope=\"row\">");
	page_value(p, name, OVERVIEW_NAME);
	PAGE_HTML(p, "</th><td class=\"n\">");
}

static void
overview_table_end(struct page *p)
{
	PAGE_HTML(p, "</tbody>\n</table>\n</section>\n");
}

static void
overview_hash(struct page *p, const uint8_t hash[CONSOLE_HEAD_LEN])
{
	char text[2 * CONSOLE_HEAD_LEN + 1];

	text_hex(span_of(hash, CONSOLE_HEAD_LEN), text);
	PAGE_HTML(p, "<span class=\"hash\">");
	quote_html(p->out, span_str(text));
	PAGE_HTML(p, "</span>");
}

/* --- cards --- */

static void
overview_status(struct page *p, const struct console_state *s)
{
	bool ready = overview_ready(s);

	PAGE_HTML(p, "<section class=\"card status\">\n<h1>");
	overview_mark(p, ready ? CONSOLE_OK : CONSOLE_DOWN,
		      ready ? TEXT_C_READY : TEXT_C_NOT_READY);
	PAGE_HTML(p, "</h1>\n<p>");
	page_text(p, ready ? TEXT_C_LEAD_READY : TEXT_C_LEAD_NOT_READY);
	PAGE_HTML(p, "</p>\n</section>\n");
}

static void
overview_parts(struct page *p, const struct console_state *s)
{
	static const enum page_key words[] = {TEXT_C_OK, TEXT_C_STARTING, TEXT_C_DOWN,
					      TEXT_C_FULL, TEXT_C_EXPIRED};

	overview_card(p, TEXT_C_PARTS);
	PAGE_HTML(p, "<dl>\n");
	for (unsigned i = 0; i < CONSOLE_PARTS; i++) {
		enum console_health health = s->parts[i];

		overview_term(p, overview_part_keys[i]);
		overview_mark(p, health,
			      i == CONSOLE_CERTS && health == CONSOLE_OK
				  ? TEXT_C_VALID
				  : words[health < ARRAY_LEN(words) ? health : CONSOLE_DOWN]);
		PAGE_HTML(p, "</dd>\n");
	}
	overview_term(p, TEXT_C_VERSION);
	page_value(p, overview_field(s->version, sizeof(s->version)), OVERVIEW_NAME);
	PAGE_HTML(p, "</dd>\n");
	overview_when(p, TEXT_C_STARTED, s->started_s);
	PAGE_HTML(p, "</dl>\n</section>\n");
}

static void
overview_verdicts(struct page *p, const struct metric_view *m)
{
	static const struct {
		const char *name;
		enum metric_id id, would;
	} rows[] = {
	    {"allow", METRIC_REQ_ALLOW, METRIC_CELLS},
	    {"flag", METRIC_REQ_FLAG, METRIC_WOULD_FLAG},
	    {"challenge", METRIC_REQ_CHALLENGE, METRIC_WOULD_CHALLENGE},
	    {"refuse", METRIC_REQ_REFUSE, METRIC_WOULD_REFUSE},
	    {"revoke", METRIC_REQ_REVOKE, METRIC_WOULD_REVOKE},
	};

	overview_card(p, TEXT_C_VERDICTS);
	overview_table(p, TEXT_C_VERDICT, TEXT_C_REQUESTS, TEXT_C_OBSERVED);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		overview_row(p, span_str(rows[i].name));
		page_number(p, metric_read(m, rows[i].id));
		PAGE_HTML(p, "</td><td class=\"n\">");
		if (rows[i].would != METRIC_CELLS)
			page_number(p, metric_read(m, rows[i].would));
		PAGE_HTML(p, "</td></tr>\n");
	}
	overview_table_end(p);
}

static void
overview_sessions(struct page *p, const struct metric_view *m)
{
	overview_card(p, TEXT_C_SESSIONS);
	PAGE_HTML(p, "<dl>\n");
	overview_count(p, TEXT_C_ACTIVE, metric_read(m, METRIC_SESS_ACTIVE));
	overview_count(p, TEXT_C_CHALLENGED, metric_read(m, METRIC_CTX_CHALLENGED));
	overview_count(p, TEXT_C_REVOKED, metric_read(m, METRIC_EV_REVOKED));
	overview_count(p, TEXT_C_ALARMS, metric_read(m, METRIC_ALARM_RAISED));
	PAGE_HTML(p, "</dl>\n</section>\n");
}

static void
overview_log(struct page *p, const struct console_source *src,
	     const struct console_state *s)
{
	static const uint8_t none[CONSOLE_HEAD_LEN];

	PAGE_HTML(p, "<section class=\"card broad\">\n<h2>");
	page_text(p, TEXT_C_LOG);
	PAGE_HTML(p, "</h2>\n<dl>\n");
	overview_count(p, TEXT_C_LOG_RECORDS, s->log_records);
	overview_when(p, TEXT_C_LOG_TIME, s->log_time_s);
	if (src->metrics) {
		overview_count(p, TEXT_C_LOG_LAG,
			       metric_read(src->metrics, METRIC_LOG_LAG));
		overview_count(p, TEXT_C_LOG_GAP,
			       metric_read(src->metrics, METRIC_LOG_GAP));
	}
	overview_term(p, TEXT_C_LOG_HEAD);
	if (s->log_head_known)
		overview_hash(p, s->log_head);
	else
		page_text(p, TEXT_C_UNKNOWN);
	PAGE_HTML(p, "</dd>\n");
	if (memcmp(s->policy, none, sizeof(none)) != 0) {
		overview_term(p, TEXT_C_POLICY);
		overview_hash(p, s->policy);
		PAGE_HTML(p, "</dd>\n");
	}
	PAGE_HTML(p, "</dl>\n</section>\n");
}

static void
overview_certs(struct page *p, const struct console_source *src, int64_t now)
{
	struct console_cert certs[CONSOLE_LIST_MAX];
	size_t n = src->certs ? src->certs(src->arg, certs, CONSOLE_LIST_MAX) : 0;

	if (n == 0)
		return;
	overview_card(p, TEXT_C_CERTS);
	overview_table(p, TEXT_C_NAME, TEXT_C_DAYS_LEFT, TEXT_NOTHING);
	for (size_t i = 0; i < n; i++) {
		int64_t days = (certs[i].not_after_s - now) / OVERVIEW_DAY_S;

		overview_row(p, overview_field(certs[i].name, sizeof(certs[i].name)));
		if (certs[i].not_after_s <= now)
			overview_mark(p, CONSOLE_DOWN, TEXT_C_EXPIRED);
		else {
			if (days < OVERVIEW_SOON_DAYS)
				PAGE_HTML(p, "<span class=\"mark warn\">");
			else
				PAGE_HTML(p, "<span>");
			page_number(p, (uint64_t)days);
			PAGE_HTML(p, "</span>");
		}
		PAGE_HTML(p, "</td></tr>\n");
	}
	overview_table_end(p);
}

static void
overview_upstreams(struct page *p, const struct console_source *src)
{
	struct console_upstream ups[CONSOLE_LIST_MAX];
	size_t n = src->upstreams ? src->upstreams(src->arg, ups, CONSOLE_LIST_MAX) : 0;

	if (n == 0)
		return;
	overview_card(p, TEXT_C_UPSTREAMS);
	overview_table(p, TEXT_C_NAME, TEXT_C_STATE, TEXT_NOTHING);
	for (size_t i = 0; i < n; i++) {
		overview_row(p, overview_field(ups[i].name, sizeof(ups[i].name)));
		overview_mark(p, ups[i].up ? CONSOLE_OK : CONSOLE_DOWN,
			      ups[i].up ? TEXT_C_UP : TEXT_C_DOWN);
		PAGE_HTML(p, "</td></tr>\n");
	}
	overview_table_end(p);
}

static void
overview_sites(struct page *p, const struct console_source *src)
{
	struct console_site sites[CONSOLE_LIST_MAX];
	size_t n = src->sites ? src->sites(src->arg, sites, CONSOLE_LIST_MAX) : 0;

	if (n == 0)
		return;
	overview_card(p, TEXT_C_SITES);
	overview_table(p, TEXT_C_NAME, TEXT_C_MODE, TEXT_NOTHING);
	for (size_t i = 0; i < n; i++) {
		overview_row(p, overview_field(sites[i].name, sizeof(sites[i].name)));
		if (strcmp(sites[i].mode, "enforce") != 0)
			PAGE_HTML(p, "<span class=\"mark warn\">");
		else
			PAGE_HTML(p, "<span class=\"mark good\">");
		page_value(p, overview_field(sites[i].mode, sizeof(sites[i].mode)),
			   OVERVIEW_NAME);
		PAGE_HTML(p, "</span></td></tr>\n");
	}
	overview_table_end(p);
}

static void
overview_lock(struct page *p, const struct console_lock *l)
{
	if (l->site[0])
		overview_row(p, overview_field(l->site, sizeof(l->site)));
	else
		overview_row(p, span_str(page_sentence(TEXT_C_ALL_SITES, p->lang)));
	PAGE_HTML(p, "<span class=\"mark warn\">");
	if (strcmp(l->what, "bypass") == 0)
		page_text(p, TEXT_C_BYPASS);
	else
		page_value(p, overview_field(l->what, sizeof(l->what)), OVERVIEW_NAME);
	PAGE_HTML(p, "</span><br><span class=\"hint\">");
	if (l->until_s > 0)
		page_time(p, l->until_s, 0, span_of(NULL, 0));
	else
		page_text(p, TEXT_C_UNTIL_UNLOCKED);
	PAGE_HTML(p, "</span></td></tr>\n");
}

/* Shown even when there is none: that nothing is locked is news too. */
static void
overview_locks(struct page *p, const struct console_source *src)
{
	struct console_lock locks[CONSOLE_LIST_MAX];
	size_t n = src->locks ? src->locks(src->arg, locks, CONSOLE_LIST_MAX) : 0;

	if (src->locks == NULL)
		return;
	overview_card(p, TEXT_C_LOCKS);
	if (n == 0) {
		PAGE_HTML(p, "<p class=\"hint\">");
		page_text(p, TEXT_C_NONE);
		PAGE_HTML(p, "</p>\n</section>\n");
		return;
	}
	overview_table(p, TEXT_C_SITE, TEXT_C_LOCKED, TEXT_NOTHING);
	for (size_t i = 0; i < n; i++)
		overview_lock(p, &locks[i]);
	overview_table_end(p);
}

/* --- the last hour --- */

static uint64_t
overview_greatest(const struct overview_history *h)
{
	uint64_t max = 0;

	for (size_t i = 0; i < h->n; i++)
		max = h->minute[i].all > max ? h->minute[i].all : max;
	return max;
}

/* "x,y " for each minute; the newest stands at the right end. */
static void
overview_points(struct page *p, const struct overview_history *h, uint64_t max,
		bool stopped)
{
	for (size_t i = 0; i < h->n; i++) {
		uint64_t v = stopped ? h->minute[i].stopped : h->minute[i].all;

		quote_uint(p->out, (OVERVIEW_MINUTES - h->n + i) * 10);
		PAGE_HTML(p, ",");
		quote_uint(p->out, 95 - (max ? v * 90 / max : 0));
		PAGE_HTML(p, " ");
	}
}

static void
overview_curves(struct page *p, const struct overview_history *h, uint64_t max)
{
	PAGE_HTML(p, "<svg class=\"spark\" viewBox=\"0 0 590 100\" "
		     "preserveAspectRatio=\"none\" aria-hidden=\"true\"><polygon "
		     "points=\"");
	quote_uint(p->out, (OVERVIEW_MINUTES - h->n) * 10);
	PAGE_HTML(p, ",95 ");
	overview_points(p, h, max, false);
	PAGE_HTML(p, "590,95\"/><polyline points=\"");
	overview_points(p, h, max, false);
	PAGE_HTML(p, "\"/><polyline class=\"stopped\" points=\"");
	overview_points(p, h, max, true);
	PAGE_HTML(p, "\"/></svg>\n");
}

static void
overview_spark(struct page *p, const struct overview_history *h)
{
	uint64_t max = overview_greatest(h), all = 0, stopped = 0;

	PAGE_HTML(p, "<section class=\"card broad\">\n<h2>");
	page_text(p, TEXT_C_LAST_HOUR);
	PAGE_HTML(p, "</h2>\n");
	for (size_t i = 0; i < h->n; i++) {
		all += h->minute[i].all;
		stopped += h->minute[i].stopped;
	}
	if (h->n >= 2)
		overview_curves(p, h, max);
	PAGE_HTML(p, "<p class=\"hint\"><span class=\"key\"></span>");
	page_text(p, TEXT_C_REQUESTS);
	PAGE_HTML(p, ": ");
	page_number(p, all);
	PAGE_HTML(p, " <span class=\"key stopped\"></span>");
	page_text(p, TEXT_C_STOPPED);
	PAGE_HTML(p, ": ");
	page_number(p, stopped);
	PAGE_HTML(p, " · ");
	page_text(p, TEXT_C_PER_MINUTE);
	PAGE_HTML(p, ": ");
	page_number(p, max);
	PAGE_HTML(p, "</p>\n</section>\n");
}

void
overview_write(struct page *p, const struct console_source *src,
	       const struct overview_history *history)
{
	struct console_state s = {0};

	src->state(src->arg, &s);
	page_begin(p, page_sentence(TEXT_C_TITLE, p->lang), span_of(NULL, 0));
	overview_status(p, &s);
	PAGE_HTML(p, "<div class=\"grid\">\n");
	overview_spark(p, history);
	overview_sites(p, src);
	overview_parts(p, &s);
	if (src->metrics) {
		overview_sessions(p, src->metrics);
		overview_verdicts(p, src->metrics);
	}
	overview_locks(p, src);
	overview_certs(p, src, s.now_s);
	overview_upstreams(p, src);
	overview_log(p, src, &s);
	PAGE_HTML(p, "</div>\n");
	page_end(p);
}
