/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/gate/heads.h"

#include "proxy/gate/conn.h"
#include "proxy/gate/gather.h"
#include "proxy/wire/head_print.h"

_Static_assert(SESSION_HEADS == 2 * HEAD_KINDS, "a print for each kind and protocol");

struct heads
heads_see(const struct exchange *ex)
{
	const struct conn *c = ex->conn;
	struct heads h = {.kind = (unsigned)head_kind(&ex->req.fields, ex->websocket)};

	if (c->h2 != NULL)
		h.kind += HEAD_KINDS;
	/* A program whose handshake is not its own to us may not write its heads either. */
	if ((ex->seen.flags & CONTEXT_HAS_CORE) != 0 && ip_eq(&ex->client, &c->client))
		h.seen = head_print(&ex->req.fields);
	return h;
}

void
heads_learn(const struct exchange *ex, struct heads *h, struct session *s, bool accepted)
{
	unsigned proof = PROOF_NONE;

	h->learned = s->heads[h->kind];
	if (!accepted || (h->seen & ~h->learned) == 0)
		return;
	(void)facts_get_enum(&ex->facts, SIG_DEVICE_PROOF, &proof);
	if (proof >= PROOF_TICKET || !head_print_differs(h->learned, h->seen))
		s->heads[h->kind] |= h->seen;
}

void
heads_gather(struct exchange *ex, const struct heads *h)
{
	char was[HEAD_PRINT_TEXT], is[HEAD_PRINT_TEXT];
	bool differs;

	if (h->seen == 0 || h->learned == 0)
		return;
	differs = head_print_differs(h->learned, h->seen);
	facts_set_bool(&ex->facts, SIG_CLIENT_HEADERS_SAME, !differs);
	if (!differs)
		return;
	head_print_words(h->learned, h->seen, was, is);
	gather_evidence(ex, SIG_CLIENT_HEADERS_SAME, was, is);
}
