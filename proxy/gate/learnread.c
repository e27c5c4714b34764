/* SPDX-License-Identifier: Apache-2.0 */
/* A login's answer, read before it is judged or looked at while it passes. */
#include "proxy/gate/learn.h"
#include "proxy/gate/relay.h"

static void
learn_store(struct capture *cap, struct span d)
{
	if (d.n > EXCHANGE_CAPTURE - cap->n) {
		cap->full = true;
		return;
	}
	if (d.n > 0) /* the end of a body comes as no bytes at no address */
		memcpy(cap->p + cap->n, d.p, d.n);
	cap->n += d.n;
}

int
learn_read_body(struct exchange *ex)
{
	struct body before;
	enum reason why;
	struct span d;
	size_t used;
	int err;

	while (!ex->res_body.done && !ex->res_cap.full) {
		before = ex->res_body;
		err = body_next(&ex->res_body, buf_data(&ex->up_in), &used, &d, &why);
		if (err < 0)
			return err;
		if (d.n > EXCHANGE_CAPTURE - ex->res_cap.n) {
			/* Too long to be looked at: DELIVER goes on where this stands. */
			ex->res_cap.full = true;
			ex->res_body = before;
			return 0;
		}
		learn_store(&ex->res_cap, d);
		buf_eat(&ex->up_in, used);
		if (err == 0)
			continue;
		err = relay_fill(ex);
		if (err == WF_ECLOSED)
			err = body_eof(&ex->res_body);
		if (err != 0)
			return err;
	}
	ex->res_captured = !ex->res_cap.full;
	return 0;
}

void
learn_passed(struct exchange *ex, struct span d)
{
	if (ex->learn_late && !ex->res_cap.full)
		learn_store(&ex->res_cap, d);
}
