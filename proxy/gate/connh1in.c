/* SPDX-License-Identifier: Apache-2.0 */
/* The request's body on its way from the client. */
#include "proxy/base/must.h"
#include "proxy/gate/connh1priv.h"

int
connh1_read(struct conn *c)
{
	size_t n;
	int err = stream_read(&c->stream, &c->in, STREAM_READ_MAX, &n);

	if (err == WF_ECLOSED)
		c->half_closed = true;
	if (err == WF_MORE && n > 0)
		return 0;
	return err;
}

int
connh1_pull(struct exchange *ex, struct span *d)
{
	struct conn *c = connh1_of(ex);
	enum reason why = REASON_NONE;
	size_t used;
	int err;

	*d = span_of(NULL, 0);
	if (c == NULL)
		return WF_ECLOSED;
	for (;;) {
		if (ex->tunnel) {
			*d = buf_data(&c->in);
			if (d->n > 0)
				return 0;
		} else {
			/* Looking does not consume: connh1_eat does, by what was sent. */
			struct body look;

			body_copy(&look, &ex->req_body);
			err = body_next(&look, buf_data(&c->in), &used, d, &why);
			if (err == 0 && (d->n > 0 || look.done)) {
				if (d->n == 0) {
					connh1_timer(c, 0, METRIC_TMO_BODY);
					body_copy(&ex->req_body, &look);
					buf_eat(&c->in, used);
				}
				return 0;
			}
			if (err < 0) {
				ex->reason = why;
				return err;
			}
			if (used > 0) {
				body_copy(&ex->req_body, &look);
				buf_eat(&c->in, used);
			}
		}
		err = connh1_read(c);
		if (err == WF_MORE && !ex->tunnel)
			connh1_timer(c, exchange_conf(ex)->timeouts.body_ms, METRIC_TMO_BODY);
		if (err != 0)
			return err;
	}
}

void
connh1_eat(struct exchange *ex, size_t n)
{
	struct conn *c = connh1_of(ex);
	enum reason why = REASON_NONE;
	struct span d;
	size_t used;

	if (c == NULL)
		return;
	if (ex->tunnel) {
		buf_eat(&c->in, n);
		return;
	}
	if (c->timer_metric == METRIC_TMO_BODY)
		connh1_timer(c, 0, METRIC_TMO_BODY); /* it sent: now others are waited for */
	while (n > 0) {
		struct span in = buf_data(&c->in);

		/* Chunk lines before the data are no part of n: find the data first. */
		struct body look;

		body_copy(&look, &ex->req_body);
		MUST(body_next(&look, in, &used, &d, &why) == 0 && d.n > 0);
		size_t lead = (size_t)(d.p - in.p);
		size_t take = d.n < n ? d.n : n;

		MUST(body_next(&ex->req_body, span_of(in.p, lead + take), &used, &d,
			 &why) == 0);
		buf_eat(&c->in, used);
		n -= d.n;
	}
}
