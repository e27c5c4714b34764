/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for the log: too little of it makes the log count as full before it is, so that
 * refusals and alarms still find a place; and days past their retention are removed.
 *
 * A removal is a record first. The file goes only when that record is on disk; a scribe
 * that dies in between finds the file again and says it again.
 */
#include <stdio.h>

#include "proxy/audit/scribepriv.h"
#include "proxy/base/err.h"

#define SCRIBEROOM_SEC UINT64_C(1000000000)
#define SCRIBEROOM_LOOK (5 * SCRIBEROOM_SEC)
#define SCRIBEROOM_PRUNE (600 * SCRIBEROOM_SEC)

static bool
scriberoom_is_low(const struct scribe *s)
{
	const struct scribe_conf *c = s->conf;
	struct storeold_room room;

	if (storeold_measure(c->dir, &room) != 0)
		return s->low;
	return room.left < c->min_free || (c->max_size != 0 && room.used > c->max_size);
}

static int
scriberoom_say(struct scribe *s)
{
	struct rec r;

	s->durable = true;
	store_event_begin(s->store, &r, REC_EVENT_LOG_STATE, scribe_wall(s));
	rec_put_text(&r, REC_TAG_DETAIL,
	    s->low ? "less room is left than the settings ask for: the log counts as full"
		   : "there is room again");
	return store_event_end(s->store, &r);
}

int
scriberoom_look(struct scribe *s)
{
	uint64_t now = scribe_mono(s);
	bool low;

	if (s->looked != 0 && now - s->looked < SCRIBEROOM_LOOK)
		return 0;
	s->looked = now;
	low = scriberoom_is_low(s);
	if (low == s->low)
		return 0;
	s->low = low;
	if (low)
		scribe_raise(s, REC_EVENT_LOG_STATE, 0,
		    "little room is left for the log; it counts as full");
	else
		scribe_note(s, SCRIBE_INFO, 0, "there is room for the log again");
	return scriberoom_say(s);
}

int
scriberoom_prune(struct scribe *s)
{
	uint64_t now = scribe_mono(s), wall = scribe_wall(s);
	char name[32];
	struct rec r;
	int err;

	if (s->conf->retention == 0 || s->conf->retention >= wall || s->old.day != 0 ||
	    (s->pruned != 0 && now - s->pruned < SCRIBEROOM_PRUNE))
		return 0;
	err = storeold_oldest(s->conf->dir, s->conf->vfs, wall - s->conf->retention, &s->old);
	if (err != 0) {
		s->old.day = 0;
		s->pruned = now;
		return err == WF_ENOTFOUND || err == WF_ETIMEOUT ? 0 : err;
	}
	snprintf(name, sizeof(name), "log-%08u.db", (unsigned)s->old.day);
	s->durable = true;
	store_event_begin(s->store, &r, REC_EVENT_LOG_PRUNED, wall);
	rec_put_text(&r, REC_TAG_DETAIL, name);
	rec_put_bytes(&r, REC_TAG_OLD_HASH, span_of(s->old.head, DIGEST_LEN));
	rec_put_u64(&r, REC_TAG_COUNT, s->old.last);
	return store_event_end(s->store, &r);
}

void
scriberoom_committed(struct scribe *s)
{
	int err;

	if (s->old.day == 0)
		return;
	err = storeold_remove(s->conf->dir, s->old.day);
	if (err == 0)
		err = store_forget(s->store, scribe_wall(s) - s->conf->retention);
	if (err != 0) {
		scribe_note(s, SCRIBE_WARN, err, "a day past its retention cannot be removed");
		s->pruned = scribe_mono(s);
	}
	s->old.day = 0;
}
