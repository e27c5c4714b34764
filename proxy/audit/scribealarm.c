/* SPDX-License-Identifier: Apache-2.0 */
/* Records with the alarm's mark are told of when they are seen, not when they are on disk:
 * a log that cannot be written must not keep an alarm back. */
#include "proxy/audit/entry.h"
#include "proxy/audit/scribepriv.h"

void
scribe_alarm(struct scribe *s, size_t ring, uint64_t seq, struct span payload)
{
	struct entry_view e;
	struct rec_view v;

	/* A batch that failed is taken again; the supervisor tells of its own. */
	if (s->conf->alarm == NULL || seq <= s->alarmed[ring] ||
	    s->conf->rings[ring].thread == (uint16_t)REC_THREAD_SUPERVISOR)
		return;
	s->alarmed[ring] = seq;
	if (entry_parse(payload, &e) == 0 && rec_parse(e.leaf, true, &v) == 0 &&
	    (v.head.flags & REC_F_ALARM) != 0)
		s->conf->alarm(s->conf->arg, &v);
}
