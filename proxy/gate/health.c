/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/health.h"

#include <stdlib.h>

#include "proxy/gate/worker.h"
#include "proxy/wire/h1_write.h"

enum { HEALTH_FIELDS = 64, HEALTH_HEAD = 4096 };

/* One check under way. */
struct health {
	struct worker *w;
	struct wsnap *ws;
	struct upstream_target *target;
	const struct conf_backend *backend;
	struct upstream_conn *up;
	struct buf in;
	struct loop_timer timer;
	struct h1_response res;
	struct field at[HEALTH_FIELDS];
};

/* Good answers count up to `rise`, bad ones down to -`fall`; the sign is the state. */
static void
health_result(struct health *h, bool ok)
{
	struct upstream_target *t = h->target;
	bool was_down = atomic_load(&t->check_failed), down = was_down;
	int run = atomic_load(&t->check_run);

	run = ok ? (run > 0 ? run + 1 : 1) : (run < 0 ? run - 1 : -1);
	if (ok && run >= (int)h->backend->health_rise)
		down = false;
	if (!ok && -run >= (int)h->backend->health_fall)
		down = true;
	atomic_store(&t->check_run, run);
	if (down != was_down) {
		upstream_checked(t, !down);
		metric_add(h->w->metrics,
		    down ? METRIC_UP_WENT_DOWN : METRIC_UP_CAME_BACK, 1);
	}
}

static void
health_end(struct health *h, bool ok)
{
	health_result(h, ok);
	atomic_store(&h->target->checking, false);
	if (h->up != NULL)
		upstream_drop(h->up);
	loop_timer_del(&h->timer);
	buf_fini(&h->in);
	wsnap_unref(h->ws);
	free(h);
}

static void
health_on_timer(struct loop_timer *t)
{
	health_end((struct health *)(void *)((char *)t - offsetof(struct health, timer)),
	    false);
}

static void
health_ask(struct health *h)
{
	uint8_t head[HEALTH_HEAD];
	struct h1_out out = h1_out_over(head, sizeof(head));
	const char *host = h->backend->host;

	h1_write_request_line(&out, SPAN_LIT("GET"), span_str(h->backend->health_path),
	    false, span_of(NULL, 0));
	h1_write_field(&out, SPAN_LIT("Host"), span_str(host != NULL ? host : "health.invalid"));
	h1_write_field(&out, SPAN_LIT("User-Agent"), SPAN_LIT("warifu-health"));
	h1_write_connection(&out, H1_WRITE_CLOSE);
	h1_write_end(&out);
	(void)stream_write(&h->up->stream, h1_out_span(&out));
}

static void
health_read(struct health *h)
{
	struct h1_asked asked = {.method = METHOD_GET};
	enum reason why;
	size_t n, used;
	int err = stream_read(&h->up->stream, &h->in, STREAM_READ_MAX, &n);

	if (h->in.n > 0) {
		int p = h1_response_parse(buf_data(&h->in), &h->res,
		    fields_over(h->at, HEALTH_FIELDS), &h1_limits_default, asked, &used,
		    &why);

		if (p != WF_MORE) {
			health_end(h, p == 0 && h->res.status >= 200 && h->res.status < 400);
			return;
		}
	}
	if (err != WF_MORE && err != 0)
		health_end(h, false);
}

static void
health_on_upstream(struct upstream_conn *up, unsigned events)
{
	struct health *h = up->user;

	if (events & UPSTREAM_FAILED) {
		h->up = NULL;
		health_end(h, false);
	} else if (events & UPSTREAM_READY) {
		health_ask(h);
	} else if (events & (STREAM_IN | STREAM_DEAD)) {
		health_read(h);
	}
}

static void
health_start(struct worker *w, const struct snapshot_site *site, struct upstream_target *t)
{
	struct health *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return;
	h->w = w;
	h->ws = wsnap_ref(w->cur);
	h->target = t;
	h->backend = &site->conf->backend;
	h->timer.fn = health_on_timer;
	buf_init(&h->in, &w->net.pool, BUF_LARGE);
	atomic_store(&t->checking, true);
	loop_timer_set(&w->net.loop, &h->timer, h->backend->health_timeout_ms);
	h->up = upstream_get(h->ws->pool, t, UPSTREAM_FRESH | UPSTREAM_RESERVE, h, health_on_upstream);
	if (h->up == NULL)
		health_end(h, false);
}

void
health_tick(struct worker *w)
{
	const struct snapshot *s = w->cur->snap;

	for (size_t i = 0; i < s->conf->n_sites; i++) {
		const struct snapshot_site *site = &s->sites[i];
		uint64_t every = site->conf->backend.health_interval_ms * 1000000u;

		if (site->conf->backend.health_path == NULL)
			continue;
		for (size_t k = 0; k < site->n_targets; k++) {
			struct upstream_target *t = site->list[k];

			if (atomic_load(&t->checking) ||
			    w->net.loop.now < atomic_load(&t->next_check))
				continue;
			atomic_store(&t->next_check, w->net.loop.now + every);
			health_start(w, site, t);
		}
	}
}
